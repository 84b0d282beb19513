/** The text of a capture's trace, unpacked by xz: independent of the reader. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

export function traceText(path: string): string {
  const { stdout } = spawnSync('xz', ['-dc', join(path, 'trace', 'trace.txt.xz')], { maxBuffer: 2 ** 30 });
  return stdout.toString('latin1');
}
