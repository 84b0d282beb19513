/**
 * HOT. The recorded replay: each event moves the block that it names, by the allocator's zone-level verbs. The model decides
 * nothing; what it finds where the trace says a block should be is counted.
 *
 *   mm_page_alloc_zone_locked   free lists → a CPU's list (or held, for orders that have none)
 *   mm_page_alloc               → handed out
 *   mm_page_free                → the CPU's list; straight to the free lists where order, pageblock or look-ahead say so
 *   mm_page_pcpu_drain          a CPU's list → free lists
 *   mm_page_alloc_extfrag       a pageblock changes its type; a 6.12 claim or steal takes its block without zone_locked
 *   mm_compaction_isolate_freepages   free blocks of the scanned range are held
 *   test_pages_isolated (success)     what is free in the range leaves the free lists (offlining, contiguous ranges)
 *
 * Models: specs of what each tracepoint reports, include/trace/events/kmem.h, 6.1 and 6.12.
 */
import {
  FOUND,
  KIND,
  MIGRATE,
  PAGE_CLASS,
  PAGE_STATE,
  STATE_HOLDER_MASK,
  STATE_ORDER_MASK,
  pcpAllowedOrder,
  type Found,
  type Machine,
  type PageMap,
  type ZoneFreeLists,
} from '@replug/core';
import { eventArg, eventPfn, type EventColumns } from '@replug/workload';
import { explainedWith, explainIsolation, type Scan } from './isolation.ts';
import { WAY, type Lookahead } from './lookahead.ts';

/** percpu_refill in the `unit` column. */
const PERCPU_REFILL = 0x80;

/** What a replay met. Counts of events, unless they say pages. */
export interface ReplayCounts {
  /** Events in the span. */
  events: number;
  /** Events that moved something. */
  applied: number;
  /** Events that carry no move (batched frees, reclaim, migration statistics …). */
  informative: number;
  /** Frees of pages that nobody was known to hold. */
  unknownFrees: number;
  /** Blocks handed out that were in somebody's hands. */
  reallocations: number;
  /** Frees of a part of a larger block. */
  partialFrees: number;
  /** Memory given to the allocator for the first time: frees by deferred initialisation, frees of whole unknown pageblocks. */
  released: number;
  /** Frees that went straight to the free lists. */
  directFrees: number;
  /** zone_locked of pages that were not on the free lists. */
  lockedNotFree: number;
  /** Blocks handed out straight from the free lists, without a zone_locked. */
  handedFromFree: number;
  /** Drains of blocks that were on no CPU's list. */
  drainedNotOnCpu: number;
  /** Frees of pages that were free already. */
  freedWhileFree: number;
  /** Pages that compaction held. */
  heldByCompaction: number;
  /** Compaction scans that no stride explains. */
  isolationsUnexplained: number;
  /** Failed allocations. */
  failed: number;
  /** Events that name pages outside the machine. */
  outside: number;
  /** Events that no kernel writes: an order above the maximum, a block that is not aligned, a range that ends before it starts. */
  impossible: number;
}

export const noCounts = (): ReplayCounts => ({
  events: 0,
  applied: 0,
  informative: 0,
  unknownFrees: 0,
  reallocations: 0,
  partialFrees: 0,
  released: 0,
  directFrees: 0,
  lockedNotFree: 0,
  handedFromFree: 0,
  drainedNotOnCpu: 0,
  freedWhileFree: 0,
  heldByCompaction: 0,
  isolationsUnexplained: 0,
  failed: 0,
  outside: 0,
  impossible: 0,
});

export class RecordedReplay {
  readonly counts = noCounts();
  private readonly events: EventColumns;
  private readonly lookahead: Lookahead;
  /** Index of the event that look-ahead index 0 stands for. */
  private readonly origin: number;
  private readonly lists: ZoneFreeLists;
  private readonly pages: PageMap;
  private readonly migratetype: Uint8Array;
  private readonly cpus: number;
  /** Flag text id → 1 where the event came from an interrupt (soft or hard). */
  private readonly interrupt: Uint8Array;
  /** Task id → 1 for the threads of deferred initialisation. Their frees go straight to the list tails. */
  private readonly initialises: Uint8Array;
  /** gfp text id → class of the pages it gets. */
  private readonly classOfGfp: Uint8Array;

  constructor(
    machine: Machine,
    lists: ZoneFreeLists,
    events: EventColumns,
    lookahead: Lookahead,
    origin: number,
    migratetype: Uint8Array,
  ) {
    this.events = events;
    this.lookahead = lookahead;
    this.origin = origin;
    this.lists = lists;
    this.pages = machine.pages;
    this.migratetype = migratetype;
    this.cpus = machine.description.cpus;
    this.interrupt = Uint8Array.from(events.flagTexts, (text) => (/[hHs]/.test(text[2] ?? '') ? 1 : 0));
    this.initialises = Uint8Array.from(events.tasks, (task) => (task.comm.startsWith('pgdatinit') ? 1 : 0));
    this.classOfGfp = Uint8Array.from(events.gfpTexts, (text) =>
      /MOVABLE|TRANSHUGE/.test(text) ? PAGE_CLASS.MOVABLE : PAGE_CLASS.KERNEL,
    );
  }

  /** Applies events [from, to). */
  run(from: number, to: number): void {
    const { events, pages, lists, counts, migratetype } = this;
    const maxOrder = pages.arch.maxPageOrder;
    const { kind: kinds, unit: units } = events;
    const {
      mm_page_alloc: ALLOC,
      mm_page_free: FREE,
      mm_page_alloc_zone_locked: LOCKED,
      mm_page_pcpu_drain: DRAIN,
    } = KIND;
    for (let i = from; i < to; i++) {
      const kind = kinds[i];
      if (kind > DRAIN) {
        this.other(i, kind);
        continue;
      }
      if (kind === KIND.mm_page_free_batched) {
        counts.informative++;
        continue;
      }
      const pfn = eventPfn(events, i);
      if (pfn < 0) {
        counts.failed++;
        continue;
      }
      const row = pages.pfnToRow(pfn);
      if (row < 0) {
        counts.outside++;
        continue;
      }
      const order = units[i] & 15;
      if (order > maxOrder || (row & ((1 << order) - 1)) !== 0) {
        counts.impossible++;
        continue;
      }
      const type = migratetype[(units[i] >> 4) & 7];
      counts.applied++;
      if (kind === ALLOC) this.alloc(i, row, order);
      else if (kind === FREE) this.free(i, row, order);
      else if (kind === LOCKED) this.locked(lists.takeToCpu(row, order, type, this.cpu(i)));
      else if (kind === DRAIN) {
        const found = lists.drain(row, order, type);
        if (found === FOUND.OUTSIDE) this.notApplied('outside');
        else if (found !== FOUND.EXPECTED) counts.drainedNotOnCpu++;
      }
    }
    counts.events += to - from;
  }

  /** CPU of an event; a trace of a machine with more CPUs than the description wraps to the last. */
  private cpu(i: number): number {
    return Math.min(this.events.cpu[i], this.cpus - 1);
  }

  private locked(found: Found): void {
    if (found === FOUND.EXPECTED) return;
    if (found === FOUND.OUTSIDE) this.notApplied('outside');
    else if (found !== FOUND.INSIDE) this.counts.lockedNotFree++;
  }

  private alloc(i: number, row: number, order: number): void {
    const found = this.lists.handOut(row, order);
    const { counts } = this;
    if (found === FOUND.ON_FREE_LIST || found === FOUND.INSIDE) counts.handedFromFree++;
    else if (found === FOUND.ALLOCATED || found === FOUND.PART) counts.reallocations++;
    else if (found === FOUND.OUTSIDE) this.notApplied('outside');
    this.pages.pageClass.fill(this.classOfGfp[this.events.gfp[i]], row, row + (1 << order));
  }

  private free(i: number, row: number, order: number): void {
    const { lists, counts, pages } = this;
    const way = this.lookahead.way[i - this.origin];
    const core = this.initialises[this.events.task[i]] === 1;
    const direct =
      core ||
      way === WAY.DIRECT ||
      (way === WAY.UNKNOWN && this.lockIsBusy(i)) ||
      !pcpAllowedOrder(pages.arch, order) ||
      lists.pageblockType(row) === MIGRATE.ISOLATE;
    const found = direct ? lists.freeDirect(row, order, core) : lists.freeToCpu(row, order, this.cpu(i));
    const released = found === FOUND.UNKNOWN && (core || order >= this.pages.arch.pageblockOrder);
    // Whole pageblocks that nobody ever held come from __free_pages_core() (onlining), which knows no per-CPU lists.
    if (released && !direct) lists.freeDirect(row, order, true);
    pages.pageClass.fill(PAGE_CLASS.UNKNOWN, row, row + (1 << order));
    if (direct) counts.directFrees++;
    if (released) counts.released++;
    else if (found === FOUND.UNKNOWN) counts.unknownFrees++;
    else if (found === FOUND.PART) counts.partialFrees++;
    else if (found === FOUND.ON_FREE_LIST || found === FOUND.INSIDE || found === FOUND.ON_PCP) counts.freedWhileFree++;
    else if (found === FOUND.OUTSIDE) this.notApplied('outside');
  }

  /**
   * A free in interrupt context whose way no later event tells. A task that drains or refills its lists holds their lock
   * with interrupts off; an interrupt that comes when they go on again does not wait for it but frees straight to the free
   * lists (pcp_spin_trylock). All frees of one interrupt find the lock alike, so one whose way is known speaks for the rest;
   * without one, the task's events around the interrupt decide.
   */
  private lockIsBusy(i: number): boolean {
    const { events, interrupt, lookahead, origin } = this;
    if (interrupt[events.flags[i]] === 0) return false;
    const cpu = events.cpu[i];
    let told: number = WAY.UNKNOWN;
    const end = origin + lookahead.way.length;
    const neighbour = (from: number, step: number): number => {
      for (let j = from + step; j >= origin && j < end; j += step) {
        if (events.cpu[j] !== cpu) continue;
        if (interrupt[events.flags[j]] === 0) return j;
        if (events.kind[j] === KIND.mm_page_free && lookahead.way[j - origin] !== WAY.UNKNOWN)
          told = lookahead.way[j - origin];
      }
      return -1;
    };
    const before = neighbour(i, -1);
    const after = neighbour(i, 1);
    if (told !== WAY.UNKNOWN) return told === WAY.DIRECT;
    if (before < 0 || after < 0 || events.task[before] !== events.task[after]) return false;
    const { kind } = events;
    if (kind[before] === KIND.mm_page_pcpu_drain) return kind[after] === KIND.mm_page_free;
    const refill = kind[before] === KIND.mm_page_alloc_zone_locked && events.unit[before] >= PERCPU_REFILL;
    return refill && kind[after] === KIND.mm_page_alloc;
  }

  /** The event of now moved nothing after all. events = applied + informative + failed + outside + impossible. */
  private notApplied(why: 'outside' | 'impossible'): void {
    this.counts.applied--;
    this.counts[why]++;
  }

  private other(i: number, kind: number): void {
    if (kind === KIND.mm_page_alloc_extfrag) this.extfrag(i);
    else if (kind === KIND.mm_compaction_isolate_freepages) this.isolate(i);
    else if (kind === KIND.test_pages_isolated) this.isolatedRange(i);
    else this.counts.informative++;
  }

  private extfrag(i: number): void {
    const { events, pages, lists, counts } = this;
    counts.applied++;
    const row = pages.pfnToRow(eventArg(events, i, 0));
    if (row < 0) {
      this.notApplied('outside');
      return;
    }
    const order = eventArg(events, i, 1);
    const fallbackOrder = eventArg(events, i, 2);
    const type = this.migratetype[eventArg(events, i, 4)];
    const owns = eventArg(events, i, 7) === 1;
    const maxOrder = pages.arch.maxPageOrder;
    if (!(order <= maxOrder && fallbackOrder <= maxOrder && order >= 0) || (row & ((1 << order) - 1)) !== 0) {
      this.notApplied('impossible');
      return;
    }
    if (!this.leavesUnnamed(i, row)) {
      if (owns) lists.setPageblockType(row, type);
      return;
    }
    // 6.12: the block leaves the free lists here, without a zone_locked of its own.
    const block = pages.arch.pageblockOrder;
    for (let at = row; at < row + (1 << Math.max(block, fallbackOrder)) && owns; at += 1 << block)
      lists.setPageblockType(at, type);
    lists.takeToCpu(row, order, type, this.cpu(i));
  }

  /** True when the block of an extfrag event is free and the next event of its pages is not the zone_locked that takes it. */
  private leavesUnnamed(i: number, row: number): boolean {
    if (this.lists.freeHead(row) < 0) return false;
    const { events } = this;
    const pfn = eventArg(events, i, 0);
    const stop = Math.min(events.length, i + 512);
    for (let j = i + 1; j < stop; j++) {
      const kind = events.kind[j];
      if (kind > KIND.mm_page_pcpu_drain || eventPfn(events, j) !== pfn) continue;
      return kind !== KIND.mm_page_alloc_zone_locked;
    }
    return true;
  }

  private isolate(i: number): void {
    const { events, pages, lists, counts } = this;
    const taken = eventArg(events, i, 3);
    if (taken === 0) {
      counts.informative++;
      return;
    }
    counts.applied++;
    const start = eventArg(events, i, 0);
    const row = pages.pfnToRow(start);
    if (row < 0) {
      this.notApplied('outside');
      return;
    }
    // A scan stays within one pageblock.
    const length = eventArg(events, i, 1) - start;
    if (!(length > 0 && length <= 1 << pages.arch.pageblockOrder && taken <= length)) {
      this.notApplied('impossible');
      return;
    }
    const end = row + length;
    const scan = { start: row, end, scanned: eventArg(events, i, 2), taken };
    const heads = explainIsolation(lists, pages, scan) ?? this.explainByHiddenFree(i, scan);
    if (heads === undefined) {
      counts.isolationsUnexplained++;
      return;
    }
    for (const head of heads) counts.heldByCompaction += lists.hold(head, 1 << lists.freeOrder(head));
  }

  /**
   * A scan that the free lists do not explain: pages that a busy per-CPU lock sent straight to the free lists are still on
   * CPU lists here. With those of one block of the range freed – the one that needs the fewest – the scan makes sense.
   */
  private explainByHiddenFree(i: number, scan: Scan): number[] | undefined {
    const { lists, pages } = this;
    let fewest: number[] | undefined;
    for (let order = 0; order <= pages.arch.maxPageOrder && 1 << order <= scan.taken; order++) {
      const size = 1 << order;
      for (let block = Math.ceil(scan.start / size) * size; block + size <= scan.end; block += size) {
        const listed = onCpuLists(lists, pages, block, size);
        if (listed === undefined || listed.length === 0 || listed.length >= (fewest?.length ?? Infinity)) continue;
        if (!explainedWith(lists, pages, scan, block, order)) continue;
        if (listed.some((row) => this.leavesCpuList(i, row))) continue;
        fewest = listed;
      }
    }
    if (fewest === undefined) return undefined;
    for (const row of fewest) lists.freeDirect(row, pages.state[row] & STATE_ORDER_MASK, false);
    this.counts.directFrees += fewest.length;
    return explainIsolation(lists, pages, scan);
  }

  /** True when the next event of a listed block takes it from its CPU's list: then it really is there. */
  private leavesCpuList(i: number, row: number): boolean {
    const { events } = this;
    const pfn = this.pages.rowToPfn(row);
    for (let j = i + 1; j < events.length; j++) {
      const kind = events.kind[j];
      if (kind > KIND.mm_page_pcpu_drain || eventPfn(events, j) !== pfn) continue;
      return kind === KIND.mm_page_alloc || kind === KIND.mm_page_pcpu_drain;
    }
    return false;
  }

  private isolatedRange(i: number): void {
    const { events, pages, lists, counts } = this;
    if (events.words[eventArg(events, i, 3)] !== 'success') {
      counts.informative++;
      return;
    }
    counts.applied++;
    const start = eventArg(events, i, 0);
    const end = eventArg(events, i, 1);
    const section = 2 ** pages.sectionShift;
    for (let pfn = start; pfn < end;) {
      const stop = Math.min(end, (Math.floor(pfn / section) + 1) * section);
      const row = pages.pfnToRow(pfn);
      if (row >= 0) lists.hold(row, stop - pfn);
      pfn = stop;
    }
  }
}

/** Blocks on CPU lists in a range whose other pages are all free; undefined when some page is neither. */
function onCpuLists(lists: ZoneFreeLists, pages: PageMap, start: number, size: number): number[] | undefined {
  const listed: number[] = [];
  for (let at = start; at < start + size;) {
    const free = lists.freeOrder(at);
    const own = pages.state[at];
    if (free >= 0) at += 1 << free;
    else if ((own & STATE_HOLDER_MASK) === PAGE_STATE.PCP) {
      listed.push(at);
      at += 1 << (own & STATE_ORDER_MASK);
    } else return undefined;
  }
  return listed;
}

/** Printed migratetype → the model's: kernels without CONFIG_CMA print 4 for ISOLATE. */
export function migratetypeTable(cma: boolean): Uint8Array {
  const table = Uint8Array.from({ length: 8 }, (_, type) => Math.min(type, MIGRATE.ISOLATE));
  if (!cma) table[4] = MIGRATE.ISOLATE;
  return table;
}
