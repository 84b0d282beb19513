/**
 * Taking a block offline: isolate its pages, tell the chain, move what can be moved until nothing is in use, then take
 * the pages from the allocator and the zone. Any failure leaves the block online; pages that moved stay where they went.
 *
 * The kernel tries for ever when pages that are movable in kind do not move: until a signal comes. Here an attempt ends as
 * -EINTR with `retrying` once a whole round moves nothing, since nothing else in the model could change meanwhile.
 *
 * Models: drivers/base/memory.c memory_block_offline(); mm/memory_hotplug.c offline_pages(), do_migrate_range(),
 * node_states_check_changes_offline(), 6.1 and 6.12. Left out: page dumps in the log have the fields that the model knows.
 */
import {
  ERRNO,
  MEM,
  memoryNotifyOf,
  MIGRATE,
  MIGRATE_FAILURE,
  pagesInside,
  removeRangeFromZone,
  type Blocker,
  type MemoryBlock,
  type MemoryNotify,
  type MigrateOutcome,
  type MutableMemoryBlock,
  type OfflineOutcome,
  type Zone,
} from '@replug/core';
import type { HotplugContext } from './context.ts';
import { deinitAltmap } from './onlining.ts';

/** Lines that a flood of the same message leaves in the log: DEFAULT_RATELIMIT_BURST. */
const RATELIMIT_BURST = 10;

export function offlineBlock(context: HotplugContext, id: number): OfflineOutcome {
  const block = context.deps.machine.blocks.edit(id);
  if (block === undefined) return { errno: -ERRNO.ENODEV, reason: 'no such block' };
  if (block.state === 'offline') return { errno: 0, reason: 'offline already' };
  const outcome = tryOffline(context, block);
  const { counts } = context;
  counts[outcome.errno === 0 ? 'offlined' : 'offlineRefused']++;
  if (outcome.retrying === true) counts.retrying++;
  counts.migrated += outcome.migrated ?? 0;
  return outcome;
}

function tryOffline(context: HotplugContext, block: MutableMemoryBlock): OfflineOutcome {
  const { zone, startPfn, pages, altmapPages } = block;
  if (zone === undefined) return { errno: -ERRNO.EINVAL, reason: 'several zones or nodes' };
  block.state = 'going-offline';
  if (altmapPages > 0) context.adjustPresent(zone, block, -altmapPages);
  const outcome = offlinePages(context, zone, block, startPfn + altmapPages, pages - altmapPages);
  if (outcome.errno !== 0) {
    if (altmapPages > 0) context.adjustPresent(zone, block, altmapPages);
    block.state = 'online';
    return outcome;
  }
  if (altmapPages > 0) deinitAltmap(context, zone, block);
  else context.wipe(block);
  block.zone = undefined;
  block.state = 'offline';
  context.notifyAltmap(MEM.FINISH_OFFLINE, block);
  context.deps.clock.charge('memoryBlockDevice');
  return outcome;
}

function offlinePages(
  context: HotplugContext,
  zone: Zone,
  block: MemoryBlock,
  start: number,
  pages: number,
): OfflineOutcome {
  const { machine, ranges, sizing, clock } = context.deps;
  const end = start + pages;
  const { pages: map } = machine;
  if (pagesInside(machine.memory, start, end) < pages) return { errno: -ERRNO.EINVAL, reason: 'memory holes' };
  if (map.zoneOf(map.pfnToRow(start)) !== zone.index || map.zoneOf(map.pfnToRow(end - 1)) !== zone.index) {
    return { errno: -ERRNO.EINVAL, reason: 'multizone range' };
  }
  ranges.disablePcp(zone.index);
  clock.charge('pcpDrain', machine.description.cpus);
  const outcome = emptyRange(context, zone, start, end);
  if (outcome.errno !== 0) {
    ranges.enablePcp(zone.index);
    sizing.refreshPagesets(zone.index);
    return outcome;
  }
  // What the allocator did not know any more, poisoned pages, was managed all the same.
  const managed = ranges.removeIsolated(start, end) + block.poisoned;
  ranges.enablePcp(zone.index);
  sizing.refreshPagesets(zone.index);
  sizing.adjustManaged(zone.index, -managed);
  const payload = offlinePayload(context, zone, start, pages);
  context.adjustPresent(zone, block, -pages);
  context.recompute();
  if (!zone.populated) {
    sizing.resetPagesets(zone.index);
    context.rebuildZonelists();
  }
  context.notify(MEM.OFFLINE, payload);
  removeRangeFromZone(machine, zone, start, end);
  return outcome;
}

/** Isolates a range and moves everything out of it. On failure it is not isolated any more. */
function emptyRange(context: HotplugContext, zone: Zone, start: number, end: number): OfflineOutcome {
  const { machine, ranges, clock } = context.deps;
  const isolated = ranges.isolate(start, end, { migratetype: MIGRATE.MOVABLE, memoryOffline: true });
  clock.charge('pageblockIsolation', (end - start) / 2 ** machine.description.arch.pageblockOrder);
  if (isolated.errno !== 0) {
    dumpPage(context, isolated.blocker, 'unmovable page');
    return { errno: isolated.errno, reason: 'failure to isolate range', blocker: isolated.blocker };
  }
  const payload = offlinePayload(context, zone, start, end - start);
  const going = context.notify(MEM.GOING_OFFLINE, payload);
  if (going.errno !== 0) {
    ranges.undoIsolation(start, end, MIGRATE.MOVABLE);
    return { errno: going.errno, reason: 'notifier failure' };
  }
  const outcome = moveEverything(context, start, end);
  if (outcome.errno !== 0) {
    ranges.undoIsolation(start, end, MIGRATE.MOVABLE);
    context.notify(MEM.CANCEL_OFFLINE, payload);
  }
  return outcome;
}

/** The loop that has no limit: scan, migrate, until nothing movable is left and nothing is in use. */
function moveEverything(context: HotplugContext, start: number, end: number): OfflineOutcome {
  const { ranges, migrator } = context.deps;
  let migrated = 0;
  for (;;) {
    for (;;) {
      const next = migrator.nextMovable(start, end);
      if (next === -1) break;
      if (typeof next === 'object') {
        const { pages } = context.deps.machine;
        const blocker: Blocker = {
          pfn: next.blocked,
          pageClass: pages.pageClass[pages.pfnToRow(next.blocked)],
          why: 'offline',
        };
        return { errno: -ERRNO.EBUSY, reason: 'unmovable page', blocker, migrated };
      }
      const round = migrator.migrateRange(next, end, { reason: 'memory_hotplug' });
      migrated += round.migrated;
      if (round.migrated === 0) {
        tellFailures(context, round);
        return signalled(migrated, round);
      }
    }
    if (ranges.testIsolated(start, end, true) === 0) return { errno: 0, migrated };
    // Nothing can be moved, yet something is in use: the kernel would look again and again.
    return signalled(migrated, undefined);
  }
}

/** How an attempt ends that nothing but a signal would end. */
function signalled(migrated: number, round: MigrateOutcome | undefined): OfflineOutcome {
  const first = round?.failed[0];
  return {
    errno: -ERRNO.EINTR,
    reason: 'signal backoff',
    retrying: true,
    migrated,
    ...(first !== undefined && { blocker: { pfn: first.pfn, pageClass: 0, why: first.why } }),
  };
}

function tellFailures({ deps: { log } }: HotplugContext, { failed }: MigrateOutcome): void {
  const pages = failed.reduce((sum, one) => sum + one.pages, 0);
  for (const { pfn, why } of failed.slice(0, RATELIMIT_BURST)) {
    const ret = why === MIGRATE_FAILURE.NO_MEMORY ? -ERRNO.ENOMEM : pages;
    log.warn(`migrating pfn ${pfn.toString(16)} failed ret:${ret}`);
    log.warn('page dumped because: migration failure');
  }
}

function dumpPage({ deps: { log } }: HotplugContext, blocker: Blocker | undefined, why: string): void {
  if (blocker === undefined) return;
  log.warn(`page: pfn:0x${blocker.pfn.toString(16)}`);
  log.warn(`page dumped because: ${why}`);
}

/** node_states_check_changes_offline(): asked while the pages are still present. */
function offlinePayload(context: HotplugContext, zone: Zone, start: number, pages: number): MemoryNotify {
  const { zones } = context.deps.machine.zones.node(zone.nid)!;
  const sum = (most: number): number => zones.reduce((all, z) => all + (z.kind.rank <= most ? z.presentPages : 0), 0);
  return memoryNotifyOf(start, pages, {
    statusChangeNidNormal: zone.kind.rank <= 2 && pages >= sum(2) ? zone.nid : -1,
    statusChangeNid: pages >= sum(4) ? zone.nid : -1,
  });
}
