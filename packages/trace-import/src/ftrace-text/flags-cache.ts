/** Five flag characters to their index in `flagTexts`: a direct-mapped cache. A miss is filled by the caller. */
const SLOTS = 64;

export class FlagsCache {
  private readonly heads = new Int32Array(SLOTS);
  private readonly tails = new Uint8Array(SLOTS);
  private readonly indices = new Int16Array(SLOTS).fill(-1);

  /** HOT. Index of the five characters whose first four are the word `head`; -1 when they are not cached. */
  find(head: number, tail: number): number {
    const slot = slotOf(head, tail);
    return this.heads[slot] === head && this.tails[slot] === tail ? this.indices[slot] : -1;
  }

  set(head: number, tail: number, index: number): void {
    const slot = slotOf(head, tail);
    this.heads[slot] = head;
    this.tails[slot] = tail;
    this.indices[slot] = index;
  }
}

function slotOf(head: number, tail: number): number {
  return (head ^ (head >>> 7) ^ (head >>> 13) ^ (head >>> 24) ^ tail) & (SLOTS - 1);
}
