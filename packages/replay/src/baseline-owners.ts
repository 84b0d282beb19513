/**
 * Blocks in use at the baseline, from page_owner: it tells the order that each was asked for with, where kpageflags tells that
 * of compound pages alone. Only what agrees with the state so far and with the first event of every page is placed; each record
 * that is not is counted by why.
 *
 * A record's time is on the clock of `local` and `global` traces. Beside a trace with another clock no record is later than the
 * baseline, or all are; what the events contradict is left out all the same.
 *
 * Models: mm/page_owner.c init_early_allocated_pages(), __set_page_owner_handle(), __folio_copy_owner(), 6.12.
 */
import { PAGE_CLASS, type Machine, type ZoneFreeLists } from '@replug/core';
import { compoundOrder, ownedBlocks, type PageFlags, type PageOwner } from '@replug/workload';
import { BEFORE, type Lookahead } from './lookahead.ts';

/** Blocks by what became of their record. */
export interface OwnersPlaced {
  blocks: number;
  /** Their pages, and those of them that neither an event nor a dump of the instant names. */
  pages: number;
  unnamed: number;
  /** Blocks that were allocated after the baseline, or at a time that is not told, in a dump of the end. */
  later: number;
  /** Blocks of a dump of the end that the kernel moved to their place at a time that is not told. */
  moved: number;
  /** Blocks with a page that was free, on a CPU's list or somebody else's, according to kpageflags or its first event. */
  contradicted: number;
  /** Blocks outside of the machine, or of an order that it does not have. */
  outside: number;
}

export interface OwnersInput {
  readonly machine: Machine;
  readonly lists: ZoneFreeLists;
  readonly flags: PageFlags | undefined;
  readonly lookahead: Lookahead;
  readonly inferred: boolean;
  /** ns on the trace clock. */
  readonly instant?: number;
}

/** Places the blocks that `owner` tells of. What is on lists must have been placed before. */
export function placeOwners(input: OwnersInput, owner: PageOwner): OwnersPlaced {
  const { machine, lists, flags, lookahead, inferred, instant = Infinity } = input;
  const { pages } = machine;
  const { before } = lookahead;
  const placed: OwnersPlaced = { blocks: 0, pages: 0, unnamed: 0, later: 0, moved: 0, contradicted: 0, outside: 0 };
  for (const { pfn, order, row: record } of ownedBlocks(owner, wanted)) {
    const row = pages.pfnToRow(pfn);
    if (!isBlock(row, order)) {
      placed.outside++;
      continue;
    }
    if (!isInUse(row, pfn, order)) {
      placed.contradicted++;
      continue;
    }
    lists.placeAllocated(row, order);
    const use = /MOVABLE|TRANSHUGE/.test(owner.gfpTexts[owner.gfp[record]]) ? PAGE_CLASS.MOVABLE : PAGE_CLASS.KERNEL;
    for (let at = row; at < row + (1 << order); at++) {
      if (pages.pageClass[at] === PAGE_CLASS.UNKNOWN) pages.pageClass[at] = use;
      if (before[at] === BEFORE.NOTHING && (inferred || flags === undefined)) placed.unnamed++;
    }
    placed.blocks++;
    placed.pages += 1 << order;
  }
  return placed;

  function wanted(record: number): boolean {
    const time = owner.time[record];
    // Pages from before page_owner began have no flags and its time; kernels before 5.11 tell no time.
    const early = time === 0 || owner.gfpMasks[owner.gfp[record]] === 0;
    if (early ? inferred && !isUntold(record) : time > instant) {
      placed.later++;
      return false;
    }
    if (!inferred || owner.moved[record] === 0) return true;
    placed.moved++;
    return false;
  }

  /** No event names the page: whoever has it at the end had it at the start. */
  function isUntold(record: number): boolean {
    const row = pages.pfnToRow(owner.pfn[record]);
    return row >= 0 && before[row] === BEFORE.NOTHING;
  }

  function isBlock(row: number, order: number): boolean {
    return row >= 0 && order <= pages.arch.maxPageOrder && (row & ((1 << order) - 1)) === 0 && pages.zoneOf(row) >= 0;
  }

  function isInUse(row: number, pfn: number, order: number): boolean {
    if (lists.knows(row, order)) return false;
    for (let i = 0; i < 1 << order; i++) {
      const at = row + i;
      const use = pages.pageClass[at];
      if (use === PAGE_CLASS.RESERVED || use === PAGE_CLASS.HOLE || use === PAGE_CLASS.OFFLINE) return false;
      const first = before[at];
      if (first === BEFORE.FREE || first === BEFORE.ON_CPU || first === BEFORE.UNUSED) return false;
      if (flags === undefined || inferred) continue;
      const compound = compoundOrder(flags, pfn + i, pages.arch.maxPageOrder);
      if (compound > 0 && (i > 0 || compound !== order)) return false;
    }
    return true;
  }
}
