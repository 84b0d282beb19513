/** The files that a recording was read from, with a hash of each: what lets somebody tell later whether two imports are of one thing. */
import type { Recording, SourceFile } from '@replug/workload';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Each regular file once, in the order it was read. Files of procfs have no size and are left without a hash. */
export async function sourcesOf(
  recording: Recording,
  onProgress: (done: number, total: number) => void = () => {},
): Promise<SourceFile[]> {
  const single = (await sizeOf(recording.path)) !== undefined;
  const paths = [...new Set(single ? [''] : recording.files.map((f) => f.path))];
  const sources: SourceFile[] = [];
  for (const [i, path] of paths.entries()) {
    const full = single ? recording.path : join(recording.path, path);
    const bytes = await sizeOf(full);
    if (bytes !== undefined) {
      const sha256 = bytes === 0 ? '' : await hashOf(full).catch(() => '');
      sources.push({ path: single ? recording.path : path, bytes, sha256 });
    }
    onProgress(i + 1, paths.length);
  }
  return sources;
}

/** Bytes of a regular file; undefined for anything else. */
async function sizeOf(path: string): Promise<number | undefined> {
  return stat(path).then(
    (info) => (info.isFile() ? info.size : undefined),
    () => undefined,
  );
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Uint8Array);
  return hash.digest('hex');
}
