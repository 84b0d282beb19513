import { expect, it } from 'vitest';
import { Xxh64 } from './xxh64.ts';

/** Length → the checksum that `zstd --check` writes for the bytes `(i * 7 + (i >> 8)) & 255`. */
const SUMS: Readonly<Record<number, number>> = {
  0: 0x51d8e999,
  1: 0xdb052768,
  3: 0x5a6209ab,
  4: 0x0a55ac41,
  7: 0x6f3da63e,
  8: 0x65b924eb,
  13: 0xfd9ce667,
  31: 0xb1e722b7,
  32: 0x31a8c629,
  33: 0xf8d65b94,
  63: 0x13e2fa26,
  64: 0x445775d0,
  100: 0x8247d5db,
  1000: 0x2f9c1695,
  65537: 0x5c83eb3e,
};

it.each(Object.entries(SUMS).map(([length, sum]) => [Number(length), sum] as const))('%i bytes', (length, sum) => {
  const bytes = Uint8Array.from({ length }, (_, i) => (i * 7 + (i >> 8)) & 255);
  for (const step of [1, 31, 70, length + 1]) {
    const hash = new Xxh64();
    // Chunks that begin anywhere in their buffers.
    for (let at = 0; at < length; at += step) hash.update(bytes.subarray(at, at + step));
    expect(hash.low32(), `in steps of ${step}`).toBe(sum);
  }
});
