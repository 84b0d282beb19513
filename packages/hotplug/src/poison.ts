/**
 * Pages that failed: taken out of use one by one, counted by block. A block that has one cannot come online again.
 *
 * Models: mm/memory-failure.c memory_failure(), soft_offline_page(), memblk_nr_poison_inc(), 6.1 and 6.12. Left out: what
 * becomes of the processes that used the page, larger blocks in use (a hard failure there is -EBUSY).
 */
import { ERRNO, MIGRATE, MOVABILITY, PAGE_CLASS, type Pfn } from '@replug/core';
import type { HotplugContext } from './context.ts';

/** soft_offline_page(): contents move, then the page is taken. 0 or a negative errno. */
export function softOffline(context: HotplugContext, pfn: Pfn): number {
  const row = onlineRow(context, pfn);
  if (row < 0) return -ERRNO.ENXIO;
  const { machine, ranges, allocator, migrator } = context.deps;
  // Poisoned before: said in the log, and fine.
  if (machine.pages.pageClass[row] === PAGE_CLASS.HWPOISON) return 0;
  if (!allocator.isFree(row) && migrator.movability(row) !== MOVABILITY.MOVABLE) return -ERRNO.EBUSY;
  const taken = ranges.alloc(pfn, pfn + 1, MIGRATE.MOVABLE);
  if (taken.errno !== 0) return taken.errno === -ERRNO.ENOMEM ? -ERRNO.ENOMEM : -ERRNO.EBUSY;
  poison(context, pfn, row);
  return 0;
}

/** memory_failure(): the page is lost, free or not. 0 or a negative errno. */
export function hardOffline(context: HotplugContext, pfn: Pfn): number {
  const row = onlineRow(context, pfn);
  if (row < 0) return -ERRNO.ENXIO;
  const { machine, migrator } = context.deps;
  if (machine.pages.pageClass[row] === PAGE_CLASS.HWPOISON) return -ERRNO.EHWPOISON;
  if (migrator.movability(row) === MOVABILITY.UNMOVABLE) return -ERRNO.EBUSY;
  return softOffline(context, pfn);
}

function poison(context: HotplugContext, pfn: Pfn, row: number): void {
  const { machine, log } = context.deps;
  machine.pages.pageClass[row] = PAGE_CLASS.HWPOISON;
  const block = machine.blocks.edit(Math.floor(pfn / machine.blocks.blockPages));
  if (block !== undefined) block.poisoned++;
  log.info(`Memory failure: 0x${pfn.toString(16)}: recovery action for free buddy page: Recovered`);
}

function onlineRow({ deps: { machine } }: HotplugContext, pfn: Pfn): number {
  if (!Number.isSafeInteger(pfn) || pfn < 0) return -1;
  const row = machine.pages.pfnToRow(pfn);
  return row >= 0 && machine.pages.zoneOf(row) >= 0 ? row : -1;
}
