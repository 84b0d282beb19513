/**
 * /proc/zoneinfo. Counters that the model does not keep (LRU, slab, writeback …) are left out rather than printed as
 * something they are not; every line printed has the kernel's name and layout.
 *
 * Models: mm/vmstat.c zoneinfo_show_print(), 6.1 and 6.12.
 */
import type { Zone } from '@replug/core';
import { PCP } from '../pcp-policy.ts';
import type { ViewSources } from './sources.ts';

export function zoneinfo(sources: ViewSources): string {
  return sources.zones.all.map((zone) => showZone(sources, zone)).join('');
}

function showZone({ area, pcp, machine }: ViewSources, zone: Zone): string {
  const promo = machine.description.profile === '6.12';
  const { watermark: mark, watermarkBoost: boost } = zone;
  const lines = [`Node ${zone.nid}, zone ${zone.name.padStart(8)}`];
  lines.push(`  pages free     ${area.freePages[zone.index]}`);
  const field = (name: string, value: number) => lines.push(`        ${name.padEnd(8)} ${value}`);
  field('boost', boost);
  field('min', mark.min + boost);
  field('low', mark.low + boost);
  field('high', mark.high + boost);
  if (promo) field('promo', mark.promo + boost);
  field('spanned', zone.spannedPages);
  field('present', zone.presentPages);
  field('managed', zone.managedPages);
  field('cma', zone.cmaPages);
  lines.push(`        protection: (${zone.lowmemReserve.join(', ')})`);
  if (!zone.populated) return `${lines.join('\n')}\n`;
  lines.push(`      nr_free_pages ${area.freePages[zone.index]}`);
  lines.push(`      nr_free_cma  ${area.freeCma[zone.index]}`);
  lines.push('  pagesets');
  for (let cpu = 0; cpu < pcp.cpus; cpu++) {
    const set = pcp.set(zone.index, cpu);
    lines.push(`    cpu: ${cpu}`);
    lines.push(`              count: ${pcp.sets[set + PCP.COUNT]}`);
    lines.push(`              high:  ${pcp.sets[set + PCP.HIGH]}`);
    lines.push(`              batch: ${pcp.sets[set + PCP.BATCH]}`);
    lines.push(`  vm stats threshold: ${zone.statThreshold}`);
  }
  lines.push(`  node_unreclaimable:  0`);
  lines.push(`  start_pfn:           ${zone.startPfn}`);
  return `${lines.join('\n')}\n`;
}
