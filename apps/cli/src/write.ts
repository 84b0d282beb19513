/** Long texts to stdout or a file, as fast as the reader takes them: never more than a chunk is held. */
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import { notWritable } from './errors.ts';

/** Writes the chunks and gives the bytes written. Errors: RP7010. */
export async function writeText(
  chunks: Iterable<string>,
  file: string | undefined,
  onProgress: (bytes: number) => void = () => {},
): Promise<number> {
  let bytes = 0;
  if (file === undefined) {
    for (const chunk of chunks) {
      bytes += Buffer.byteLength(chunk);
      if (!process.stdout.write(chunk)) await once(process.stdout, 'drain');
      onProgress(bytes);
    }
    return bytes;
  }
  const stream = createWriteStream(file);
  try {
    await once(stream, 'open');
    for (const chunk of chunks) {
      bytes += Buffer.byteLength(chunk);
      if (!stream.write(chunk)) await once(stream, 'drain');
      onProgress(bytes);
    }
    stream.end();
    await finished(stream);
  } catch (error) {
    stream.destroy();
    if (error instanceof Error && 'syscall' in error) throw notWritable(file, error);
    throw error;
  }
  return bytes;
}
