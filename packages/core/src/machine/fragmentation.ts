/**
 * Fragmentation indices of a zone's free blocks: what the debugfs files print, gauges show and series sample.
 *
 * Models: mm/vmstat.c fill_contig_page_info(), __fragmentation_index(), unusable_free_index(), 6.12.
 */

/** Free pages, free blocks, and how many blocks of an order could be had. Models: struct contig_page_info. */
export interface ContigPageInfo {
  readonly freePages: number;
  readonly freeBlocksTotal: number;
  readonly freeBlocksSuitable: number;
}

export function contigPageInfo(nrFree: readonly number[], suitableOrder: number): ContigPageInfo {
  let freePages = 0;
  let freeBlocksTotal = 0;
  let freeBlocksSuitable = 0;
  nrFree.forEach((blocks, order) => {
    freeBlocksTotal += blocks;
    freePages += blocks * 2 ** order;
    if (order >= suitableOrder) freeBlocksSuitable += blocks * 2 ** (order - suitableOrder);
  });
  return { freePages, freeBlocksTotal, freeBlocksSuitable };
}

/** unusable_free_index ×1000: 0 all free memory serves the order, 1000 none. */
export function unusableFreeIndex(order: number, info: ContigPageInfo): number {
  if (info.freePages === 0) return 1000;
  return Math.floor(((info.freePages - info.freeBlocksSuitable * 2 ** order) * 1000) / info.freePages);
}

/** Fragmentation index ×1000: -1000 the order can be served; towards 0 memory is short, towards 1000 it is fragmented. */
export function fragmentationIndex(order: number, info: ContigPageInfo): number {
  if (info.freeBlocksTotal === 0) return 0;
  if (info.freeBlocksSuitable > 0) return -1000;
  const requested = 2 ** order;
  return 1000 - Math.trunc((1000 + Math.trunc((info.freePages * 1000) / requested)) / info.freeBlocksTotal);
}
