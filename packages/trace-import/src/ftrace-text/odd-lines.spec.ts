import { KIND, TRACEPOINT_KIND } from '@replug/core';
import { eventArg, eventPfn, eventWord } from '@replug/workload';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { Account } from '../account.ts';
import { readChunks, seededRandom } from '../testing/index.ts';
import { IMPORTERS } from '../importers.ts';
import { EventSink } from './event-sink.ts';
import { FtraceTextReader } from './ftrace-text.ts';
import { OddLines } from './odd-lines.ts';
import { Remarks } from './other-lines.ts';
import { traceFormatOf } from './sniff.ts';

function read(text: string | Uint8Array) {
  const bytes = typeof text === 'string' ? new TextEncoder().encode(text) : text;
  const { facts, account } = readChunks(IMPORTERS.byId('ftrace-text')!, bytes, bytes.length);
  return { ...facts.trace!, account };
}

const HEAD = '            init-1       [000] d..3.    38.537715: ';
const values = ({ events }: ReturnType<typeof read>, count: number) =>
  Array.from({ length: count }, (_, i) => eventArg(events, 0, i));

describe('heads', () => {
  const free = 'mm_page_free: page=ffffea00012ab400 pfn=305872 order=3';
  it.each([
    // Latency format: cpu without brackets, time since the start.
    ['  <idle>-0         0d.h2.    3us+: ', { comm: '<idle>', pid: 0 }, 0, 'd.h2.', 3000],
    ['kworker/-4194304  11.....   12us : ', { comm: 'kworker/', pid: 4194304 }, 11, '.....', 12000],
    ['    sh-v-77        1d..    12us!: ', { comm: 'sh-v', pid: 77 }, 1, 'd..', 12000],
    // trace-cmd's.
    ['     cc1-22107   4.....   713.204426000: ', { comm: 'cc1', pid: 22107 }, 4, '.....', 713204426000],
    ['     cc1-22107   4d..1. 23190008660: ', { comm: 'cc1', pid: 22107 }, 4, 'd..1.', 23190008660],
    // perf script with other columns.
    ['Web Content  7001/7003  [011] 33.125500123: kmem:', { comm: 'Web Content', pid: 7003 }, 11, '', 33125500123],
    ['perf  5170 [000]    33.125450:          1 kmem:', { comm: 'perf', pid: 5170 }, 0, '', 33125450000],
    ['perf  5170    33.125450: kmem:', { comm: 'perf', pid: 5170 }, 0, '', 33125450000],
    ['5170 [003]    33.125450: kmem:', { comm: '', pid: 5170 }, 3, '', 33125450000],
    ['  5170    33.125450: kmem:', { comm: '', pid: 5170 }, 0, '', 33125450000],
    ['perf  5170 [003] kmem:', { comm: 'perf', pid: 5170 }, 3, '', 0],
    ['[003] 33.125450: kmem:', { comm: '<...>', pid: 0 }, 3, '', 33125450000],
    ['kmem:', { comm: '<...>', pid: 0 }, 0, '', 0],
    // function_graph.
    [' 3)               |  /* ', { comm: '<...>', pid: 0 }, 3, '', 0],
    [' 3)    sh-612    |               |  /* ', { comm: 'sh', pid: 612 }, 3, '', 0],
    [' 3)    sh-612    |  d..1. |   0.300 us    |  /* ', { comm: 'sh', pid: 612 }, 3, 'd..1.', 0],
    ['   14.520417 |   3)               |  /* ', { comm: '<...>', pid: 0 }, 3, '', 14520417000],
    [' + 10.115 us   |  /* ', { comm: '<...>', pid: 0 }, 0, '', 0],
    ['               |  /* ', { comm: '<...>', pid: 0 }, 0, '', 0],
    // Flags of old and new kernels, and of mail.
    ['            bash-3519    [002] d.s   123.456789: ', { comm: 'bash', pid: 3519 }, 2, 'd.s', 123456789000],
    ['            bash-3519    [002] bLZff..   123.456789: ', { comm: 'bash', pid: 3519 }, 2, 'bLZff..', 123456789000],
    ['> >            bash-3519    [002] d.s.   123.456789: ', { comm: 'bash', pid: 3519 }, 2, 'd.s.', 123456789000],
    ['\uFEFF            bash-3519    [002] d.s.   123.456789: ', { comm: 'bash', pid: 3519 }, 2, 'd.s.', 123456789000],
  ])('%s', (head, task, cpu, flags, time) => {
    const { events, account, counts } = read(`${head}${free}${head.includes('/*') ? ' */' : ''}\n`);
    expect(account).toMatchObject({ lines: 1, events: 1, skipped: {} });
    expect(counts).toEqual({ mm_page_free: 1 });
    expect(events.tasks[events.task[0]]).toEqual(task);
    expect([events.cpu[0], events.flagTexts[events.flags[0]], events.time[0]]).toEqual([cpu, flags, time]);
    expect([eventPfn(events, 0), events.unit[0]]).toEqual([305872, 3]);
  });

  it.each([
    ['what is this: foo', 'not-an-event-line'],
    ['/* note: this is C */', 'not-an-event-line'],
    ['foo:bar: baz', 'not-an-event-line'],
    ['foo-1 2 3: bar: baz', 'not-an-event-line'],
    [' 3)               |  /* mm_page_free: page=1 pfn=1 order=0', 'graph lines'],
    ['            bash-3519    [002] d.s.   123.456789: mutex_unlock <-rb_simple_write', 'no-event-name'],
    ['            bash-3519    [002] d.s.   123.4567: mm_page_free: pfn=1 order=0', 'no-time'],
    ['            bash-3519    [65536] d.s.   123.456789: mm_page_free: pfn=1 order=0', 'no-cpu'],
    ['            bash-3519    [002] d.s.   123.4567\u000089: mm_page_free: pfn=1 order=0', 'binary'],
    ['\u0000\u0000\u0000\u0000', 'binary'],
  ])('%j is none: %s', (line, reason) => {
    const { account, events } = read(`${line}\n`);
    expect(events.length).toBe(0);
    if (reason === 'graph lines') expect(account).toMatchObject({ comments: 1, details: { [reason]: 1 } });
    else expect(account).toMatchObject({ comments: 0, skipped: { [reason]: 1 } });
  });
});

describe('fields', () => {
  const page = 'page=00000000ddd01219';
  it.each([
    ['mm_page_free: order=2 pfn=0x1f2a page=00000000ddd01219', KIND.mm_page_free, 0x1f2a, 2],
    [`mm_page_free: ${page} pfn=0x1f2a vendor=7 order=2`, KIND.mm_page_free, 0x1f2a, 2],
    [`mm_page_free: ${page} vendor=7 pfn=0x1f2a order=2 pfn=0x1 order=1`, KIND.mm_page_free, 0x1f2a, 2],
    [`mm_page_free_direct: ${page} pfn=305872 order=1`, KIND.mm_page_free, 305872, 1],
    [`mm_pagevec_free: ${page} pfn=305872 order=0 cold=1`, KIND.mm_page_free, 305872, 0],
    ['mm_page_free_batched: [FAILED TO PARSE] pfn=0x1234', KIND.mm_page_free_batched, 0x1234, 0],
    [
      'mm_page_alloc: [FAILED TO PARSE] pfn=0x1234 order=3 gfp_flags=0x140cca migratetype=1',
      KIND.mm_page_alloc,
      0x1234,
      3 | (1 << 4),
    ],
    [`mm_page_pcpu_drain: ${page} pfn=77 order=1 cpu=3 migratetype=2`, KIND.mm_page_pcpu_drain, 77, 1 | (2 << 4)],
    [
      'mm_page_alloc: order=9 page=          (nil) pfn=0 migratetype=1 gfp_flags=none',
      KIND.mm_page_alloc,
      -1,
      9 | (1 << 4),
    ],
    ['mm_page_alloc: order=9 pfn=0 page=(null) migratetype=1 gfp_flags=none', KIND.mm_page_alloc, -1, 9 | (1 << 4)],
    [`mm_page_alloc: order=9 pfn=0 page=(____ptrval____) migratetype=1 gfp_flags=none`, KIND.mm_page_alloc, 0, 25],
  ])('%s', (line, kind, pfn, unit) => {
    const { events, account, counts } = read(`${HEAD}${line}\n`);
    expect(account.skipped).toEqual({});
    expect(counts).toEqual({ [line.slice(0, line.indexOf(':'))]: 1 });
    expect([events.kind[0], eventPfn(events, 0), events.unit[0]]).toEqual([kind, pfn, unit]);
  });

  it.each([
    ['mm_page_free: order=2 page=1', 'no-pfn'],
    ['mm_page_free: order=16 pfn=1', 'bad-fields'],
    ['mm_page_free: order=1 pfn=0xff00000000', 'bad-fields'],
    ['mm_page_free: order=1 pfn=', 'bad-fields'],
    ['mm_page_alloc: order=0 pfn=1 migratetype=8 gfp_flags=none', 'bad-fields'],
    ['mm_page_alloc: order=0 pfn=1 migratetype=1 gfp_flags=', 'bad-fields'],
    ['mm_page_alloc_zone_locked: order=0 pfn=1 migratetype=1 percpu_refill=2', 'bad-fields'],
    ['mm_compaction_begin: zone_start=0x1 migrate_pfn=0x1 free_pfn=0x2 zone_end=0x3', 'bad-fields'],
    ['mm_compaction_try_to_compact_pages: order=2 gfp_mask=0x27000c0 mode=3', 'bad-fields'],
  ])('%s: %s', (line, reason) => {
    expect(read(`${HEAD}${line}\n`).account.skipped).toEqual({ [reason]: 1 });
  });

  it('of older kernels', () => {
    const begin = read(
      `${HEAD}mm_compaction_begin: zone_start=4096 migrate_start=4608 free_start=9216 zone_end=9728\n`,
    );
    expect(values(begin, 4)).toEqual([4096, 4608, 9216, 9728]);
    expect(eventWord(begin.events, 0, 4)).toBe('');
    expect(values(read(`${HEAD}mm_compaction_isolate_freepages: nr_scanned=32 nr_taken=1\n`), 4)).toEqual([
      0, 0, 32, 1,
    ]);
    const end = read(`${HEAD}mm_compaction_end: status=1\n`);
    expect([...values(end, 4), eventWord(end.events, 0, 5)]).toEqual([0, 0, 0, 0, '1']);
    // 0 async, 1 light, 2 sync became 2 async, 1 light, 0 full.
    const priority = (mode: number) =>
      eventArg(
        read(`${HEAD}mm_compaction_try_to_compact_pages: order=2 gfp_mask=0x27000c0 mode=${mode}\n`).events,
        0,
        2,
      );
    expect([0, 1, 2].map(priority)).toEqual([2, 1, 0]);
    const wakeup = read(`${HEAD}mm_vmscan_wakeup_kswapd: nid=0 zid=2 order=3\n`);
    expect([...values(wakeup, 2), eventWord(wakeup.events, 0, 2)]).toEqual([0, 3, '']);
    const begins = read(`${HEAD}mm_vmscan_direct_reclaim_begin: order=4 may_writepage=1 gfp_flags=GFP_HIGHUSER\n`);
    expect([eventArg(begins.events, 0, 0), eventWord(begins.events, 0, 1)]).toEqual([4, 'GFP_HIGHUSER']);
  });

  it('a marker in the words of trace-cmd', () => {
    const { events, counts } = read(`${HEAD}print:                tracing_mark_write: snapx mid begin\n`);
    expect(counts).toEqual({ print: 1 });
    expect([events.kind[0], eventWord(events, 0, 0)]).toEqual([KIND.tracing_mark_write, 'snapx mid begin']);
  });
});

describe('lines broken by mail', () => {
  const whole = (text: string) => read(text).account;

  it('are joined when that makes an event', () => {
    const { account, events } = read(`> ${HEAD}
> mm_page_alloc: page=00000000ddd01219 pfn=0x999f
> order=0 migratetype=1
> gfp_flags=GFP_KERNEL
`);
    expect(account).toMatchObject({
      lines: 4,
      events: 1,
      comments: 3,
      skipped: {},
      details: { 'quoted lines': 4, 'wrapped lines': 3 },
    });
    expect([eventPfn(events, 0), events.gfpTexts[events.gfp[0]]]).toEqual([0x999f, 'GFP_KERNEL']);
  });

  it('are skipped one by one when it does not', () => {
    const account = whole(`${HEAD}mm_page_free: page=00000000ddd01219\nfoo\nbar\n`);
    expect(account).toMatchObject({ lines: 3, events: 0, skipped: { 'no-pfn': 1, 'not-an-event-line': 2 } });
    expect(account.samples.map(({ line, text }) => [line, text.slice(0, 3)])).toEqual([
      [1, '   '],
      [2, 'foo'],
      [3, 'bar'],
    ]);
  });

  it('wait no longer than four lines, nor beyond anything that is something', () => {
    const head = `${HEAD}mm_page_free: page=00000000ddd01219 pfn=0x1\n`;
    expect(whole(`${head}${'x\n'.repeat(4)}order=0\n`)).toMatchObject({ events: 0, comments: 0 });
    expect(whole(`${head}${'x\n'.repeat(3)}order=0\n`)).toMatchObject({ events: 1, comments: 4 });
    for (const between of ['', '# comment', ' => symbol', 'CPU:0 [LOST 1 EVENTS]', '\u0000']) {
      expect(whole(`${head}${between}\norder=0\n`)).toMatchObject({ events: 0 });
    }
    expect(whole(`${head}${HEAD}mm_page_free: pfn=0x2 order=0\norder=0\n`)).toMatchObject({
      events: 1,
      skipped: { 'bad-fields': 1, 'not-an-event-line': 1 },
    });
  });

  it('are joined where the columns are full', () => {
    const reader = new FtraceTextReader(new Account('trace', 'ftrace-text'));
    const push = (text: string) => reader.push(new TextEncoder().encode(text));
    const free = (pfn: number) => `${HEAD}mm_page_free: pfn=${pfn} order=0\n`;
    // 4096 rows is what the columns have room for at first.
    push(Array.from({ length: 4096 }, (_, i) => free(i)).join(''));
    push(`${HEAD}mm_page_free: pfn=4096\n`);
    push(`order=0\n${free(4097)}${free(4098)}${free(4099)}`);
    const { events } = reader.finish();
    expect(Array.from(events.pfnLow)).toEqual(Array.from({ length: 4100 }, (_, i) => i));
  });

  it('a text may be read in parts that begin with an event line', () => {
    const text = `${HEAD}mm_page_free: pfn=0x1\n${HEAD}mm_page_free: pfn=0x2\norder=0\n => a\n${HEAD}mm_page_free: pfn=0x3 order=0\n`;
    const cut = text.indexOf(HEAD, 10);
    const parts = [read(text.slice(0, cut)), read(text.slice(cut))];
    const all = read(text);
    expect(all.account.events).toBe(2);
    expect(parts.reduce((sum, part) => sum + part.account.events!, 0)).toBe(2);
    expect(parts.map((part) => part.account.skipped)).toEqual([{ 'bad-fields': 1 }, {}]);
    expect(parts[1].events).toEqual(all.events);
  });
});

describe('beside the hot loop', () => {
  const sample = readFileSync(fileURLToPath(new URL('../../fixtures/x86_64-6.12-window.txt', import.meta.url)), 'utf8');

  it('every line gives the same columns', () => {
    const account = new Account('trace', 'ftrace-text');
    const reader = new FtraceTextReader(account);
    reader.push(new TextEncoder().encode(sample));
    const hot = reader.finish();
    const slow = new Account('trace', 'ftrace-text');
    const sink = new EventSink();
    const odd = new OddLines(slow, sink, new Remarks());
    for (const line of sample.split('\n').slice(0, -1)) {
      slow.lines++;
      odd.read(line);
    }
    odd.settle();
    const events = sink.builder.finish();
    expect(slow.finish()).toEqual(account.finish());
    expect(sink.countsByName()).toEqual(hot.counts);
    for (const column of ['time', 'pfnLow', 'pfnHigh', 'kind', 'unit', 'cpu', 'flagTexts', 'tasks'] as const) {
      expect(events[column]).toEqual(hot.events[column]);
    }
    const texts = (e: typeof events) => Array.from(e.gfp, (gfp) => e.gfpTexts[gfp]);
    expect(texts(events)).toEqual(texts(hot.events));
    expect(events.args).toEqual(hot.events.args);
    expect(events.words).toEqual(hot.events.words);
  });

  it('lines made to be slow are not', () => {
    const random = seededRandom(3);
    const pieces = ['a=(', ' ', '1 ', '-1 ', '[000] ', 'x:y: ', '/* ', '> ', '1.000000: ', '\t', 'f'.repeat(8), '|'];
    const lines = Array.from({ length: 300 }, () => {
      const piece = pieces[Math.floor(random() * pieces.length)];
      const other = pieces[Math.floor(random() * pieces.length)];
      return (piece + other).repeat(Math.floor(65000 / (piece + other).length));
    });
    const since = performance.now();
    const { account } = read(`${HEAD}mm_page_free: a=(\n${lines.join('\n')}\n`);
    expect(account.lines).toBe(301);
    expect(performance.now() - since).toBeLessThan(20_000);
  });
});

describe('headers', () => {
  it.each([
    ['# entries-in-buffer/entries-written: 3201935/3745934   #P:2', { lost: 543999, cpus: 2 }],
    ['# latency: 40 us, #3/5, CPU#0 | (M:preempt VP:0, KP:0, SP:0 HP:0 #P:4)', { lost: 2, cpus: 4 }],
    ['cpus=8\r', { lost: 0, cpus: 8 }],
    ['> CPU:1 [LOST 17 EVENTS]', { lost: 17 }],
    ['CPU:3 [12 EVENTS DROPPED]', { lost: 12 }],
    ['CPU:3 [EVENTS DROPPED]', { lost: 1 }],
    ['# tracer: irqsoff', { tracer: 'irqsoff' }],
    ['\uFEFF# tracer: nop\r', { tracer: 'nop' }],
  ])('%j', (line, told) => {
    expect(read(`${line}\n`)).toMatchObject({ ...told, account: { comments: 1 } });
  });
});

describe('layouts', () => {
  const bytes = (text: string) => new TextEncoder().encode(text);
  const event = 'mm_page_free: page=ffffea00012ab400 pfn=305872 order=3\n';
  it.each([
    ['# tracer: nop\n#\n', 'ftrace-text'],
    ['# tracer: function_graph\n#\n', 'function-graph'],
    ['# tracer: irqsoff\n#\n# irqsoff latency trace v1.1.5 on 6.1.0\n', 'ftrace-latency'],
    [`# tracer: nop\n  <idle>-0         0d.h2.    3us+: ${event}`, 'ftrace-latency'],
    ['CPU:1 [LOST 17 EVENTS]\n', 'ftrace-text'],
    [`cpus=4\n            bash-3519  [002]   123.456789: ${event}`, 'trace-cmd-report'],
    [`${'# captured on: host\n'.repeat(60)}perf  5170 [000]    33.125450: kmem:${event}`, 'perf-script'],
    [`perf  5170 [000] kmem:${event}`, 'perf-script'],
    [`            bash-3519  [002]   123.456789:\n${event}`, 'ftrace-text'],
    [`>             bash-3519  [002]   123.456789: ${event}`, 'ftrace-text'],
    [`            bash-3519  [002]   123.456789: ${event}\u0000\u0000`, 'ftrace-text'],
    [' 0)               |  foo() {\n 0)   1.000 us    |    bar();\n 0)               |  }\n', 'function-graph'],
    ['cpus=4\n', undefined],
    ['| a | b |\n|---|---|\n| 1 | 2 |\n', undefined],
    ['[    0.000000] Linux version 6.1.0\n', undefined],
    ['/* note: this is C */\nint main(void);\n', undefined],
    ['time: 12:30: foo: bar\n', undefined],
    [`\u0000\n            bash-3519  [002]   123.456789: ${event}`, undefined],
    ['', undefined],
  ])('%j', (text, format) => {
    expect(traceFormatOf(bytes(text))).toBe(format);
  });
});

it('knows all its special names', () => {
  const sink = new EventSink();
  expect(sink.nameOf('mm_page_free_direct')).toBe(TRACEPOINT_KIND.size);
  expect(sink.nameOf('user_stack')).toBe(TRACEPOINT_KIND.size + 4);
  expect(sink.nameOf('sched_switch')).toBe(TRACEPOINT_KIND.size + 5);
});
