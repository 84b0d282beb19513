/**
 * Two ideas of the letter about the order of unplugging, neither of them in 6.12: bigger chunks first, and areas first that
 * are free already. Both leave the order of blocks as it is.
 */
import { ERRNO } from '@replug/core';
import type { Budget } from './sbm-plug.ts';
import { ONLINE_STATES, tryRemoveUnplugged, unplugOnlineRange } from './sbm-unplug.ts';
import type { DriverState } from './state.ts';
import type { SubBlocks } from './sub-blocks.ts';

/** Aligned runs of a power of two of sub-blocks, the largest first; a run that is busy is tried again in halves. */
export function unplugChunks(vm: DriverState, sbm: SubBlocks, id: number, budget: Budget): number {
  for (let size = sbm.perBlock; size >= 1; size = Math.floor(size / 2)) {
    for (let sb = sbm.perBlock - size; sb >= sbm.selfHosted && budget.left >= size; sb -= size) {
      if (!sbm.allPlugged(id, sb, size)) continue;
      const rc = unplugOnlineRange(vm, sbm, id, sb, size);
      if (rc === -ERRNO.EBUSY) continue;
      if (rc !== 0) return rc;
      budget.left -= size;
    }
  }
  return 0;
}

/** A first pass over all online blocks that takes only runs of sub-blocks without a page in use. */
export function unplugFreeAreas(vm: DriverState, sbm: SubBlocks, budget: Budget): number {
  for (const state of ONLINE_STATES) {
    for (let id = sbm.nextId - 1; id >= sbm.firstId && budget.left > 0; id--) {
      if (sbm.state(id) !== state) continue;
      for (let end = sbm.perBlock; end > sbm.selfHosted && budget.left > 0; end--) {
        let count = 0;
        while (count < budget.left && end - count > sbm.selfHosted && isFree(vm, sbm, id, end - count - 1)) count++;
        if (count === 0) continue;
        end -= count - 1;
        const rc = unplugOnlineRange(vm, sbm, id, end - 1, count);
        if (rc === -ERRNO.EBUSY) continue;
        if (rc !== 0) return rc;
        budget.left -= count;
      }
      if (tryRemoveUnplugged(vm, sbm, id, budget) !== 0) sbm.haveUnplugged = true;
    }
  }
  return 0;
}

/** Plugged, and no page in use. */
function isFree(vm: DriverState, sbm: SubBlocks, id: number, sb: number): boolean {
  if (sbm.allUnplugged(id, sb, 1)) return false;
  const { allocator, machine } = vm.deps;
  const row = machine.pages.pfnToRow(vm.pfn(id * vm.blockBytes + sb * sbm.size));
  const pages = vm.pfn(sbm.size);
  for (let at = row; at < row + pages; at++) if (!allocator.isFree(at)) return false;
  return true;
}
