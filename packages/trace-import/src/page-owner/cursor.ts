/** HOT. A place in the text, and numbers that are read from it on. What cannot be read clears `ok`. */
import { NEWLINE, SPACE, ZERO, TYPE, digitOf } from './grammar.ts';

export class Cursor {
  protected bytes: Uint8Array = new Uint8Array(0);
  protected view: DataView = new DataView(new ArrayBuffer(0));
  /** Where what was read last ends, and whether it could be read. */
  protected at = 0;
  protected ok = true;

  protected decimal(): number {
    const { bytes } = this;
    const from = this.at;
    let at = from;
    let value = 0;
    for (let digit; (digit = bytes[at] - ZERO) >= 0 && digit <= 9; at++) value = value * 10 + digit;
    this.ok = this.ok && at > from && value <= Number.MAX_SAFE_INTEGER;
    this.at = at;
    return value;
  }

  protected signed(): number {
    const negative = this.bytes[this.at] === 45;
    if (negative) this.at++;
    const value = this.decimal();
    if (value > 0x7fffffff) this.ok = false;
    return negative ? -value : value;
  }

  protected hexadecimal(): number {
    const { bytes } = this;
    const from = this.at + 2;
    let at = from;
    let value = 0;
    for (let digit; (digit = digitOf(bytes[at])) >= 0; at++) value = value * 16 + digit;
    this.ok = this.ok && at > from && value <= Number.MAX_SAFE_INTEGER;
    this.at = at;
    return value;
  }

  /** `123 ns`; page_owner_sort leaves the number out. */
  protected nanoseconds(): number {
    const { bytes } = this;
    const value = bytes[this.at] === SPACE ? 0 : this.decimal();
    if (bytes[this.at] === SPACE && bytes[this.at + 1] === 110 && bytes[this.at + 2] === 115) this.at += 3;
    else this.ok = false;
    return value;
  }

  protected endOfLine(from: number): number {
    const { bytes } = this;
    let at = from;
    while (bytes[at] !== NEWLINE && at < bytes.length) at++;
    return at;
  }

  /** Whether ` type `, ` Block ` or ` Flags ` stands there: its first four bytes, and its last. */
  protected stands(first: number, last: number): boolean {
    const { view, at } = this;
    return view.getInt32(at, true) === first && view.getInt32(at + (last === TYPE ? 2 : 3), true) === last;
  }
}
