/**
 * Fragmentation indices and their debugfs files.
 *
 * Models: mm/vmstat.c fill_contig_page_info(), __fragmentation_index(), unusable_free_index(), extfrag_show(), 6.12.
 */
import { zoneLabel } from './labels.ts';
import type { ViewSources } from './sources.ts';

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

/** C's `%d.%03d` of value/1000 and value%1000: a negative remainder keeps its sign behind the point. */
function printIndex(value: number): string {
  const rest = value % 1000;
  const digits = rest < 0 ? `-${String(-rest).padStart(2, '0')}` : String(rest).padStart(3, '0');
  return `${Math.trunc(value / 1000)}.${digits}`;
}

/** /sys/kernel/debug/extfrag/extfrag_index. */
export function extfragIndex(sources: ViewSources): string {
  return indexFile(sources, (order, info) => printIndex(fragmentationIndex(order, info)).padStart(6));
}

/** /sys/kernel/debug/extfrag/unusable_index. */
export function unusableIndex(sources: ViewSources): string {
  return indexFile(sources, (order, info) => printIndex(unusableFreeIndex(order, info)));
}

function indexFile({ zones, area }: ViewSources, print: (order: number, info: ContigPageInfo) => string): string {
  let text = '';
  for (const zone of zones.all) {
    if (!zone.populated) continue;
    const counts = nrFreeOf(area, zone.index);
    text += zoneLabel(zone);
    for (let order = 0; order <= area.maxOrder; order++) text += `${print(order, contigPageInfo(counts, order))} `;
    text += '\n';
  }
  return text;
}

/** Free blocks by order of a zone. */
export function nrFreeOf(area: ViewSources['area'], zone: number): number[] {
  const at = zone * (area.maxOrder + 1);
  return Array.from(area.nrFree.subarray(at, at + area.maxOrder + 1));
}
