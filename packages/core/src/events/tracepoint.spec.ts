import { describe, expect, it } from 'vitest';
import { TRACEPOINTS, type TracepointName } from './catalogue.ts';
import { Tracepoint } from './tracepoint.ts';
import { createTracepoints, type TracepointArgs } from './tracepoints.ts';

type Pair = [pfn: number, order: number];

describe('Tracepoint', () => {
  it('is disabled and does nothing without listeners', () => {
    const tp = new Tracepoint<Pair>('test', ['pfn', 'order']);
    expect(tp.enabled).toBe(false);
    tp.emit(1, 2);
  });

  it('emits through the only listener itself', () => {
    const tp = new Tracepoint<Pair>('test', ['pfn', 'order']);
    const listener = (): void => {};
    const registration = tp.on(listener);
    expect(tp.enabled).toBe(true);
    expect(tp.emit).toBe(listener);
    registration[Symbol.dispose]();
    expect(tp.enabled).toBe(false);
    expect(tp.emit).not.toBe(listener);
  });

  it.each([2, 3, 5])('tells %i listeners in the order they came, with exactly the arguments', (count) => {
    const tp = new Tracepoint<Pair>('test', ['pfn', 'order']);
    const seen: unknown[][] = [];
    for (let i = 0; i < count; i++) tp.on((...args) => void seen.push([i, ...args]));
    tp.emit(4096, 3);
    expect(seen).toEqual(Array.from({ length: count }, (_, i) => [i, 4096, 3]));
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8, 9])('hands on %i arguments, to two listeners and to three', (arity) => {
    const names = Array.from({ length: arity }, (_, i) => `a${i}`);
    const args = names.map((_, i) => i * 10);
    const tp = new Tracepoint<number[]>('test', names);
    const seen: number[][] = [];
    for (let i = 0; i < 2; i++) tp.on((...given) => void seen.push(given));
    tp.emit(...args);
    tp.on((...given) => void seen.push(given));
    tp.emit(...args);
    expect(seen).toEqual([args, args, args, args, args]);
  });

  it('lets an event on its way finish with the listeners it began with', () => {
    const tp = new Tracepoint<[number]>('test', ['pfn']);
    const seen: string[] = [];
    tp.on(() => {
      seen.push('a');
      second[Symbol.dispose]();
      tp.on(() => void seen.push('late'));
    });
    const second = tp.on(() => void seen.push('b'));
    tp.emit(1);
    expect(seen).toEqual(['a', 'b']);
  });

  it('removes one of two registrations of the same function', () => {
    const tp = new Tracepoint<[number]>('test', ['pfn']);
    let calls = 0;
    const listener = (): void => void calls++;
    const first = tp.on(listener);
    tp.on(listener);
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    tp.emit(1);
    expect(calls).toBe(1);
  });
});

describe('Tracepoints', () => {
  // Typed by the tuples, checked against the catalogue.
  const arity: { readonly [Name in TracepointName]: TracepointArgs[Name]['length'] } = {
    mm_page_alloc: 4,
    mm_page_free: 2,
    mm_page_free_batched: 2,
    mm_page_alloc_zone_locked: 4,
    mm_page_pcpu_drain: 3,
    mm_page_alloc_extfrag: 8,
    mm_alloc_contig_migrate_range_info: 6,
    mm_compaction_isolate_migratepages: 4,
    mm_compaction_isolate_freepages: 4,
    mm_compaction_fast_isolate_freepages: 4,
    mm_compaction_migratepages: 2,
    mm_compaction_begin: 5,
    mm_compaction_end: 6,
    mm_compaction_try_to_compact_pages: 3,
    mm_compaction_suitable: 4,
    mm_compaction_finished: 4,
    mm_compaction_deferred: 6,
    mm_compaction_defer_compaction: 6,
    mm_compaction_defer_reset: 6,
    mm_compaction_kcompactd_sleep: 1,
    mm_compaction_wakeup_kcompactd: 3,
    mm_compaction_kcompactd_wake: 3,
    mm_migrate_pages: 8,
    mm_migrate_pages_start: 2,
    test_pages_isolated: 4,
    mm_vmscan_direct_reclaim_begin: 2,
    mm_vmscan_direct_reclaim_end: 1,
    mm_vmscan_wakeup_kswapd: 3,
    mm_vmscan_kswapd_wake: 2,
    mm_vmscan_kswapd_sleep: 1,
    tracing_mark_write: 1,
  };

  it('has one for each name of the catalogue, with its fields but the page pointer', () => {
    const tracepoints = createTracepoints();
    expect(Object.keys(tracepoints)).toEqual(TRACEPOINTS.map(({ name }) => name));
    expect(Object.fromEntries(Object.values(tracepoints).map((tp) => [tp.name, tp.fields.length]))).toEqual(arity);
    expect(tracepoints.mm_page_alloc.fields).toEqual(['pfn', 'order', 'migratetype', 'gfp_flags']);
    expect(tracepoints.mm_page_alloc_extfrag.fields).toEqual([
      'pfn',
      'alloc_order',
      'fallback_order',
      'pageblock_order',
      'alloc_migratetype',
      'fallback_migratetype',
      'fragmenting',
      'change_ownership',
    ]);
  });

  it('is typed', () => {
    const { mm_page_alloc, mm_compaction_end } = createTracepoints();
    mm_page_alloc.on((pfn, order) => pfn + order);
    mm_compaction_end.on((_start, _migrate, _free, _end, mode, status) => mode + status);
    // @ts-expect-error a tracepoint has its own number of arguments
    mm_page_alloc.emit(1, 2, 3);
    // @ts-expect-error words are strings
    mm_compaction_end.emit(0, 1, 2, 3, 4, 'ok');
  });
});
