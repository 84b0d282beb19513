/**
 * A file as bytes that are read where they are wanted. What is compressed cannot be, so it is unpacked first: in memory up to
 * 64 MiB, beyond that into a temporary file that has no name any more once it is open.
 */
import { closeSync, fstatSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileTooLarge, pathUnreadable } from '../errors.ts';
import type { Bytes } from '../ring-buffer/bytes.ts';
import { isGzip } from './gzip.ts';
import type { End } from './members.ts';
import { contentOf, type ContentOptions } from './read-bytes.ts';
import { isXz } from './xz.ts';
import { isZstd } from './zstd.ts';

/** Bytes of unpacked content that are held in memory. */
export const MAX_IN_MEMORY = 64 << 20;

export interface OpenedBytes extends End {
  readonly bytes: Bytes;
  close(): void;
}

export interface OpenBytesOptions extends ContentOptions {
  /** Bytes of unpacked content from which on it goes to a temporary file; for tests. */
  readonly maxInMemory?: number;
}

/** Throws RP4001, RP4002, RP4005, RP4007 to RP4010 as `contentOf`. The caller has to close it. */
export async function openBytes(path: string, options: OpenBytesOptions): Promise<OpenedBytes> {
  const file = openFileBytes(path);
  const start = new Uint8Array(6);
  const prefix = start.subarray(0, file.bytes.read(0, start));
  if (![isGzip, isXz, isZstd].some((is) => is(prefix) === true)) {
    if (file.bytes.size > (options.maxBytes ?? Infinity)) {
      file.close();
      throw fileTooLarge(path, options.maxBytes!);
    }
    options.onRead?.(file.bytes.size);
    return file;
  }
  file.close();
  return unpack(path, options);
}

function openFileBytes(path: string): OpenedBytes {
  try {
    return fdBytes(openSync(path, 'r'), { truncated: false, trailing: 0 }, path);
  } catch (cause) {
    throw pathUnreadable(path, cause);
  }
}

function fdBytes(fd: number, end: End, path: string): OpenedBytes {
  return {
    ...end,
    bytes: {
      size: fstatSync(fd).size,
      read(at, into) {
        let filled = 0;
        try {
          while (filled < into.length) {
            const count = readSync(fd, into, filled, into.length - filled, at + filled);
            if (count === 0) break;
            filled += count;
          }
        } catch (cause) {
          throw pathUnreadable(path, cause);
        }
        return filled;
      },
    },
    close: () => closeSync(fd),
  };
}

async function unpack(path: string, options: OpenBytesOptions): Promise<OpenedBytes> {
  const { maxInMemory = MAX_IN_MEMORY } = options;
  const held: Uint8Array[] = [];
  let size = 0;
  let fd = -1;
  let end: End = { truncated: false, trailing: 0 };
  try {
    for await (const chunk of contentOf(path, { ...options, onEnd: (found) => (end = found) })) {
      size += chunk.length;
      if (fd === -1 && size > maxInMemory) {
        fd = openNameless();
        for (const one of held.splice(0)) writeAll(fd, one);
      }
      if (fd === -1) held.push(chunk.slice());
      else writeAll(fd, chunk);
    }
    if (fd !== -1) return fdBytes(fd, end, path);
  } catch (error) {
    if (fd !== -1) closeSync(fd);
    throw error;
  }
  return { ...end, bytes: piecesBytes(held), close: () => undefined };
}

/** A file that is gone when it is closed, whatever happens. */
function openNameless(): number {
  const folder = mkdtempSync(join(tmpdir(), 'replug-'));
  try {
    return openSync(join(folder, 'unpacked'), 'w+');
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at, bytes.length - at);
}

/** Pieces one after the other, without joining them. */
function piecesBytes(pieces: readonly Uint8Array[]): Bytes {
  const starts = new Float64Array(pieces.length + 1);
  pieces.forEach((piece, i) => (starts[i + 1] = starts[i] + piece.length));
  const size = starts[pieces.length];
  return {
    size,
    read(from, into) {
      let low = 0;
      for (let high = pieces.length; low < high;) {
        const middle = (low + high) >>> 1;
        if (starts[middle + 1] <= from) low = middle + 1;
        else high = middle;
      }
      let filled = 0;
      for (; low < pieces.length && filled < into.length; low++) {
        const at = Math.max(0, from - starts[low]);
        const part = pieces[low].subarray(at, at + into.length - filled);
        into.set(part, filled);
        filled += part.length;
      }
      return filled;
    },
  };
}
