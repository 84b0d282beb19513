/**
 * The tracepoints this project knows, with ftrace's own names and fields: one table for the kernel's tracepoints, for
 * the importers that read them and for whoever writes them back as ftrace text.
 *
 * A tracepoint's kind is its index here; stored event columns hold kinds, so the order only ever grows at the end.
 *
 * Models: include/trace/events/{kmem,compaction,migrate,page_isolation,vmscan}.h, 6.1 and 6.12.
 */

/**
 * How the text after `name=` is read and printed.
 * `pfn` 0x-hex or decimal · `dec` signed decimal · `hex` 0x-hex · `word` one word of a small vocabulary ·
 * `gfp` flag names joined by `|` · `page` a struct page pointer, hashed and so never an identity.
 */
export type FieldFormat = 'pfn' | 'dec' | 'hex' | 'word' | 'gfp' | 'page';

export interface FieldSpec {
  readonly name: string;
  readonly format: FieldFormat;
}

export interface TracepointSpec<Name extends string = string> {
  readonly name: Name;
  /** ftrace's event system, as in `events/kmem/mm_page_alloc`. */
  readonly system: 'kmem' | 'compaction' | 'migrate' | 'page_isolation' | 'vmscan' | 'ftrace';
  readonly fields: readonly FieldSpec[];
}

const page: FieldSpec = { name: 'page', format: 'page' };
const pfn: FieldSpec = { name: 'pfn', format: 'pfn' };
const dec = (name: string): FieldSpec => ({ name, format: 'dec' });
const hex = (name: string): FieldSpec => ({ name, format: 'hex' });
const word = (name: string): FieldSpec => ({ name, format: 'word' });
const gfp = (name: string): FieldSpec => ({ name, format: 'gfp' });
const spec = <Name extends string>(
  system: TracepointSpec['system'],
  name: Name,
  ...fields: FieldSpec[]
): TracepointSpec<Name> => ({ name, system, fields });

// Printed as `range=(0x%lx ~ 0x%lx)`; the two ends are two fields here.
const isolate = <Name extends string>(name: Name) =>
  spec('compaction', name, hex('range_start'), hex('range_end'), dec('nr_scanned'), dec('nr_taken'));
const deferral = <Name extends string>(name: Name) =>
  spec('compaction', name, dec('node'), word('zone'), dec('order'), dec('order_failed'), dec('consider'), dec('limit'));

/** The catalogue; a kind is an index into it. */
export const TRACEPOINTS = [
  spec('kmem', 'mm_page_alloc', page, pfn, dec('order'), dec('migratetype'), gfp('gfp_flags')),
  spec('kmem', 'mm_page_free', page, pfn, dec('order')),
  spec('kmem', 'mm_page_free_batched', page, pfn, dec('order')),
  spec('kmem', 'mm_page_alloc_zone_locked', page, pfn, dec('order'), dec('migratetype'), dec('percpu_refill')),
  spec('kmem', 'mm_page_pcpu_drain', page, pfn, dec('order'), dec('migratetype')),
  spec(
    'kmem',
    'mm_page_alloc_extfrag',
    page,
    pfn,
    dec('alloc_order'),
    dec('fallback_order'),
    dec('pageblock_order'),
    dec('alloc_migratetype'),
    dec('fallback_migratetype'),
    dec('fragmenting'),
    dec('change_ownership'),
  ),
  spec(
    'kmem',
    'mm_alloc_contig_migrate_range_info',
    hex('start'),
    hex('end'),
    dec('migratetype'),
    dec('nr_migrated'),
    dec('nr_reclaimed'),
    dec('nr_mapped'),
  ),
  isolate('mm_compaction_isolate_migratepages'),
  isolate('mm_compaction_isolate_freepages'),
  isolate('mm_compaction_fast_isolate_freepages'),
  spec('compaction', 'mm_compaction_migratepages', dec('nr_migrated'), dec('nr_failed')),
  spec(
    'compaction',
    'mm_compaction_begin',
    hex('zone_start'),
    hex('migrate_pfn'),
    hex('free_pfn'),
    hex('zone_end'),
    word('mode'),
  ),
  spec(
    'compaction',
    'mm_compaction_end',
    hex('zone_start'),
    hex('migrate_pfn'),
    hex('free_pfn'),
    hex('zone_end'),
    word('mode'),
    word('status'),
  ),
  spec('compaction', 'mm_compaction_try_to_compact_pages', dec('order'), gfp('gfp_mask'), dec('priority')),
  spec('compaction', 'mm_compaction_suitable', dec('node'), word('zone'), dec('order'), word('ret')),
  spec('compaction', 'mm_compaction_finished', dec('node'), word('zone'), dec('order'), word('ret')),
  deferral('mm_compaction_deferred'),
  deferral('mm_compaction_defer_compaction'),
  deferral('mm_compaction_defer_reset'),
  spec('compaction', 'mm_compaction_kcompactd_sleep', dec('nid')),
  spec('compaction', 'mm_compaction_wakeup_kcompactd', dec('nid'), dec('order'), word('classzone_idx')),
  spec('compaction', 'mm_compaction_kcompactd_wake', dec('nid'), dec('order'), word('classzone_idx')),
  // 6.12 adds nr_split before mode; older lines leave it 0.
  spec(
    'migrate',
    'mm_migrate_pages',
    dec('nr_succeeded'),
    dec('nr_failed'),
    dec('nr_thp_succeeded'),
    dec('nr_thp_failed'),
    dec('nr_thp_split'),
    dec('nr_split'),
    word('mode'),
    word('reason'),
  ),
  spec('migrate', 'mm_migrate_pages_start', word('mode'), word('reason')),
  spec('page_isolation', 'test_pages_isolated', hex('start_pfn'), hex('end_pfn'), hex('fin_pfn'), word('ret')),
  spec('vmscan', 'mm_vmscan_direct_reclaim_begin', dec('order'), gfp('gfp_flags')),
  spec('vmscan', 'mm_vmscan_direct_reclaim_end', dec('nr_reclaimed')),
  spec('vmscan', 'mm_vmscan_wakeup_kswapd', dec('nid'), dec('order'), gfp('gfp_flags')),
  spec('vmscan', 'mm_vmscan_kswapd_wake', dec('nid'), dec('order')),
  spec('vmscan', 'mm_vmscan_kswapd_sleep', dec('nid')),
  // A trace_marker line; the whole text is the field.
  spec('ftrace', 'tracing_mark_write', word('text')),
] as const;

export type TracepointName = (typeof TRACEPOINTS)[number]['name'];

/** Kind (column value) by name. */
export const TRACEPOINT_KIND: ReadonlyMap<string, number> = new Map(TRACEPOINTS.map((t, kind) => [t.name, kind]));

const kind = (name: TracepointName): number => TRACEPOINT_KIND.get(name)!;

/** The kinds that the replay loop and the importers switch on. */
export const KIND = {
  mm_page_alloc: kind('mm_page_alloc'),
  mm_page_free: kind('mm_page_free'),
  mm_page_free_batched: kind('mm_page_free_batched'),
  mm_page_alloc_zone_locked: kind('mm_page_alloc_zone_locked'),
  mm_page_pcpu_drain: kind('mm_page_pcpu_drain'),
  mm_page_alloc_extfrag: kind('mm_page_alloc_extfrag'),
  mm_alloc_contig_migrate_range_info: kind('mm_alloc_contig_migrate_range_info'),
  mm_compaction_isolate_migratepages: kind('mm_compaction_isolate_migratepages'),
  mm_compaction_isolate_freepages: kind('mm_compaction_isolate_freepages'),
  mm_compaction_fast_isolate_freepages: kind('mm_compaction_fast_isolate_freepages'),
  mm_compaction_begin: kind('mm_compaction_begin'),
  mm_compaction_end: kind('mm_compaction_end'),
  mm_migrate_pages: kind('mm_migrate_pages'),
  mm_migrate_pages_start: kind('mm_migrate_pages_start'),
  test_pages_isolated: kind('test_pages_isolated'),
  tracing_mark_write: kind('tracing_mark_write'),
} as const;
