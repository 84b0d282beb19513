/**
 * The online callback: what of a chunk that comes online goes to the allocator, and what is kept back because it is not
 * plugged. A chunk that is plugged in part is cut into sub-blocks.
 *
 * The slot's answer is all or nothing, so of a mixed chunk the plugged parts are released here and the whole is kept.
 *
 * Models: drivers/virtio/virtio_mem.c virtio_mem_online_page(), virtio_mem_online_page_cb(), 6.12.
 */
import { BB } from './big-blocks.ts';
import type { DriverState } from './state.ts';

/** True: the driver has dealt with the chunk. False: it goes to the allocator as it is. */
export function onlinePage(vm: DriverState, pfn: number, order: number): boolean {
  const pages = 2 ** order;
  const { arch } = vm.deps.machine.description;
  const addr = pfn * 2 ** arch.pageShift;
  const bytes = pages * 2 ** arch.pageShift;
  if (addr < vm.addr || addr + bytes > vm.addr + vm.regionSize) return false;
  vm.pages.renew(pfn, pages);
  if (vm.bbm !== undefined) {
    const id = Math.floor(addr / vm.bbm.size);
    if (!vm.bbm.has(id) || vm.bbm.state(id) !== BB.FAKE_OFFLINE) return false;
    vm.pages.set(pfn, pages, false);
    return true;
  }
  const { sbm } = vm;
  if (sbm === undefined) return false;
  const id = vm.blockId(addr);
  if (!sbm.has(id)) return false;
  const first = Math.floor((addr - id * vm.blockBytes) / sbm.size);
  const count = Math.floor((addr + bytes - 1 - id * vm.blockBytes) / sbm.size) - first + 1;
  if (sbm.allPlugged(id, first, count)) return false;
  if (count === 1 || sbm.allUnplugged(id, first, count)) {
    vm.pages.set(pfn, pages, false);
    return true;
  }
  const { allocator, machine } = vm.deps;
  const step = vm.pfn(sbm.size);
  const stepOrder = Math.log2(step);
  for (let sb = first; sb < first + count; sb++) {
    const at = pfn + (sb - first) * step;
    if (sbm.allPlugged(id, sb, 1)) allocator.release(machine.pages.pfnToRow(at), stepOrder);
    else vm.pages.set(at, step, false);
  }
  return true;
}
