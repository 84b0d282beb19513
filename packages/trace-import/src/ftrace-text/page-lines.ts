/**
 * The fast path: page events as kernels since 5.17 print them by default, everything but the numbers in its place.
 *
 *            snapz-185     [000] d..3.    16.250379: mm_page_alloc: page=00000000ddd01219 pfn=0x999f order=0 …
 *   0              16       25    31    37   42     49
 *
 * Literals are compared as words of four bytes; task, cpu, flags and seconds are mostly those of lines before and are looked
 * up by their bytes. What is accepted here is a part of what LineParser accepts, with the same result: every line that
 * differs in a byte – more digits, other spaces, an old field behind – is left to it.
 *
 * A word may reach past a line's end. No newline gets through unseen: literals hold none, cached texts were read from within
 * a line, digits are checked.
 */
import { KIND } from '@replug/core';
import { NO_PAGE_HIGH } from '@replug/workload';
import type { Account } from '../account.ts';
import { BRACKET, BRACKET_END, DOT, EQUALS, NEWLINE, SPACE, ZERO } from './ascii.ts';
import type { EventSink } from './event-sink.ts';
import type { FlagsCache } from './flags-cache.ts';
import { HEX_DIGIT } from './fields.ts';
import { GFP_REACH, type GfpCache } from './gfp-cache.ts';
import type { TaskCache } from './task-cache.ts';
import { wordOf } from './words.ts';

/** Bytes after a line's start that are looked at: as many have to be in the buffer. */
const REACH = 160 + GFP_REACH;

const ALLOC = KIND.mm_page_alloc;
const FREE = KIND.mm_page_free;
const FREE_BATCHED = KIND.mm_page_free_batched;
const ZONE_LOCKED = KIND.mm_page_alloc_zone_locked;
const DRAIN = KIND.mm_page_pcpu_drain;

// Literals as words; where the length is no multiple of four the last word overlaps the one before.
const [COLON_MM, _PAG, E_FR, E_AL, E_PC] = [
  wordOf(': mm'),
  wordOf('_pag'),
  wordOf('e_fr'),
  wordOf('e_al'),
  wordOf('e_pc'),
];
const [EE__, EE_B, ATCH, ED__] = [wordOf('ee: '), wordOf('ee_b'), wordOf('atch'), wordOf('ed: ')];
/** `000]`, the cpu that most lines have. */
const CPU_000 = wordOf('000]');
const [LOC_COLON, SPACE_PAG] = [wordOf('loc:'), wordOf(' pag')];
const [LOC_, ZONE, _LOC, KED_] = [wordOf('loc_'), wordOf('zone'), wordOf('_loc'), wordOf('ked:')];
const [PU_D, RAIN, COLON_PA] = [wordOf('pu_d'), wordOf('rain'), wordOf(': pa')];
const [PAGE, ZEROS, _PFN, N_0X] = [wordOf('page'), wordOf('0000'), wordOf(' pfn'), wordOf('n=0x')];
const [_ORD, DER_] = [wordOf(' ord'), wordOf('der=')];
const [_MIG, RATE, TYPE] = [wordOf(' mig'), wordOf('rate'), wordOf('type')];
const [_GFP, _FLA, AGS_] = [wordOf(' gfp'), wordOf('_fla'), wordOf('ags=')];
const [_PER, CPU_, REFI, ILL_] = [wordOf(' per'), wordOf('cpu_'), wordOf('refi'), wordOf('ill=')];

export class PageLines {
  private readonly account: Account;
  private readonly sink: EventSink;
  private readonly taskCache: TaskCache;
  private readonly flagsCache: FlagsCache;
  private readonly gfpCache: GfpCache;

  constructor(account: Account, sink: EventSink, taskCache: TaskCache, flagsCache: FlagsCache, gfpCache: GfpCache) {
    this.account = account;
    this.sink = sink;
    this.taskCache = taskCache;
    this.flagsCache = flagsCache;
    this.gfpCache = gfpCache;
  }

  /**
   * HOT. Reads the lines from `start` on until one does not fit, and gives where that one begins; `end` when all did. There
   * are newlines in front of `start` and `end`.
   */
  read(view: DataView, start: number, end: number): number {
    const { account, taskCache, flagsCache, gfpCache } = this;
    const { builder, counts } = this.sink;
    const last = Math.min(end, view.byteLength - REACH);
    const { time, pfnLow, pfnHigh, unit, capacity, kind: kinds, flags: flagsColumn, cpu: cpus, gfp: gfps } = builder;
    const { task: taskColumn } = builder;

    // What the line before had, and its bytes.
    let cpu = 0;
    let cpuDigits = CPU_000;
    let secondsNs = 0;
    let secondsHead = 0;
    let secondsTail = 0;
    let secondsWidth = -1;

    let row = builder.length;
    let line = start;
    for (; line < last && row < capacity; row++) {
      // comm-pid [cpu] flags
      if (view.getUint8(line + 25) !== BRACKET) break;
      const task = taskCache.find(view, line);
      const digits = view.getInt32(line + 26, true);
      if (digits !== cpuDigits) {
        if (view.getUint8(line + 29) !== BRACKET_END) break;
        cpu = decimal(view, line + 26, line + 29);
        if (cpu === -1) break;
        cpuDigits = digits;
      }
      const flags = flagsCache.find(view.getInt32(line + 31, true), view.getUint8(line + 35));
      if (task === -1 || flags === -1 || view.getUint8(line + 30) !== SPACE || view.getUint8(line + 36) !== SPACE)
        break;

      // Seconds are at least five wide, the fraction is six.
      let dot = line + 42;
      while (view.getUint8(dot) !== DOT && dot < line + 45) dot++;
      if (view.getUint8(dot) !== DOT) break;
      const head = view.getInt32(line + 37, true);
      const tail = view.getInt32(dot - 4, true);
      if (head !== secondsHead || tail !== secondsTail || dot - line !== secondsWidth) {
        let from = line + 37;
        while (view.getUint8(from) === SPACE) from++;
        const seconds = decimal(view, from, dot);
        if (seconds === -1) break;
        secondsNs = seconds * 1e9;
        secondsHead = head;
        secondsTail = tail;
        secondsWidth = dot - line;
      }
      const high4 = view.getInt32(dot + 1, true) ^ 0x30303030;
      const low2 = view.getUint16(dot + 5, true) ^ 0x3030;
      if ((((high4 + 0x06060606) | high4 | (low2 + 0x0606) | low2) & 0xf0f0f0f0) !== 0) break;
      const pairs = (Math.imul(high4, 2561) >>> 8) & 0xff00ff;
      const fraction = (Math.imul(pairs, 6553601) >>> 16) * 100 + (low2 & 15) * 10 + (low2 >>> 8);

      // Name
      if (view.getInt32(dot + 7, true) !== COLON_MM || view.getInt32(dot + 11, true) !== _PAG) break;
      const start4 = view.getInt32(dot + 15, true);
      const next4 = view.getInt32(dot + 19, true);
      const then4 = view.getInt32(dot + 23, true);
      let name: number;
      let at: number;
      if (start4 === E_FR) {
        if (next4 === EE__) {
          name = FREE;
          at = dot + 23;
        } else if (next4 === EE_B && then4 === ATCH && view.getInt32(dot + 27, true) === ED__) {
          name = FREE_BATCHED;
          at = dot + 31;
        } else break;
      } else if (start4 === E_AL) {
        if (next4 === LOC_COLON && then4 === SPACE_PAG) {
          name = ALLOC;
          at = dot + 24;
        } else if (
          next4 === LOC_ &&
          then4 === ZONE &&
          view.getInt32(dot + 27, true) === _LOC &&
          view.getInt32(dot + 31, true) === KED_ &&
          view.getUint8(dot + 35) === 32
        ) {
          name = ZONE_LOCKED;
          at = dot + 36;
        } else break;
      } else if (start4 === E_PC && next4 === PU_D && then4 === RAIN && view.getInt32(dot + 27, true) === COLON_PA) {
        name = DRAIN;
        at = dot + 29;
      } else break;

      // page=: sixteen digits, no letter that could mean `(null)` among them; only all zeros is no page.
      if (view.getInt32(at, true) !== PAGE || view.getUint8(at + 4) !== EQUALS) break;
      const a = view.getInt32(at + 5, true);
      const b = view.getInt32(at + 9, true);
      const c = view.getInt32(at + 13, true);
      const d = view.getInt32(at + 17, true);
      const below0 =
        ((a - 0x30303030) & ~a) | ((b - 0x30303030) & ~b) | ((c - 0x30303030) & ~c) | ((d - 0x30303030) & ~d);
      const beyondF = (a & (a << 3)) | (b & (b << 3)) | (c & (c << 3)) | (d & (d << 3));
      if ((below0 & 0x80808080) !== 0 || (beyondF & 0x40404040) !== 0) break;
      const noPage = a === ZEROS && b === ZEROS && c === ZEROS && d === ZEROS;

      // pfn=0x
      if (view.getInt32(at + 21, true) !== _PFN || view.getInt32(at + 24, true) !== N_0X) break;
      const pfnAt = at + 28;
      let low = 0;
      let digit: number;
      for (at = pfnAt; (digit = HEX_DIGIT[view.getUint8(at)]) < 16 && at < pfnAt + 8; at++) low = (low << 4) | digit;
      if (at === pfnAt) break;

      // order=
      if (view.getInt32(at, true) !== _ORD || view.getInt32(at + 3, true) !== DER_) break;
      let packed = view.getUint8(at + 7) - ZERO;
      if (packed < 0 || packed > 9) break;
      at += 8;
      digit = view.getUint8(at) - ZERO;
      if (digit >= 0 && digit <= 9) {
        packed = packed * 10 + digit;
        if (packed > 15) break;
        at++;
      }

      // migratetype= and what follows it
      let gfp = 0;
      if (name !== FREE && name !== FREE_BATCHED) {
        if (view.getInt32(at, true) !== _MIG || view.getInt32(at + 4, true) !== RATE) break;
        if (view.getInt32(at + 8, true) !== TYPE || view.getUint8(at + 12) !== EQUALS) break;
        digit = view.getUint8(at + 13) - ZERO;
        if (digit < 0 || digit > 7) break;
        packed |= digit << 4;
        at += 14;
        if (name === ALLOC) {
          if (view.getInt32(at, true) !== _GFP || view.getInt32(at + 4, true) !== _FLA) break;
          if (view.getInt32(at + 7, true) !== AGS_) break;
          gfp = gfpCache.find(view, at + 11);
          if (gfp === -1) break;
          at = gfpCache.end;
        } else if (name === ZONE_LOCKED) {
          if (view.getInt32(at, true) !== _PER || view.getInt32(at + 4, true) !== CPU_) break;
          if (view.getInt32(at + 8, true) !== REFI || view.getInt32(at + 11, true) !== ILL_) break;
          digit = view.getUint8(at + 15) - ZERO;
          if (digit < 0 || digit > 1) break;
          packed |= digit << 7;
          at += 16;
        }
      }
      if (view.getUint8(at) !== NEWLINE) break;
      line = at + 1;

      time[row] = secondsNs + fraction * 1e3;
      pfnLow[row] = low;
      pfnHigh[row] = noPage && low === 0 ? NO_PAGE_HIGH : 0;
      kinds[row] = name;
      unit[row] = packed;
      flagsColumn[row] = flags;
      cpus[row] = cpu;
      gfps[row] = gfp;
      taskColumn[row] = task;
      counts[name]++;
    }
    const read = row - builder.length;
    builder.length = row;
    account.lines += read;
    account.events += read;
    return line;
  }
}

/** Number of the digits [from, to); -1 when there is none or another byte among them. */
function decimal(view: DataView, from: number, to: number): number {
  let value = from < to ? 0 : -1;
  for (let at = from; at < to && value !== -1; at++) {
    const digit = view.getUint8(at) - ZERO;
    value = digit >= 0 && digit <= 9 ? value * 10 + digit : -1;
  }
  return value;
}
