/** The compressions inside a trace.dat. A piece that does not say how long it is, or is longer, is damaged. */
import { inflateSync } from 'node:zlib';
import { decompress } from 'fzstd';
import type { Unpackers } from '../trace-dat/chunks.ts';
import { isZstd } from './zstd.ts';

export const UNPACKERS: Unpackers = {
  zlib: (packed, size) => {
    try {
      return new Uint8Array(inflateSync(packed, { maxOutputLength: Math.max(1, size) }));
    } catch {
      return undefined;
    }
  },
  zstd: (packed, size) => {
    const frame = isZstd(packed) === true ? packed : Buffer.concat([ZSTD_MAGIC, packed]);
    if (!isOneFrame(frame, size)) return undefined;
    const bytes = new Uint8Array(size);
    // What is written last, to see whether all of it was.
    const tail = bytes.subarray(Math.max(0, size - UNWRITTEN.length));
    tail.set(UNWRITTEN.subarray(0, tail.length));
    try {
      decompress(frame, bytes);
    } catch {
      return undefined;
    }
    const isWritten = size < UNWRITTEN.length || tail.some((byte, i) => byte !== UNWRITTEN[i]);
    return isWritten ? bytes : undefined;
  },
};

const ZSTD_MAGIC = new Uint8Array([0x28, 0xb5, 0x2f, 0xfd]);
const UNWRITTEN = new Uint8Array([0x93, 0x1d, 0x6b, 0xe4, 0x58, 0xc2, 0x07, 0xaf]);
const MAX_BLOCK = 128 << 10;
const RAW = 0;
const RLE = 1;

/**
 * Whether it is a single frame whose blocks may well come to `size` bytes. trace-cmd leaves the content's size out of the
 * frame, so nothing but the blocks tells how much work they are.
 */
function isOneFrame(frame: Uint8Array, size: number): boolean {
  const descriptor = frame[4] ?? 0;
  const single = (descriptor & 32) !== 0;
  // Reserved bits, and dictionaries.
  if ((descriptor & 11) !== 0) return false;
  const flag = descriptor >> 6;
  let at = (single ? 5 : 6) + (flag === 0 ? (single ? 1 : 0) : 1 << flag);
  let plain = 0;
  let most = Math.ceil(size / (MAX_BLOCK / 4)) + 1;
  for (let last = false; !last; most--) {
    if (at + 3 > frame.length || most === 0) return false;
    last = (frame[at] & 1) === 1;
    const type = (frame[at] >> 1) & 3;
    const length = (frame[at] >> 3) | (frame[at + 1] << 5) | (frame[at + 2] << 13);
    if (type > 2 || length > MAX_BLOCK) return false;
    if (type === RAW || type === RLE) plain += length;
    at += 3 + (type === RLE ? 1 : length);
  }
  return plain <= size && at + ((descriptor & 4) !== 0 ? 4 : 0) === frame.length;
}
