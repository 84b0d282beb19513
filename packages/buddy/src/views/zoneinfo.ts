/**
 * /proc/zoneinfo. Counters that the model does not keep (LRU, slab, writeback …) are printed as long as a recording's are
 * valid and left out afterwards, rather than printed as something they are not.
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
  const free = area.freePages[zone.index] + zone.freeDelta;
  const counter = (name: string, value: number) => lines.push(`      ${name.padEnd(12)} ${value}`);
  if (zone.recorded?.nodeStats !== undefined) {
    lines.push('  per-node stats');
    for (const [name, value] of Object.entries(zone.recorded.nodeStats)) counter(name, value);
  }
  lines.push(`  pages free     ${free}`);
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
  counter('nr_free_pages', free);
  const stats = Object.entries(zone.recorded?.stats ?? { nr_free_cma: area.freeCma[zone.index] });
  for (const [name, value] of stats)
    if (name !== 'nr_free_pages' && name !== 'node_unreclaimable') counter(name, value);
  lines.push('  pagesets');
  for (let cpu = 0; cpu < pcp.cpus; cpu++) {
    const set = pcp.set(zone.index, cpu);
    lines.push(`    cpu: ${cpu}`);
    lines.push(`              count: ${pcp.sets[set + PCP.COUNT]}`);
    lines.push(`              high:  ${pcp.sets[set + PCP.HIGH]}`);
    lines.push(`              batch: ${pcp.sets[set + PCP.BATCH]}`);
    lines.push(`  vm stats threshold: ${zone.statThreshold}`);
  }
  lines.push(`  node_unreclaimable:  ${zone.recorded?.stats['node_unreclaimable'] ?? 0}`);
  lines.push(`  start_pfn:           ${zone.startPfn}`);
  return `${lines.join('\n')}\n`;
}
