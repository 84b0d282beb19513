/**
 * /proc/buddyinfo.
 *
 * Models: mm/vmstat.c frag_show_print(), 6.12.
 */
import { nrFreeOf } from './fragmentation.ts';
import { zoneLabel } from './labels.ts';
import type { ViewSources } from './sources.ts';

export function buddyinfo({ zones, area }: ViewSources): string {
  let text = '';
  for (const zone of zones.all) {
    if (!zone.populated) continue;
    text += zoneLabel(zone);
    for (const blocks of nrFreeOf(area, zone.index)) text += `${String(blocks).padStart(6)} `;
    text += '\n';
  }
  return text;
}
