/**
 * Gfp texts up to the next space or newline, read and compared four bytes at a time, to their index in `gfpTexts`: a
 * direct-mapped cache. A miss is filled by the caller.
 */
const SLOTS = 512;
/** Words of a slot. Longer texts are not cached; the kernel's longest, with every flag in it, is some 300 bytes. */
const WORDS = 80;
const MAX_BYTES = WORDS * 4;

/** Bytes from the text's start on that have to be in the buffer. */
export const GFP_REACH = MAX_BYTES + 4;

export class GfpCache {
  /** Where the text of the last `find` ends, if it was found. */
  end = 0;
  private readonly words = new Int32Array(SLOTS * WORDS);
  private readonly lengths = new Uint16Array(SLOTS);
  private readonly indices = new Int32Array(SLOTS).fill(-1);
  private slot = 0;

  /** HOT. Index of the text at `from`; -1 when it is not cached. */
  find(view: DataView, from: number): number {
    const { words, lengths } = this;
    let hash = 0;
    let word = 0;
    let ends = 0;
    let at = from;
    for (const limit = from + MAX_BYTES; at < limit; at += 4) {
      word = view.getInt32(at, true);
      // The top bit of each byte that is no more than a space; those above the lowest one may be wrong.
      ends = (word - 0x21212121) & ~word & 0x80808080;
      if (ends !== 0) break;
      hash = Math.imul(hash ^ word, 0x9e3779b1);
    }
    const bits = 24 - (Math.clz32(ends & -ends) & 24);
    const rest = word & ((1 << bits) - 1);
    hash = Math.imul(hash ^ rest, 0x9e3779b1);
    const slot = hash >>> 23;
    this.slot = slot;
    const first = slot * WORDS;
    const count = (at - from) >>> 2;
    const end = at + (bits >>> 3);
    if (ends === 0 || lengths[slot] !== end - from || (bits > 0 && words[first + count] !== rest)) return -1;
    for (let i = 0; i < count; i++) if (words[first + i] !== view.getInt32(from + i * 4, true)) return -1;
    this.end = end;
    return this.indices[slot];
  }

  /** Keeps the text [from, to) that `find` has just missed. */
  set(view: DataView, from: number, to: number, index: number): void {
    const length = to - from;
    if (length >= MAX_BYTES) return;
    const { words, slot } = this;
    const count = length >>> 2;
    for (let i = 0; i < count; i++) words[slot * WORDS + i] = view.getInt32(from + i * 4, true);
    const bits = (length & 3) * 8;
    if (bits > 0) words[slot * WORDS + count] = view.getInt32(from + count * 4, true) & ((1 << bits) - 1);
    this.lengths[slot] = length;
    this.indices[slot] = index;
  }
}
