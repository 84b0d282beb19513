/**
 * debugfs page_owner, and what page_owner_sort makes of it, as a stream: bytes come in chunks cut anywhere, and the columns do not
 * depend on the cut. Never holds more than one of the longest allowed blocks beside the columns.
 *
 * A block is what lies between two blank lines: a record, which the kernel makes no longer than a page, or a list of groups without
 * stacks. One that is longer than MAX_BLOCK is skipped as a whole, line by line.
 */
import type { PageOwner } from '@replug/workload';
import type { Account } from '../account.ts';
import { SLACK } from './bytes-table.ts';
import { RecordParser } from './records.ts';
import { PageOwnerSink } from './sink.ts';

const NEWLINE = 10;
/** Bytes of the longest block, the blank line after it included. */
export const MAX_BLOCK = 1 << 20;
const FIRST_CARRY = 1 << 12;

export class PageOwnerReader {
  private readonly account: Account;
  private readonly sink = new PageOwnerSink();
  private readonly parser: RecordParser;
  /** The beginning of a block whose end has not come yet. */
  private carry = new Uint8Array(FIRST_CARRY);
  private carried = 0;
  /** Inside of a block that is too long; its line in hand has `skippedBytes` so far. */
  private skipping = false;
  private skippedBytes = 0;

  constructor(account: Account) {
    this.account = account;
    this.parser = new RecordParser(account, this.sink);
  }

  /** Takes the next bytes of the file, cut anywhere. */
  push(chunk: Uint8Array): void {
    // A plain view: Buffer is a subclass, and the hot loop shall see one shape only.
    const bytes = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let start = 0;
    while (start < bytes.length) {
      if (this.skipping) start = this.skip(bytes, start);
      else if (this.carried > 0) start = this.complete(bytes, start);
      else if (bytes[start] === NEWLINE) {
        this.account.lines++;
        this.account.comments++;
        start++;
      } else {
        const end = blockEnd(bytes, start, Math.min(start + MAX_BLOCK, bytes.length - SLACK));
        if (end === -1) start = this.complete(bytes, start);
        else {
          this.parser.parse(bytes, start, end);
          start = end;
        }
      }
    }
  }

  /** The columns of all that was pushed. A last line without a newline counts as a line. */
  finish(): PageOwner {
    if (this.skipping) {
      if (this.skippedBytes > 0) this.skippedLine();
    } else if (this.carried > 0) {
      const { carry } = this;
      let end = this.carried;
      if (carry[end - 1] !== NEWLINE) carry[end++] = NEWLINE;
      carry.fill(0, end, end + SLACK);
      this.account.detail('last record without a blank line after');
      this.parser.parse(carry, 0, end);
    }
    this.carried = 0;
    return this.sink.finish(this.account);
  }

  /** Adds to the block in hand up to its end, or all there is; gives where to go on. */
  private complete(bytes: Uint8Array, start: number): number {
    const before = this.carried;
    const end =
      before > 0 && this.carry[before - 1] === NEWLINE && bytes[start] === NEWLINE ? start + 1 : firstEnd(bytes, start);
    const to = end === -1 ? bytes.length : end;
    if (before + to - start > MAX_BLOCK) {
      this.carried = 0;
      this.skipping = true;
      this.skippedBytes = 0;
      this.skip(this.carry.subarray(0, before), 0);
      return start;
    }
    this.carried = before + to - start;
    const carry = this.roomFor(this.carried);
    carry.set(bytes.subarray(start, to), before);
    if (end === -1) return to;
    carry.fill(0, this.carried, this.carried + SLACK);
    this.parser.parse(carry, 0, this.carried);
    this.carried = 0;
    return to;
  }

  /** The carry, with room for so many bytes, a newline and the slack. */
  private roomFor(length: number): Uint8Array {
    const needed = length + 1 + SLACK;
    if (needed > this.carry.length) {
      const carry = new Uint8Array(Math.max(needed, 2 * this.carry.length));
      carry.set(this.carry);
      this.carry = carry;
    }
    return this.carry;
  }

  /** Counts the lines of a block that is too long, up to its end; gives where to go on. */
  private skip(bytes: Uint8Array, start: number): number {
    let at = start;
    while (at < bytes.length) {
      const newline = bytes.indexOf(NEWLINE, at);
      if (newline === -1) {
        this.skippedBytes += bytes.length - at;
        return bytes.length;
      }
      this.skippedBytes += newline - at;
      at = newline + 1;
      if (this.skippedBytes === 0) {
        this.account.lines++;
        this.account.comments++;
        this.skipping = false;
        return at;
      }
      this.skippedLine();
    }
    return at;
  }

  private skippedLine(): void {
    this.account.lines++;
    this.account.skip('block-too-long', '');
    this.skippedBytes = 0;
  }
}

/** Behind the last blank line that ends a block in [start, end); -1 when there is none. */
function blockEnd(bytes: Uint8Array, start: number, end: number): number {
  for (let at = end - 1; at > start; at--) if (bytes[at] === NEWLINE && bytes[at - 1] === NEWLINE) return at + 1;
  return -1;
}

/** Behind the first blank line from `start` on; -1 when there is none. */
function firstEnd(bytes: Uint8Array, start: number): number {
  for (let at = bytes.indexOf(NEWLINE, start); at !== -1; at = bytes.indexOf(NEWLINE, at + 1))
    if (bytes[at + 1] === NEWLINE) return at + 2;
  return -1;
}

/** Whether a file that begins so is page_owner's, or page_owner_sort's. */
export function looksLikePageOwner(prefix: string): boolean {
  const lines = prefix.split('\n').filter((line) => line.trim() !== '');
  const group = /^\d+ times(, \d+ pages)?(, [^:]*(: .*)?)?:?\s*$/;
  const record = /^(\d+ times: )?Page allocated via order \d/;
  return (
    record.test(lines[0] ?? '') ||
    (group.test(lines[0] ?? '') && lines[0].includes(' pages')) ||
    (group.test(lines[0] ?? '') && record.test(lines[1] ?? ''))
  );
}
