/**
 * Files as streams of bytes, decompressed by their first bytes: gzip (1f 8b), xz (fd 37 7a 58 5a 00), else as they are.
 */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import xz from 'xz-decompress';
import { damagedArchive, pathNotFound, pathUnreadable } from '../errors.ts';
import { joinChunks, SNIFF_LENGTH } from '../importer.ts';

const CHUNK = 1 << 20;
const XZ_MAGIC = [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00];
const GZIP_MAGIC = [0x1f, 0x8b];
/** /proc/kpageflags refuses reads that are not whole words. */
const MAGIC_LENGTH = 8;

/**
 * Chunks of the file's content; `onRead` is told how many bytes of the file itself have been read. Throws RP4001 (gone), RP4002
 * (unreadable), RP4005 (damaged).
 */
export async function* contentOf(path: string, onRead?: (bytes: number) => void): AsyncGenerator<Uint8Array> {
  const magic = await firstBytes(path);
  const compression: Compression = startsWith(magic, XZ_MAGIC)
    ? 'xz'
    : startsWith(magic, GZIP_MAGIC)
      ? 'gzip'
      : undefined;
  const raw = createReadStream(path, { highWaterMark: CHUNK });
  try {
    for await (const chunk of unpacked(raw, compression)) {
      onRead?.(raw.bytesRead);
      yield chunk;
    }
  } catch (cause) {
    throw compression === undefined ? pathUnreadable(path, cause) : damagedArchive(path, compression, cause);
  } finally {
    raw.destroy();
  }
}

type Compression = 'xz' | 'gzip' | undefined;

function unpacked(raw: Readable, compression: Compression): AsyncIterable<Uint8Array> {
  if (compression === 'xz') return unpackXz(raw);
  if (compression === undefined) return raw;
  const gunzip = createGunzip({ chunkSize: CHUNK });
  raw.once('error', (error) => gunzip.destroy(error));
  return raw.pipe(gunzip);
}

/** Empty chunks in a row after which a decoder that got all of its input is taken to wait for more. */
const STALLED = 4;

/**
 * The decoder keeps one context for the whole process and gives it back only when a stream ends, fails or is cancelled,
 * so a reader that stops early must cancel. Past the end of its input it gives empty chunks for ever: the input was cut.
 */
async function* unpackXz(raw: Readable): AsyncGenerator<Uint8Array> {
  const chunks = raw[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  let ended = false;
  const packed = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await chunks.next();
      ended = done === true;
      if (ended) controller.close();
      else controller.enqueue(value);
    },
  });
  const reader = new xz.XzReadableStream(packed).getReader();
  let empty = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      empty = ended && value.length === 0 ? empty + 1 : 0;
      if (empty === STALLED) throw new Error('the data ends too early');
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

/** The whole content. */
export async function readContent(path: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of contentOf(path)) chunks.push(chunk);
  return joinChunks(chunks);
}

/** The first bytes of the content, decompressed: enough for `sniff`. */
export async function readPrefix(path: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of contentOf(path)) {
    chunks.push(chunk);
    length += chunk.length;
    if (length >= SNIFF_LENGTH) break;
  }
  return joinChunks(chunks).subarray(0, SNIFF_LENGTH);
}

async function firstBytes(path: string): Promise<Uint8Array> {
  try {
    const handle = await open(path, 'r');
    try {
      const bytes = new Uint8Array(MAGIC_LENGTH);
      const { bytesRead } = await handle.read(bytes, 0, bytes.length, 0);
      return bytes.subarray(0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch (cause) {
    throw (cause as NodeJS.ErrnoException).code === 'ENOENT' ? pathNotFound(path, cause) : pathUnreadable(path, cause);
  }
}

function startsWith(bytes: Uint8Array, magic: readonly number[]): boolean {
  return magic.every((byte, i) => bytes[i] === byte);
}
