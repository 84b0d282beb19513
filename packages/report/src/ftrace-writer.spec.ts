import { KIND, TRACEPOINT_KIND } from '@replug/core';
import { EventColumnsBuilder, packUnit } from '@replug/workload';
import { describe, expect, it } from 'vitest';
import { FtraceWriter } from './ftrace-writer.ts';

const kindOf = (name: string): number => TRACEPOINT_KIND.get(name)!;
const init = { comm: 'init', pid: 1 };
const event = (name: string, values: (number | string)[], time = 14_973_496_000) => ({
  time,
  cpu: 0,
  flags: '.....',
  task: init,
  kind: kindOf(name),
  values,
});

/** Lines as kernels print them. Those of compaction and migration are from captures of 6.1 and 6.12. */
describe('a line', () => {
  it.each([
    [
      event('mm_compaction_suitable', [0, 'DMA', -1, 'continue']),
      '            init-1       [000] .....    14.973496: mm_compaction_suitable: node=0 zone=DMA      order=-1 ret=continue\n',
    ],
    [
      event('mm_compaction_begin', [0, 0, 0x1ff00, 0x20000, 'sync']),
      '            init-1       [000] .....    14.973496: mm_compaction_begin: zone_start=0x0 migrate_pfn=0x0 free_pfn=0x1ff00 zone_end=0x20000, mode=sync\n',
    ],
    [
      event('mm_compaction_end', [0, 0x8d00, 0x8d00, 0x20000, 'sync', 'complete']),
      '            init-1       [000] .....    14.973496: mm_compaction_end: zone_start=0x0 migrate_pfn=0x8d00 free_pfn=0x8d00 zone_end=0x20000, mode=sync status=complete\n',
    ],
    [
      event('mm_compaction_isolate_freepages', [0x1fb00, 0x1fc00, 256, 0]),
      '            init-1       [000] .....    14.973496: mm_compaction_isolate_freepages: range=(0x1fb00 ~ 0x1fc00) nr_scanned=256 nr_taken=0\n',
    ],
    [
      event('mm_compaction_kcompactd_wake', [0, 3, 'Normal']),
      '            init-1       [000] .....    14.973496: mm_compaction_kcompactd_wake: nid=0 order=3 classzone_idx=Normal  \n',
    ],
    [
      event('mm_vmscan_direct_reclaim_begin', [2, 'GFP_KERNEL|__GFP_COMP']),
      '            init-1       [000] .....    14.973496: mm_vmscan_direct_reclaim_begin: order=2 gfp_flags=GFP_KERNEL|__GFP_COMP\n',
    ],
    [
      event('mm_page_alloc', [-1, 9, 1, 'GFP_TRANSHUGE_LIGHT']),
      '            init-1       [000] .....    14.973496: mm_page_alloc: page=0000000000000000 pfn=0x0 order=9 migratetype=1 gfp_flags=GFP_TRANSHUGE_LIGHT\n',
    ],
    [
      event('mm_page_alloc', [0, 0, 1, 'none']),
      '            init-1       [000] .....    14.973496: mm_page_alloc: page=ffffea0000000000 pfn=0x0 order=0 migratetype=1 gfp_flags=none\n',
    ],
    [
      event('mm_page_alloc_extfrag', [0xb800, 0, 10, 8, 0, 1, 0, 1]),
      '            init-1       [000] .....    14.973496: mm_page_alloc_extfrag: page=ffffea00002e0000 pfn=0xb800 alloc_order=0 fallback_order=10 pageblock_order=8 alloc_migratetype=0 fallback_migratetype=1 fragmenting=0 change_ownership=1\n',
    ],
    [
      event('tracing_mark_write', ['snapx mid begin']),
      '            init-1       [000] .....    14.973496: tracing_mark_write: snapx mid begin\n',
    ],
  ])('%#', (input, line) => {
    expect(new FtraceWriter().line(input)).toBe(line);
  });

  it('rounds to µs as the kernel does, and widens where a number is long', () => {
    const writer = new FtraceWriter();
    const at = (time: number) => writer.line(event('mm_vmscan_kswapd_sleep', [0], time)).slice(25, 46);
    expect(at(499)).toBe('[000] .....     0.000');
    expect(writer.line(event('mm_vmscan_kswapd_sleep', [0], 999_999_500))).toContain(' ....     1.000000: '.slice(5));
    expect(writer.line(event('mm_vmscan_kswapd_sleep', [0], 123_456_789_012_345))).toContain(' 123456.789012: ');
  });

  it('leaves nr_split out on 6.1', () => {
    const migrate = event('mm_migrate_pages', [239, 0, 0, 0, 0, 7, 'MIGRATE_SYNC', 'compaction']);
    const head = '            init-1       [000] .....    14.973496: mm_migrate_pages: nr_succeeded=239 nr_failed=0';
    const thp = ' nr_thp_succeeded=0 nr_thp_failed=0 nr_thp_split=0';
    const tail = ' mode=MIGRATE_SYNC reason=compaction\n';
    expect(new FtraceWriter({ profile: '6.1' }).line(migrate)).toBe(head + thp + tail);
    expect(new FtraceWriter({ profile: '6.12' }).line(migrate)).toBe(`${head}${thp} nr_split=7${tail}`);
  });

  it('prints numbers that no long holds as the greatest', () => {
    const range = (start: number) =>
      new FtraceWriter().line(event('test_pages_isolated', [start, 0, 0, 'fail'])).slice(72, 101);
    expect(range(-1)).toBe('start_pfn=0xffffffffffffffff ');
    expect(range(Number('0xffffffffffffffff'))).toBe('start_pfn=0xffffffffffffffff ');
    expect(range(-Infinity)).toBe('start_pfn=0xffffffffffffffff ');
    expect(range(Number.NaN)).toBe('start_pfn=0xffffffffffffffff ');
  });

  it('keeps to one line whatever a text holds, and counts it', () => {
    const writer = new FtraceWriter();
    const hostile = { ...event('tracing_mark_write', ['a\nb\u0000c']), task: { comm: 'x\ny', pid: 2 } };
    const line = writer.line(hostile);
    expect(line).toBe('             x?y-2       [000] .....    14.973496: tracing_mark_write: a?b?c\n');
    expect(writer.altered).toBe(2);
    expect(writer.line({ ...hostile, kind: 200 })).toBe('');
    expect(writer.unknownKinds).toBe(1);
  });
});

it('prints the header of a trace', () => {
  expect(new FtraceWriter().header({ entries: 10, lost: 5, cpus: 4 }).split('\n').slice(0, 4)).toEqual([
    '# tracer: nop',
    '#',
    '# entries-in-buffer/entries-written: 10/15   #P:4',
    '#',
  ]);
});

it('cuts columns into chunks of about 64 KiB that hold every line', () => {
  const builder = new EventColumnsBuilder();
  builder.gfpTexts.intern('');
  const task = builder.internTask('sh', 7);
  const flags = builder.flagTexts.intern('d..3.');
  for (let i = 0; i < 2000; i++)
    builder.pushPage(KIND.mm_page_pcpu_drain, i * 1000, 1, flags, task, 0x100 + i, packUnit(3, 2, 0));
  const events = builder.finish();
  const chunks = [...new FtraceWriter().chunks(events)];
  expect(chunks.length).toBeGreaterThan(2);
  for (const chunk of chunks) expect(chunk.length).toBeLessThan(65536 + 200);
  const lines = chunks.join('').split('\n');
  expect(lines.length).toBe(2001);
  expect(lines[1]).toBe(
    '              sh-7       [001] d..3.     0.000001: mm_page_pcpu_drain: page=ffffea0000004040 pfn=0x101 order=3 migratetype=2',
  );
  expect([...new FtraceWriter().chunks(events, 5, 7)].join('').split('\n').length).toBe(3);
});
