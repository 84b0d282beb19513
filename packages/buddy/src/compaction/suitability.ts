/**
 * Whether compacting a zone makes sense: free memory enough for the copies, and fragmentation to blame rather than a
 * lack of memory; and how fragmented a node is, for compaction ahead of need.
 *
 * Models: mm/compaction.c compaction_suitable(), compaction_suit_allocation_order(), fragmentation_score_zone(),
 * fragmentation_score_node(), fragmentation_score_wmark(); mm/vmstat.c extfrag_for_order(), 6.1 and 6.12.
 */
import { COMPACT_RESULT, contigPageInfo, fragmentationIndex, type CompactResult, type Zone } from '@replug/core';
import type { FreeArea } from '../free-area.ts';

/** Orders above it are costly: PAGE_ALLOC_COSTLY_ORDER. */
export const COSTLY_ORDER = 3;

/** __zone_watermark_ok() of the allocator: highest zone type, alloc flags with the mark's index. */
export type MarkOk = (zone: number, order: number, mark: number, highest: number, flags: number) => boolean;

/** nr_free of a zone by order. */
export function nrFree(area: FreeArea, zone: number): number[] {
  return Array.from({ length: area.maxOrder + 1 }, (_, order) => area.nrFree[zone * (area.maxOrder + 1) + order]);
}

/** Order-0 pages that must be free beyond the mark: copies of up to twice the block. */
export const compactGap = (order: number): number => 2 << order;

export interface Suitability {
  readonly result: CompactResult;
  /** What mm_compaction_suitable prints; undefined: it was not asked. */
  readonly told?: CompactResult;
}

/** CONTINUE: compact. SUCCESS: no need. SKIPPED: it would not help. `flags`: the request's, for its own mark. */
export function suitability(
  zone: Zone,
  area: FreeArea,
  order: number,
  highest: number,
  flags: { readonly request: number; readonly cma: number; readonly mark: number },
  markOk: MarkOk,
  threshold: number,
  tellsSuccess: boolean,
): Suitability {
  const { CONTINUE, SUCCESS, SKIPPED, NOT_SUITABLE_ZONE } = COMPACT_RESULT;
  const { index, watermark, watermarkBoost: boost } = zone;
  if (markOk(index, order, flags.mark + boost, highest, flags.request))
    return tellsSuccess ? { result: SUCCESS, told: SUCCESS } : { result: SUCCESS };
  const base = order > COSTLY_ORDER ? watermark.low : watermark.min;
  if (!markOk(index, 0, base + boost + compactGap(order), highest, flags.cma))
    return { result: SKIPPED, told: SKIPPED };
  if (order > COSTLY_ORDER) {
    const index1000 = fragmentationIndex(order, contigPageInfo(nrFree(area, index), order));
    if (index1000 >= 0 && index1000 <= threshold) return { result: SKIPPED, told: NOT_SUITABLE_ZONE };
  }
  return { result: CONTINUE, told: CONTINUE };
}

/** extfrag_for_order(): percent of the free memory that cannot serve the order. */
export function zoneScore(area: FreeArea, zone: number, order: number): number {
  const info = contigPageInfo(nrFree(area, zone), order);
  if (info.freePages === 0) return 0;
  return Math.floor(((info.freePages - info.freeBlocksSuitable * 2 ** order) * 100) / info.freePages);
}

/** The zones' scores by their share of the node's pages. */
export function nodeScore(area: FreeArea, zones: readonly Zone[], order: number): number {
  const present = zones.reduce((sum, z) => sum + z.presentPages, 0);
  return zones
    .filter((z) => z.populated)
    .reduce((sum, z) => sum + Math.floor((z.presentPages * zoneScore(area, z.index, order)) / (present + 1)), 0);
}

/** Scores between which compaction ahead of need works, by compaction_proactiveness. */
export function scoreMarks(proactiveness: number): { readonly low: number; readonly high: number } {
  const low = Math.max(100 - proactiveness, 5);
  return { low, high: Math.min(low + 10, 100) };
}
