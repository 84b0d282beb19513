/**
 * Binding a driver to a device that was in use when its machine was recorded: blocks, zones and unplugged sub-blocks are read
 * from the machine instead of being made. No kernel does this; it is how a driver goes on from a recorded instant.
 *
 * A page that is PageOffline in a block that is online is unplugged. Of an offline block everything is taken as plugged,
 * since nothing is known of its pages. That a page was kept back when its block came online (Dirty) is not recorded:
 * every unplugged page is taken for one that was in use before.
 */
import { decodeConfig } from '../config-space.ts';
import { BB } from './big-blocks.ts';
import { isMovable } from './fake-offline.ts';
import { chooseMode } from './probe.ts';
import type { DriverState } from './state.ts';
import { MB, type SubBlocks } from './sub-blocks.ts';

export function adopt(vm: DriverState): void {
  const config = decodeConfig(vm.device.config());
  vm.deviceBlockSize = config.blockSize;
  vm.addr = config.addr;
  vm.regionSize = config.regionSize;
  vm.requestedSize = config.requestedSize;
  vm.nid = config.nodeId;
  chooseMode(vm);
  if (vm.sbm !== undefined) adoptSubBlocks(vm, vm.sbm);
  else adoptBigBlocks(vm);
  vm.groupId = vm.deps.hotplug.registerGroup({
    kind: 'dynamic',
    nid: vm.nid,
    pages: vm.pfn(vm.bbm?.size ?? vm.blockBytes),
  });
  vm.pluggedSize = vm.device.size;
}

function adoptSubBlocks(vm: DriverState, sbm: SubBlocks): void {
  const last = Math.floor((vm.addr + vm.regionSize) / vm.blockBytes) - 1;
  for (let id = last; id >= sbm.firstId; id--) {
    if (vm.deps.hotplug.blockState(id) === undefined) continue;
    while (sbm.nextId <= id) sbm.prepareNext();
    adoptBlock(vm, sbm, id);
  }
}

function adoptBlock(vm: DriverState, sbm: SubBlocks, id: number): void {
  const online = vm.deps.hotplug.blockState(id) !== 'offline';
  const pages = vm.pfn(sbm.size);
  for (let sb = 0; sb < sbm.perBlock; sb++) {
    const addr = id * vm.blockBytes + sb * sbm.size;
    const pfn = vm.pfn(addr);
    if (online && vm.pages.notOffline(pfn, pages) === 0) {
      vm.pages.set(pfn, pages, true);
      continue;
    }
    sbm.setPlugged(id, sb, 1);
    vm.device.adopt(addr, sbm.size);
  }
  const partial = sbm.allPlugged(id, 0, sbm.perBlock) ? 0 : 1;
  if (!online) vm.offlineSize += vm.blockBytes;
  const kind = !online ? MB.OFFLINE : isMovable(vm, vm.pfn(id * vm.blockBytes)) ? MB.MOVABLE : MB.KERNEL;
  sbm.setState(id, kind + partial);
}

function adoptBigBlocks(vm: DriverState): void {
  const bbm = vm.bbm!;
  for (let addr = bbm.firstId * bbm.size; addr + bbm.size <= vm.addr + vm.regionSize; addr += bbm.size) {
    let added = 0;
    for (let at = addr; at < addr + bbm.size; at += vm.blockBytes) {
      const state = vm.deps.hotplug.blockState(vm.blockId(at));
      if (state === undefined) continue;
      added++;
      if (state === 'offline') vm.offlineSize += vm.blockBytes;
    }
    if (added === 0) continue;
    while (bbm.nextId <= addr / bbm.size) bbm.prepareNext();
    bbm.setState(addr / bbm.size, BB.ADDED);
    vm.device.adopt(addr, bbm.size);
  }
}
