import { KIND, TRACEPOINT_KIND } from '@replug/core';
import { eventArg, eventPfn, eventWord, type EventColumns } from '@replug/workload';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { Account } from '../account.ts';
import { unaccounted } from '../captures.spec-kit.ts';
import { FtraceTextReader, type FtraceText } from './ftrace-text.ts';
import { traceFormatOf } from './sniff.ts';

const encoder = new TextEncoder();

function read(input: string | Uint8Array, chunk = Infinity) {
  const bytes = typeof input === 'string' ? encoder.encode(input) : input;
  const account = new Account('trace', 'ftrace-text');
  const reader = new FtraceTextReader(account);
  for (let at = 0; at < bytes.length; at += chunk) reader.push(bytes.subarray(at, at + chunk));
  return { text: reader.finish(), account: account.finish(bytes.length) };
}

const one = (line: string) => read(`${line}\n`);
const kindOf = (name: string) => TRACEPOINT_KIND.get(name)!;

describe('an event line', () => {
  const { text, account } = one(
    '           snapz-185     [001] d..3.    16.250379: mm_page_alloc: page=00000000ddd01219 pfn=0x999f order=3 migratetype=1 gfp_flags=GFP_KERNEL|__GFP_COMP',
  );
  const { events } = text;

  it('fills every column', () => {
    expect(events.length).toBe(1);
    expect(events.time[0]).toBe(16250379000);
    expect(eventPfn(events, 0)).toBe(0x999f);
    expect(events.kind[0]).toBe(KIND.mm_page_alloc);
    expect(events.unit[0]).toBe(3 | (1 << 4));
    expect(events.cpu[0]).toBe(1);
    expect(events.flagTexts[events.flags[0]]).toBe('d..3.');
    expect(events.gfpTexts[events.gfp[0]]).toBe('GFP_KERNEL|__GFP_COMP');
    expect(events.tasks[events.task[0]]).toEqual({ comm: 'snapz', pid: 185 });
  });

  it('is accounted', () => {
    expect(account).toMatchObject({ lines: 1, events: 1, comments: 0, skipped: {} });
    expect(text.counts).toEqual({ mm_page_alloc: 1 });
  });
});

describe('page events', () => {
  const head = '           snapz-185     [000] .....     1.000000: ';
  it.each([
    ['mm_page_free: page=00000000ddd01219 pfn=0x2f61e order=10', 0x2f61e, 10],
    ['mm_page_free_batched: page=00000000ddd01219 pfn=0x2f61e order=0', 0x2f61e, 0],
    ['mm_page_pcpu_drain: page=00000000ddd01219 pfn=0x3ed52 order=1 migratetype=2', 0x3ed52, 1 | (2 << 4)],
    [
      'mm_page_alloc_zone_locked: page=00000000ddd01219 pfn=0x1680 order=2 migratetype=2 percpu_refill=1',
      0x1680,
      2 | (2 << 4) | 128,
    ],
    ['mm_page_alloc_zone_locked: page=00000000ddd01219 pfn=0x1680 order=4 migratetype=0 percpu_refill=0', 0x1680, 4],
    ['mm_page_free: page=ffffea0003db9f40 pfn=1155800 order=0', 1155800, 0],
    ['mm_page_free_batched: page=ffffea0003db9f40 pfn=1155800 order=0 cold=1', 1155800, 0],
    ['mm_page_free: page=(____ptrval____) pfn=0x0 order=0', 0, 0],
    ['mm_page_free: page=00000000ddd01219 pfn=0xfe12345678 order=0', 0xfe12345678, 0],
    ['mm_page_free: page=00000000ddd01219 pfn=1090921693184 order=0', 0xfe00000000, 0],
  ])('%s', (fields, pfn, unit) => {
    const { events } = one(head + fields).text;
    expect(eventPfn(events, 0)).toBe(pfn);
    expect(events.unit[0]).toBe(unit);
  });

  it.each(['0000000000000000', '(null)', '(nil)', '          (null)', '0x0'])(
    'an allocation that failed: page=%s',
    (page) => {
      const { events } = one(
        `${head}mm_page_alloc: page=${page} pfn=0x0 order=9 migratetype=1 gfp_flags=GFP_TRANSHUGE`,
      ).text;
      expect(eventPfn(events, 0)).toBe(-1);
      expect(events.unit[0] & 15).toBe(9);
    },
  );

  it.each(['-1', '0xffffffffffffffff', '18446744073709551615'])('pfn=%s', (pfn) => {
    const { text, account } = one(
      `${head}mm_page_alloc: page=0000000000000000 pfn=${pfn} order=0 migratetype=1 gfp_flags=none`,
    );
    expect(account.skipped).toEqual({});
    expect(eventPfn(text.events, 0)).toBe(-1);
  });

  it.each(['page=00000000ddd01219 order=0', 'page=ffffea0003db9f40'])('no pfn: %s', (fields) => {
    expect(one(`${head}mm_page_free: ${fields}`).account.skipped).toEqual({ 'no-pfn': 1 });
  });

  it.each([
    'mm_page_free: page=00000000ddd01219 pfn=0x order=0',
    'mm_page_free: page=00000000ddd01219 pfn=xyz order=0',
    'mm_page_free: page=00000000ddd01219 pfn=0x1 order=',
    'mm_page_free: page=00000000ddd01219 pfn=0x1 order=16',
    'mm_page_free: page=00000000ddd01219 pfn=0x1 order=1x',
    'mm_page_free: page=00000000ddd01219 pfn=0x1 ordex=1',
    'mm_page_free: page=00000000ddd01219 pfn=0xff00000000 order=1',
    'mm_page_free: page=00000000ddd01219 pfn=0x11111111111111111 order=1',
    'mm_page_free:',
    'mm_page_alloc: page=00000000ddd01219 pfn=0x1 order=0 migratetype=1',
    'mm_page_alloc: page=00000000ddd01219 pfn=0x1 order=0 migratetype=8 gfp_flags=GFP_KERNEL',
    'mm_page_alloc: page=00000000ddd01219 pfn=0x1 order=0 migratetype=1 gfp_flags=',
    'mm_page_alloc_zone_locked: page=00000000ddd01219 pfn=0x1 order=0 migratetype=1 percpu_refill=2',
    'mm_page_alloc_extfrag: page=00000000ddd01219 pfn=0x1 alloc_order=0',
    'mm_compaction_isolate_migratepages: range=(0x1 - 0x200) nr_scanned=511 nr_taken=0',
  ])('bad fields: %s', (fields) => {
    const { text, account } = one(head + fields);
    expect(account).toMatchObject({ lines: 1, events: 0, skipped: { 'bad-fields': 1 } });
    expect(account.samples[0]).toMatchObject({ reason: 'bad-fields', line: 1 });
    expect(text.events.length).toBe(0);
  });
});

describe('all other events', () => {
  const head = '            init-1       [000] d..3.    38.537715: ';
  const fieldsOf = (events: EventColumns, count: number) =>
    Array.from({ length: count }, (_, i) => eventArg(events, 0, i));

  it.each([
    [
      'mm_page_alloc_extfrag: page=000000008245753a pfn=0x16800 alloc_order=0 fallback_order=10 pageblock_order=9 alloc_migratetype=0 fallback_migratetype=1 fragmenting=0 change_ownership=1',
      [0x16800, 0, 10, 9, 0, 1, 0, 1],
    ],
    ['mm_compaction_isolate_migratepages: range=(0x1 ~ 0x200) nr_scanned=511 nr_taken=0', [1, 0x200, 511, 0]],
    ['mm_compaction_migratepages: nr_migrated=32 nr_failed=0', [32, 0]],
    ['mm_compaction_kcompactd_sleep: nid=1', [1]],
    [
      'mm_alloc_contig_migrate_range_info: start=0xe000 end=0xe200 migratetype=4 nr_migrated=5 nr_reclaimed=6 nr_mapped=7',
      [0xe000, 0xe200, 4, 5, 6, 7],
    ],
    ['mm_vmscan_direct_reclaim_end: nr_reclaimed=8', [8]],
  ])('%s', (line, values) => {
    const { events } = one(head + line).text;
    expect(fieldsOf(events, values.length)).toEqual(values);
    expect(events.args.length).toBe(values.length);
  });

  it('words', () => {
    const { events } = one(
      `${head}mm_compaction_end: zone_start=0x1 migrate_pfn=0xc00 free_pfn=0xd00 zone_end=0x1000, mode=sync status=complete`,
    ).text;
    expect(fieldsOf(events, 4)).toEqual([1, 0xc00, 0xd00, 0x1000]);
    expect([eventWord(events, 0, 4), eventWord(events, 0, 5)]).toEqual(['sync', 'complete']);
  });

  it('padded zone names, negative numbers', () => {
    const { events } = one(`${head}mm_compaction_finished: node=0 zone=DMA      order=-1 ret=continue`).text;
    expect([eventArg(events, 0, 0), eventWord(events, 0, 1), eventArg(events, 0, 2), eventWord(events, 0, 3)]).toEqual([
      0,
      'DMA',
      -1,
      'continue',
    ]);
    expect(
      eventWord(one(`${head}mm_compaction_kcompactd_wake: nid=1 order=1 classzone_idx=DMA32   `).text.events, 0, 2),
    ).toBe('DMA32');
  });

  it('gfp texts are words', () => {
    const { events } = one(
      `${head}mm_compaction_try_to_compact_pages: order=9 gfp_mask=GFP_TRANSHUGE|__GFP_RETRY_MAYFAIL priority=2`,
    ).text;
    expect([eventArg(events, 0, 0), eventWord(events, 0, 1), eventArg(events, 0, 2)]).toEqual([
      9,
      'GFP_TRANSHUGE|__GFP_RETRY_MAYFAIL',
      2,
    ]);
  });

  it('nr_split is 0 before it existed', () => {
    const tail = 'mode=MIGRATE_ASYNC reason=numa_misplaced';
    const start = `${head}mm_migrate_pages: nr_succeeded=1 nr_failed=2 nr_thp_succeeded=3 nr_thp_failed=4 nr_thp_split=5`;
    expect(fieldsOf(one(`${start} ${tail}`).text.events, 6)).toEqual([1, 2, 3, 4, 5, 0]);
    const newer = one(`${start} nr_split=6 ${tail}`).text.events;
    expect(fieldsOf(newer, 6)).toEqual([1, 2, 3, 4, 5, 6]);
    expect([eventWord(newer, 0, 6), eventWord(newer, 0, 7)]).toEqual(['MIGRATE_ASYNC', 'numa_misplaced']);
  });

  it('a marker is one text', () => {
    const { events } = one(
      '           snapx-235     [001] .....    11.007484: tracing_mark_write: snapx mid begin',
    ).text;
    expect(events.kind[0]).toBe(kindOf('tracing_mark_write'));
    expect(eventWord(events, 0, 0)).toBe('snapx mid begin');
  });

  it('unknown names are counted, not skipped', () => {
    const { text, account } = one(
      `${head}kmem_cache_free: call_site=putname+0x4c ptr=000000000eac4a94 name=names_cache`,
    );
    expect(text.counts).toEqual({ kmem_cache_free: 1 });
    expect(text.events.length).toBe(0);
    expect(account).toMatchObject({ events: 1, skipped: {} });
  });
});

describe('layouts', () => {
  const free = 'mm_page_free: page=ffffea0003db9f40 pfn=1155800 order=0';
  it.each([
    ['            bash-3519    [002] d.s.   123.456789: ', { comm: 'bash', pid: 3519 }, 2, 'd.s.', 123456789000],
    ['  gnome-terminal-1567  [000]  4415.246466: ', { comm: 'gnome-terminal', pid: 1567 }, 0, '', 4415246466000],
    [
      '     kworker/0:1H-4194304 [011] d..2.  1.000001: ',
      { comm: 'kworker/0:1H', pid: 4194304 },
      11,
      'd..2.',
      1000001000,
    ],
    ['   Web Content-x-77      [003] .....     2.000000: ', { comm: 'Web Content-x', pid: 77 }, 3, '.....', 2000000000],
    ['        a[1] -b-9       [003] .....     2.000000: ', { comm: 'a[1] -b', pid: 9 }, 3, '.....', 2000000000],
    ['          <idle>-0       [000] dNZff.     0.000000: ', { comm: '<idle>', pid: 0 }, 0, 'dNZff.', 0],
    [
      '           <...>-1234    (   1200) [001] .....     3.500000: ',
      { comm: '<...>', pid: 1234 },
      1,
      '.....',
      3500000000,
    ],
    [
      '           <...>-1234    (-------) [001] .....     3.500000: ',
      { comm: '<...>', pid: 1234 },
      1,
      '.....',
      3500000000,
    ],
    ['-5972    [006] ....  7971.248176: ', { comm: '', pid: 5972 }, 6, '....', 7971248176000],
    ['make-16810 [004] .....  2319.000857123: ', { comm: 'make', pid: 16810 }, 4, '.....', 2319000857123],
    ['            bash-3519    [002] .....     123456789: ', { comm: 'bash', pid: 3519 }, 2, '.....', 123456789],
    ['perf  6429 [000]    22.498450:             kmem:', { comm: 'perf', pid: 6429 }, 0, '', 22498450000],
  ])('%s', (head, task, cpu, flags, time) => {
    const { text, account } = one(head + free);
    expect(account.skipped).toEqual({});
    const { events } = text;
    expect(events.tasks[events.task[0]]).toEqual(task);
    expect([events.cpu[0], events.flagTexts[events.flags[0]], events.time[0]]).toEqual([cpu, flags, time]);
    expect(eventPfn(events, 0)).toBe(1155800);
    expect(traceFormatOf(encoder.encode(head + free))).toBe(head.startsWith('perf') ? 'perf-script' : 'ftrace-text');
  });

  it('padding after the name, and line ends of other systems', () => {
    const { text, account } = one(
      'make-16810 [004] .....  2319.000857: mm_page_free:         page=0xffffea00001347a7 pfn=0x1347a7 order=0 \r',
    );
    expect(account.skipped).toEqual({});
    expect(eventPfn(text.events, 0)).toBe(0x1347a7);
  });
});

describe('lines that are no events', () => {
  it('header and lost events', () => {
    const { text, account } = read(`# tracer: nop
#
# entries-in-buffer/entries-written: 3201935/3745934   #P:2

CPU:1 [LOST 17 EVENTS]
##### CPU 1 buffer started ####
`);
    expect(text).toMatchObject({ lost: 543999, cpus: 2, tracer: 'nop' });
    expect(account).toMatchObject({ lines: 6, comments: 6, events: 0, skipped: {} });
  });

  it('lost events without a header', () => {
    expect(read('CPU:1 [LOST 17 EVENTS]\nCPU:0 [LOST EVENTS]\ncpus=2\nCPU:0 [5 EVENTS DROPPED]\n').text.lost).toBe(23);
  });

  it('reasons', () => {
    const { account } = read(`what is this
   sh-781   [004] ...1    31.301373: <stack trace>
 => do_page_fault
   sh-781   [004] ...1    31.30137: mm_page_free: page=1 pfn=0x1 order=0
   sh-781   [004] ...1    31.301373 mm_page_free: page=1 pfn=0x1 order=0
   sh-781   [004] ...1    31.301373: page free: page=1 pfn=0x1 order=0
   sh-781   [99999] ...1    31.301373: mm_page_free: page=1 pfn=0x1 order=0
 0)   3.328 us    |  }
`);
    expect(account.skipped).toEqual({
      'not-an-event-line': 1,
      'no-time': 2,
      'no-event-name': 1,
      'no-cpu': 1,
    });
    expect(account.samples[0]).toEqual({ reason: 'not-an-event-line', line: 1, text: 'what is this' });
    expect(account.samples.at(-1)).toMatchObject({ reason: 'no-cpu', line: 7 });
    expect(account.details).toEqual({ 'stack lines': 2, 'graph lines': 1, 'stacks of other events': 1 });
  });

  it('keeps five cases of a reason', () => {
    const { account } = read('junk\n'.repeat(9));
    expect(account.skipped).toEqual({ 'not-an-event-line': 9 });
    expect(account.samples.map((s) => s.line)).toEqual([1, 2, 3, 4, 5]);
  });
});

const sample = readFileSync(fileURLToPath(new URL('../../fixtures/x86_64-6.12-window.txt', import.meta.url)));

function sameColumns(a: FtraceText, b: FtraceText): void {
  expect(a.counts).toEqual(b.counts);
  expect(a.lost).toBe(b.lost);
  expect(a.events).toEqual(b.events);
}

describe('chunks', () => {
  const whole = read(sample);

  it('the window has what grep counts in it', () => {
    expect(whole.text.counts).toEqual(WINDOW_COUNTS);
    expect(whole.account.skipped).toEqual({});
    expect(unaccounted(whole.account)).toBe(0);
  });

  it.each([1, 2, 7, 100, 133, 4096])('of %d bytes give the same columns', (size) => {
    const cut = read(sample, size);
    sameColumns(cut.text, whole.text);
    expect(cut.account).toEqual(whole.account);
  });

  it('a last line without a newline counts', () => {
    const cut = read(sample.subarray(0, -1));
    sameColumns(cut.text, whole.text);
    expect(cut.account.lines).toBe(whole.account.lines);
  });
});

// grep -o ': [a-z_]*: ' | sort | uniq -c
const WINDOW_COUNTS = {
  mm_compaction_begin: 3,
  mm_compaction_end: 3,
  mm_compaction_finished: 12,
  mm_compaction_isolate_freepages: 12,
  mm_compaction_isolate_migratepages: 12,
  mm_compaction_kcompactd_sleep: 13,
  mm_compaction_migratepages: 12,
  mm_migrate_pages: 12,
  mm_migrate_pages_start: 12,
  mm_page_alloc: 26,
  mm_page_alloc_extfrag: 1,
  mm_page_alloc_zone_locked: 12,
  mm_page_free: 107,
  mm_page_free_batched: 90,
  mm_page_pcpu_drain: 12,
  tracing_mark_write: 4,
};

describe('damage', () => {
  /** A seeded generator: the same bytes are flipped in every run. */
  function mulberry32(seed: number): () => number {
    return () => {
      seed = (seed + 0x6d2b79f5) | 0;
      let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
      return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
  }
  const window = sample.subarray(0, 8000);

  it('cut anywhere: every line is accounted', () => {
    for (let end = 0; end < 3000; end += 7) {
      const { account } = read(window.subarray(0, end));
      expect(unaccounted(account)).toBe(0);
    }
  });

  it('flipped bytes: every line is accounted, in every cut', () => {
    const random = mulberry32(42);
    for (let round = 0; round < 300; round++) {
      const bytes = new Uint8Array(window);
      for (let k = 0; k < 20; k++) bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
      const whole = read(bytes);
      expect(unaccounted(whole.account)).toBe(0);
      expect(whole.account.lines).toBe(bytes.filter((b) => b === 10).length + (bytes.at(-1) === 10 ? 0 : 1));
      const cut = read(bytes, 1 + Math.floor(random() * 300));
      sameColumns(cut.text, whole.text);
      expect(cut.account).toEqual(whole.account);
    }
  });

  it('random bytes', () => {
    const random = mulberry32(7);
    for (let round = 0; round < 20; round++) {
      const bytes = Uint8Array.from({ length: 20000 }, () => Math.floor(random() * 256));
      const { account, text } = read(bytes);
      expect(unaccounted(account)).toBe(0);
      expect(text.events.length).toBe(0);
    }
  });

  it('a line of 64 KiB is read, a longer one is skipped, in every cut', () => {
    const marker = (length: number) => {
      const head = '           snapx-235     [001] .....    11.007484: tracing_mark_write: ';
      return head + 'x'.repeat(length - head.length);
    };
    const text = `${marker(65536)}\n${marker(65537)}\n#${'-'.repeat(65536)}\n${'z'.repeat(70000)}\n${marker(100)}\n`;
    for (const chunk of [Infinity, 1000, 65537]) {
      const { account } = read(text, chunk);
      expect(account).toMatchObject({ lines: 5, events: 2, comments: 0, skipped: { 'line-too-long': 3 } });
    }
  });

  it('100 MB without a newline stay small', () => {
    const account = new Account('trace', 'ftrace-text');
    const reader = new FtraceTextReader(account);
    const chunk = new Uint8Array(1 << 20).fill(0x5b);
    for (let i = 0; i < 100; i++) reader.push(chunk);
    reader.finish();
    expect(account.finish()).toMatchObject({ lines: 1, skipped: { 'line-too-long': 1 } });
  });

  it('names without end are bounded', () => {
    const lines = Array.from({ length: 5000 }, (_, i) => `   sh-1   [000] ...1    31.301373: event_${i}: x`);
    const { text, account } = read(`${lines.join('\n')}\n`);
    expect(Object.keys(text.counts).length).toBeLessThanOrEqual(4096);
    expect(unaccounted(account)).toBe(0);
  });
});
