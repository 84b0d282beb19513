/**
 * The letter's "OOM handling, e.g., via an OOM handler": an allocation that finds its zones below their marks makes a device
 * of the zone's node grow. Memory that was asked for and is not plugged yet comes first; then the host is asked for a step
 * more, up to a limit.
 *
 * Adding memory allocates its memmap, so the handler must not be asked while it works: it then says no. A node whose higher
 * zones have half a step free is not out of memory: what would be plugged goes there, not to the zone that asks.
 */
import type { GrowZone, Machine, PageAllocator } from '@replug/core';
import type { VirtioMem } from '../virtio-mem.ts';
import { runWorker } from './worker.ts';

export function oomHandler(
  mem: VirtioMem,
  allocator: PageAllocator,
  machine: Machine,
  step: number,
  limit: number,
): NonNullable<GrowZone> {
  let working = false;
  return (zone) => {
    if (working) return false;
    const { nid } = machine.zones.all[zone];
    const driver = mem.bound.find(({ state }) => state.nid === nid && !state.wqActive && !state.mutexHeld);
    if (driver === undefined) return false;
    const { device } = driver.state;
    const higher = machine.zones.node(nid)!.zones.filter(({ index }) => index > zone);
    const spare = higher.reduce((sum, { index }) => sum + allocator.freePages(index), 0);
    if (spare * 2 ** machine.description.arch.pageShift >= step / 2) return false;
    const free = allocator.freePages(zone);
    working = true;
    try {
      if (device.size >= device.requestedSize) {
        const bytes = Math.floor(step / device.blockSize) * device.blockSize;
        const wanted = Math.min(device.requestedSize + bytes, limit, device.regionSize);
        if (wanted <= device.requestedSize) return false;
        device.setRequestedSize(wanted);
      }
      runWorker(driver.state);
      driver.state.counts.oomPlugs++;
    } finally {
      working = false;
    }
    return allocator.freePages(zone) > free;
  };
}
