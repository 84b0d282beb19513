/**
 * The auto-movable policy: a plain "online" takes MOVABLE as long as MOVABLE memory stays within a ratio of the kernel
 * memory that was there at boot; a group's own kernel memory counts for the group. Numbers are pages, divisions truncate.
 *
 * Models: mm/memory_hotplug.c auto_movable_zone_for_pfn(), auto_movable_can_online_movable(), 6.1 and 6.12.
 */
import type { Machine, Pfn, Zone } from '@replug/core';
import type { GroupState, MemoryGroups } from './memory-groups.ts';
import type { HotplugSettings } from './options.ts';

/** True when a block that comes online would go to MOVABLE. */
export function autoMovable(
  machine: Machine,
  settings: HotplugSettings,
  groups: MemoryGroups,
  range: { readonly nid: number; readonly start: Pfn; readonly pages: number; readonly group: GroupState | undefined },
): boolean {
  const { nid, start, pages, group } = range;
  if (settings.autoMovableRatio === 0) return false;
  let most = pages;
  let already = 0;
  if (group?.kind === 'static') {
    if (group.presentKernelPages > 0) return false;
    most = group.pages;
    already = group.presentMovablePages;
  } else if (group !== undefined && group.pages !== pages) {
    most = group.pages;
    const movable = movableInUnit(machine, start, group.pages);
    if (movable < 0) return false;
    already = movable;
  }
  const missing = most - already;
  if (!mayOnlineMovable(machine, settings.autoMovableRatio, groups, -1, group, missing)) return false;
  if (!machine.description.arch.numa || !settings.autoMovableNumaAware) return true;
  return mayOnlineMovable(machine, settings.autoMovableRatio, groups, nid, group, missing);
}

/** Pages of a dynamic group's unit that are online and movable; -1 when any are online elsewhere. */
function movableInUnit({ blocks }: Machine, start: Pfn, unit: number): number {
  const first = Math.floor(start / unit) * unit;
  let movable = 0;
  for (let pfn = first; pfn < first + unit; pfn += blocks.blockPages) {
    const block = blocks.get(pfn / blocks.blockPages);
    if (block?.zone === undefined || block.state === 'offline') continue;
    if (!block.zone.kind.movableOnly) return -1;
    movable += blocks.blockPages;
  }
  return movable;
}

/** auto_movable_can_online_movable(); nid -1 is all nodes. */
export function mayOnlineMovable(
  { zones }: Machine,
  ratio: number,
  groups: MemoryGroups,
  nid: number,
  group: GroupState | undefined,
  pages: number,
): boolean {
  let movable = 0;
  let kernelEarly = 0;
  for (const zone of zones.all) {
    if (!zone.populated || (nid >= 0 && zone.nid !== nid)) continue;
    if (zone.kind.movableOnly) movable += zone.presentPages;
    else {
      kernelEarly += zone.presentEarlyPages - zone.cmaPages;
      movable += zone.cmaPages;
    }
  }
  let required = 0;
  for (const other of groups.all()) {
    if (other.kind !== 'dynamic' || other === group || (nid >= 0 && other.nid !== nid)) continue;
    const wanted = Math.trunc((other.presentMovablePages * 100) / ratio) - other.presentKernelPages;
    if (wanted > 0) required += wanted;
    movable -= other.presentMovablePages;
  }
  if (kernelEarly <= required) return false;
  kernelEarly -= required;
  if (group?.kind === 'dynamic') kernelEarly += group.presentKernelPages;
  return movable + pages <= Math.trunc((ratio * kernelEarly) / 100);
}

/** True when a span crosses a range; an empty zone crosses nothing. */
export const intersects = (zone: Zone, start: Pfn, pages: number): boolean =>
  zone.spannedPages > 0 && zone.startPfn < start + pages && zone.endPfn > start;
