/**
 * Adding and removing memory on the driver's behalf: the resource's name, the group, how much is offline, and that a
 * removal always asks for another run (there is room for other blocks now).
 *
 * Models: drivers/virtio/virtio_mem.c virtio_mem_add_memory(), virtio_mem_remove_memory(),
 * virtio_mem_offline_and_remove_memory(), 6.12.
 */
import { ERRNO } from '@replug/core';
import { queueWork } from './queue.ts';
import type { DriverState } from './state.ts';

export const RESOURCE_NAME = 'System RAM (virtio_mem)';

/** Adds [addr, addr + bytes). 0 or errno. */
export function addMemory(vm: DriverState, addr: number, bytes: number): number {
  const { hotplug, future } = vm.deps;
  vm.offlineSize += bytes;
  const rc = hotplug.addMemory(vm.nid, vm.pfn(addr), vm.pfn(bytes), {
    resourceName: RESOURCE_NAME,
    mergeResource: future.mergeResources ?? true,
    memmapOnMemory: future.memmapOnMemory ?? false,
    groupId: vm.groupId,
  });
  if (rc !== 0) {
    vm.offlineSize -= bytes;
    vm.warn(`adding memory failed: ${rc}`);
  }
  return rc;
}

/** Removes memory that is offline. 0 or errno. */
export function removeMemory(vm: DriverState, addr: number, bytes: number): number {
  const rc = vm.deps.hotplug.removeMemory(vm.pfn(addr), vm.pfn(bytes));
  if (rc === 0) {
    vm.offlineSize -= bytes;
    queueWork(vm);
  }
  return rc;
}

/** Offlines what is online of a range and removes it. 0, -ENOMEM or -EBUSY: whatever else went wrong is a WARN. */
export function offlineAndRemove(vm: DriverState, addr: number, bytes: number): number {
  const { errno } = vm.deps.hotplug.offlineAndRemove(vm.pfn(addr), vm.pfn(bytes));
  if (errno === 0) {
    vm.offlineSize -= bytes;
    queueWork(vm);
    return 0;
  }
  if (errno !== -ERRNO.ENOMEM && errno !== -ERRNO.EBUSY) vm.counts.warnings++;
  return errno === -ERRNO.ENOMEM ? -ERRNO.ENOMEM : -ERRNO.EBUSY;
}
