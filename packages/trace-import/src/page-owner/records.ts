/**
 * Records of page_owner to columns, one forward pass over bytes.
 *
 *   Page allocated via order 0, mask 0x140cca(GFP_HIGHUSER_MOVABLE|__GFP_COMP), pid 25, tgid 25 (kworker/u4:2), ts 2202398095 ns
 *   PFN 0x11 type Movable Block 0 type Movable Flags 0x20138(uptodate|dirty|lru|active|swapbacked|zone=0)
 *    get_page_from_freelist+0x1654/0x1738
 *    …
 *   Page has been migrated, last migrate reason: compaction
 *   Charged to memcg init.scope
 *   (blank)
 *
 * What follows the mask differs between kernels and is read by key. A row is written as it is read and counts only once `length`
 * is raised: a record that fails halfway leaves nothing behind.
 *
 * Models: mm/page_owner.c print_page_owner() of 4.6 to 6.12.
 */
import type { PageOwnerBuilder } from '@replug/workload';
import type { Account } from '../account.ts';
import { mix, mixEnd } from './bytes-table.ts';
import { Cursor } from './cursor.ts';
import {
  NEWLINE,
  RETURN,
  SPACE,
  OPEN,
  CLOSE,
  COMMA,
  ZERO,
  EQUALS,
  PIPE,
  X,
  HIGH_BITS,
  GUESSES,
  MAX_ORDER,
  SAMPLE,
  HEAD,
  HEAD_LENGTH,
  _MAS,
  ASK_,
  PFN_,
  PID_,
  TGID,
  TS_,
  FREE,
  EE_T,
  _TYP,
  _BLO,
  _FLA,
  TYPE,
  LOCK,
  LAGS,
  clear,
  isStack,
  digitOf,
} from './grammar.ts';
import { commEnd, readGroup, type Group } from './odd-parts.ts';
import { readTrailer } from './trailers.ts';
import type { PageOwnerSink } from './sink.ts';

export class RecordParser extends Cursor {
  private readonly account: Account;
  private readonly sink: PageOwnerSink;
  private readonly builder: PageOwnerBuilder;
  /** Lines of the record in hand. */
  private lines = 0;
  private group: Group | undefined;
  /** Stack and its lines that records of a like request had last: most records have that of their neighbours. */
  private readonly guesses = new Uint32Array(GUESSES);
  private readonly guessedLines = new Uint32Array(GUESSES);

  constructor(account: Account, sink: PageOwnerSink) {
    super();
    this.account = account;
    this.sink = sink;
    this.builder = sink.builder;
  }

  /**
   * HOT. Reads whole blocks of lines: bytes[end - 1] is a newline, bytes[end] no part of a stack, and SLACK more bytes follow.
   */
  parse(bytes: Uint8Array, start: number, end: number): void {
    const { account } = this;
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let at = start;
    while (at < end) {
      const c = bytes[at];
      if (c === NEWLINE || (c === RETURN && bytes[at + 1] === NEWLINE)) {
        account.lines++;
        account.comments++;
        at += c === NEWLINE ? 1 : 2;
        continue;
      }
      this.group = undefined;
      this.lines = 0;
      if (this.isHead(at)) at = this.record(at, at, end);
      else if (c > ZERO && c <= ZERO + 9) at = this.grouped(at, end);
      else at = this.skip('not-a-record', at, this.endOfLine(at));
    }
  }

  /** Whether `Page allocated via order ` stands there. */
  private isHead(at: number): boolean {
    const { view } = this;
    if (view.getInt32(at, true) !== HEAD[0]) return false;
    // The words lie before the newline that ends the block, or differ from it.
    for (let i = 1; i < 6; i++) if (view.getInt32(at + 4 * i, true) !== HEAD[i]) return false;
    return this.bytes[at + 24] === SPACE;
  }

  /** A record whose first line begins at `line`, `head` being where it says how it was allocated. Gives where it ends. */
  private record(line: number, head: number, end: number): number {
    const { view, builder, account } = this;
    builder.reserve();
    const row = builder.length;
    clear(builder, row);
    this.lines = 1;
    this.at = head + HEAD_LENGTH;
    this.ok = true;
    this.allocation(row, end);
    if (!this.ok) {
      this.lines = 0;
      return this.skip('bad-allocation-line', line, this.endOfLine(line));
    }
    let at = this.at;
    if (at < end && view.getInt32(at, true) === PFN_) at = this.pfnLine(row, at);
    else {
      builder.pfn[row] = -1;
      if (this.group === undefined) account.detail('records without a PFN');
    }
    return this.finishRecord(row, at, end);
  }

  /** The stack and what follows it, up to the blank line; commits the row. */
  private finishRecord(row: number, from: number, end: number): number {
    const { bytes, builder, account, group } = this;
    let at = from;
    if (at < end && isStack(bytes[at])) at = this.stack(row, at);
    while (at < end && bytes[at] !== NEWLINE && !(bytes[at] === RETURN && bytes[at + 1] === NEWLINE)) {
      if (this.isHead(at) || (group !== undefined && bytes[at] > ZERO && bytes[at] <= ZERO + 9)) {
        if (group === undefined) account.detail('records without a blank line after');
        break;
      }
      const eol = this.endOfLine(at);
      if (readTrailer(this.view, this.bytes, at, eol, row, this.sink)) this.lines++;
      else this.skip('unknown-record-line', at, eol);
      at = eol + 1;
    }
    if (group !== undefined) builder.group(group.times, group.pages ?? group.times * 2 ** builder.order[row]);
    builder.length = row + 1;
    account.lines += this.lines;
    account.events += this.lines;
    return at;
  }

  /** `0, mask 0x…(…), pid …` to the end of the line. */
  private allocation(row: number, end: number): void {
    const { bytes, view, builder, sink } = this;
    const order = this.decimal();
    let at = this.at;
    if (order > MAX_ORDER) this.ok = false;
    if (!this.ok) return;
    builder.order[row] = order;
    builder.pid[row] = builder.tgid[row] = -1;
    if (view.getInt32(at, true) === _MAS && view.getInt32(at + 3, true) === ASK_) {
      const from = (at += 7);
      while (bytes[at] > SPACE && bytes[at] !== COMMA && bytes[at] !== OPEN) at++;
      if (bytes[at] === OPEN) while (bytes[at] !== CLOSE && bytes[at] !== NEWLINE) at++;
      builder.gfp[row] = sink.gfps.index(view, from, at);
      if (bytes[at] === CLOSE) at++;
    }
    while (bytes[at] === COMMA && bytes[at + 1] === SPACE) {
      const word = view.getInt32(at + 2, true);
      if (word === PID_) {
        this.at = at + 6;
        builder.pid[row] = this.signed();
      } else if (word === TGID && bytes[at + 6] === SPACE) {
        this.at = at + 7;
        builder.tgid[row] = this.signed();
      } else if (view.getInt32(at, true) === TS_ && bytes[at + 4] === SPACE) {
        this.at = at + 5;
        builder.time[row] = this.nanoseconds();
      } else if (
        word === FREE &&
        view.getInt32(at + 4, true) === EE_T &&
        bytes[at + 8] === 115 &&
        bytes[at + 9] === SPACE
      ) {
        this.at = at + 10;
        builder.freeTime[row] = this.nanoseconds();
      } else this.unknownKey(at + 2);
      if (!this.ok) return;
      at = this.at;
      if (bytes[at] === SPACE && bytes[at + 1] === OPEN) {
        const from = at + 2;
        at = commEnd(bytes, from, end);
        if (at < 0) {
          this.ok = false;
          return;
        }
        for (let i = from; i < at; i++) if (bytes[i] === NEWLINE) this.newlineInComm();
        builder.comm[row] = sink.comms.index(view, from, at);
        at++;
      }
    }
    if (bytes[at] === RETURN) at++;
    this.ok = bytes[at] === NEWLINE;
    this.at = at + 1;
  }

  /** `PFN 0x11 type Movable Block 0 type Movable Flags 0x20138(…)`; the row gets as much of it as is there. */
  private pfnLine(row: number, line: number): number {
    const { bytes, builder, sink } = this;
    this.at = line + 4;
    this.ok = true;
    const pfn = bytes[this.at] === ZERO && bytes[this.at + 1] === X ? this.hexadecimal() : this.decimal();
    if (!this.ok) {
      builder.pfn[row] = -1;
      const eol = this.endOfLine(line);
      this.skip('bad-pfn-line', line, eol);
      return eol + 1;
    }
    builder.pfn[row] = pfn;
    this.lines++;
    if (this.stands(_TYP, TYPE)) {
      builder.type[row] = this.typeAt(this.at + 6);
      if (this.stands(_BLO, LOCK)) {
        this.at += 7;
        const block = this.decimal();
        if (this.ok && (sink.orders & (sink.orders - 1)) !== 0) sink.narrow(pfn, block);
        if (this.stands(_TYP, TYPE)) {
          builder.blockType[row] = this.typeAt(this.at + 6);
          if (this.stands(_FLA, LAGS)) {
            this.flags(row, this.at + 7);
            if (bytes[this.at] === RETURN) this.at++;
            if (bytes[this.at] === NEWLINE) return this.at + 1;
          }
        }
      }
    }
    this.account.detail('PFN lines of another form');
    return this.endOfLine(this.at) + 1;
  }

  private typeAt(from: number): number {
    const { bytes } = this;
    let at = from;
    while (bytes[at] > SPACE) at++;
    this.at = at;
    return this.sink.types.index(this.view, from, at);
  }

  /** `0x20138(uptodate|lru|zone=0)`: bits, and names up to the first that has a value. */
  private flags(row: number, from: number): void {
    const { bytes, builder } = this;
    let at = from;
    if (bytes[at] === ZERO && bytes[at + 1] === X) at += 2;
    let low = 0;
    let high = 0;
    for (let digit; (digit = digitOf(bytes[at])) >= 0; at++) {
      high = (high << 4) | (low >>> 28);
      low = (low << 4) | digit;
    }
    builder.flagsLow[row] = low;
    builder.flagsHigh[row] = high;
    if (bytes[at] === OPEN) {
      const names = at + 1;
      let cut = names;
      let valued = false;
      for (at = names; bytes[at] !== CLOSE && bytes[at] !== NEWLINE; at++) {
        if (bytes[at] === EQUALS) valued = true;
        else if (bytes[at] === PIPE && !valued) cut = at;
      }
      if (!valued) cut = at;
      builder.flagNames[row] = this.sink.flagNames.index(this.view, names, cut);
      if (bytes[at] === CLOSE) at++;
    }
    this.at = at;
  }

  /** HOT. The lines that begin with a blank: hashed and searched for their end four bytes at a time. */
  private stack(row: number, start: number): number {
    const { bytes, view, builder } = this;
    const { stacks } = this.sink;
    const key = (builder.gfp[row] * 31 + builder.comm[row]) & (GUESSES - 1);
    const guess = this.guesses[key];
    if (guess > 0) {
      const newline = start + stacks.lengthAt(guess, view, start);
      if (newline > start && bytes[newline] === NEWLINE && !isStack(bytes[newline + 1])) {
        this.lines += this.guessedLines[key];
        builder.stack[row] = guess;
        return newline + 1;
      }
    }
    let hash = 0;
    let lines = 0;
    for (let at = start; ; at += 4) {
      const word = view.getInt32(at, true);
      const other = word ^ 0x0a0a0a0a;
      let hits = (other - 0x01010101) & ~other & HIGH_BITS;
      while (hits !== 0) {
        const newline = at + ((31 - Math.clz32(hits & -hits)) >> 3);
        // A byte above a newline may look like one.
        if (bytes[newline] === NEWLINE) {
          lines++;
          if (!isStack(bytes[newline + 1])) {
            this.lines += lines;
            const mixed = mixEnd(hash, view, at, newline, newline - start);
            const found = stacks.find(view, start, newline, mixed);
            builder.stack[row] = this.guesses[key] = found;
            this.guessedLines[key] = lines;
            return newline + 1;
          }
        }
        hits &= hits - 1;
      }
      hash = mix(hash, word);
    }
  }

  /** A group of page_owner_sort: `12 times, 24 pages, allocated by SLAB :`, then a record, a stack, or nothing. */
  private grouped(line: number, end: number): number {
    const { bytes, builder, account } = this;
    const eol = this.endOfLine(line);
    const group = readGroup(bytes, line, eol);
    if (group === undefined) return this.skip('not-a-record', line, eol);
    this.group = group;
    account.detail('groups');
    if (group.text > 0 && this.isHead(line + group.text)) return this.record(line, line + group.text, end);
    if (eol + 1 < end && this.isHead(eol + 1)) {
      account.lines++;
      account.events++;
      return this.record(eol + 1, eol + 1, end);
    }
    builder.reserve();
    const row = builder.length;
    clear(builder, row);
    this.lines = 1;
    builder.pfn[row] = -1;
    builder.pid[row] = group.pid;
    builder.tgid[row] = group.tgid;
    const { from, to } = group.comm;
    builder.comm[row] = this.sink.comms.index(this.view, line + from, line + to);
    return this.finishRecord(row, eol + 1, end);
  }

  private newlineInComm(): void {
    this.lines++;
    this.account.detail('comms with a newline');
  }

  /** A key that is new: its value, up to the next comma, is not used. */
  private unknownKey(from: number): void {
    const { bytes } = this;
    let at = from;
    while (bytes[at] > SPACE && bytes[at] !== COMMA && at - from < 64) at++;
    this.account.unknown(new TextDecoder().decode(bytes.subarray(from, at)));
    while (bytes[at] !== COMMA && bytes[at] !== NEWLINE && bytes[at] !== RETURN) at++;
    this.at = at;
  }

  /** Counts a line that cannot be used; gives the next line. */
  private skip(reason: string, line: number, eol: number): number {
    const { account } = this;
    account.lines++;
    const known = account.skipped[reason] ?? 0;
    // A text is made only for the cases that are kept.
    const text = known < 5 ? new TextDecoder().decode(this.bytes.subarray(line, Math.min(eol, line + SAMPLE))) : '';
    account.skip(reason, text, account.lines + this.lines);
    return eol + 1;
  }
}
