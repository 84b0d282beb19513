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

/** The kernel exports no flag from bit 44 on, so a word that has one was read in the wrong byte order. */
const NO_FLAG_HIGH_MASK = 0xfffff000;

/** Which byte orders leave no word with an impossible bit. Looks at every word. */
export function possibleByteOrders(bytes: Uint8Array): { little: boolean; big: boolean } {
  const fits = (bigEndian: boolean) => readPageWords(bytes, bigEndian).high.every((w) => (w & NO_FLAG_HIGH_MASK) === 0);
  return { little: fits(false), big: fits(true) };
}

/**
 * What a file of u64 words looks like: `flags` when a word has bit 10 (BUDDY) or a higher one, `counts` when all are
 * small, undefined when the bytes are no such words in either byte order.
 */
export function looksLikePageWords(prefix: Uint8Array): 'flags' | 'counts' | undefined {
  if (prefix.length < 64) return undefined;
  const { little, big } = possibleByteOrders(prefix);
  const small = (bigEndian: boolean) => {
    const { low, high } = readPageWords(prefix, bigEndian);
    return low.every((word, i) => word < 1024 && high[i] === 0);
  };
  if ((little && small(false)) || (big && small(true))) return 'counts';
  return little || big ? 'flags' : undefined;
}
