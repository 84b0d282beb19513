/**
 * Compressed parts of a version 7: a section as one piece, the pages of a cpu as `u32 count, {u32 packed, u32 size, data}*`.
 * One piece is held at a time. Sizes that the file names are limits for what comes out, not promises: both are bounded.
 */
import { damagedTraceDat, expandsTooMuch, ringBufferTooLarge, traceDatUnsupported } from '../errors.ts';
import { memoryBytes, type Bytes, type Feed } from '../ring-buffer/bytes.ts';
import { Cursor } from './cursor.ts';

/** Unpacks one piece to at most `size` bytes; undefined when it cannot, or there are more. */
export type Unpack = (packed: Uint8Array, size: number) => Uint8Array | undefined;
/** By the name of the compression. */
export type Unpackers = Readonly<Record<string, Unpack>>;

/** Bytes of a piece; trace-cmd makes them of 10 pages of data and sections of what they are. */
const MAX_PIECE = 64 << 20;
/** As for compressed files: bytes out for a byte in, once there are many. */
const MAX_RATIO = 4000;
const RATIO_FROM = 64 << 20;
/** Bytes that a piece counts as, at least: unpacking one is work even if little comes out. */
const LEAST_WORK = 256 << 10;

export interface Compression {
  readonly name: string;
  readonly unpack: Unpack | undefined;
}

export function compressionOf(name: string, unpackers: Unpackers): Compression {
  return { name, unpack: Object.hasOwn(unpackers, name) ? unpackers[name] : undefined };
}

function unpackPiece(cursor: Cursor, { name, unpack }: Compression): Uint8Array {
  if (unpack === undefined) throw traceDatUnsupported('the compression is not read', name);
  const [packed, size] = [cursor.u32(), cursor.u32()];
  if (packed > MAX_PIECE || size > MAX_PIECE)
    throw ringBufferTooLarge('bytes of a piece', Math.max(packed, size), MAX_PIECE);
  const at = cursor.at;
  const bytes = unpack(cursor.take(packed), size);
  if (bytes === undefined) throw damagedTraceDat(`the ${name} data is damaged at byte`, at);
  return bytes;
}

/** The content of a compressed section that begins at the cursor. */
export function unpackSection(cursor: Cursor, compression: Compression): Bytes {
  return memoryBytes(unpackPiece(cursor, compression));
}

/**
 * The pages of a cpu, which end before `end`: the size that the file gives leaves the heads of pieces out. When a piece is damaged or missing, what came before it is used: `onLoss` is told why, and the feed
 * ends there.
 */
export function chunkFeed(
  bytes: Bytes,
  little: boolean,
  at: number,
  end: number,
  compression: Compression,
  onLoss: (why: string) => void,
): Feed {
  const cursor = new Cursor(bytes, little, at, end);
  let left = -1;
  let given = 0;
  let piece = new Uint8Array(0);
  const next = (): boolean => {
    try {
      if (left === -1) left = cursor.left === 0 ? 0 : cursor.u32();
      if (left <= 0) return false;
      left--;
      piece = unpackPiece(cursor, compression) as Uint8Array<ArrayBuffer>;
    } catch (error) {
      if (compression.unpack === undefined) throw error;
      left = 0;
      onLoss(error instanceof Error ? error.message : String(error));
      return false;
    }
    given += Math.max(piece.length, LEAST_WORK);
    if (given > RATIO_FROM && given > (cursor.at - at) * MAX_RATIO)
      throw expandsTooMuch('trace.dat', compression.name, MAX_RATIO);
    return true;
  };
  return {
    read(into) {
      let filled = 0;
      while (filled < into.length) {
        if (piece.length === 0 && !next()) break;
        const part = piece.subarray(0, into.length - filled);
        into.set(part, filled);
        filled += part.length;
        piece = piece.subarray(part.length);
      }
      return filled;
    },
  };
}
