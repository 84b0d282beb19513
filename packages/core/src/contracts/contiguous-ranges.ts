/**
 * Ranges of physical memory made empty and kept so: pageblock isolation with undo, contiguous allocation, and what
 * offlining needs of the allocator. Ranges are half-open pfns of one zone, aligned to pageblocks where the kernel wants
 * it; errors are the kernel's negative errno, never exceptions.
 *
 * Models: mm/page_isolation.c, mm/page_alloc.c alloc_contig_range(), free_contig_range(), zone_pcp_disable(),
 * __offline_isolated_pages(), 6.1 and 6.12.
 */
import { token } from '../host/token.ts';
import type { Pfn } from '../base/units.ts';

/** The page that stops an isolation. */
export interface Blocker {
  readonly pfn: Pfn;
  /** PAGE_CLASS of it. */
  readonly pageClass: number;
  /** The rule that it broke, in one word: `reserved`, `slab`, `pinned`, `cma`, `isolated` (already), `straddles` … */
  readonly why: string;
}

export interface RangeOutcome {
  /** 0, -EBUSY (16), -ENOMEM (12), -EINTR (4), -EINVAL (22). */
  readonly errno: number;
  readonly blocker?: Blocker;
}

export interface IsolateOptions {
  /** MIGRATE_* that undo restores and that the CMA rule asks for: MOVABLE for offlining and virtio-mem. */
  readonly migratetype: number;
  /** MEMORY_OFFLINE: poisoned and logically offline pages are no obstacle. Default false. */
  readonly memoryOffline?: boolean;
}

export interface ContigOutcome extends RangeOutcome {
  readonly migrated: number;
  /** Clean page cache that was dropped instead of moved. */
  readonly reclaimed: number;
}

export interface ContiguousRanges {
  /** First page in [start, end) that isolation would refuse, with its rule; undefined when it would be granted. Pure. */
  unmovable(start: Pfn, end: Pfn, options: IsolateOptions): Blocker | undefined;
  /**
   * start_isolate_page_range(): all pageblocks become ISOLATE, or none does. Pages on per-CPU lists stay there and may still be
   * given out: drain them afterwards, or disable the lists before.
   */
  isolate(start: Pfn, end: Pfn, options: IsolateOptions): RangeOutcome;
  /** undo_isolate_page_range(): pageblocks return to a migratetype; free blocks that span pageblocks merge again. */
  undoIsolation(start: Pfn, end: Pfn, migratetype: number): void;
  /** test_pages_isolated(): 0 when nothing of the range is in use, else -EBUSY. Emits the tracepoint. */
  testIsolated(start: Pfn, end: Pfn, memoryOffline: boolean): number;
  /** alloc_contig_range(): on success each page of the range is allocated as an order-0 block. On failure nothing is changed but places of migrated pages. */
  alloc(start: Pfn, end: Pfn, migratetype: number): ContigOutcome;
  /** free_contig_range(): gives pages back one by one, at order 0. */
  free(start: Pfn, end: Pfn): void;
  /**
   * Takes isolated free pages of [start, end) out of the allocator for good (offlining): afterwards it knows nothing of them.
   * Returns by how many pages the managed figure falls, as __offline_isolated_pages() does: pages that were logically offline
   * are not in it, poisoned ones are. Zone counters are the caller's; the pageblocks are not isolated any more.
   */
  removeIsolated(start: Pfn, end: Pfn): number;
  /**
   * Puts pages of an isolated range that come online on the ISOLATE lists (largest aligned blocks, list tails); they count as
   * managed from now on, as free once the isolation is undone. Asks the OnlinePage slot for each block first.
   */
  releaseIsolated(start: Pfn, end: Pfn): void;
  /** Pageblocks of a range that no zone had before become ISOLATE without any check (onlining). */
  markIsolated(start: Pfn, end: Pfn): void;
  /** zone_pcp_disable(): per-CPU lists of a zone (index) are drained and hold nothing until enabled. May nest. */
  disablePcp(zone: number): void;
  enablePcp(zone: number): void;
}

export const ContiguousRanges = token<ContiguousRanges>()('core.ContiguousRanges', {
  provider: 'buddy() from @replug/buddy',
});
