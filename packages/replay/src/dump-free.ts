/** The free pages of a kpageflags dump, by row of the machine. */
import type { Machine } from '@replug/core';
import { isBuddy, isNoPage, type PageFlags } from '@replug/workload';

/** 1 for every row that the dump shows as free; `inUse` is told of the others. */
export function freeInDump(
  { pages }: Machine,
  flags: PageFlags,
  inUse?: (row: number, pfn: number) => void,
): Uint8Array {
  const free = new Uint8Array(pages.slotCount << pages.sectionShift);
  for (let pfn = 0; pfn < flags.length; pfn++) {
    if (isNoPage(flags.low[pfn])) continue;
    const row = pages.pfnToRow(pfn);
    if (row < 0) continue;
    if (isBuddy(flags.low[pfn])) free[row] = 1;
    else inUse?.(row, pfn);
  }
  return free;
}
