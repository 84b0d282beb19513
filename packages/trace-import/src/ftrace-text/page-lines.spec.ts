import { KIND } from '@replug/core';
import type { EventColumns } from '@replug/workload';
import { expect, it } from 'vitest';
import { Account } from '../account.ts';
import { EventSink } from './event-sink.ts';
import { FlagsCache } from './flags-cache.ts';
import { FtraceTextReader } from './ftrace-text.ts';
import { GFP_REACH, GfpCache } from './gfp-cache.ts';
import { LineParser } from './line-parser.ts';
import { OddLines } from './odd-lines.ts';
import { Remarks } from './other-lines.ts';
import { PageLines } from './page-lines.ts';
import { TaskCache } from './task-cache.ts';
import { SLACK, word } from './words.ts';

const encoder = new TextEncoder();
const HEAD = '           snapz-185     [000] d..3.    16.250379: ';
/** Each kind, and numbers of every width that the fast path reads. */
const LINES = [
  `${HEAD}mm_page_alloc: page=00000000ddd01219 pfn=0x999f order=0 migratetype=1 gfp_flags=GFP_KERNEL|__GFP_COMP`,
  `${HEAD}mm_page_alloc: page=0000000000000000 pfn=0x0 order=10 migratetype=5 gfp_flags=GFP_HIGHUSER_MOVABLE|__GFP_COMP|__GFP_ZERO`,
  `     kworker/u4:0-1234567 [127] dNZff 123456.000001: mm_page_free: page=00000372007ea600 pfn=0x1fa98 order=15`,
  `          <idle>-0       [009] ..s1.     0.999999: mm_page_free_batched: page=ffffea0000abcdef pfn=0xffffffff order=0`,
  `  a b-c [000] d-7       [001] .....  1234.500000: mm_page_alloc_zone_locked: page=00000000000000a0 pfn=0x100000 order=3 migratetype=0 percpu_refill=1`,
  `${HEAD}mm_page_pcpu_drain: page=000000000000000f pfn=0x1 order=9 migratetype=7`,
];

it('reads what the caches know, and stops at what they do not', () => {
  const sink = new EventSink();
  const account = new Account('trace', 'ftrace-text');
  const [tasks, flags, gfps] = [new TaskCache(), new FlagsCache(), new GfpCache()];
  const text = `${LINES[0]}\n${LINES[5]}\n${LINES[2]}\n`;
  const bytes = encoder.encode(text + '\n'.repeat(1024));
  const view = new DataView(bytes.buffer);
  tasks.set(view, 0, 7);
  flags.set(word(bytes, 31), bytes[35], 3);
  const gfpAt = text.indexOf('GFP_KERNEL');
  expect(gfps.find(view, gfpAt)).toBe(-1);
  gfps.set(view, gfpAt, text.indexOf('\n'), 41);

  const stopped = new PageLines(account, sink, tasks, flags, gfps).read(view, 0, text.length);
  expect(text.slice(stopped)).toBe(`${LINES[2]}\n`);
  expect([account.lines, account.events]).toEqual([2, 2]);
  const { time, kind, pfnLow, pfnHigh, unit, cpu, task, gfp, flags: flagColumn, length } = sink.builder;
  expect(length).toBe(2);
  const row = (i: number) => [time, kind, pfnLow, pfnHigh, unit, cpu, task, gfp, flagColumn].map((column) => column[i]);
  expect(row(0)).toEqual([16250379000, KIND.mm_page_alloc, 0x999f, 0, 1 << 4, 0, 7, 41, 3]);
  expect(row(1)).toEqual([16250379000, KIND.mm_page_pcpu_drain, 1, 0, 9 | (7 << 4), 0, 7, 0, 3]);
});

it('leaves alone a buffer that ends too near', () => {
  const caches = [new TaskCache(), new FlagsCache(), new GfpCache()] as const;
  const bytes = encoder.encode(`${LINES[5]}\n`);
  const pages = new PageLines(new Account('trace', 'ftrace-text'), new EventSink(), ...caches);
  for (let length = 0; length <= bytes.length; length++) {
    expect(pages.read(new DataView(bytes.buffer, 0, length), 0, length)).toBe(0);
  }
});

it('gfp texts of every length come back by their bytes only', () => {
  const cache = new GfpCache();
  const texts = Array.from({ length: 340 }, (_, i) => 'GFP_'.repeat(90).slice(0, i + 1));
  const misread: string[] = [];
  for (const [i, text] of texts.entries()) {
    const bytes = encoder.encode(`${text}\n${' '.repeat(GFP_REACH)}`);
    const view = new DataView(bytes.buffer);
    if (cache.find(view, 0) !== -1) misread.push(`${text.length} before`);
    cache.set(view, 0, text.length, i);
    const found = cache.find(view, 0);
    if (text.length < 320 ? found !== i || cache.end !== text.length : found !== -1) misread.push(`${text.length}`);
    bytes[i] ^= 1;
    if (cache.find(view, 0) !== -1) misread.push(`${text.length} changed`);
  }
  expect(misread).toEqual([]);
});

it('seconds of other widths in the same digits are other seconds', () => {
  const line = (seconds: string) =>
    `${HEAD.slice(0, 36)} ${seconds}.000000: mm_page_free: page=00000000ddd01219 pfn=0x1 order=0`;
  const seconds = ['11111', '111111', '1111111', '11111111', '111111', ' 1111', '11111'];
  const padding = `${LINES[0]}\n`.repeat(8);
  const { events } = readFast(encoder.encode(`${padding}${seconds.map(line).join('\n')}\n${padding}`));
  expect([...events.time.subarray(8, 15)]).toEqual([
    11111e9, 111111e9, 1111111e9, 11111111e9, 111111e9, 1111e9, 11111e9,
  ]);
});

/** Every line alone in a buffer too short for the fast path. */
function readSlowly(text: Uint8Array) {
  const account = new Account('trace', 'ftrace-text');
  const sink = new EventSink();
  const odd = new OddLines(account, sink, new Remarks());
  const parser = new LineParser(account, sink, odd);
  for (let at = 0; at < text.length;) {
    const end = text.indexOf(10, at) + 1;
    const alone = new Uint8Array(end - at + SLACK);
    alone.set(text.subarray(at, end));
    parser.parse(alone, 0, end - at);
    at = end;
  }
  odd.settle();
  return { events: sink.builder.finish(), account: account.finish() };
}

function readFast(text: Uint8Array) {
  const account = new Account('trace', 'ftrace-text');
  const reader = new FtraceTextReader(account);
  reader.push(text);
  return { events: reader.finish().events, account: account.finish() };
}

/** Each byte replaced by others, left out, or put in front of; whole lines between. */
function changedLines(): Uint8Array {
  const others = [...' 09af gGnxX(.:=-[]_\n\r\t\0\x7f'].map((c) => c.charCodeAt(0)).concat(0x80, 0xb0, 0xff);
  const out: number[] = [];
  for (const line of LINES) {
    const bytes = [...encoder.encode(line), 10];
    for (let at = 0; at < bytes.length; at++) {
      for (const other of others) {
        out.push(...bytes, ...bytes.slice(0, at), other, ...bytes.slice(at + 1));
        if (at % 3 === 0) out.push(...bytes.slice(0, at), other, ...bytes.slice(at));
      }
      out.push(...bytes.slice(0, at), ...bytes.slice(at + 1));
    }
  }
  return Uint8Array.from([...out, 10]);
}

function sameRows(a: EventColumns, b: EventColumns): void {
  expect(a.length).toBe(b.length);
  for (const name of ['time', 'pfnLow', 'pfnHigh', 'kind', 'unit', 'flags', 'cpu', 'gfp', 'task', 'args'] as const) {
    const row = a[name].findIndex((value, i) => value !== b[name][i]);
    expect({ name, row }).toEqual({ name, row: -1 });
  }
  for (const name of ['words', 'gfpTexts', 'flagTexts', 'tasks'] as const) expect(a[name]).toEqual(b[name]);
}

it('changed in any byte, a line is read as without the fast path', () => {
  const text = changedLines();
  const [fast, slow] = [readFast(text), readSlowly(text)];
  sameRows(fast.events, slow.events);
  expect(fast.account).toEqual(slow.account);
  // Both kinds of lines are there: those that stay events and those that do not.
  expect(fast.account.events).toBeGreaterThan(20000);
  expect(Object.values(fast.account.skipped).reduce((a, b) => a + b)).toBeGreaterThan(1000);
});
