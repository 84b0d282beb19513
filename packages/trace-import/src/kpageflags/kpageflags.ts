/**
 * /proc/kpageflags and /proc/kpagecount: one u64 a pfn in the machine's own byte order, from pfn 0 on.
 *
 * Both halves are kept as u32 columns: JavaScript has no fast 64-bit integers. A count above 32 bits is saturated; a
 * trailing part of a word is dropped.
 *
 * Models: fs/proc/page.c kpageflags_read(), kpagecount_read().
 */
export interface PageWords {
  readonly length: number;
  readonly low: Uint32Array;
  readonly high: Uint32Array;
}

export function readPageWords(bytes: Uint8Array, bigEndian: boolean): PageWords {
  const length = Math.floor(bytes.length / 8);
  const low = new Uint32Array(length);
  const high = new Uint32Array(length);
  const view = new DataView(bytes.buffer, bytes.byteOffset, length * 8);
  const lowAt = bigEndian ? 4 : 0;
  const highAt = 4 - lowAt;
  for (let pfn = 0; pfn < length; pfn++) {
    low[pfn] = view.getUint32(pfn * 8 + lowAt, !bigEndian);
    high[pfn] = view.getUint32(pfn * 8 + highAt, !bigEndian);
  }
  return { length, low, high };
}

/** Counts as u32; larger ones become 4294967295. */
export function saturatedCounts({ length, low, high }: PageWords): Uint32Array {
  const counts = low.slice();
  for (let pfn = 0; pfn < length; pfn++) if (high[pfn] !== 0) counts[pfn] = 0xffffffff;
  return counts;
}

const WORDS_LOOKED_AT = 512;
/** No flag uses the top 12 bits, so one end of every word is zero: that end tells the byte order. */
export function guessBigEndian(prefix: Uint8Array): boolean | undefined {
  const end = Math.min(prefix.length - (prefix.length % 8), WORDS_LOOKED_AT * 8);
  let littleFits = end >= 64;
  let bigFits = littleFits;
  let anyValue = false;
  for (let i = 0; i < end; i += 8) {
    if (prefix[i + 7] !== 0) littleFits = false;
    if (prefix[i] !== 0) bigFits = false;
    for (let k = 0; k < 8 && !anyValue; k++) anyValue = prefix[i + k] !== 0;
  }
  if (!anyValue || littleFits === bigFits) return undefined;
  return bigFits;
}

/** kpageflags words have a bit from 10 (BUDDY) on somewhere among the first pages; counts stay small. */
export function looksLikePageFlags(prefix: Uint8Array): boolean {
  const bigEndian = guessBigEndian(prefix);
  if (bigEndian === undefined) return false;
  const { low, high } = readPageWords(prefix, bigEndian);
  return low.some((word) => word >= 1024) || high.some((word) => word !== 0);
}
