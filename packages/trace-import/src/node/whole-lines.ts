/** Cuts chunks so that each piece ends with a line, and keeps the line at the end until it is complete. */
const NEWLINE = 10;
/** A longer line is no event; its parts go through as they come. */
const MAX_HELD = 1 << 17;
const NOTHING = new Uint8Array(0);

export class WholeLines {
  private held: Uint8Array = NOTHING;

  /** The lines that `chunk` completes. A piece is valid until the next call. */
  *cut(chunk: Uint8Array): Generator<Uint8Array> {
    const end = chunk.lastIndexOf(NEWLINE) + 1;
    if (end > 0) {
      const held = this.held;
      this.held = NOTHING;
      if (held.length > 0) yield held;
      yield chunk.subarray(0, end);
    }
    if (end === chunk.length) return;
    const held = new Uint8Array(this.held.length + chunk.length - end);
    held.set(this.held);
    held.set(chunk.subarray(end), this.held.length);
    this.held = held;
    if (held.length <= MAX_HELD) return;
    this.held = NOTHING;
    yield held;
  }

  /** The last line, which has no end. */
  rest(): Uint8Array {
    return this.held;
  }
}
