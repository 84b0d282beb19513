/**
 * Files as streams of bytes, decompressed by their first bytes: gzip (1f 8b), xz (fd 37 7a 58 5a 00), zstd (28 b5 2f fd, or a
 * skippable frame), else as they are. What is compressed inside stays so.
 *
 * A file that ends too early gives what was whole and then says so; damage gives an error, for what came before it may be
 * wrong as well.
 */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { ReplugError } from '@replug/core';
import {
  compressionUnsupported,
  damagedArchive,
  expandsTooMuch,
  pathNotFound,
  pathUnreadable,
  windowTooLarge,
} from '../errors.ts';
import { joinChunks, SNIFF_LENGTH } from '../importer.ts';
import { ByteSource } from './byte-source.ts';
import { isGzip, readGzipMember } from './gzip.ts';
import { checkLimits, MAX_RATIO, type Limits } from './limits.ts';
import { MAGIC_LENGTH, readMembers, type End } from './members.ts';
import { Bomb, Unsupported, WindowTooLarge } from './refusals.ts';
import { isXz, readXzStream } from './xz.ts';
import { isZstd, zstdFrames } from './zstd.ts';

const CHUNK = 1 << 20;
/** /proc/kpageflags refuses reads that are not whole words. */
const WORD = 8;

export interface ContentOptions extends Limits {
  /** Told how many bytes of the file itself have been read. */
  readonly onRead?: (bytes: number) => void;
  /** Told at the end what is odd about it. Without it a cut file is an error, RP4005. */
  readonly onEnd?: (end: End) => void;
}

/**
 * Chunks of the file's content, each valid until the next is asked for. Throws RP4001 (gone), RP4002 (unreadable), RP4005
 * (damaged), RP4007 (more than `maxBytes`), RP4008 (grows by more than `maxRatio`), RP4009 (needs too large a window), RP4010
 * (a variant that is not read).
 */
export async function* contentOf(path: string, options: ContentOptions = {}): AsyncGenerator<Uint8Array> {
  const kind = compressionOf(await firstBytes(path));
  const raw = kind === undefined ? undefined : createReadStream(path, { highWaterMark: CHUNK });
  const source = raw && new ByteSource(raw);
  const content = source === undefined ? asItIs(path) : unpacked(source, kind!);
  let given = 0;
  try {
    for (;;) {
      const { done, value } = await content.next();
      if (done === true) {
        if (value.truncated && options.onEnd === undefined) throw new Error('the data ends too early');
        options.onEnd?.(value);
        return;
      }
      given += value.length;
      options.onRead?.(raw?.bytesRead ?? given);
      checkLimits(path, kind, options, given, source?.consumed ?? given);
      yield value;
    }
  } catch (cause) {
    throw coded(path, kind, cause);
  } finally {
    // A decoder that is left in the middle holds on to what others need.
    await content.return(WHOLE);
    raw?.destroy();
  }
}

const WHOLE: End = { truncated: false, trailing: 0 };

type Compression = 'gzip' | 'xz' | 'zstd';

function compressionOf(start: Uint8Array): Compression | undefined {
  if (isGzip(start) === true) return 'gzip';
  if (isXz(start) === true) return 'xz';
  return isZstd(start) === true ? 'zstd' : undefined;
}

function unpacked(source: ByteSource, kind: Compression): AsyncGenerator<Uint8Array, End> {
  if (kind === 'gzip') return readMembers(source, isGzip, readGzipMember);
  if (kind === 'xz') return readMembers(source, isXz, readXzStream);
  return readMembers(source, isZstd, zstdFrames());
}

/** Two buffers take turns: one is read into while the other is given out. Fresh ones cost a fifth of reading a trace. */
async function* asItIs(path: string): AsyncGenerator<Uint8Array, End> {
  const file = await open(path);
  try {
    let [now, next] = [new Uint8Array(CHUNK), new Uint8Array(CHUNK)];
    let reading = file.read(now);
    for (;;) {
      const { bytesRead } = await reading;
      if (bytesRead === 0) return WHOLE;
      reading = file.read(next);
      // Told when it is waited for; until then nobody listens.
      reading.catch(() => undefined);
      try {
        yield now.subarray(0, bytesRead);
      } finally {
        await reading.catch(() => undefined);
      }
      [now, next] = [next, now];
    }
  } finally {
    await file.close();
  }
}

function coded(path: string, kind: Compression | undefined, cause: unknown): unknown {
  if (cause instanceof ReplugError) return cause;
  if (kind === undefined) return pathUnreadable(path, cause);
  if (cause instanceof WindowTooLarge) return windowTooLarge(path, kind, cause.window, cause.limit);
  if (cause instanceof Unsupported) return compressionUnsupported(path, kind, cause.message);
  if (cause instanceof Bomb) return expandsTooMuch(path, kind, MAX_RATIO);
  return damagedArchive(path, kind, cause);
}

/** The whole content. */
export async function readContent(path: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of contentOf(path)) chunks.push(chunk.slice());
  return joinChunks(chunks);
}

/** The first bytes of the content, decompressed: enough for `sniff`. Of a cut file what there is, RP4005 when that is nothing. */
export async function readPrefix(path: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  let end = WHOLE;
  for await (const chunk of contentOf(path, { onEnd: (found) => (end = found) })) {
    chunks.push(chunk.slice(0, SNIFF_LENGTH));
    length += chunk.length;
    if (length >= SNIFF_LENGTH) break;
  }
  if (end.truncated && length === 0) throw damagedArchive(path, 'compressed', new Error('nothing of it is whole'));
  return joinChunks(chunks).subarray(0, SNIFF_LENGTH);
}

async function firstBytes(path: string): Promise<Uint8Array> {
  try {
    const handle = await open(path, 'r');
    try {
      const bytes = new Uint8Array(WORD);
      const { bytesRead } = await handle.read(bytes, 0, bytes.length, 0);
      return bytes.subarray(0, Math.min(bytesRead, MAGIC_LENGTH));
    } finally {
      await handle.close();
    }
  } catch (cause) {
    throw (cause as NodeJS.ErrnoException).code === 'ENOENT' ? pathNotFound(path, cause) : pathUnreadable(path, cause);
  }
}
