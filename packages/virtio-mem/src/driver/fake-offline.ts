/**
 * Fake offline and fake online: taking a range of an online block away from the allocator and giving it back, while Linux
 * goes on believing that the block is online. Managed pages follow; marks and list sizes do not.
 *
 * A range in ZONE_MOVABLE is tried five times, elsewhere once. What the letter's future work adds (dropping slab, sensing,
 * remembered blockers) happens here, before the first try.
 *
 * Models: drivers/virtio/virtio_mem.c virtio_mem_fake_offline(), virtio_mem_fake_online(), 6.12.
 */
import { ERRNO, MIGRATE, type Zone } from '@replug/core';
import type { DriverState } from './state.ts';

/** Tries of a range in ZONE_MOVABLE. */
const MOVABLE_TRIES = 5;

export function zoneOf(vm: DriverState, pfn: number): Zone {
  const { machine } = vm.deps;
  return machine.zones.all[machine.pages.zoneOf(machine.pages.pfnToRow(pfn))];
}

/** Movable data alone is there, or (the letter's PREFER_MOVABLE) it is preferred. */
export function isMovable(vm: DriverState, pfn: number): boolean {
  const name = zoneOf(vm, pfn)?.name;
  return name === 'Movable' || (name === 'PreferMovable' && vm.deps.future.preferMovable === true);
}

/** 0; -EBUSY, -ENOMEM, or -EAGAIN when the config changed meanwhile. */
export function fakeOffline(vm: DriverState, pfn: number, pages: number): number {
  const { ranges, sizing, reclaimer, future } = vm.deps;
  const end = pfn + pages;
  if (future.dropSlab === 'range') reclaimer.dropSlabIn(pfn, end);
  if (future.sense === true && ranges.unmovable(pfn, end, { migratetype: MIGRATE.MOVABLE }) !== undefined) {
    vm.counts.triesSaved++;
    return -ERRNO.EBUSY;
  }
  const remembers = future.retry?.rememberBlockers === true;
  if (remembers && stillBlocked(vm, pfn)) {
    vm.counts.triesSaved++;
    return -ERRNO.EBUSY;
  }
  const tries = isMovable(vm, pfn) ? MOVABLE_TRIES : 1;
  for (let attempt = 0; attempt < tries; attempt++) {
    if (vm.configChanged) return -ERRNO.EAGAIN;
    vm.counts.fakeOfflineTries++;
    const { errno, blocker } = ranges.alloc(pfn, end, MIGRATE.MOVABLE);
    if (errno === -ERRNO.ENOMEM) return errno;
    if (errno !== 0) {
      if (remembers && blocker !== undefined) remember(vm, pfn, blocker.pfn);
      continue;
    }
    vm.pages.set(pfn, pages, true);
    sizing.adjustManaged(zoneOf(vm, pfn).index, -pages);
    return 0;
  }
  vm.counts.fakeOfflineFailures++;
  return -ERRNO.EBUSY;
}

function remember(vm: DriverState, pfn: number, blocker: number): void {
  const { pages } = vm.deps.machine;
  vm.blockers.set(pfn, { pfn: blocker, pageClass: pages.pageClass[pages.pfnToRow(blocker)] });
}

/** The page that stopped a range before is in use still, for the same. Forgets it otherwise. */
function stillBlocked(vm: DriverState, pfn: number): boolean {
  const known = vm.blockers.get(pfn);
  if (known === undefined) return false;
  const { machine, allocator } = vm.deps;
  const row = machine.pages.pfnToRow(known.pfn);
  if (row >= 0 && !allocator.isFree(row) && machine.pages.pageClass[row] === known.pageClass) return true;
  vm.blockers.delete(pfn);
  return false;
}

/**
 * Gives a range back, in the largest aligned chunks of one order that divide it. The kernel looks at a chunk's first page
 * to see whether it was kept back; a chunk of both kinds comes to the same pages in its hands, and goes pageblock by
 * pageblock here.
 */
export function fakeOnline(vm: DriverState, pfn: number, pages: number): void {
  const { arch } = vm.deps.machine.description;
  let chunk = 2 ** arch.maxPageOrder;
  while (pfn % chunk !== 0 || pages % chunk !== 0) chunk /= 2;
  const block = Math.min(chunk, 2 ** arch.pageblockOrder);
  for (let at = pfn; at < pfn + pages; at += chunk) {
    const step = vm.pages.alike(at, chunk) ? chunk : block;
    for (let part = at; part < at + chunk; part += step) giveBack(vm, part, step);
  }
}

function giveBack(vm: DriverState, pfn: number, pages: number): void {
  const { machine, allocator, ranges, sizing } = vm.deps;
  const kept = vm.pages.isDirty(pfn);
  vm.pages.clear(pfn, pages);
  if (kept) {
    allocator.release(machine.pages.pfnToRow(pfn), Math.log2(pages));
  } else {
    ranges.free(pfn, pfn + pages);
    sizing.adjustManaged(zoneOf(vm, pfn).index, pages);
  }
}

/** GOING_OFFLINE: offlining may step over these pages now. */
export function goingOffline(vm: DriverState, pfn: number, pages: number): void {
  const wrong = vm.pages.dropReferences(pfn, pages);
  if (wrong > 0) vm.warn(`fake-offline page referenced: ${wrong} of ${pages} pages from pfn 0x${pfn.toString(16)}`);
}

/** CANCEL_OFFLINE: they stay, and stay ours. */
export function cancelOffline(vm: DriverState, pfn: number, pages: number): void {
  vm.pages.takeReferences(pfn, pages);
}
