/**
 * What a request that may wait does about fragmentation before it fails: compaction, first without waiting, then with, then
 * over the whole zone. Costly requests do not go to the end, those that said so (__GFP_NORETRY) stop after the second.
 *
 * Reclaim comes between the two in the kernel; here it is the allocator's own, and comes afterwards.
 *
 * Models: mm/page_alloc.c __alloc_pages_slowpath(), __alloc_pages_direct_compact(), should_compact_retry(), 6.1 and 6.12.
 */
import { COMPACT_RESULT, GFP, gfpMigratetype, MIGRATE, type PageMap } from '@replug/core';
import type { BuddyCompaction } from './compact.ts';
import { COSTLY_ORDER } from './suitability.ts';

/** Tries to serve a request by compaction; `attempt` asks the free lists. The row, or −1. */
export type CompactForRequest = (gfp: number, order: number, cpu: number, attempt: () => number) => number;

export const compactForRequest =
  (pages: PageMap, compaction: BuddyCompaction): CompactForRequest =>
  (gfp, order, cpu, attempt) => {
    const costly = order > COSTLY_ORDER;
    for (const priority of [2, 1, 0]) {
      if (priority === 2 && !costly && gfpMigratetype(gfp) === MIGRATE.MOVABLE) continue;
      if (priority === 0 && (costly || (gfp & GFP.NORETRY) !== 0)) break;
      const result = compaction.tryToCompact(gfp, order, priority, cpu);
      const row = attempt();
      if (row >= 0) {
        compaction.served(pages.zoneOf(row), order);
        return row;
      }
      const hopeless = result === COMPACT_RESULT.SKIPPED || result === COMPACT_RESULT.DEFERRED;
      if (priority === 2 && costly && (gfp & GFP.NORETRY) !== 0 && hopeless) break;
    }
    return -1;
  };
