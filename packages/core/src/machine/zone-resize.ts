/**
 * Zones that grow and shrink at run time. Only spans and membership change here; present and managed pages are
 * ZoneSizing's. A node's span is the union of its zones' and so needs no state of its own.
 *
 * Models: mm/memory_hotplug.c move_pfn_range_to_zone(), resize_zone_range(), remove_pfn_range_from_zone(),
 * shrink_zone_span(), 6.12.
 */
import type { Pfn } from '../base/units.ts';
import type { Machine } from './machine.ts';
import type { Zone } from './zones.ts';

/** Pages of a sub-section (2 MiB): the step in which a shrinking span looks for its next page. */
export const subsectionPages = (machine: Machine): number => 2 ** (21 - machine.description.arch.pageShift);

/** Puts [start, end) into a zone and grows its span to their union. The sections must be here. */
export function addRangeToZone(machine: Machine, zone: Zone, start: Pfn, end: Pfn): void {
  const zoneEnd = zone.endPfn;
  if (zone.spannedPages === 0) {
    zone.startPfn = start;
    zone.spannedPages = end - start;
  } else {
    zone.startPfn = Math.min(zone.startPfn, start);
    zone.spannedPages = Math.max(zoneEnd, end) - zone.startPfn;
  }
  machine.pages.setZone(start, end, zone.index);
}

/**
 * Takes [start, end) out of a zone. Its span shrinks when the range touched one of its ends, past holes to the next page
 * of the zone; a range in the middle leaves it.
 */
export function removeRangeFromZone(machine: Machine, zone: Zone, start: Pfn, end: Pfn): void {
  machine.pages.setZone(start, end, -1);
  shrinkZoneSpan(machine, zone, start, end);
}

/** shrink_zone_span() alone: after the pages of [start, end) have left the zone. */
export function shrinkZoneSpan(machine: Machine, zone: Zone, start: Pfn, end: Pfn): void {
  const zoneEnd = zone.endPfn;
  if (zone.startPfn === start) {
    const first = firstOfZone(machine, zone, end, zoneEnd);
    zone.spannedPages = first < 0 ? 0 : zoneEnd - first;
    zone.startPfn = first < 0 ? 0 : first;
  } else if (zoneEnd === end) {
    const last = lastOfZone(machine, zone, zone.startPfn, start);
    zone.spannedPages = last < 0 ? 0 : last + 1 - zone.startPfn;
    if (last < 0) zone.startPfn = 0;
  }
}

/** find_smallest_section_pfn(): first page of the zone at a sub-section's start from `start` on; -1 for none. */
function firstOfZone(machine: Machine, zone: Zone, start: Pfn, end: Pfn): Pfn {
  const step = subsectionPages(machine);
  for (let pfn = start; pfn < end; pfn += step) if (inZone(machine, zone, pfn)) return pfn;
  return -1;
}

/** find_biggest_section_pfn(): last page of the zone at a sub-section's end before `end`; -1 for none. */
function lastOfZone(machine: Machine, zone: Zone, start: Pfn, end: Pfn): Pfn {
  const step = subsectionPages(machine);
  for (let pfn = end - 1; pfn >= start; pfn -= step) if (inZone(machine, zone, pfn)) return pfn;
  return -1;
}

function inZone(machine: Machine, zone: Zone, pfn: Pfn): boolean {
  const row = machine.pages.pfnToRow(pfn);
  return row >= 0 && machine.pages.zoneOf(row) === zone.index;
}
