/**
 * Binding the driver to a device and letting go of it again: sizes, mode, the parent resource, the memory group, and what
 * a driver that goes must leave behind.
 *
 * Models: drivers/virtio/virtio_mem.c virtio_mem_init(), virtio_mem_init_hotplug(), virtio_mem_deinit_hotplug(),
 * virtio_mem_create_resource(), virtio_mem_freeze(), 6.12.
 */
import { ERRNO } from '@replug/core';
import { decodeConfig } from '../config-space.ts';
import { FEATURE } from '../protocol.ts';
import { kernelBug } from '../errors.ts';
import { removeMemory } from './add-memory.ts';
import { BB, BigBlocks } from './big-blocks.ts';
import { cancelTimer, cancelWork, queueWork } from './queue.ts';
import type { DriverState } from './state.ts';
import { MB, SubBlocks } from './sub-blocks.ts';

/** Probes. 0, or -EBUSY when the region is somebody's already. */
export function probe(vm: DriverState): number {
  const config = decodeConfig(vm.device.config());
  vm.pluggedSize = config.pluggedSize;
  vm.deviceBlockSize = config.blockSize;
  vm.addr = config.addr;
  vm.regionSize = config.regionSize;
  vm.requestedSize = config.requestedSize;
  vm.nid = (vm.device.features & FEATURE.ACPI_PXM) !== 0 ? config.nodeId : 0;
  vm.info(`start address: 0x${vm.addr.toString(16)}`);
  vm.info(`region size: 0x${vm.regionSize.toString(16)}`);
  vm.info(`device block size: 0x${vm.deviceBlockSize.toString(16)}`);
  if (vm.deps.machine.description.arch.numa) vm.info(`nid: ${vm.nid}`);
  if (vm.deps.parameters.kdump) {
    vm.info('memory hot(un)plug disabled in kdump kernel');
    return 0;
  }
  chooseMode(vm);
  if (!reserveRegion(vm)) return -ERRNO.EBUSY;
  vm.groupId = vm.deps.hotplug.registerGroup({
    kind: 'dynamic',
    nid: vm.nid,
    pages: vm.pfn(vm.bbm?.size ?? vm.blockBytes),
  });
  if (vm.groupId < 0) {
    releaseRegion(vm);
    return vm.groupId;
  }
  if (vm.pluggedSize > 0) {
    vm.unplugAllRequired = true;
    vm.info('unplugging all memory is required');
  }
  vm.configChanged = true;
  queueWork(vm);
  return 0;
}

/** Sub-block mode where a sub-block is smaller than a memory block; else big blocks. */
export function chooseMode(vm: DriverState): void {
  const { machine, parameters, future } = vm.deps;
  const { arch } = machine.description;
  const end = vm.addr + vm.regionSize;
  if (vm.addr % vm.blockBytes !== 0)
    vm.warn('The alignment of the physical start address can make some memory unusable.');
  if (end % vm.blockBytes !== 0) vm.warn('The alignment of the physical end address can make some memory unusable.');
  if (end > 2 ** arch.maxPhysmemBits)
    vm.warn('Some device memory is not addressable/pluggable. This can make some memory unusable.');
  vm.offlineThreshold = Math.max(2 * vm.blockBytes, vm.offlineThreshold);
  const sbSize = Math.max(vm.deviceBlockSize, 2 ** (arch.pageblockOrder + arch.pageShift));
  vm.info(`memory block size: 0x${vm.blockBytes.toString(16)}`);
  if (sbSize < vm.blockBytes && !parameters.forceBbm) {
    const pages = vm.pfn(vm.blockBytes);
    const memmap = future.memmapOnMemory === true ? pages * arch.structPageSize : 0;
    const perBlock = vm.blockBytes / sbSize;
    vm.sbm = new SubBlocks(sbSize, perBlock, Math.ceil(vm.addr / vm.blockBytes), Math.ceil(memmap / sbSize));
    vm.info(`subblock size: 0x${sbSize.toString(16)}`);
    return;
  }
  const size = bigBlockSize(vm, Math.max(vm.deviceBlockSize, vm.blockBytes));
  vm.bbm = new BigBlocks(size, Math.ceil(vm.addr / size));
  vm.offlineThreshold = Math.max(2 * size, vm.offlineThreshold);
  vm.info(`big block size: 0x${size.toString(16)}`);
}

function bigBlockSize(vm: DriverState, needed: number): number {
  const wanted = vm.deps.parameters.bbmBlockSize;
  if (wanted === 0) return needed;
  if (2 ** Math.round(Math.log2(wanted)) !== wanted) vm.warn('bbm_block_size is not a power of 2');
  else if (wanted < needed) vm.warn('bbm_block_size is too small');
  else return wanted;
  return needed;
}

/** The parent resource: not busy, so that memory can be added inside. */
function reserveRegion(vm: DriverState): boolean {
  const { resources } = vm.deps.machine;
  if (resources.request(vm.addr, vm.addr + vm.regionSize - 1, vm.name, false) !== undefined) return true;
  vm.warn('could not reserve device region');
  vm.info('reloading the driver is not supported');
  return false;
}

/** Lets go of the device. True when nothing was left behind. */
export function unbind(vm: DriverState): boolean {
  if (vm.deps.parameters.kdump) return true;
  vm.removing = true;
  cancelWork(vm);
  cancelTimer(vm);
  const { sbm } = vm;
  if (sbm !== undefined) {
    // Without the callback, onlining such a block would hand out pages that are not there.
    for (let id = sbm.firstId; id < sbm.nextId && sbm.count(MB.OFFLINE_PARTIAL) > 0; id++) {
      if (sbm.state(id) !== MB.OFFLINE_PARTIAL) continue;
      const rc = removeMemory(vm, id * vm.blockBytes, vm.blockBytes);
      if (rc !== 0) throw kernelBug('remove_memory() of an offline block failed', rc);
      sbm.setState(id, MB.UNUSED);
    }
  }
  if (hasMemoryAdded(vm)) {
    vm.warn('device still has system memory added');
    return false;
  }
  releaseRegion(vm);
  vm.deps.hotplug.unregisterGroup(vm.groupId);
  return true;
}

const releaseRegion = (vm: DriverState): boolean =>
  vm.deps.machine.resources.release(vm.addr, vm.addr + vm.regionSize - 1);

function hasMemoryAdded({ sbm, bbm }: DriverState): boolean {
  const added = (counts: readonly number[], from: number): boolean => counts.slice(from).some((count) => count > 0);
  return sbm !== undefined ? added(sbm.histogram(), MB.OFFLINE) : added(bbm!.histogram(), BB.ADDED);
}

/** System sleep: `s2idle` keeps memory, `mem` may lose it, `hibernate` is refused by a notifier. 0 or errno. */
export function suspend(vm: DriverState, kind: 's2idle' | 'mem' | 'hibernate'): number {
  if (kind === 'hibernate') {
    vm.error('hibernation is not supported.');
    return -ERRNO.EPERM;
  }
  if (kind === 's2idle' || vm.pluggedSize === 0 || (vm.device.features & FEATURE.PERSISTENT_SUSPEND) !== 0) return 0;
  vm.error('suspending with plugged memory is not supported');
  return -ERRNO.EPERM;
}
