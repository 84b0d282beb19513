/**
 * Files as streams of bytes, decompressed by their first bytes: gzip (1f 8b), xz (fd 37 7a 58 5a 00), else as they are.
 */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import xz from 'xz-decompress';
import { damagedArchive, pathUnreadable } from '../errors.ts';
import { joinChunks, SNIFF_LENGTH } from '../importer.ts';

const CHUNK = 1 << 20;
const XZ_MAGIC = [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00];
const GZIP_MAGIC = [0x1f, 0x8b];
/** /proc/kpageflags refuses reads that are not whole words. */
const MAGIC_LENGTH = 8;

/**
 * Chunks of the file's content; `onRead` is told how many bytes of the file itself have been read. Throws RP4002
 * (unreadable), RP4005 (damaged).
 */
export async function* contentOf(path: string, onRead?: (bytes: number) => void): AsyncGenerator<Uint8Array> {
  const magic = await firstBytes(path);
  const compression: Compression = startsWith(magic, XZ_MAGIC) ? 'xz' : startsWith(magic, GZIP_MAGIC) ? 'gzip' : undefined;
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

async function* unpackXz(raw: Readable): AsyncGenerator<Uint8Array> {
  const packed = Readable.toWeb(raw) as ReadableStream<Uint8Array>;
  const reader = new xz.XzReadableStream(packed).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
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
    throw pathUnreadable(path, cause);
  }
}

function startsWith(bytes: Uint8Array, magic: readonly number[]): boolean {
  return magic.every((byte, i) => bytes[i] === byte);
}
