/** Gauges: what a sampling replay or a dashboard reads between events. */
import { contigPageInfo, fragmentationIndex, unusableFreeIndex, type SubsystemScope } from '@replug/core';
import { nrFreeOf } from './views/fragmentation.ts';
import type { ViewSources } from './views/sources.ts';

export function publishMetrics(scope: SubsystemScope, { zones, area, pcp }: ViewSources): void {
  for (const zone of zones.all) {
    if (!zone.populated) continue;
    const name = `node${zone.nid}.${zone.name}`;
    scope.gauge(`${name}.nr_free_pages`, () => area.freePages[zone.index]);
    scope.gauge(`${name}.pcp_pages`, () => pcp.pages(zone.index));
    const info = () => contigPageInfo(nrFreeOf(area, zone.index), area.pageblockOrder);
    scope.gauge(`${name}.unusable_index`, () => unusableFreeIndex(area.pageblockOrder, info()));
    scope.gauge(`${name}.extfrag_index`, () => fragmentationIndex(area.pageblockOrder, info()));
  }
}
