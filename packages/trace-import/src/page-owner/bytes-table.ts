/**
 * HOT. Texts to small integers, as bytes: the same run of bytes gives the same index again, and becomes a string only at the end.
 *
 * Bytes are hashed and compared four at a time, so whoever asks sees to it that SLACK bytes beyond the run may be read. Index 0
 * is the empty text and stands for what a full table has no room for.
 */

/** Bytes beyond a run that may be read. */
export const SLACK = 8;

const FACTOR = 0x9e3779b1 | 0;

/** One step of the hash over a word. */
export function mix(hash: number, word: number): number {
  return Math.imul(((hash << 7) | (hash >>> 25)) ^ word, FACTOR);
}

/** The last step: what is left of a run that is no multiple of four, and its length. */
export function mixEnd(hash: number, view: DataView, at: number, end: number, length: number): number {
  const left = end - at;
  const word = left > 0 ? view.getInt32(at, true) & (0x7fffffff >> (31 - 8 * left)) : 0;
  const mixed = mix(mix(hash, word), length);
  return mixed ^ (mixed >>> 15);
}

/** The hash of bytes [start, end), as `find` expects it. */
export function hashRun(view: DataView, start: number, end: number): number {
  let hash = 0;
  let at = start;
  for (; at + 4 <= end; at += 4) hash = mix(hash, view.getInt32(at, true));
  return mixEnd(hash, view, at, end, end - start);
}

export class BytesTable {
  /** Texts that found no room. */
  refused = 0;
  private slots = new Int32Array(256);
  private mask = 255;
  private hashes = new Int32Array(64);
  private starts = new Uint32Array(65);
  private count = 1;
  private arena = new Uint8Array(4096);
  private view = new DataView(this.arena.buffer);
  private readonly limit: number;
  private readonly bytesLimit: number;

  /** At most `limit` texts, the empty one included, of `bytesLimit` bytes together. */
  constructor(limit: number, bytesLimit: number) {
    this.limit = limit;
    this.bytesLimit = bytesLimit;
  }

  /** Index of bytes [start, end), whose hash is known. */
  find(view: DataView, start: number, end: number, hash: number): number {
    if (start === end) return 0;
    const { slots, mask, hashes, starts, view: own } = this;
    const length = end - start;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const entry = slots[slot];
      if (entry === 0) return this.insert(view, start, end, hash);
      if (hashes[entry] !== hash) continue;
      const at = starts[entry];
      if (starts[entry + 1] - at !== length) continue;
      let i = 0;
      while (i + 4 <= length && own.getInt32(at + i, true) === view.getInt32(start + i, true)) i += 4;
      while (i < length && own.getUint8(at + i) === view.getUint8(start + i)) i++;
      if (i === length) return entry;
    }
  }

  /** Index of bytes [start, end). */
  index(view: DataView, start: number, end: number): number {
    return start === end ? 0 : this.find(view, start, end, hashRun(view, start, end));
  }

  /** Length of text `entry` when it stands at `start`, else 0; a text that would reach SLACK or more beyond the view does not. */
  lengthAt(entry: number, view: DataView, start: number): number {
    const { view: own } = this;
    const at = this.starts[entry];
    const length = this.starts[entry + 1] - at;
    if (start + length + SLACK > view.byteLength) return 0;
    let i = 0;
    while (i + 4 <= length && own.getInt32(at + i, true) === view.getInt32(start + i, true)) i += 4;
    while (i < length && own.getUint8(at + i) === view.getUint8(start + i)) i++;
    return i === length ? length : 0;
  }

  /** All texts by index. */
  texts(): string[] {
    const decoder = new TextDecoder();
    return Array.from({ length: this.count }, (_, i) =>
      i === 0 ? '' : decoder.decode(this.arena.subarray(this.starts[i], this.starts[i + 1])),
    );
  }

  private insert(view: DataView, start: number, end: number, hash: number): number {
    const entry = this.count;
    const at = this.starts[entry];
    const to = at + end - start;
    if (entry === this.limit || to > this.bytesLimit) {
      this.refused++;
      return 0;
    }
    if (to + SLACK > this.arena.length) {
      const arena = new Uint8Array(Math.max(this.arena.length * 2, to + SLACK));
      arena.set(this.arena);
      this.arena = arena;
      this.view = new DataView(arena.buffer);
    }
    this.arena.set(new Uint8Array(view.buffer, view.byteOffset + start, end - start), at);
    if (entry + 1 === this.hashes.length) {
      const hashes = new Int32Array(2 * this.hashes.length);
      hashes.set(this.hashes);
      this.hashes = hashes;
      const starts = new Uint32Array(2 * this.hashes.length + 1);
      starts.set(this.starts);
      this.starts = starts;
    }
    this.count++;
    this.starts[entry + 1] = to;
    this.hashes[entry] = hash;
    if (2 * this.count > this.slots.length) this.rehash();
    else this.place(entry);
    return entry;
  }

  private rehash(): void {
    this.slots = new Int32Array(4 * this.slots.length);
    this.mask = this.slots.length - 1;
    for (let entry = 1; entry < this.count; entry++) this.place(entry);
  }

  private place(entry: number): void {
    let slot = this.hashes[entry] & this.mask;
    while (this.slots[slot] !== 0) slot = (slot + 1) & this.mask;
    this.slots[slot] = entry;
  }
}
