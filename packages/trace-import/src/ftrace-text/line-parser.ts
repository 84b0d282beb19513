/**
 * The hot loop: lines of ftrace text to event columns, one forward pass over bytes.
 *
 *            snapz-185     [000] d..3.    16.250379: mm_page_alloc: page=00000000ddd01219 pfn=0x999f order=0 migratetype=1 …
 *   └── comm ─────┘└ pid ┘  cpu  flags    sec.usec    event
 *   0              16       25
 *
 * Every line in the given range ends in a newline, so a scan that stops at one needs no other bound. A row is written into
 * the columns as it is read and counts only once `length` is raised: a line that fails halfway leaves nothing behind.
 *
 * Models: kernel/trace/trace_output.c trace_print_context(), include/trace/events/kmem.h.
 */
import { KIND, TRACEPOINTS } from '@replug/core';
import { EventColumnsBuilder, isPageEvent, NO_PAGE_HIGH } from '@replug/workload';
import type { Account } from '../account.ts';
import { ByteInterner, decode } from './byte-interner.ts';
import { HEX_DIGIT, readFields, readNumber } from './fields.ts';
import { findCpuColumn, splitTask } from './task-column.ts';

/** Bytes of the longest line that is read, its newline not counted. */
export const MAX_LINE = 65536;
const MAX_NAME = 64;
const MAX_NAMES = 4096;
const MAX_TASKS = 1 << 22;
const MAX_WORDS = 1 << 20;
const MAX_FLAG_TEXTS = 256;
const MAX_GFP_TEXTS = 65536;
const KNOWN = TRACEPOINTS.length;

const NEWLINE = 10;
const RETURN = 13;
const SPACE = 32;
const HASH = 35;
const DOT = 46;
const ZERO = 48;
const COLON = 58;
const EQUALS = 61;
const BRACKET = 91;
const UNDERSCORE = 95;

const encoder = new TextEncoder();
const ORDER = encoder.encode(' order=');
const MIGRATETYPE = encoder.encode(' migratetype=');
const GFP_FLAGS = encoder.encode(' gfp_flags=');
const PERCPU_REFILL = encoder.encode(' percpu_refill=');

/** True when `bytes` holds all of `literal` at `at`; a newline never matches, so this cannot run past the line. */
function matches(bytes: Uint8Array, at: number, literal: Uint8Array): boolean {
  for (let i = 0; i < literal.length; i++) if (bytes[at + i] !== literal[i]) return false;
  return true;
}

export class LineParser {
  readonly builder = new EventColumnsBuilder();
  /** Events by index of `names`. */
  readonly counts: number[] = [];
  readonly names: string[] = [];
  private readonly account: Account;
  private readonly onComment: (line: string) => void;

  private readonly tasks: ByteInterner;
  private readonly flagTexts: ByteInterner;
  private readonly gfpTexts: ByteInterner;
  private readonly words: ByteInterner;
  private readonly nameTable: ByteInterner;
  private readonly values = new Float64Array(16);

  /** `onComment` is given each line that begins with `#` or tells of lost events. */
  constructor(account: Account, onComment: (line: string) => void) {
    this.account = account;
    this.onComment = onComment;
    const { builder } = this;
    this.tasks = new ByteInterner(MAX_TASKS, (column) => {
      const { comm, pid } = splitTask(column);
      return builder.internTask(comm, pid);
    });
    this.flagTexts = new ByteInterner(MAX_FLAG_TEXTS, (text) => builder.flagTexts.intern(text));
    this.gfpTexts = new ByteInterner(MAX_GFP_TEXTS, (text) => builder.gfpTexts.intern(text));
    this.words = new ByteInterner(MAX_WORDS, (text) => builder.words.intern(text));
    this.nameTable = new ByteInterner(MAX_NAMES, (name) => this.addName(name));
    for (const { name } of TRACEPOINTS) {
      const bytes = encoder.encode(name);
      let hash = 0;
      for (const byte of bytes) hash = ((hash << 5) - hash + byte) | 0;
      this.nameTable.find(bytes, 0, bytes.length, hash);
    }
    // Index 0 is what rows of other kinds hold.
    builder.gfpTexts.intern('');
  }

  private addName(name: string): number {
    this.counts.push(0);
    return this.names.push(name) - 1;
  }

  /** HOT. Reads whole lines: bytes[end - 1] is a newline. */
  parse(bytes: Uint8Array, start: number, end: number): void {
    const { builder, account, counts, tasks, flagTexts, gfpTexts, nameTable } = this;
    let { time, pfnLow, pfnHigh, kind: kinds, unit, flags: flagsColumn, cpu: cpus, gfp: gfps, task: taskColumn, capacity } = builder;

    for (let line = start, at = start; at < end; line = at) {
      account.lines++;
      if (builder.length === capacity) {
        builder.reserve();
        ({ time, pfnLow, pfnHigh, kind: kinds, unit, flags: flagsColumn, cpu: cpus, gfp: gfps, task: taskColumn, capacity } = builder);
      }
      const row = builder.length;

      // Task: fixed columns first, else look for the cpu's bracket.
      let bracket = line + 25;
      if (bracket >= end || bytes[bracket] !== BRACKET || bytes[line + 16] !== 45 || bytes[line] === HASH) {
        let eol = line;
        while (bytes[eol] !== NEWLINE) eol++;
        bracket = bytes[line] === HASH ? -1 : findCpuColumn(bytes, line, Math.min(eol, line + 256));
        if (bracket === -1) {
          this.otherLine(bytes, line, eol);
          at = eol + 1;
          continue;
        }
      }
      let hash = 0;
      for (at = line; at < bracket; at++) hash = ((hash << 5) - hash + bytes[at]) | 0;
      const task = tasks.find(bytes, line, bracket, hash);

      // [cpu]
      let cpu = 0;
      let digit: number;
      for (at = bracket + 1; (digit = bytes[at] - ZERO) >= 0 && digit <= 9; at++) cpu = cpu * 10 + digit;
      if (bytes[at] !== 93 || task === -1 || cpu > 65535) {
        at = this.badLine('no-cpu', bytes, line);
        continue;
      }
      at++;

      // Flags, absent without the irq-info option.
      while (bytes[at] === SPACE) at++;
      let from = at;
      hash = 0;
      digit = bytes[at] - ZERO;
      if (digit < 0 || digit > 9) {
        for (let c = bytes[at]; c !== SPACE && c !== NEWLINE; c = bytes[++at]) hash = ((hash << 5) - hash + c) | 0;
      }
      const flags = at - from > 16 ? -1 : flagTexts.find(bytes, from, at, hash);
      while (bytes[at] === SPACE) at++;

      // Time: sec.usec or sec.nsec; a plain number from clocks that count.
      let seconds = 0;
      from = at;
      for (; (digit = bytes[at] - ZERO) >= 0 && digit <= 9; at++) seconds = seconds * 10 + digit;
      let ns = seconds;
      let ok = at > from && flags !== -1;
      if (bytes[at] === DOT) {
        let fraction = 0;
        from = ++at;
        for (; (digit = bytes[at] - ZERO) >= 0 && digit <= 9; at++) fraction = fraction * 10 + digit;
        const width = at - from;
        if (width === 6) ns = seconds * 1e9 + fraction * 1e3;
        else if (width === 9) ns = seconds * 1e9 + fraction;
        else ok = false;
      }
      if (!ok || bytes[at] !== COLON) {
        at = this.badLine('no-time', bytes, line);
        continue;
      }
      at++;

      // Event name; perf puts its system in front.
      while (bytes[at] === SPACE) at++;
      let name = -1;
      do {
        from = at;
        hash = 0;
        for (let c = bytes[at]; isNameByte(c); c = bytes[++at]) hash = ((hash << 5) - hash + c) | 0;
        if (bytes[at] !== COLON || at === from || at - from > MAX_NAME) break;
        at++;
        if (bytes[at] === SPACE || bytes[at] === NEWLINE || bytes[at] === RETURN) {
          name = nameTable.find(bytes, from, at - 1, hash);
          break;
        }
      } while (true);
      if (name === -1) {
        at = this.badLine(bytes[from] === 60 ? 'stack-trace' : 'no-event-name', bytes, line);
        continue;
      }

      if (!isPageEvent(name)) {
        at = this.otherEvent(name, bytes, line, at, ns, cpu, flags, task);
        continue;
      }

      // page=… pfn=…
      while (bytes[at] === SPACE) at++;
      let noPage = false;
      if (bytes[at] === 112 && bytes[at + 1] === 97 && bytes[at + 2] === 103 && bytes[at + 3] === 101 && bytes[at + 4] === EQUALS) {
        from = at += 5;
        // All zeros or (null): no page. The first digit that is neither 0 nor x nor ( decides.
        let c = bytes[at];
        while (c === ZERO || c === 120 || c === 40) c = bytes[++at];
        noPage = c === SPACE || (c === 110 && at > from);
        while (c !== SPACE && c !== NEWLINE) c = bytes[++at];
        while (bytes[at] === SPACE) at++;
      }
      if (bytes[at] !== 112 || bytes[at + 1] !== 102 || bytes[at + 2] !== 110 || bytes[at + 3] !== EQUALS) {
        at = this.badLine('bad-fields', bytes, line);
        continue;
      }
      at += 4;
      let low = 0;
      let high = 0;
      if (bytes[at] === ZERO && bytes[at + 1] === 120) {
        at += 2;
        from = at;
        for (; (digit = HEX_DIGIT[bytes[at]]) < 16; at++) {
          high = (high << 4) | (low >>> 28);
          low = (low << 4) | digit;
        }
        ok = at > from && at - from <= 16;
        if (at - from > 10) high = at - from === 16 && low === -1 && high === -1 ? NO_PAGE_HIGH : 256;
      } else {
        from = at;
        while (bytes[at] !== SPACE && bytes[at] !== NEWLINE && bytes[at] !== RETURN) at++;
        const pfn = readNumber(bytes, from, at);
        ok = pfn >= -1;
        high = pfn < 0 ? NO_PAGE_HIGH : Math.floor(pfn / 4294967296);
        low = pfn < 0 ? 0 : pfn - high * 4294967296;
        if (pfn >= 0 && high >= NO_PAGE_HIGH) high = 256;
      }
      if (noPage && low === 0 && high === 0) high = NO_PAGE_HIGH;
      else if (high === NO_PAGE_HIGH) low = 0;

      // order=
      if (!ok || high > NO_PAGE_HIGH || !matches(bytes, at, ORDER)) {
        at = this.badLine('bad-fields', bytes, line);
        continue;
      }
      at += ORDER.length;
      from = at;
      let packed = 0;
      for (; (digit = bytes[at] - ZERO) >= 0 && digit <= 9; at++) packed = packed * 10 + digit;
      ok = at > from && packed <= 15;

      // migratetype= and what follows it
      let gfp = 0;
      if (name === KIND.mm_page_alloc || name === KIND.mm_page_alloc_zone_locked || name === KIND.mm_page_pcpu_drain) {
        if (!matches(bytes, at, MIGRATETYPE)) ok = false;
        else {
          at += MIGRATETYPE.length;
          digit = bytes[at++] - ZERO;
          if (digit < 0 || digit > 7) ok = false;
          packed |= digit << 4;
          if (name === KIND.mm_page_alloc) {
            if (!ok || !matches(bytes, at, GFP_FLAGS)) ok = false;
            else {
              at += GFP_FLAGS.length;
              from = at;
              hash = 0;
              for (let c = bytes[at]; c > SPACE; c = bytes[++at]) hash = ((hash << 5) - hash + c) | 0;
              gfp = at - from > MAX_LINE || at === from ? -1 : gfpTexts.find(bytes, from, at, hash);
              if (gfp === -1) ok = false;
            }
          } else if (name === KIND.mm_page_alloc_zone_locked) {
            if (!ok || !matches(bytes, at, PERCPU_REFILL)) ok = false;
            else {
              at += PERCPU_REFILL.length;
              digit = bytes[at++] - ZERO;
              if (digit !== 0 && digit !== 1) ok = false;
              packed |= digit << 7;
            }
          }
        }
      }

      // To the end of the line: nothing, or fields of older kernels (cold=0).
      if (!ok || (bytes[at] !== NEWLINE && bytes[at] !== SPACE && bytes[at] !== RETURN)) {
        at = this.badLine('bad-fields', bytes, line);
        continue;
      }
      while (bytes[at] !== NEWLINE) at++;
      if (at - line > MAX_LINE) {
        at = this.badLine('line-too-long', bytes, line);
        continue;
      }
      at++;
      time[row] = ns;
      pfnLow[row] = low;
      pfnHigh[row] = high;
      kinds[row] = name;
      unit[row] = packed;
      flagsColumn[row] = flags;
      cpus[row] = cpu;
      gfps[row] = gfp;
      taskColumn[row] = task;
      builder.length = row + 1;
      counts[name]++;
      account.events++;
    }
  }

  /** An event that is no page event: known ones are stored, others are counted by name. Gives the next line's start. */
  private otherEvent(
    name: number,
    bytes: Uint8Array,
    line: number,
    at: number,
    ns: number,
    cpu: number,
    flags: number,
    task: number,
  ): number {
    let eol = at;
    while (bytes[eol] !== NEWLINE) eol++;
    if (eol - line > MAX_LINE) return this.badLine('line-too-long', bytes, line);
    if (name < KNOWN) {
      let end = eol;
      while (end > at && (bytes[end - 1] === RETURN || (bytes[end - 1] === SPACE && name !== KIND.tracing_mark_write))) end--;
      if (bytes[at] === SPACE) at++;
      const count = readFields(name, bytes, Math.min(at, end), end, this.words, this.values);
      if (count === -1) return this.badLine('bad-fields', bytes, line);
      this.builder.pushArgs(name, ns, cpu, flags, task, this.values.subarray(0, count));
    }
    this.counts[name]++;
    this.account.events++;
    return eol + 1;
  }

  /** A line without a task and cpu column. */
  private otherLine(bytes: Uint8Array, line: number, eol: number): void {
    if (eol - line > MAX_LINE) {
      this.badLine('line-too-long', bytes, line);
      return;
    }
    const text = decode(bytes, line, eol);
    if (text.startsWith('#') || text.trim() === '') {
      this.account.comment();
      if (text !== '') this.onComment(text);
    } else if (/^CPU:\d+ \[.*EVENTS/.test(text) || /^(cpus=\d+|version = \d+)$/.test(text)) {
      this.account.comment();
      this.onComment(text);
    } else {
      this.account.skip(text.startsWith(' => ') ? 'stack-trace' : 'not-an-event-line', text);
    }
  }

  /** Counts the line as skipped and gives the start of the next one. */
  private badLine(reason: string, bytes: Uint8Array, line: number): number {
    let eol = line;
    while (bytes[eol] !== NEWLINE) eol++;
    this.account.skip(eol - line > MAX_LINE ? 'line-too-long' : reason, decode(bytes, line, Math.min(eol, line + 400)));
    return eol + 1;
  }
}

function isNameByte(byte: number): boolean {
  return (byte >= 97 && byte <= 122) || byte === UNDERSCORE || (byte >= ZERO && byte <= 57) || (byte >= 65 && byte <= 90);
}
