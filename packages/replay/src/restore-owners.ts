/**
 * Who holds the pages that a step shows in use: blocks of the orders that compound pages tell, single pages else. For
 * machines that run on from a step; its counts need no owners.
 */
import { Core, PAGE_CLASS, ZoneFreeLists, type Kernel } from '@replug/core';
import { classOfFlags, compoundOrder, isBuddy, isNoPage, type Step } from '@replug/workload';

/** After restoreStep(). Returns the pages that got an owner; reserved pages, holes and offline ones have none. */
export function restoreOwners(kernel: Kernel, step: Step): number {
  const { pages } = kernel.get(Core.Machine);
  const lists = kernel.get(ZoneFreeLists);
  const flags = step.hasPageFlags ? step.pageFlags() : undefined;
  if (flags === undefined) return 0;
  let owned = 0;
  for (let pfn = 0; pfn < flags.length;) {
    const low = flags.low[pfn];
    const row = isNoPage(low) || isBuddy(low) ? -1 : pages.pfnToRow(pfn);
    const pageClass = classOfFlags(low, flags.high[pfn]);
    const nobodys = pageClass === PAGE_CLASS.RESERVED || pageClass === PAGE_CLASS.OFFLINE;
    if (row < 0 || nobodys || pages.zoneOf(row) < 0 || lists.knows(row, 0)) {
      pfn++;
      continue;
    }
    // A page of the block that is known already: the files were read at different moments, what is left are single pages.
    const whole = compoundOrder(flags, pfn, pages.arch.maxPageOrder);
    const order = lists.knows(row, whole) ? 0 : whole;
    lists.placeAllocated(row, order);
    owned += 2 ** order;
    pfn += 2 ** order;
  }
  return owned;
}
