/**
 * Big-block mode: whole big blocks are plugged and added, or emptied, removed and unplugged; all or nothing.
 *
 * Shrinking makes three passes from the highest block down: blocks that are offline, blocks whose online parts are all in
 * ZONE_MOVABLE, any.
 *
 * Models: drivers/virtio/virtio_mem.c virtio_mem_bbm_plug_request(), virtio_mem_bbm_unplug_request(),
 * virtio_mem_bbm_offline_remove_and_unplug_bb(), 6.12.
 */
import { ERRNO, pagesPerSection } from '@replug/core';
import { addMemory, offlineAndRemove } from './add-memory.ts';
import { BB, type BigBlocks } from './big-blocks.ts';
import { fakeOffline, fakeOnline, isMovable } from './fake-offline.ts';
import { sendPlug, sendUnplug } from './requests.ts';
import type { DriverState } from './state.ts';

export function bbmPlugRequest(vm: DriverState, bbm: BigBlocks, bytes: number): number {
  let left = Math.floor(bytes / bbm.size);
  if (left === 0) return 0;
  for (let id = bbm.firstId; id < bbm.nextId && bbm.count(BB.UNUSED) > 0; id++) {
    if (bbm.state(id) !== BB.UNUSED) continue;
    if (!vm.couldAdd(bbm.size)) return -ERRNO.ENOSPC;
    const rc = plugAndAdd(vm, bbm, id);
    if (rc !== 0 || --left === 0) return rc;
  }
  for (; left > 0; left--) {
    if (!vm.couldAdd(bbm.size) || bbm.nextId > bbm.lastUsableId) return -ERRNO.ENOSPC;
    const rc = plugAndAdd(vm, bbm, bbm.prepareNext());
    if (rc !== 0) return rc;
  }
  return 0;
}

function plugAndAdd(vm: DriverState, bbm: BigBlocks, id: number): number {
  let rc = sendPlug(vm, id * bbm.size, bbm.size);
  if (rc !== 0) return rc;
  bbm.setState(id, BB.ADDED);
  rc = addMemory(vm, id * bbm.size, bbm.size);
  if (rc !== 0) bbm.setState(id, sendUnplug(vm, id * bbm.size, bbm.size) === 0 ? BB.UNUSED : BB.PLUGGED);
  return rc;
}

const PASSES = [isOffline, isMovableBlock, () => true];

export function bbmUnplugRequest(vm: DriverState, bbm: BigBlocks, bytes: number): number {
  let left = Math.floor(bytes / bbm.size);
  if (left === 0) return 0;
  const { future, reclaimer, parameters } = vm.deps;
  if (future.dropSlab === 'once') reclaimer.dropSlab();
  for (const [pass, fits] of PASSES.entries()) {
    for (let id = bbm.nextId - 1; id >= bbm.firstId && bbm.count(BB.ADDED) > 0; id--) {
      if (bbm.state(id) !== BB.ADDED || !fits(vm, bbm, id)) continue;
      const rc = emptyRemoveAndUnplug(vm, bbm, id);
      if (rc === -ERRNO.EBUSY) continue;
      if (rc !== 0 || --left === 0) return rc;
    }
    if (pass === 0 && !parameters.unplugOnline) return 0;
  }
  return -ERRNO.EBUSY;
}

function emptyRemoveAndUnplug(vm: DriverState, bbm: BigBlocks, id: number): number {
  const addr = id * bbm.size;
  const start = vm.pfn(addr);
  const section = pagesPerSection(vm.deps.machine.description.arch);
  let end = start + vm.pfn(bbm.size);
  vm.mutexHeld = true;
  bbm.setState(id, BB.FAKE_OFFLINE);
  let rc = 0;
  for (let pfn = start; pfn < end && rc === 0; pfn += section) {
    if (!isOnline(vm, pfn)) continue;
    rc = fakeOffline(vm, pfn, section);
    if (rc !== 0) end = pfn;
  }
  vm.mutexHeld = false;
  if (rc === 0) rc = offlineAndRemove(vm, addr, bbm.size);
  if (rc !== 0) {
    vm.mutexHeld = true;
    for (let pfn = start; pfn < end; pfn += section) if (isOnline(vm, pfn)) fakeOnline(vm, pfn, section);
    bbm.setState(id, BB.ADDED);
    vm.mutexHeld = false;
    return rc;
  }
  rc = sendUnplug(vm, addr, bbm.size);
  bbm.setState(id, rc === 0 ? BB.UNUSED : BB.PLUGGED);
  return rc;
}

/** pfn_to_online_page(): the memory block of a page is online. */
export function isOnline(vm: DriverState, pfn: number): boolean {
  const state = vm.deps.hotplug.blockState(Math.floor(pfn / vm.deps.hotplug.blockPages));
  return state === 'online' || state === 'going-offline';
}

function isOffline(vm: DriverState, bbm: BigBlocks, id: number): boolean {
  return everySection(vm, bbm, id, () => false);
}

function isMovableBlock(vm: DriverState, bbm: BigBlocks, id: number): boolean {
  return everySection(vm, bbm, id, (pfn) => isMovable(vm, pfn));
}

/** True when every online section of a big block satisfies a condition. */
function everySection(vm: DriverState, bbm: BigBlocks, id: number, holds: (pfn: number) => boolean): boolean {
  const start = vm.pfn(id * bbm.size);
  const section = pagesPerSection(vm.deps.machine.description.arch);
  for (let pfn = start; pfn < start + vm.pfn(bbm.size); pfn += section)
    if (isOnline(vm, pfn) && !holds(pfn)) return false;
  return true;
}
