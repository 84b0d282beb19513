/**
 * Sub-block mode, shrinking: offline blocks first, then ZONE_MOVABLE before kernel zones and partly unplugged blocks
 * before full ones; in each kind the highest block and the highest sub-block first. What is busy is skipped.
 *
 * Models: drivers/virtio/virtio_mem.c virtio_mem_sbm_unplug_request(), virtio_mem_sbm_unplug_any_sb_{offline,online}(),
 * virtio_mem_sbm_unplug_sb_online(), virtio_mem_sbm_try_remove_unplugged_mb(), 6.12.
 */
import { ERRNO } from '@replug/core';
import { offlineAndRemove, removeMemory } from './add-memory.ts';
import { kernelBug } from '../errors.ts';
import { fakeOffline, fakeOnline } from './fake-offline.ts';
import { unplugChunks, unplugFreeAreas } from './future-unplug.ts';
import { unplugSubBlocks, type Budget } from './sbm-plug.ts';
import type { DriverState } from './state.ts';
import { MB, type SubBlocks } from './sub-blocks.ts';

const OFFLINE_STATES = [MB.OFFLINE_PARTIAL, MB.OFFLINE] as const;
export const ONLINE_STATES = [MB.MOVABLE_PARTIAL, MB.KERNEL_PARTIAL, MB.MOVABLE, MB.KERNEL] as const;

export function sbmUnplugRequest(vm: DriverState, sbm: SubBlocks, bytes: number): number {
  const budget: Budget = { left: Math.floor(bytes / sbm.size) };
  if (budget.left === 0) return 0;
  const { future, reclaimer, parameters } = vm.deps;
  if (future.dropSlab === 'once') reclaimer.dropSlab();
  vm.mutexHeld = true;
  try {
    for (const state of OFFLINE_STATES) {
      const rc = eachBlock(sbm, state, (id) => unplugOffline(vm, sbm, id, budget), budget);
      if (rc !== 0 || budget.left === 0) return rc;
    }
    if (!parameters.unplugOnline) return 0;
    if (future.freeAreasFirst === true) {
      const rc = unplugFreeAreas(vm, sbm, budget);
      if (rc !== 0 || budget.left === 0) return rc;
    }
    for (const state of ONLINE_STATES) {
      const rc = eachBlock(sbm, state, (id) => unplugOnline(vm, sbm, id, budget), budget);
      if (rc !== 0 || budget.left === 0) return rc;
    }
  } finally {
    vm.mutexHeld = false;
  }
  return -ERRNO.EBUSY;
}

/** Visits the blocks that are in a state when they are reached, highest first, until done or an error. */
function eachBlock(sbm: SubBlocks, state: number, visit: (id: number) => number, budget: Budget): number {
  for (let id = sbm.nextId - 1; id >= sbm.firstId && sbm.count(state) > 0; id--) {
    if (sbm.state(id) !== state) continue;
    const rc = visit(id);
    if (rc !== 0 || budget.left === 0) return rc;
  }
  return 0;
}

/** Unplugs plugged runs of a block nobody uses, highest first. */
export function unplugRaw(vm: DriverState, sbm: SubBlocks, id: number, budget: Budget): number {
  let sb = sbm.perBlock - 1;
  while (budget.left > 0) {
    while (sb >= 0 && sbm.allUnplugged(id, sb, 1)) sb--;
    if (sb < 0) break;
    let count = 1;
    while (count < budget.left && sb > 0 && sbm.allPlugged(id, sb - 1, 1)) {
      count++;
      sb--;
    }
    const rc = unplugSubBlocks(vm, sbm, id, sb, count);
    if (rc !== 0) return rc;
    budget.left -= count;
    sb--;
  }
  return 0;
}

function unplugOffline(vm: DriverState, sbm: SubBlocks, id: number, budget: Budget): number {
  const kept = sbm.selfHosted;
  // A block that holds its own memmap goes as a whole or keeps that part.
  if (kept > 0 && budget.left < sbm.pluggedCount(id)) return unplugAbove(vm, sbm, id, kept, budget);
  const rc = unplugRaw(vm, sbm, id, budget);
  if (!sbm.allPlugged(id, 0, sbm.perBlock)) sbm.setState(id, MB.OFFLINE_PARTIAL);
  if (rc !== 0) return rc;
  if (sbm.allUnplugged(id, 0, sbm.perBlock)) {
    sbm.setState(id, MB.UNUSED);
    vm.mutexHeld = false;
    const removed = removeMemory(vm, id * vm.blockBytes, vm.blockBytes);
    if (removed !== 0) throw kernelBug('remove_memory() of an offline block failed', removed);
    vm.mutexHeld = true;
  }
  return 0;
}

function unplugAbove(vm: DriverState, sbm: SubBlocks, id: number, first: number, budget: Budget): number {
  for (let sb = sbm.perBlock - 1; sb >= first && budget.left > 0; sb--) {
    if (sbm.allUnplugged(id, sb, 1)) continue;
    const rc = unplugSubBlocks(vm, sbm, id, sb, 1);
    if (rc !== 0) return rc;
    budget.left--;
    sbm.setState(id, MB.OFFLINE_PARTIAL);
  }
  return 0;
}

/** Empties and unplugs `count` plugged sub-blocks of an online block. */
export function unplugOnlineRange(vm: DriverState, sbm: SubBlocks, id: number, sb: number, count: number): number {
  const pfn = vm.pfn(id * vm.blockBytes + sb * sbm.size);
  const pages = vm.pfn(count * sbm.size);
  const state = sbm.state(id);
  let rc = fakeOffline(vm, pfn, pages);
  if (rc !== 0) return rc;
  rc = unplugSubBlocks(vm, sbm, id, sb, count);
  if (rc !== 0) {
    fakeOnline(vm, pfn, pages);
    return rc;
  }
  if (state === MB.KERNEL || state === MB.MOVABLE) sbm.setState(id, state + 1);
  return 0;
}

function unplugOnline(vm: DriverState, sbm: SubBlocks, id: number, budget: Budget): number {
  const rc = takeSubBlocks(vm, sbm, id, budget);
  if (rc !== 0) return rc;
  if (tryRemoveUnplugged(vm, sbm, id, budget) !== 0) sbm.haveUnplugged = true;
  return 0;
}

function takeSubBlocks(vm: DriverState, sbm: SubBlocks, id: number, budget: Budget): number {
  const first = sbm.selfHosted;
  if (vm.deps.future.biggerChunks === true) return unplugChunks(vm, sbm, id, budget);
  if (first === 0 && budget.left >= sbm.perBlock && sbm.allPlugged(id, 0, sbm.perBlock)) {
    const rc = unplugOnlineRange(vm, sbm, id, 0, sbm.perBlock);
    if (rc === 0) {
      budget.left -= sbm.perBlock;
      return 0;
    }
    if (rc !== -ERRNO.EBUSY) return rc;
  }
  for (let sb = sbm.perBlock - 1; sb >= first && budget.left > 0; sb--) {
    if (sbm.allUnplugged(id, sb, 1)) continue;
    const rc = unplugOnlineRange(vm, sbm, id, sb, 1);
    if (rc === -ERRNO.EBUSY) continue;
    if (rc !== 0) return rc;
    budget.left--;
  }
  return 0;
}

/**
 * Offlines and removes a block of which nothing is plugged. 0 also when there is nothing to do. A block that holds its own
 * memmap is removed when only that part is left, and the part is unplugged afterwards.
 */
export function tryRemoveUnplugged(vm: DriverState, sbm: SubBlocks, id: number, budget?: Budget): number {
  const kept = sbm.selfHosted;
  if (!sbm.allUnplugged(id, kept, sbm.perBlock - kept)) return 0;
  if (kept > 0 && (budget === undefined || budget.left < kept)) return 0;
  const held = vm.mutexHeld;
  vm.mutexHeld = false;
  const rc = offlineAndRemove(vm, id * vm.blockBytes, vm.blockBytes);
  vm.mutexHeld = held;
  if (rc !== 0) return rc;
  if (kept === 0 || unplugSubBlocks(vm, sbm, id, 0, kept) === 0) {
    sbm.setState(id, MB.UNUSED);
    if (kept > 0) budget!.left -= kept;
  } else sbm.setState(id, MB.PLUGGED);
  return 0;
}
