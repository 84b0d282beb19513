/** HOT. Runs of equal bytes in a column, four at a time: memory that goes away is mostly alike. */
export class ByteRuns {
  private readonly bytes: Uint8Array;
  private readonly words: Int32Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 2);
  }

  /** Where the run of bytes equal to the one at `from` ends, at most `end`; ≥ from + 1. */
  end(from: number, end: number): number {
    const { bytes, words } = this;
    const value = bytes[from];
    let at = from + 1;
    for (; at < end && (at & 3) !== 0; at++) if (bytes[at] !== value) return at;
    const word = Math.imul(value, 0x01010101);
    const last = end & ~3;
    while (at < last && words[at >>> 2] === word) at += 4;
    while (at < end && bytes[at] === value) at++;
    return at;
  }

  /** Fills [from, end), unless it is so already: what was never written stays uncommitted. */
  fill(value: number, from: number, end: number): void {
    const { bytes } = this;
    if (from < end && (bytes[from] !== value || this.end(from, end) < end)) bytes.fill(value, from, end);
  }
}
