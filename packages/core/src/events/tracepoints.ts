/**
 * The tracepoints of one kernel: one for each name of the catalogue, with ftrace's fields in ftrace's order. The hashed
 * struct page pointer is left out – it identifies nothing – and words of a vocabulary are strings.
 */
import { TRACEPOINTS, type TracepointName } from './catalogue.ts';
import { Tracepoint } from './tracepoint.ts';

type Isolated = [range_start: number, range_end: number, nr_scanned: number, nr_taken: number];
type Deferral = [node: number, zone: string, order: number, order_failed: number, consider: number, limit: number];
type Verdict = [node: number, zone: string, order: number, ret: string];

/** Arguments by tracepoint. A spec holds it against the catalogue. */
export interface TracepointArgs {
  mm_page_alloc: [pfn: number, order: number, migratetype: number, gfp_flags: number];
  mm_page_free: [pfn: number, order: number];
  mm_page_free_batched: [pfn: number, order: number];
  mm_page_alloc_zone_locked: [pfn: number, order: number, migratetype: number, percpu_refill: number];
  mm_page_pcpu_drain: [pfn: number, order: number, migratetype: number];
  mm_page_alloc_extfrag: [
    pfn: number,
    alloc_order: number,
    fallback_order: number,
    pageblock_order: number,
    alloc_migratetype: number,
    fallback_migratetype: number,
    fragmenting: number,
    change_ownership: number,
  ];
  mm_alloc_contig_migrate_range_info: [
    start: number,
    end: number,
    migratetype: number,
    nr_migrated: number,
    nr_reclaimed: number,
    nr_mapped: number,
  ];
  mm_compaction_isolate_migratepages: Isolated;
  mm_compaction_isolate_freepages: Isolated;
  mm_compaction_fast_isolate_freepages: Isolated;
  mm_compaction_migratepages: [nr_migrated: number, nr_failed: number];
  mm_compaction_begin: [zone_start: number, migrate_pfn: number, free_pfn: number, zone_end: number, mode: string];
  mm_compaction_end: [
    zone_start: number,
    migrate_pfn: number,
    free_pfn: number,
    zone_end: number,
    mode: string,
    status: string,
  ];
  mm_compaction_try_to_compact_pages: [order: number, gfp_mask: number, priority: number];
  mm_compaction_suitable: Verdict;
  mm_compaction_finished: Verdict;
  mm_compaction_deferred: Deferral;
  mm_compaction_defer_compaction: Deferral;
  mm_compaction_defer_reset: Deferral;
  mm_compaction_kcompactd_sleep: [nid: number];
  mm_compaction_wakeup_kcompactd: [nid: number, order: number, classzone_idx: string];
  mm_compaction_kcompactd_wake: [nid: number, order: number, classzone_idx: string];
  mm_migrate_pages: [
    nr_succeeded: number,
    nr_failed: number,
    nr_thp_succeeded: number,
    nr_thp_failed: number,
    nr_thp_split: number,
    nr_split: number,
    mode: string,
    reason: string,
  ];
  mm_migrate_pages_start: [mode: string, reason: string];
  test_pages_isolated: [start_pfn: number, end_pfn: number, fin_pfn: number, ret: string];
  mm_vmscan_direct_reclaim_begin: [order: number, gfp_flags: number];
  mm_vmscan_direct_reclaim_end: [nr_reclaimed: number];
  mm_vmscan_wakeup_kswapd: [nid: number, order: number, gfp_flags: number];
  mm_vmscan_kswapd_wake: [nid: number, order: number];
  mm_vmscan_kswapd_sleep: [nid: number];
  tracing_mark_write: [text: string];
}

/** One tracepoint for each name of the catalogue. */
export type Tracepoints = { readonly [Name in TracepointName]: Tracepoint<TracepointArgs[Name]> };

/** A fresh set, without listeners. */
export function createTracepoints(): Tracepoints {
  const all: Record<string, Tracepoint> = {};
  for (const { name, fields } of TRACEPOINTS) {
    all[name] = new Tracepoint(
      name,
      fields.filter(({ format }) => format !== 'page').map((field) => field.name),
    );
  }
  return Object.freeze(all) as unknown as Tracepoints;
}
