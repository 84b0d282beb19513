/**
 * /proc/pagetypeinfo: free blocks by type, pageblocks by type; the whole of it once a node with memory.
 *
 * Models: mm/vmstat.c pagetypeinfo_show(), pagetypeinfo_showfree_print(), pagetypeinfo_showblockcount_print(), 6.12.
 */
import { MIGRATE, MIGRATETYPE_NAMES, PAGE_CLASS, type Zone } from '@replug/core';
import { zoneLabel } from './labels.ts';
import type { ViewSources } from './sources.ts';

/** Lists longer than this print as `>100000`. */
const LIST_LIMIT = 100000;

export function pagetypeinfo(sources: ViewSources): string {
  const { zones, area, machine } = sources;
  // Kernels without CONFIG_CMA have no CMA type.
  const types = MIGRATETYPE_NAMES.map((_, type) => type).filter((t) => t !== MIGRATE.CMA || machine.description.cma);
  let text = '';
  for (const node of zones.nodes) {
    const populated = node.zones.filter((z) => z.populated);
    if (populated.length === 0) continue;
    text += `Page block order: ${area.pageblockOrder}\n`;
    text += `Pages per block:  ${1 << area.pageblockOrder}\n\n`;
    text += `${'Free pages count per migrate type at order'.padEnd(43)}`;
    for (let order = 0; order <= area.maxOrder; order++) text += `${String(order).padStart(6)} `;
    text += '\n';
    for (const zone of populated) for (const type of types) text += freeRow(sources, zone, type);
    text += `\n${'Number of blocks type'.padEnd(22)}`;
    for (const type of types) text += ` ${MIGRATETYPE_NAMES[type].padStart(12)}`.slice(1) + ' ';
    text += '\n';
    for (const zone of populated) {
      const counts = blockCounts(sources, zone);
      text += zoneLabel(zone);
      for (const type of types) text += `${String(counts[type]).padStart(12)} `;
      text += '\n';
    }
  }
  return text;
}

function freeRow({ area }: ViewSources, zone: Zone, type: number): string {
  let text = `Node ${String(zone.nid).padStart(4)}, zone ${zone.name.padStart(8)}, type ${MIGRATETYPE_NAMES[type].padStart(12)} `;
  for (let order = 0; order <= area.maxOrder; order++) {
    let blocks = 0;
    for (let row = area.first(zone.index, order, type); row >= 0 && blocks <= LIST_LIMIT; row = area.after(row, order))
      blocks++;
    text += `${blocks > LIST_LIMIT ? `>${LIST_LIMIT}` : String(blocks).padStart(6)} `;
  }
  return `${text}\n`;
}

/** Samples zone_start + k * pageblock pages, unaligned as the kernel does, and counts what belongs to the zone. */
function blockCounts({ area, pages }: ViewSources, zone: Zone): number[] {
  const counts = MIGRATETYPE_NAMES.map(() => 0);
  for (let pfn = zone.startPfn; pfn < zone.endPfn; pfn += 1 << area.pageblockOrder) {
    const row = pages.pfnToRow(pfn);
    if (row < 0 || pages.zoneOf(row) !== zone.index || pages.pageClass[row] === PAGE_CLASS.HOLE) continue;
    counts[area.pageblockType(row)]++;
  }
  return counts;
}
