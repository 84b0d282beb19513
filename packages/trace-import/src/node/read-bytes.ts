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

/** Chunks of the file's content. Throws RP4002 (unreadable), RP4005 (damaged). */
export async function* contentOf(path: string): AsyncGenerator<Uint8Array> {
  const magic = await firstBytes(path);
  const compression = startsWith(magic, XZ_MAGIC) ? 'xz' : startsWith(magic, GZIP_MAGIC) ? 'gzip' : undefined;
  const raw = createReadStream(path, { highWaterMark: CHUNK });
  try {
    if (compression === undefined) yield* raw as AsyncIterable<Uint8Array>;
    else if (compression === 'gzip') yield* raw.pipe(createGunzip({ chunkSize: CHUNK })) as AsyncIterable<Uint8Array>;
    else yield* unpackXz(raw);
  } catch (cause) {
    throw compression === undefined ? pathUnreadable(path, cause) : damagedArchive(path, compression, cause);
  } finally {
    raw.destroy();
  }
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
    await using handle = await open(path, 'r');
    const bytes = new Uint8Array(XZ_MAGIC.length);
    const { bytesRead } = await handle.read(bytes, 0, bytes.length, 0);
    return bytes.subarray(0, bytesRead);
  } catch (cause) {
    throw pathUnreadable(path, cause);
  }
}

function startsWith(bytes: Uint8Array, magic: readonly number[]): boolean {
  return magic.every((byte, i) => bytes[i] === byte);
}
