/**
 * Sub-block mode, growing: holes of blocks that are there first (kernel zones, ZONE_MOVABLE, offline; lowest block and
 * lowest hole first), then memory blocks that were used before, then new ones.
 *
 * Blocks are added only while little enough of the device's memory is offline: −ENOSPC, and the worker sleeps until some
 * of it comes online.
 *
 * Models: drivers/virtio/virtio_mem.c virtio_mem_sbm_plug_request(), virtio_mem_sbm_plug_any_sb(),
 * virtio_mem_sbm_plug_and_add_mb(), 6.12.
 */
import { ERRNO } from '@replug/core';
import { addMemory } from './add-memory.ts';
import { fakeOnline } from './fake-offline.ts';
import { sendPlug, sendUnplug } from './requests.ts';
import type { DriverState } from './state.ts';
import { MB, type SubBlocks } from './sub-blocks.ts';

export function plugSubBlocks(vm: DriverState, sbm: SubBlocks, id: number, sb: number, count: number): number {
  const rc = sendPlug(vm, id * vm.blockBytes + sb * sbm.size, count * sbm.size);
  if (rc === 0) sbm.setPlugged(id, sb, count);
  return rc;
}

export function unplugSubBlocks(vm: DriverState, sbm: SubBlocks, id: number, sb: number, count: number): number {
  const rc = sendUnplug(vm, id * vm.blockBytes + sb * sbm.size, count * sbm.size);
  if (rc === 0) sbm.setUnplugged(id, sb, count);
  return rc;
}

/** Sub-blocks still wanted; passed along and lowered by whoever plugs or unplugs some. */
export interface Budget {
  left: number;
}

const PARTIAL = [MB.KERNEL_PARTIAL, MB.MOVABLE_PARTIAL, MB.OFFLINE_PARTIAL] as const;

export function sbmPlugRequest(vm: DriverState, sbm: SubBlocks, bytes: number): number {
  const budget: Budget = { left: Math.floor(bytes / sbm.size) };
  if (budget.left === 0) return 0;
  vm.mutexHeld = true;
  try {
    for (const state of PARTIAL) {
      for (let id = sbm.firstId; id < sbm.nextId && sbm.count(state) > 0; id++) {
        if (sbm.state(id) !== state) continue;
        const rc = plugAnyOfBlock(vm, sbm, id, budget);
        if (rc !== 0 || budget.left === 0) return rc;
      }
    }
  } finally {
    vm.mutexHeld = false;
  }
  for (let id = sbm.firstId; id < sbm.nextId && sbm.count(MB.UNUSED) > 0; id++) {
    if (sbm.state(id) !== MB.UNUSED) continue;
    if (!vm.couldAdd(vm.blockBytes)) return -ERRNO.ENOSPC;
    const rc = plugAndAdd(vm, sbm, id, budget);
    if (rc !== 0 || budget.left === 0) return rc;
  }
  while (budget.left > 0) {
    if (!vm.couldAdd(vm.blockBytes) || sbm.nextId > sbm.lastUsableId) return -ERRNO.ENOSPC;
    const rc = plugAndAdd(vm, sbm, sbm.prepareNext(), budget);
    if (rc !== 0) return rc;
  }
  return 0;
}

/** Fills holes of a block that is added, lowest first. */
function plugAnyOfBlock(vm: DriverState, sbm: SubBlocks, id: number, budget: Budget): number {
  const state = sbm.state(id);
  while (budget.left > 0) {
    const sb = sbm.firstUnplugged(id);
    if (sb >= sbm.perBlock) break;
    let count = 1;
    while (count < budget.left && sb + count < sbm.perBlock && sbm.allUnplugged(id, sb + count, 1)) count++;
    const rc = plugSubBlocks(vm, sbm, id, sb, count);
    if (rc !== 0) return rc;
    budget.left -= count;
    if (state === MB.OFFLINE_PARTIAL) continue;
    fakeOnline(vm, vm.pfn(id * vm.blockBytes + sb * sbm.size), vm.pfn(count * sbm.size));
  }
  if (sbm.allPlugged(id, 0, sbm.perBlock)) sbm.setState(id, state - 1);
  return 0;
}

/** Plugs the first sub-blocks of an unused block and adds it. */
function plugAndAdd(vm: DriverState, sbm: SubBlocks, id: number, budget: Budget): number {
  const count = Math.min(budget.left, sbm.perBlock);
  let rc = plugSubBlocks(vm, sbm, id, 0, count);
  if (rc !== 0) return rc;
  // Before adding: it may come online on the way.
  sbm.setState(id, count === sbm.perBlock ? MB.OFFLINE : MB.OFFLINE_PARTIAL);
  rc = addMemory(vm, id * vm.blockBytes, vm.blockBytes);
  if (rc !== 0) {
    sbm.setState(id, unplugSubBlocks(vm, sbm, id, 0, count) === 0 ? MB.UNUSED : MB.PLUGGED);
    return rc;
  }
  budget.left -= count;
  return 0;
}
