/**
 * Carries out what the trace tells of hotplug while a recorded replay runs: pageblocks are isolated from the beginning of an
 * operation to its end, memory blocks leave their zone and come to another, and the zones' sizes follow.
 *
 *   isolation begins   free blocks leave the ordinary lists; what is freed from now on bypasses the per-CPU lists
 *   undone             they return to the lists' tails, those of a pageblock and more merging with what lies beside them
 *   taken              each page is allocated for itself
 *   offline            the allocator forgets the pages; present and managed shrink, marks and list sizes are recomputed
 *   online             the pages come to their zone; what is handed over counts as managed, and sizes are recomputed
 *
 * Models: mm/page_isolation.c set_migratetype_isolate(), unset_migratetype_isolate(); mm/page_alloc.c
 * alloc_contig_range(); mm/memory_hotplug.c online_pages(), offline_pages(), 6.1 and 6.12.
 */
import {
  MIGRATE,
  PAGE_CLASS,
  PAGE_STATE,
  addRangeToZone,
  removeRangeFromZone,
  type Machine,
  type PageMap,
  type ZoneFreeLists,
  type ZoneSizing,
} from '@replug/core';
import type { ReplayCounts } from '../replay-counts.ts';
import { restoreZones } from '../restore-zones.ts';
import type { HotplugPlan } from './plan.ts';
import { ENDED, type RangeOperation } from './operations.ts';
import type { BlockChange } from './memory-timeline.ts';

type Action = { readonly at: number } & (
  | { readonly begins: RangeOperation }
  | { readonly ends: RangeOperation }
  | { readonly changes: BlockChange }
  | { readonly settles: BlockChange }
);

export class HotplugCourse {
  /** The event before which the next action is due; Infinity: none is left. */
  next: number;
  private readonly actions: readonly Action[];
  private readonly taken: readonly number[];
  private nextTaken = 0;
  private done = 0;
  /** Before this event, what is handed over belongs to a block that comes online. */
  private settled = 0;
  private readonly devices: HotplugPlan['devices'];
  private readonly countsReleased: boolean;
  /** Changes of memory blocks so far; the step that was read before the next one, by their number. */
  private changed = 0;
  private readonly printed: HotplugPlan['printed'];
  private readonly refresh: () => void;
  private readonly machine: Machine;
  private readonly pages: PageMap;
  private readonly lists: ZoneFreeLists;
  private readonly sizing: ZoneSizing | undefined;
  private readonly counts: ReplayCounts;

  constructor(
    plan: HotplugPlan,
    machine: Machine,
    lists: ZoneFreeLists,
    sizing: ZoneSizing | undefined,
    counts: ReplayCounts,
    refresh: () => void = () => {},
  ) {
    this.machine = machine;
    this.pages = machine.pages;
    this.lists = lists;
    this.sizing = sizing;
    this.counts = counts;
    this.actions = actionsOf(plan);
    this.taken = plan.takes;
    this.devices = plan.devices;
    this.countsReleased = plan.countsReleased;
    this.printed = plan.printed;
    this.refresh = refresh;
    for (const { zone, startPfn, spanned } of plan.spans)
      Object.assign(machine.zones.all[zone], { startPfn, spannedPages: spanned });
    this.next = this.actions[0]?.at ?? Infinity;
  }

  /** Carries out what is due before event i. `stops`: event i does not follow, and what begins with it waits for it. */
  reach(i: number, stops = false): void {
    for (; this.done < this.actions.length && this.actions[this.done].at <= i; this.done++) {
      if (stops && this.actions[this.done].at === i && beginsSomething(this.actions[this.done])) break;
      const action = this.actions[this.done];
      if ('begins' in action) this.isolate(action.begins);
      else if ('changes' in action) this.change(action.changes);
      else if ('settles' in action) this.settle(action.settles);
      else if (action.ends.ended === ENDED.UNDONE) this.undo(action.ends);
      else this.take(action.ends);
    }
    this.next = this.actions[this.done]?.at ?? Infinity;
  }

  /** True for an event that tells of pages which a contiguous allocation has by now. Asked in the order of events. */
  takes(i: number): boolean {
    const { taken } = this;
    while (this.nextTaken < taken.length && taken[this.nextTaken] < i) this.nextTaken++;
    return taken[this.nextTaken] === i;
  }

  private settle({ start, stop, zone, managed }: BlockChange): void {
    if (this.pages.pfnToRow(start) >= 0) this.resize(zone, stop - start, managed);
  }

  private isolate({ start, stop }: RangeOperation): void {
    const { lists } = this;
    this.counts.isolatedRanges++;
    this.splitAt(start);
    this.splitAt(stop);
    this.eachPageblock(start, stop, (row) => lists.setPageblockType(row, MIGRATE.ISOLATE));
  }

  /** Cuts the free block that lies across the boundary of a range into pageblocks. */
  private splitAt(pfn: number): void {
    const { lists, pages } = this;
    const row = pages.pfnToRow(pfn);
    const head = row < 0 ? -1 : lists.freeHead(row);
    if (head < 0 || head === row) return;
    const order = lists.freeOrder(head);
    const { pageblockOrder } = pages.arch;
    if (order <= pageblockOrder) return;
    const block = 1 << pageblockOrder;
    lists.hold(head, 1 << order);
    for (let at = head; at < head + (1 << order); at += block) {
      this.forget(at, block);
      lists.placeFree(at, pageblockOrder, lists.pageblockType(at));
    }
  }

  private undo({ start, stop }: RangeOperation): void {
    const { lists, pages } = this;
    const { pageblockOrder, maxPageOrder } = pages.arch;
    this.eachPageblock(start, stop, (row) => {
      lists.setPageblockType(row, MIGRATE.MOVABLE);
      const order = lists.freeOrder(row);
      if (order < pageblockOrder || order >= maxPageOrder) return;
      lists.hold(row, 1 << order);
      lists.freeDirect(row, order, true);
    });
  }

  private take({ start, stop }: RangeOperation): void {
    const { lists, pages, devices } = this;
    const unplugged = devices.some((device) => start >= device.start && stop <= device.end);
    this.eachPageblock(start, stop, (row, count) => {
      this.forget(row, count);
      for (let at = row; at < row + count; at++) lists.placeAllocated(at, 0);
      lists.setPageblockType(row, MIGRATE.MOVABLE);
      pages.pageClass.fill(unplugged ? PAGE_CLASS.OFFLINE : PAGE_CLASS.KERNEL, row, row + count);
      if (unplugged) this.sizing?.adjustManaged(pages.zoneOf(row), -count);
    });
  }

  /** Pages that virtio-mem had taken are given back: they are managed again. Nothing is recomputed. */
  replugged(row: number, order: number): void {
    this.sizing?.adjustManaged(this.pages.zoneOf(row), 1 << order);
  }

  /** Event i gives whole pageblocks to the allocator that it never had: managed, unless a block's onlining counts them. */
  released(i: number, row: number, order: number): void {
    if (this.countsReleased && i >= this.settled) this.sizing?.adjustManaged(this.pages.zoneOf(row), 1 << order);
  }

  private change({ start, stop, zone, settled }: BlockChange): void {
    const { machine, pages, lists } = this;
    const row = pages.pfnToRow(start);
    if (row < 0) return;
    const before = pages.zoneOf(row);
    this.counts.blockChanges++;
    this.changed++;
    if (zone >= 0) {
      this.eachPageblock(start, stop, (at, count) => this.forget(at, count));
      addRangeToZone(machine, machine.zones.all[zone], start, stop);
      this.settled = Math.max(this.settled, settled);
      return;
    }
    if (before < 0) return;
    let managed = 0;
    this.eachPageblock(start, stop, (at, count) => {
      managed += this.free(at, count);
      this.forget(at, count);
      lists.setPageblockType(at, MIGRATE.MOVABLE);
    });
    removeRangeFromZone(machine, machine.zones.all[before], start, stop);
    this.resize(before, start - stop, -managed);
  }

  /** online_pages() and offline_pages(): the counters, then all that is computed from them. */
  private resize(zone: number, present: number, managed: number): void {
    const { sizing } = this;
    if (sizing === undefined) return;
    sizing.adjustManaged(zone, managed);
    sizing.adjustPresent(zone, present);
    sizing.recompute();
    if (this.machine.zones.all[zone].presentPages <= 0) sizing.resetPagesets(zone);
    // What the kernel computed then is printed, when nothing else changed until a step was read.
    const printed = this.printed.get(this.changed);
    if (printed === undefined) return;
    restoreZones(this.machine, this.lists, printed, { sizes: false });
    this.refresh();
  }

  /** Pages of a range that were free, or are held because they were. */
  private free(row: number, count: number): number {
    const { lists, pages } = this;
    let free = 0;
    for (let at = row; at < row + count; at++)
      if (pages.state[at] === PAGE_STATE.HELD || lists.freeHead(at) >= 0) free++;
    return free;
  }

  private forget(row: number, count: number): void {
    const size = Math.min(count, 1 << this.pages.arch.maxPageOrder);
    const order = 31 - Math.clz32(size);
    for (let at = row; at < row + count; at += 1 << order) this.lists.forget(at, order);
    this.pages.pageClass.fill(PAGE_CLASS.UNKNOWN, row, row + count);
  }

  /** Each pageblock of a range that is part of the machine. */
  private eachPageblock(start: number, stop: number, each: (row: number, count: number) => void): void {
    const size = 1 << this.pages.arch.pageblockOrder;
    for (let pfn = Math.floor(start / size) * size; pfn < stop; pfn += size) {
      const row = this.pages.pfnToRow(pfn);
      if (row >= 0) each(row, size);
    }
  }
}

/** In the order of events; what ends before an event comes before what begins there. */
function actionsOf({ operations, changes }: HotplugPlan): Action[] {
  const actions: Action[] = [];
  for (const operation of operations) {
    actions.push({ at: operation.begin, begins: operation });
    if (operation.ended !== ENDED.OFFLINE) actions.push({ at: operation.end + 1, ends: operation });
  }
  for (const change of changes) {
    actions.push({ at: change.at, changes: change });
    if (change.zone >= 0) actions.push({ at: change.settled, settles: change });
  }
  const rank = (action: Action): number => (beginsSomething(action) ? 1 : 0);
  return actions.sort((a, b) => a.at - b.at || rank(a) - rank(b));
}

/** An isolation, or memory that comes online: told by the event itself. Other actions follow from the event before it. */
const beginsSomething = (action: Action): boolean =>
  'begins' in action || ('changes' in action && action.changes.zone >= 0);
