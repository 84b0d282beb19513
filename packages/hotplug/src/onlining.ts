/**
 * Bringing a block online: its pages join a zone, isolated, are told of, given to the allocator and made available.
 * A veto leaves everything as it was.
 *
 * Models: drivers/base/memory.c memory_block_online(); mm/memory_hotplug.c online_pages(), mhp_init_memmap_on_memory(),
 * node_states_check_changes_online(), 6.1 and 6.12.
 */
import {
  addRangeToZone,
  ERRNO,
  MEM,
  memoryNotifyOf,
  MIGRATE,
  PAGE_CLASS,
  removeRangeFromZone,
  type MemoryBlock,
  type MemoryNotify,
  type MutableMemoryBlock,
  type OnlineType,
  type Zone,
} from '@replug/core';
import type { HotplugContext } from './context.ts';

/** 0; 1 when it is online already; else a negative errno. */
export function onlineBlock(context: HotplugContext, id: number, type: OnlineType): number {
  const block = context.deps.machine.blocks.edit(id);
  if (block === undefined) return -ERRNO.ENODEV;
  if (block.state !== 'offline') return 1;
  const errno = tryOnline(context, block, type === 'offline' ? 'online' : type);
  context.counts[errno === 0 ? 'onlined' : 'onlineRefused']++;
  return errno;
}

function tryOnline(context: HotplugContext, block: MutableMemoryBlock, type: OnlineType): number {
  if (block.poisoned > 0) return -ERRNO.EHWPOISON;
  const zone = context.choice.zoneFor(block, type);
  const { startPfn, pages, altmapPages } = block;
  const prepared = context.notifyAltmap(MEM.PREPARE_ONLINE, block);
  if (prepared.errno !== 0) return prepared.errno;
  if (altmapPages > 0) initAltmap(context, zone, block);
  const errno = onlinePages(context, zone, block, startPfn + altmapPages, pages - altmapPages);
  if (errno !== 0) {
    if (altmapPages > 0) deinitAltmap(context, zone, block);
    context.notifyAltmap(MEM.FINISH_OFFLINE, block);
    return errno;
  }
  if (altmapPages > 0) context.adjustPresent(zone, block, altmapPages);
  block.zone = zone;
  block.state = 'online';
  context.deps.clock.charge('memoryBlockDevice');
  return 0;
}

function onlinePages(context: HotplugContext, zone: Zone, block: MemoryBlock, start: number, pages: number): number {
  const { machine, ranges, clock } = context.deps;
  const end = start + pages;
  addRangeToZone(machine, zone, start, end);
  ranges.markIsolated(start, end);
  const payload = onlinePayload(context, zone, start, pages);
  const going = context.notify(MEM.GOING_ONLINE, payload);
  if (going.errno !== 0) {
    ranges.undoIsolation(start, end, MIGRATE.MOVABLE);
    removeRangeFromZone(machine, zone, start, end);
    return going.errno;
  }
  const first = !zone.populated;
  ranges.releaseIsolated(start, end);
  clock.charge('structPageInit', pages);
  context.adjustPresent(zone, block, pages);
  if (first) context.rebuildZonelists();
  ranges.undoIsolation(start, end, MIGRATE.MOVABLE);
  context.recompute();
  context.notify(MEM.ONLINE, payload);
  return 0;
}

/** node_states_check_changes_online(). */
function onlinePayload(context: HotplugContext, zone: Zone, start: number, pages: number): MemoryNotify {
  const node = context.deps.machine.zones.node(zone.nid)!;
  const hasNormal = node.zones.some((z) => z.kind.rank <= 2 && z.populated);
  return memoryNotifyOf(start, pages, {
    statusChangeNid: node.presentPages === 0 ? zone.nid : -1,
    statusChangeNidNormal: zone.kind.rank <= 2 && !hasNormal ? zone.nid : -1,
  });
}

/** The map at a block's start joins the zone: present, unmovable, never the allocator's. */
function initAltmap({ deps: { machine, ranges } }: HotplugContext, zone: Zone, block: MemoryBlock): void {
  const { startPfn, altmapPages } = block;
  const end = startPfn + altmapPages;
  addRangeToZone(machine, zone, startPfn, end);
  for (let pfn = startPfn; pfn < end; pfn++) machine.pages.pageClass[machine.pages.pfnToRow(pfn)] = PAGE_CLASS.RESERVED;
  ranges.markIsolated(startPfn, end);
  ranges.undoIsolation(startPfn, end, MIGRATE.UNMOVABLE);
}

/** The map leaves its zone again, and its pages are as if nothing had happened to them. */
export function deinitAltmap(context: HotplugContext, zone: Zone, block: MemoryBlock): void {
  const { startPfn, altmapPages } = block;
  removeRangeFromZone(context.deps.machine, zone, startPfn, startPfn + altmapPages);
  context.wipe(block);
}
