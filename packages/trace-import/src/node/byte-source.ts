/** Packed bytes in order, with a look ahead: what the decoders of compressed files walk along. */
const NOTHING = new Uint8Array(0);

export class ByteSource {
  /** Bytes handed out and not given back. */
  consumed = 0;
  private readonly chunks: AsyncIterator<Uint8Array>;
  private rest: Uint8Array = NOTHING;
  private ended = false;

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.chunks = chunks[Symbol.asyncIterator]();
  }

  /** Up to `most` bytes, whatever is at hand; none only at the end. */
  async next(most: number): Promise<Uint8Array> {
    await this.fill(1);
    return this.hand(Math.min(most, this.rest.length));
  }

  /** The next `count` bytes; fewer only at the end. */
  async take(count: number): Promise<Uint8Array> {
    await this.fill(count);
    return this.hand(Math.min(count, this.rest.length));
  }

  /** As `take`, but the bytes stay. */
  async peek(count: number): Promise<Uint8Array> {
    await this.fill(count);
    return this.rest.subarray(0, count);
  }

  /** Gives back the last `bytes` that were handed out. */
  unread(bytes: Uint8Array): void {
    this.consumed -= bytes.length;
    this.rest = joined(bytes, this.rest);
  }

  /** Reads to the end and gives the count of bytes; they are lost. */
  async drain(): Promise<number> {
    let count = 0;
    for (let bytes = await this.next(Infinity); bytes.length > 0; bytes = await this.next(Infinity))
      count += bytes.length;
    return count;
  }

  private hand(count: number): Uint8Array {
    const bytes = this.rest.subarray(0, count);
    this.rest = this.rest.subarray(count);
    this.consumed += count;
    return bytes;
  }

  private async fill(count: number): Promise<void> {
    while (this.rest.length < count && !this.ended) {
      const { done, value } = await this.chunks.next();
      if (done === true) this.ended = true;
      else this.rest = joined(this.rest, value);
    }
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  if (first.length === 0) return second;
  if (second.length === 0) return first;
  const bytes = new Uint8Array(first.length + second.length);
  bytes.set(first);
  bytes.set(second, first.length);
  return bytes;
}
