/**
 * The state from which a replay starts: every page free, on a CPU's list, or in somebody's hands.
 *
 * Exact: kpageflags of a step, corrected by what the first event of a page says (a dump of a running machine is read over
 * a while; each correction is counted). Inferred: no dump at the start exists, so pages that leave the free lists first
 * were free, and so were pages without an event that are free in the dump at the end.
 *
 * Free blocks are the canonical maximal ones, listed in ascending order: the kernel's list order is not in any file.
 */
import { MIGRATE, PAGE_CLASS, PAGE_STATE, pcpAllowedOrder, type Machine, type ZoneFreeLists } from '@replug/core';
import {
  classOfFlags,
  compoundOrder,
  eventPfn,
  isBuddy,
  isNoPage,
  type EventColumns,
  type PageFlags,
  type PageOwner,
} from '@replug/workload';
import { placeOwners, type OwnersPlaced } from './baseline-owners.ts';
import { deferredInitTasks } from './deferred-init.ts';
import { freeInDump } from './dump-free.ts';
import { isOfflineAtStart, noHotplug, type HotplugPlan } from './hotplug/plan.ts';
import { BEFORE, type Lookahead } from './lookahead.ts';
import { replayCpu } from './replay-cpu.ts';
import type { FreeBlock, TypeCounts } from './type-counts.ts';

export interface BaselineCounts {
  /** Pages put on free lists, on CPU lists, marked as owned. */
  free: number;
  onCpu: number;
  owned: number;
  /** Pages of which neither an event nor a dump tells anything. */
  unknown: number;
  /** Pages for which the first event contradicted the dump: the event won. */
  corrected: number;
  /** What page_owner told of the pages in use, where there is one. */
  owners?: OwnersPlaced;
}

export interface BaselineInput {
  readonly machine: Machine;
  readonly lists: ZoneFreeLists;
  readonly flags: PageFlags | undefined;
  /** page_owner of the step that `flags` are of, or of the one where the span begins. */
  readonly owner?: PageOwner;
  /** The baseline's instant, ns on the trace clock: what was allocated later was not in use then. */
  readonly instant?: number;
  readonly lookahead: Lookahead;
  readonly events: EventColumns;
  /** kpageflags was read at the end of the trace, not at its start: it only counts where no event tells. */
  readonly inferred: boolean;
  /** Translates a printed migratetype to the model's. */
  readonly migratetype: Uint8Array;
  /** The events begin while the kernel boots. */
  readonly fromBoot?: boolean;
  /** Memory that comes online later. */
  readonly hotplug?: HotplugPlan;
  /** What pagetypeinfo, read together with `flags`, says of the types that no event tells. */
  readonly typeCounts: TypeCounts;
}

export function placeBaseline(input: BaselineInput): BaselineCounts {
  const { machine, lists, flags, lookahead, inferred } = input;
  const { pages } = machine;
  const counts: BaselineCounts = { free: 0, onCpu: 0, owned: 0, unknown: 0, corrected: 0 };
  const rows = pages.slotCount << pages.sectionShift;
  const free = new Uint8Array(rows);
  setBlockTypes(input);
  for (const section of pages.sections()) {
    const base = pages.pfnToRow(section * 2 ** pages.sectionShift);
    for (let i = 0; i < 1 << pages.sectionShift; i++) {
      const row = base + i;
      const pfn = section * 2 ** pages.sectionShift + i;
      if (pages.zoneOf(row) < 0) continue;
      const low = flags !== undefined && pfn < flags.length ? flags.low[pfn] : undefined;
      const before = lookahead.before[row];
      // Free or on a CPU's list: a dump of the time decides, else most such pages are free.
      const unused = before === BEFORE.UNUSED || before === BEFORE.EMPTY;
      let isFree = before === BEFORE.FREE || (unused && (inferred || low === undefined));
      if (low !== undefined) {
        if (before === BEFORE.NOTHING || before === BEFORE.UNSURE) isFree = isBuddy(low);
        else if (unused && !inferred) isFree = isBuddy(low);
        else if (!inferred && isBuddy(low) !== isFree) counts.corrected++;
        if (!isFree) pages.pageClass[row] = classOfFlags(low, flags!.high[pfn]);
      }
      free[row] = isFree ? 1 : 0;
      if (before === BEFORE.NOTHING && (inferred || low === undefined)) counts.unknown++;
    }
  }
  settleTypes(input, free);
  placeFreeBlocks(machine, lists, free, counts);
  placeCpuLists(input, free, counts);
  if (inferred) placeFreedFirst(input, counts);
  if (input.owner !== undefined) addOwners(input, input.owner, counts);
  if (!inferred) placeOwned(input, counts);
  return counts;
}

function setBlockTypes({ machine, lists, lookahead }: BaselineInput): void {
  const shift = machine.pages.arch.pageblockOrder;
  lookahead.blockType.forEach((type, block) => {
    if (type !== 0 && type - 1 < MIGRATE.ISOLATE) lists.setPageblockType(block << shift, type - 1);
  });
}

/** Types of free pageblocks that no event tells, from the counts of the step that `flags` are of. */
function settleTypes(
  { machine, lists, flags, lookahead, inferred, typeCounts }: BaselineInput,
  free: Uint8Array,
): void {
  if (flags === undefined) return;
  const { pages } = machine;
  const counted = inferred ? freeInDump(machine, flags) : free;
  const known = inferred ? lookahead.lastBlockType : lookahead.blockType;
  const blocks: FreeBlock[] = [];
  eachFreeBlock(machine, counted, (row, order, zone) => {
    blocks.push({ zone, order, row, type: known[row >>> pages.arch.pageblockOrder] - 1 });
  });
  typeCounts.settle(blocks, (row, type) => lists.setPageblockType(row, type));
}

function placeFreeBlocks(machine: Machine, lists: ZoneFreeLists, free: Uint8Array, counts: BaselineCounts): void {
  eachFreeBlock(machine, free, (row, order) => {
    lists.placeFree(row, order, lists.pageblockType(row));
    counts.free += 1 << order;
  });
}

/** The largest aligned blocks that are wholly free and of one zone, ascending. */
function eachFreeBlock(
  { pages }: Machine,
  free: Uint8Array,
  each: (row: number, order: number, zone: number) => void,
): void {
  const { maxPageOrder } = pages.arch;
  for (const section of pages.sections()) {
    const base = pages.pfnToRow(section * 2 ** pages.sectionShift);
    const end = base + (1 << pages.sectionShift);
    for (let row = base; row < end;) {
      if (free[row] === 0) {
        row++;
        continue;
      }
      const zone = pages.zoneOf(row);
      let order = 0;
      while (order < maxPageOrder && (row & ((2 << order) - 1)) === 0 && allFree(row + (1 << order), 1 << order, zone))
        order++;
      each(row, order, zone);
      row += 1 << order;
    }
  }

  function allFree(from: number, count: number, zone: number): boolean {
    for (let at = from; at < from + count; at++) if (free[at] === 0 || pages.zoneOf(at) !== zone) return false;
    return true;
  }
}

/** Blocks whose first event shows that they were on a CPU's list, in the order in which they leave it. */
function placeCpuLists(
  { machine, lists, lookahead, events, migratetype }: BaselineInput,
  free: Uint8Array,
  counts: BaselineCounts,
): void {
  const { pages } = machine;
  for (const i of lookahead.onCpu) {
    const row = pages.pfnToRow(eventPfn(events, i));
    const unit = events.unit[i];
    const order = unit & 15;
    const type = migratetype[(unit >> 4) & 7];
    let whole = type < 3 && pcpAllowedOrder(pages.arch, order);
    for (let at = row; at < row + (1 << order); at++) {
      if (free[at] !== 0 || lookahead.before[at] !== BEFORE.ON_CPU || pages.state[at] !== 0) whole = false;
    }
    if (!whole || pages.zoneOf(row) < 0) continue;
    lists.placeOnCpu(row, order, type, replayCpu(events.cpu[i], machine.description.cpus));
    counts.onCpu += 1 << order;
  }
}

/**
 * Blocks that are freed before anything else happens to them were in use. Not so what is handed over for the first time:
 * deferred initialisation, whole pageblocks – of memory that comes online, or while the kernel boots.
 */
function placeFreedFirst(
  { machine, lists, lookahead, events, fromBoot, hotplug }: BaselineInput,
  counts: BaselineCounts,
): void {
  const { pages } = machine;
  const initialises = deferredInitTasks(events);
  for (const i of lookahead.owned) {
    const pfn = eventPfn(events, i);
    const row = pages.pfnToRow(pfn);
    const order = events.unit[i] & 15;
    const whole = order >= pages.arch.pageblockOrder;
    // Of a running kernel's online memory, a huge page is freed.
    const huge =
      fromBoot !== true && pcpAllowedOrder(pages.arch, order) && !isOfflineAtStart(hotplug ?? noHotplug, pfn);
    if ((whole && !huge) || initialises[events.task[i]] === 1) continue;
    if (pages.zoneOf(row) < 0 || lists.knows(row, order)) continue;
    lists.placeAllocated(row, order);
    counts.owned += 1 << order;
  }
}

/** Blocks in use with the orders that they were asked for with, which kpageflags does not tell. */
function addOwners(input: BaselineInput, owner: PageOwner, counts: BaselineCounts): void {
  const placed = placeOwners(input, owner);
  counts.owners = placed;
  counts.owned += placed.pages;
  counts.unknown -= placed.unnamed;
}

/**
 * Pages in use when the dump was read: compound pages as one block, the others one by one (a dump tells no more). Not those
 * that are handed out before anything else happens to them: they were on a CPU's list, which one is not told.
 */
function placeOwned({ machine, lists, flags, lookahead, owner }: BaselineInput, counts: BaselineCounts): void {
  if (flags === undefined) return;
  const { pages } = machine;
  for (let pfn = 0; pfn < flags.length; pfn++) {
    if (isNoPage(flags.low[pfn])) continue;
    const row = pages.pfnToRow(pfn);
    if (row < 0 || pages.zoneOf(row) < 0 || pages.state[row] !== 0 || lists.freeHead(row) >= 0) continue;
    const use = pages.pageClass[row];
    if (use === PAGE_CLASS.RESERVED || use === PAGE_CLASS.HOLE || use === PAGE_CLASS.OFFLINE) continue;
    if (onCpuList(pages.state, row) || lookahead.before[row] === BEFORE.UNUSED) continue;
    if (owner !== undefined && lists.knows(row, 0)) continue;
    let order = compoundOrder(flags, pfn, pages.arch.maxPageOrder);
    // Events may have shown that a part of it is elsewhere by now.
    for (let at = row + 1; at < row + (1 << order); at++) {
      if (pages.state[at] !== 0 || lists.freeHead(at) >= 0) order = 0;
    }
    lists.placeAllocated(row, order);
    counts.owned += 1 << order;
    pfn += (1 << order) - 1;
  }
}

/** True for a tail page of a block on a CPU's list. */
function onCpuList(state: Uint8Array, row: number): boolean {
  for (let order = 1; order <= 12; order++) {
    if (state[row & -(1 << order)] === (PAGE_STATE.PCP | order)) return true;
  }
  return false;
}
