/** Opens what the command line names. */
import { openRecording } from '@replug/trace-import';
import type { Recording } from '@replug/workload';
import { progress } from './output.ts';

export async function open(path: string): Promise<Recording> {
  const bar = progress(`reading ${path}`);
  try {
    return await openRecording(path, { onProgress: ({ read, size }) => bar.update(read, size) });
  } finally {
    bar.stop();
  }
}
