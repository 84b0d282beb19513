/**
 * The debugfs files of the fragmentation indices.
 *
 * Models: mm/vmstat.c extfrag_show_print(), unusable_show_print(), 6.12.
 */
import { contigPageInfo, fragmentationIndex, unusableFreeIndex, type ContigPageInfo } from '@replug/core';
import { zoneLabel } from './labels.ts';
import type { ViewSources } from './sources.ts';

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
