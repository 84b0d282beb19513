/**
 * The driver's place in the memory chain: it follows blocks that go online and offline by anybody's hand, refuses what it
 * must, and lets go of its unplugged pages while a block goes offline.
 *
 * The hotplug mutex is taken at GOING_x and released at x or CANCEL_x; CANCEL_x comes to everybody and counts only for
 * those that had taken it.
 *
 * Models: drivers/virtio/virtio_mem.c virtio_mem_memory_notifier_cb(), 6.12.
 */
import { ERRNO, MEM, NOTIFY, notifierFromErrno, type MemoryAction, type MemoryNotify } from '@replug/core';
import { kernelBug, wouldDeadlock } from '../errors.ts';
import { BB } from './big-blocks.ts';
import { cancelOffline, goingOffline, isMovable } from './fake-offline.ts';
import { queueWork } from './queue.ts';
import type { DriverState } from './state.ts';
import { MB, type SubBlocks } from './sub-blocks.ts';

export function notified(vm: DriverState, action: MemoryAction, payload: MemoryNotify): number {
  const pageBytes = 2 ** vm.deps.machine.description.arch.pageShift;
  const start = payload.startPfn * pageBytes;
  const bytes = payload.nrPages * pageBytes;
  if (start >= vm.addr + vm.regionSize || vm.addr >= start + bytes) return NOTIFY.DONE;
  const id = ownBlock(vm, start, bytes);
  if (id < 0) {
    vm.counts.warnings++;
    return NOTIFY.BAD;
  }
  switch (action) {
    case MEM.GOING_OFFLINE:
      if (!take(vm, action)) return notifierFromErrno(-ERRNO.EBUSY);
      eachUnplugged(vm, id, payload, goingOffline);
      return NOTIFY.OK;
    case MEM.GOING_ONLINE:
      if (!take(vm, action)) return notifierFromErrno(-ERRNO.EBUSY);
      return vm.sbm === undefined ? NOTIFY.OK : goingOnline(vm, vm.sbm, id);
    case MEM.OFFLINE:
      if (vm.sbm !== undefined) wentOffline(vm.sbm, id);
      vm.offlineSize += blockBytes(vm, bytes);
      if (!vm.deps.parameters.unplugOnline) queueWork(vm);
      release(vm);
      return NOTIFY.OK;
    case MEM.ONLINE:
      if (vm.sbm !== undefined) wentOnline(vm, vm.sbm, id, payload.startPfn);
      vm.offlineSize -= blockBytes(vm, bytes);
      if (!vm.wqActive && vm.couldAdd(vm.offlineThreshold / 2)) queueWork(vm);
      release(vm);
      return NOTIFY.OK;
    case MEM.CANCEL_OFFLINE:
      if (!vm.hotplugActive) return NOTIFY.OK;
      eachUnplugged(vm, id, payload, cancelOffline);
      release(vm);
      return NOTIFY.OK;
    case MEM.CANCEL_ONLINE:
      if (vm.hotplugActive) release(vm);
      return NOTIFY.OK;
    default:
      return NOTIFY.OK;
  }
}

/** Memory block (sub-block mode) or big block that a range lies in; -1 when it is not as the driver adds it. */
function ownBlock(vm: DriverState, start: number, bytes: number): number {
  const size = vm.sbm === undefined ? vm.bbm!.size : vm.blockBytes;
  const id = Math.floor(start / size);
  if (Math.floor((start + bytes - 1) / size) !== id) return -1;
  // A block that holds its own memmap goes online from behind it.
  if (vm.sbm !== undefined && vm.sbm.selfHosted === 0 && (bytes !== size || start % size !== 0)) return -1;
  return vm.sbm === undefined || vm.sbm.has(id) ? id : -1;
}

/** Bytes of the memory block that went online or offline, its own memmap included. */
const blockBytes = (vm: DriverState, bytes: number): number => Math.ceil(bytes / vm.blockBytes) * vm.blockBytes;

function take(vm: DriverState, action: MemoryAction): boolean {
  if (vm.mutexHeld) throw wouldDeadlock(action);
  if (vm.removing) return false;
  vm.mutexHeld = true;
  vm.hotplugActive = true;
  return true;
}

function release(vm: DriverState): void {
  vm.hotplugActive = false;
  vm.mutexHeld = false;
}

function goingOnline(vm: DriverState, sbm: SubBlocks, id: number): number {
  const state = sbm.state(id);
  if (state === MB.OFFLINE || state === MB.OFFLINE_PARTIAL) return NOTIFY.OK;
  vm.warn('memory block onlining denied');
  return NOTIFY.BAD;
}

function wentOffline(sbm: SubBlocks, id: number): void {
  const state = sbm.state(id);
  if (state === MB.KERNEL_PARTIAL || state === MB.MOVABLE_PARTIAL) sbm.setState(id, MB.OFFLINE_PARTIAL);
  else if (state === MB.KERNEL || state === MB.MOVABLE) sbm.setState(id, MB.OFFLINE);
  else throw kernelBug('a block went offline that was not online', id);
}

function wentOnline(vm: DriverState, sbm: SubBlocks, id: number, pfn: number): void {
  const state = sbm.state(id);
  if (state !== MB.OFFLINE && state !== MB.OFFLINE_PARTIAL)
    throw kernelBug('a block came online that was not offline', id);
  const partial = state === MB.OFFLINE_PARTIAL ? 1 : 0;
  sbm.setState(id, (isMovable(vm, pfn) ? MB.MOVABLE : MB.KERNEL) + partial);
}

/** Runs of pages of a range that are not plugged: unplugged sub-blocks, or all of a big block that is being emptied. */
function eachUnplugged(
  vm: DriverState,
  id: number,
  { startPfn, nrPages }: MemoryNotify,
  act: (vm: DriverState, pfn: number, pages: number) => void,
): void {
  const { sbm, bbm } = vm;
  if (sbm === undefined) {
    if (bbm!.state(id) === BB.FAKE_OFFLINE) act(vm, startPfn, nrPages);
    return;
  }
  for (let sb = 0; sb < sbm.perBlock; sb++) {
    if (!sbm.allPlugged(id, sb, 1)) act(vm, vm.pfn(id * vm.blockBytes + sb * sbm.size), vm.pfn(sbm.size));
  }
}
