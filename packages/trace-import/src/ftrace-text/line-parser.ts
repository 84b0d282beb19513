/**
 * Lines of ftrace text to event columns, one forward pass over bytes. PageLines reads the lines that look as most do; each
 * one that differs is read here, byte by byte, and fills the caches for those after it.
 *
 *            snapz-185     [000] d..3.    16.250379: mm_page_alloc: page=00000000ddd01219 pfn=0x999f order=0 migratetype=1 …
 *   └── comm ─────┘└ pid ┘  cpu  flags    sec.usec    event
 *   0              16       25
 *
 * Every line in the given range ends in a newline, so a scan that stops at one needs no other bound. A row is written into
 * the columns as it is read and counts only once `length` is raised: a line that fails halfway leaves nothing behind. A
 * line of any other shape is left to OddLines, which reads every layout and is slower.
 *
 * Models: kernel/trace/trace_output.c trace_print_context(), include/trace/events/kmem.h.
 */
import { KIND } from '@replug/core';
import { NO_PAGE_HIGH } from '@replug/workload';
import type { Account } from '../account.ts';
import { BRACKET, BRACKET_END, COLON, DASH, DOT, EQUALS, HASH, NEWLINE, QUOTE, RETURN, SPACE, ZERO } from './ascii.ts';
import { decode, hashBytes } from './byte-interner.ts';
import { KNOWN, SPECIAL, type EventSink } from './event-sink.ts';
import { HEX_DIGIT, readFields, readNumber } from './fields.ts';
import type { OddLines } from './odd-lines.ts';
import { FlagsCache } from './flags-cache.ts';
import { GFP_REACH, GfpCache } from './gfp-cache.ts';
import { PageLines } from './page-lines.ts';
import { TaskCache } from './task-cache.ts';
import { findCpuColumn } from './task-column.ts';
import { word, wordOf } from './words.ts';

/** Bytes of the longest line that is read, its newline not counted. */
export const MAX_LINE = 65536;
const MAX_NAME = 64;
const MAX_FLAGS = 16;
const SAMPLE_LENGTH = 400;

/** A pfn that the columns cannot hold. */
const TOO_HIGH = 256;

const ALLOC = KIND.mm_page_alloc;
const FREE = KIND.mm_page_free;
const FREE_BATCHED = KIND.mm_page_free_batched;
const ZONE_LOCKED = KIND.mm_page_alloc_zone_locked;
const DRAIN = KIND.mm_page_pcpu_drain;

// Literals as words; where the length is no multiple of four the last word overlaps the one before.
const [MM_P, AGE_] = [wordOf('mm_p'), wordOf('age_')];
const [ALLO, FREE4, PCPU] = [wordOf('allo'), wordOf('free'), wordOf('pcpu')];
const [_ZON, E_LO, CKED] = [wordOf('_zon'), wordOf('e_lo'), wordOf('cked')];
const [_BAT, CHED] = [wordOf('_bat'), wordOf('ched')];
const [_DRA, RAIN] = [wordOf('_dra'), wordOf('rain')];
const [PAGE, PFN_] = [wordOf('page'), wordOf('pfn=')];
const [_ORD, DER_] = [wordOf(' ord'), wordOf('der=')];
const [_MIG, RATE, TYPE] = [wordOf(' mig'), wordOf('rate'), wordOf('type')];
const [_GFP, _FLA, AGS_] = [wordOf(' gfp'), wordOf('_fla'), wordOf('ags=')];
const [_PER, CPU_, REFI, ILL_] = [wordOf(' per'), wordOf('cpu_'), wordOf('refi'), wordOf('ill=')];

export class LineParser {
  private readonly account: Account;
  private readonly sink: EventSink;
  private readonly odd: OddLines;

  private readonly taskCache = new TaskCache();
  private readonly flagsCache = new FlagsCache();
  private readonly gfpCache = new GfpCache();
  private readonly pageLines: PageLines;
  private readonly values = new Float64Array(16);

  constructor(account: Account, sink: EventSink, odd: OddLines) {
    this.account = account;
    this.sink = sink;
    this.odd = odd;
    this.pageLines = new PageLines(account, sink, this.taskCache, this.flagsCache, this.gfpCache);
  }

  /** HOT. Reads whole lines: bytes[end - 1] is a newline, and SLACK more bytes follow it in the buffer. */
  parse(bytes: Uint8Array, start: number, end: number): void {
    const { account, taskCache, flagsCache, gfpCache, pageLines } = this;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const { builder, counts, tasks } = this.sink;
    let { time, pfnLow, pfnHigh, unit, capacity } = builder;
    let { kind: kinds, flags: flagsColumn, cpu: cpus, gfp: gfps, task: taskColumn } = builder;

    let at = start;
    if (this.odd.pending && at < end) {
      account.lines++;
      at = this.oddLines(bytes, at, end);
    }
    for (;;) {
      const line = pageLines.read(view, at, end);
      if (line >= end) return;
      account.lines++;
      if (builder.length >= capacity) {
        builder.reserve();
        ({ time, pfnLow, pfnHigh, unit, capacity } = builder);
        ({ kind: kinds, flags: flagsColumn, cpu: cpus, gfp: gfps, task: taskColumn } = builder);
      }
      const row = builder.length;

      // Task: a column known from its fixed place, else look for the cpu's bracket.
      let bracket = line + 25;
      let task = -1;
      if (bytes[bracket] === BRACKET && bytes[line + 16] === DASH) task = taskCache.find(view, line);
      if (task === -1) {
        let eol = line;
        while (bytes[eol] !== NEWLINE) eol++;
        const isPlain = bytes[line] === HASH || bytes[line] === QUOTE;
        bracket = isPlain ? -1 : findCpuColumn(bytes, line, Math.min(eol, line + 256));
        if (bracket === -1) {
          at = this.oddLines(bytes, line, end);
          continue;
        }
        task = tasks.find(bytes, line, bracket, hashBytes(bytes, line, bracket));
        if (task !== -1 && bracket === line + 25 && bytes[line + 16] === DASH) taskCache.set(view, line, task);
      }

      // [cpu]
      let cpu = 0;
      let digit: number;
      for (at = bracket + 1; (digit = bytes[at] - ZERO) >= 0 && digit <= 9; at++) cpu = cpu * 10 + digit;
      if (bytes[at] !== BRACKET_END || task === -1 || cpu > 65535) {
        at = this.oddLines(bytes, line, end);
        continue;
      }
      at++;

      // Flags, absent without the irq-info option; five of them since 5.17.
      while (bytes[at] === SPACE) at++;
      const head = word(bytes, at);
      const tail = bytes[at + 4];
      let flags = bytes[at + 5] === SPACE ? flagsCache.find(head, tail) : -1;
      if (flags !== -1) at += 5;
      else {
        flags = this.findFlags(bytes, at);
        if (flags !== -1 && this.flagsEnd === at + 5) flagsCache.set(head, tail, flags);
        at = this.flagsEnd;
      }
      while (bytes[at] === SPACE) at++;

      // Time: sec.usec or sec.nsec; a plain number from clocks that count.
      let seconds = 0;
      let from = at;
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
        at = this.oddLines(bytes, line, end);
        continue;
      }
      at++;

      // Event name: the page events by their words, all others by table.
      while (bytes[at] === SPACE) at++;
      let name = -1;
      if (word(bytes, at) === MM_P && word(bytes, at + 4) === AGE_) {
        const third = word(bytes, at + 8);
        let colon = at;
        if (third === FREE4) {
          if (bytes[at + 12] === COLON) {
            name = FREE;
            colon = at + 12;
          } else if (word(bytes, at + 12) === _BAT && word(bytes, at + 16) === CHED) {
            name = FREE_BATCHED;
            colon = at + 20;
          }
        } else if (third === ALLO && bytes[at + 12] === 99) {
          if (bytes[at + 13] === COLON) {
            name = ALLOC;
            colon = at + 13;
          } else if (word(bytes, at + 13) === _ZON && word(bytes, at + 17) === E_LO && word(bytes, at + 21) === CKED) {
            name = ZONE_LOCKED;
            colon = at + 25;
          }
        } else if (third === PCPU && word(bytes, at + 12) === _DRA && word(bytes, at + 14) === RAIN) {
          name = DRAIN;
          colon = at + 18;
        }
        if (bytes[colon] === COLON && bytes[colon + 1] === SPACE) at = colon + 2;
        else name = -1;
      }
      if (name === -1) {
        name = this.findName(bytes, at);
        if (name === -1) {
          at = this.oddLines(bytes, line, end);
          continue;
        }
        at = this.nameEnd;
        if (name > DRAIN) {
          at = this.otherEvent(name, bytes, line, at, end, ns, cpu, flags, task);
          continue;
        }
      }

      // page=… pfn=…
      while (bytes[at] === SPACE) at++;
      let noPage = false;
      if (word(bytes, at) === PAGE && bytes[at + 4] === EQUALS) {
        at += 5;
        // Old kernels pad (null) to the width of a pointer.
        while (bytes[at] === SPACE) at++;
        from = at;
        // All zeros or (null): no page. The first character that is neither 0 nor x nor ( decides.
        let c = bytes[at];
        while (c === ZERO || c === 120 || c === 40) c = bytes[++at];
        noPage = at > from && (c === SPACE || c === 110);
        while (c > SPACE) c = bytes[++at];
        while (bytes[at] === SPACE) at++;
      }
      if (word(bytes, at) !== PFN_) {
        at = this.oddLines(bytes, line, end);
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
        if (low === -1 && high === -1) {
          high = NO_PAGE_HIGH;
          low = 0;
        } else if (at - from > 10 || high === NO_PAGE_HIGH) high = TOO_HIGH;
      } else {
        from = at;
        while (bytes[at] > SPACE) at++;
        const pfn = readNumber(bytes, from, at);
        ok = pfn >= -1;
        high = pfn < 0 ? NO_PAGE_HIGH : Math.floor(pfn / 4294967296);
        low = pfn < 0 ? 0 : pfn - high * 4294967296;
        if (pfn >= 0 && high >= NO_PAGE_HIGH) high = TOO_HIGH;
      }
      if (noPage && low === 0 && high === 0) high = NO_PAGE_HIGH;

      // order=
      if (!ok || high > NO_PAGE_HIGH || word(bytes, at) !== _ORD || word(bytes, at + 3) !== DER_) {
        at = this.oddLines(bytes, line, end);
        continue;
      }
      at += 7;
      from = at;
      let packed = 0;
      for (; (digit = bytes[at] - ZERO) >= 0 && digit <= 9; at++) packed = packed * 10 + digit;
      ok = at > from && packed <= 15;

      // migratetype= and what follows it
      let gfp = 0;
      if (name !== FREE && name !== FREE_BATCHED) {
        digit = bytes[at + 13] - ZERO;
        if (word(bytes, at) !== _MIG || word(bytes, at + 4) !== RATE || word(bytes, at + 8) !== TYPE) ok = false;
        else {
          if (bytes[at + 12] !== EQUALS || digit < 0 || digit > 7) ok = false;
          else {
            at += 14;
            packed |= digit << 4;
            if (name === ALLOC) {
              if (word(bytes, at) !== _GFP || word(bytes, at + 4) !== _FLA || word(bytes, at + 7) !== AGS_) ok = false;
              else {
                from = at += 11;
                gfp = from + GFP_REACH <= end ? gfpCache.find(view, from) : -1;
                if (gfp !== -1) at = gfpCache.end;
                else {
                  gfp = this.findGfp(bytes, view, from, line, end);
                  at = this.gfpEnd;
                }
                if (gfp === -1) ok = false;
              }
            } else if (name === ZONE_LOCKED) {
              digit = bytes[at + 15] - ZERO;
              if (word(bytes, at) !== _PER || word(bytes, at + 4) !== CPU_ || word(bytes, at + 8) !== REFI) ok = false;
              else if (word(bytes, at + 11) !== ILL_ || digit < 0 || digit > 1) ok = false;
              else {
                at += 16;
                packed |= digit << 7;
              }
            }
          }
        }
      }

      // To the end of the line: nothing, or fields of older kernels (cold=0).
      ok = ok && (bytes[at] === NEWLINE || bytes[at] === SPACE || bytes[at] === RETURN);
      if (ok) while (bytes[at] !== NEWLINE) at++;
      if (!ok || at - line > MAX_LINE) {
        at = this.oddLines(bytes, line, end);
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

  private flagsEnd = 0;
  private nameEnd = 0;
  private gfpEnd = 0;

  /** Index of the flag characters at `at`; their end goes to `flagsEnd`. A digit there is the time: no flags. */
  private findFlags(bytes: Uint8Array, at: number): number {
    let end = at;
    const digit = bytes[at] - ZERO;
    if (digit < 0 || digit > 9) while (bytes[end] > SPACE) end++;
    this.flagsEnd = end;
    return end - at > MAX_FLAGS ? -1 : this.sink.flagTexts.find(bytes, at, end, hashBytes(bytes, at, end));
  }

  /** Index of the gfp text at `from`, which the cache has missed; its end goes to `gfpEnd`. */
  private findGfp(bytes: Uint8Array, view: DataView, from: number, line: number, end: number): number {
    let at = from;
    while (bytes[at] > SPACE) at++;
    this.gfpEnd = at;
    if (at === from || at - line > MAX_LINE) return -1;
    const gfp = this.sink.gfpTexts.find(bytes, from, at, hashBytes(bytes, from, at));
    if (gfp !== -1 && from + GFP_REACH <= end) this.gfpCache.set(view, from, at, gfp);
    return gfp;
  }

  /** Index of the event name at `at`, perf's `system:` left out; the colon's end goes to `nameEnd`. -1 when there is none. */
  private findName(bytes: Uint8Array, at: number): number {
    for (let from = at; ; from = at) {
      while (bytes[at] > SPACE && bytes[at] !== COLON) at++;
      if (bytes[at] !== COLON || at - from > MAX_NAME) return -1;
      at++;
      if (bytes[at] > SPACE) continue;
      this.nameEnd = at;
      return this.sink.nameTable.find(bytes, from, at - 1, hashBytes(bytes, from, at - 1));
    }
  }

  /** An event that is no page event: known ones are stored, others are counted by name. Gives the next line's start. */
  private otherEvent(
    name: number,
    bytes: Uint8Array,
    line: number,
    at: number,
    end: number,
    ns: number,
    cpu: number,
    flags: number,
    task: number,
  ): number {
    if (name >= KNOWN && name < SPECIAL) return this.oddLines(bytes, line, end);
    let eol = at;
    while (bytes[eol] !== NEWLINE) eol++;
    if (eol - line > MAX_LINE) return this.oddLines(bytes, line, end);
    if (name < KNOWN) {
      let to = eol;
      while (to > at && (bytes[to - 1] === RETURN || (bytes[to - 1] === SPACE && name !== KIND.tracing_mark_write)))
        to--;
      if (bytes[at] === SPACE) at++;
      const count = readFields(name, bytes, Math.min(at, to), to, this.sink.words, this.values);
      if (count === -1) return this.oddLines(bytes, line, end);
      this.sink.builder.pushArgs(name, ns, cpu, flags, task, this.values.subarray(0, count));
    } else this.sink.chains.passed(cpu);
    this.sink.counts[name]++;
    this.account.events++;
    return eol + 1;
  }

  /** Hands over the line at `line`, and those after it as long as one waits. Gives where the hot loop goes on. */
  private oddLines(bytes: Uint8Array, line: number, end: number): number {
    for (let at = line; ; this.account.lines++) {
      let eol = at;
      while (bytes[eol] !== NEWLINE) eol++;
      if (eol - at > MAX_LINE) this.odd.skipTooLong(decode(bytes, at, at + SAMPLE_LENGTH));
      else this.odd.read(decode(bytes, at, eol));
      at = eol + 1;
      if (!this.odd.pending || at >= end) return at;
    }
  }
}
