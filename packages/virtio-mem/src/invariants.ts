/**
 * What must always hold between the host's books, the driver's books and the pages.
 *
 * Host against driver is checked for drivers that work: one that is broken, or whose device was reset under it, no longer
 * knows.
 */
import type { Machine } from '@replug/core';
import { BB } from './driver/big-blocks.ts';
import type { DriverState } from './driver/state.ts';
import { MB, MB_NAMES, type SubBlocks } from './driver/sub-blocks.ts';
import type { VirtioMem } from './virtio-mem.ts';

const LIMIT = 20;

export function checkAll(machine: Machine, mem: VirtioMem): string[] {
  const found: string[] = [];
  const say = (text: string): void => {
    if (found.length < LIMIT) found.push(text);
  };
  for (const device of mem.host.devices) {
    let blocks = 0;
    for (const bit of device.plugged) blocks += bit;
    if (blocks * device.blockSize !== device.size)
      say(`${device.id}: size is ${device.size}, ${blocks} blocks are plugged`);
    if (device.size > device.usableRegionSize || device.usableRegionSize > device.regionSize)
      say(`${device.id}: ${device.size} plugged, ${device.usableRegionSize} usable, ${device.regionSize} at most`);
    const end = device.plugged.lastIndexOf(1) + 1;
    if (end * device.blockSize > device.usableRegionSize) say(`${device.id}: plugged beyond the usable region`);
  }
  for (const { state } of mem.bound) checkDriver(machine, state, say);
  return found;
}

type Say = (text: string) => void;

function checkDriver(machine: Machine, vm: DriverState, say: Say): void {
  if (vm.broken || vm.hung || vm.configChanged || vm.unplugAllRequired || vm.deps.parameters.kdump) return;
  if (vm.pluggedSize !== vm.device.size)
    say(`${vm.name}: the driver knows of ${vm.pluggedSize} bytes, the device of ${vm.device.size}`);
  if (vm.mutexHeld || vm.hotplugActive) say(`${vm.name}: the hotplug mutex is held`);
  const offline = vm.sbm !== undefined ? checkSubBlocks(machine, vm, vm.sbm, say) : checkBigBlocks(machine, vm, say);
  if (offline !== vm.offlineSize) say(`${vm.name}: offline size is ${vm.offlineSize}, blocks say ${offline}`);
}

/** Returns the bytes that are added and offline. */
function checkSubBlocks(machine: Machine, vm: DriverState, sbm: SubBlocks, say: Say): number {
  let offline = 0;
  for (let id = sbm.firstId; id < sbm.nextId; id++) {
    const state = sbm.state(id);
    const where = `${vm.name}: memory block ${id} (${MB_NAMES[state]})`;
    const block = vm.deps.hotplug.blockState(id);
    const added = state >= MB.OFFLINE;
    if (added !== (block !== undefined)) say(`${where}: the kernel ${added ? 'does not know' : 'knows'} the block`);
    if (!added) {
      if (state === MB.UNUSED && sbm.pluggedCount(id) > 0) say(`${where}: ${sbm.pluggedCount(id)} sub-blocks plugged`);
      continue;
    }
    const online = state >= MB.KERNEL;
    if (!online) offline += vm.blockBytes;
    if (online !== (block === 'online')) say(`${where}: the kernel says ${block}`);
    const full = sbm.allPlugged(id, 0, sbm.perBlock);
    if (full !== (state % 2 === 0)) say(`${where}: ${sbm.pluggedCount(id)} of ${sbm.perBlock} sub-blocks plugged`);
    checkPages(vm, sbm, id, online, where, say);
    if (online) checkZone(machine, vm, id, state, where, say);
  }
  return offline;
}

/** PageOffline exactly where an online block is not plugged, and the device agrees on every sub-block. */
function checkPages(vm: DriverState, sbm: SubBlocks, id: number, online: boolean, where: string, say: Say): void {
  const pages = vm.pfn(sbm.size);
  for (let sb = 0; sb < sbm.perBlock; sb++) {
    const addr = id * vm.blockBytes + sb * sbm.size;
    const plugged = sbm.allPlugged(id, sb, 1);
    if (vm.device.isPlugged(addr, sbm.size) !== plugged) say(`${where}: the device has sub-block ${sb} otherwise`);
    if (!online) continue;
    const offline = vm.pages.offline(vm.pfn(addr), pages);
    if (offline !== (plugged ? 0 : pages)) say(`${where}: ${offline} pages of sub-block ${sb} are offline`);
  }
}

function checkZone(machine: Machine, vm: DriverState, id: number, state: number, where: string, say: Say): void {
  const last = (id + 1) * (vm.blockBytes / 2 ** machine.description.arch.pageShift) - 1;
  const name = machine.zoneOfRow(machine.pages.pfnToRow(last))?.name;
  const movable = name === 'Movable' || (name === 'PreferMovable' && vm.deps.future.preferMovable === true);
  if (movable !== state >= MB.MOVABLE) say(`${where}: it is in zone ${name}`);
}

function checkBigBlocks(machine: Machine, vm: DriverState, say: Say): number {
  const bbm = vm.bbm!;
  let offline = 0;
  for (let id = bbm.firstId; id < bbm.nextId; id++) {
    const state = bbm.state(id);
    if (state === BB.FAKE_OFFLINE) say(`${vm.name}: big block ${id} is half emptied`);
    const plugged = state === BB.ADDED;
    if (vm.device.isPlugged(id * bbm.size, bbm.size) !== plugged && state !== BB.PLUGGED)
      say(`${vm.name}: the device has big block ${id} otherwise`);
    if (!plugged) continue;
    const first = vm.blockId(id * bbm.size);
    for (let block = first; block < first + bbm.size / vm.blockBytes; block++)
      if (vm.deps.hotplug.blockState(block) !== 'online') offline += machine.description.memoryBlockSize;
  }
  return offline;
}
