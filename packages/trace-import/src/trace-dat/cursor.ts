/**
 * Walks along a part of a file: numbers in its byte order, texts, counted data. Reads a window at a time, so what is skipped
 * is never read. Going beyond the end is RP4013 with the place.
 */
import { damagedTraceDat } from '../errors.ts';
import type { Bytes } from '../ring-buffer/bytes.ts';

const WINDOW = 16384;
const decoder = new TextDecoder();

export class Cursor {
  readonly little: boolean;
  at: number;
  readonly end: number;
  private readonly bytes: Bytes;
  private readonly window: Uint8Array;
  private readonly view: DataView;
  private start = 0;
  private held = 0;

  /** From `at` to `end`, which may lie beyond what is there. */
  constructor(bytes: Bytes, little: boolean, at = 0, end = bytes.size) {
    this.bytes = bytes;
    this.little = little;
    this.at = at;
    this.end = Math.min(end, bytes.size);
    this.window = new Uint8Array(Math.max(8, Math.min(WINDOW, this.end - at)));
    this.view = new DataView(this.window.buffer);
  }

  get left(): number {
    return Math.max(0, this.end - this.at);
  }

  u8(): number {
    return this.view.getUint8(this.hold(1));
  }

  u16(): number {
    return this.view.getUint16(this.hold(2), this.little);
  }

  u32(): number {
    return this.view.getUint32(this.hold(4), this.little);
  }

  /** A number above 2^53 is rounded; as a place or a size it is beyond the file either way. */
  u64(): number {
    return Number(this.big64());
  }

  big64(): bigint {
    return this.view.getBigUint64(this.hold(8), this.little);
  }

  /** A text that ends in a zero byte, at most `most` bytes of it. */
  string(most = 1024): string {
    const bytes: number[] = [];
    for (let byte = this.u8(); byte !== 0; byte = this.u8()) {
      if (bytes.length === most) throw damagedTraceDat('a name has no end', this.at);
      bytes.push(byte);
    }
    return String.fromCharCode(...bytes);
  }

  /** The next `count` bytes, which the caller has found to be few enough. */
  take(count: number): Uint8Array {
    this.need(count);
    const into = new Uint8Array(count);
    if (this.bytes.read(this.at, into) < count) throw damagedTraceDat('the file ends too early, at byte', this.at);
    this.at += count;
    return into;
  }

  /** As text. */
  text(count: number): string {
    return decoder.decode(this.take(count));
  }

  skip(count: number): void {
    this.need(count);
    this.at += count;
  }

  /** Another one at the same place. */
  fork(): Cursor {
    return new Cursor(this.bytes, this.little, this.at, this.end);
  }

  private need(count: number): void {
    if (!(count <= this.left)) throw damagedTraceDat('the file ends too early, at byte', this.at);
  }

  /** Makes the next `count` bytes readable, goes behind them and gives their place in the window. */
  private hold(count: number): number {
    this.need(count);
    if (this.at < this.start || this.at + count > this.start + this.held) {
      this.start = this.at;
      this.held = this.bytes.read(this.at, this.window);
      if (this.held < count) throw damagedTraceDat('the file ends too early, at byte', this.at);
    }
    const place = this.at - this.start;
    this.at += count;
    return place;
  }
}
