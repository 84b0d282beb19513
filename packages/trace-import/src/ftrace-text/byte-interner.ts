/**
 * Bytes to small integers without making strings: the same run of bytes gets the same index again.
 *
 * Open addressing over a hash that the caller computes while it scans. A string is made only for a run that is new.
 */
export class ByteInterner {
  private slots = new Int32Array(256).fill(-1);
  private mask = 255;
  private hashes: number[] = [];
  private starts: number[] = [0];
  private arena = new Uint8Array(4096);
  private readonly limit: number;
  private readonly add: (text: string) => number;
  /** What `add` gave for the n-th run. */
  private readonly values: number[] = [];
  /** The same by text, for those texts that `findText` was asked for. */
  private readonly byText = new Map<string, number>();

  /** `add` is called once for each new run and gives the index to answer with; beyond `limit` runs `find` gives -1. */
  constructor(limit: number, add: (text: string) => number) {
    this.limit = limit;
    this.add = add;
  }

  /** HOT. Index of bytes [start, end) with this hash; -1 when the table is full. */
  find(bytes: Uint8Array, start: number, end: number, hash: number): number {
    const { slots, mask, hashes, starts, arena } = this;
    const length = end - start;
    for (let slot = (hash ^ (hash >>> 15)) & mask; ; slot = (slot + 1) & mask) {
      const entry = slots[slot];
      if (entry === -1) return this.insert(bytes, start, end, hash);
      if (hashes[entry] !== hash) continue;
      const at = starts[entry];
      if (starts[entry + 1] - at !== length) continue;
      let i = 0;
      while (i < length && arena[at + i] === bytes[start + i]) i++;
      if (i === length) return this.values[entry];
    }
  }

  /** The index of a text's bytes, off the hot path. */
  findText(text: string): number {
    let value = this.byText.get(text);
    if (value !== undefined) return value;
    const bytes = encoder.encode(text);
    value = this.find(bytes, 0, bytes.length, hashBytes(bytes, 0, bytes.length));
    if (this.byText.size < this.limit) this.byText.set(text, value);
    return value;
  }

  private insert(bytes: Uint8Array, start: number, end: number, hash: number): number {
    const entry = this.values.length;
    if (entry === this.limit) return -1;
    const at = this.starts[entry];
    const to = at + end - start;
    if (to > this.arena.length) {
      const arena = new Uint8Array(Math.max(this.arena.length * 2, to));
      arena.set(this.arena);
      this.arena = arena;
    }
    this.arena.set(bytes.subarray(start, end), at);
    this.starts.push(to);
    this.hashes.push(hash);
    this.values.push(this.add(decode(bytes, start, end)));
    if (this.values.length * 2 > this.slots.length) this.rehash();
    else this.place(entry);
    return this.values[entry];
  }

  private rehash(): void {
    this.slots = new Int32Array(this.slots.length * 4).fill(-1);
    this.mask = this.slots.length - 1;
    for (let entry = 0; entry < this.values.length; entry++) this.place(entry);
  }

  private place(entry: number): void {
    const hash = this.hashes[entry];
    let slot = (hash ^ (hash >>> 15)) & this.mask;
    while (this.slots[slot] !== -1) slot = (slot + 1) & this.mask;
    this.slots[slot] = entry;
  }
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Text of bytes [start, end). */
export function decode(bytes: Uint8Array, start: number, end: number): string {
  return decoder.decode(bytes.subarray(start, end));
}

/** The hash that `find` expects, for callers off the hot path. */
export function hashBytes(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0;
  for (let i = start; i < end; i++) hash = ((hash << 5) - hash + bytes[i]) | 0;
  return hash;
}
