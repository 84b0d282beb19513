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
  gfpPageClass,
  KIND,
  MIGRATE,
  PAGE_CLASS,
  parseGfp,
  pcpAllowedOrder,
  TRACEPOINTS,
  type Compaction,
  type Machine,
  type PageMap,
  type Tracepoint,
  type Tracepoints,
  type ZoneFreeLists,
  type ZoneSizing,
} from '@replug/core';
import { eventArg, eventPfn, eventWord, type EventColumns } from '@replug/workload';
import { CompactionShadow } from './compaction/shadow.ts';
import { deferredInitTasks } from './deferred-init.ts';
import { HotplugCourse } from './hotplug/hotplug-course.ts';
import { noHotplug, type HotplugPlan } from './hotplug/plan.ts';
import { IsolatedRanges } from './isolated-ranges.ts';
import { BusyLocks } from './lock-busy.ts';
import { WAY, type Lookahead } from './lookahead.ts';
import type { MadeUpBlocks } from './made-up.ts';
import type { Predictor } from './predict.ts';
import { replayCpu } from './replay-cpu.ts';
import { noCounts } from './replay-counts.ts';
import { UnusedTails } from './unused-tails.ts';

export interface RecordedInput {
  readonly machine: Machine;
  readonly lists: ZoneFreeLists;
  /** Tell what the replay does, in the kernel's words. */
  readonly tracepoints: Tracepoints;
  readonly events: EventColumns;
  readonly lookahead: Lookahead;
  /** Index of the event that look-ahead index 0 stands for. */
  readonly from: number;
  /** Translates a printed migratetype to the model's. */
  readonly migratetype: Uint8Array;
  /** The trace tells allocations and frees only: refills and drains are the allocator's to make. */
  readonly infers: boolean;
  /** Told of each event before it is applied. */
  readonly onEvent?: (row: number) => void;
  /** Asked before each event what the allocator would do. */
  readonly predictor?: Predictor;
  /** The start state comes from counts: events teach its places. */
  readonly madeUp?: MadeUpBlocks;
  /** Whose scanners go along with compaction's events; without, its free scans are walked by their ranges alone. */
  readonly compaction?: Compaction;
  /** What the span tells of memory that is isolated, comes and goes. */
  readonly hotplug?: HotplugPlan;
  /** Where zones change their sizes; without, only their pages change. */
  readonly sizing?: ZoneSizing;
  /** Tells the allocator that sizes of zones changed. */
  readonly refresh?: () => void;
}

export class RecordedReplay {
  readonly counts = noCounts();
  readonly predictor: Predictor | undefined;
  private readonly madeUp: MadeUpBlocks | undefined;
  private readonly events: EventColumns;
  private readonly lookahead: Lookahead;
  private readonly origin: number;
  private readonly lists: ZoneFreeLists;
  private readonly tracepoints: Tracepoints;
  private readonly pages: PageMap;
  private readonly migratetype: Uint8Array;
  private readonly infers: boolean;
  private readonly onEvent: ((row: number) => void) | undefined;
  private readonly cpus: number;
  /** 6.1: the fallback tells of itself before its block is taken. */
  private readonly fallsBackFirst: boolean;
  private readonly locks: BusyLocks;
  private readonly isolated: IsolatedRanges;
  readonly compaction: CompactionShadow | undefined;
  private readonly hotplug: HotplugCourse;
  /** Task id → 1 for the threads of deferred initialisation. Their frees go straight to the list tails. */
  private readonly initialises: Uint8Array;
  private readonly tails: UnusedTails;
  /** gfp text id → flags, and class of the pages it gets. */
  private readonly gfp: Int32Array;
  private readonly classOfGfp: Uint8Array;

  constructor(input: RecordedInput) {
    const { machine, lists, events, lookahead, from } = input;
    this.predictor = input.predictor;
    this.madeUp = input.madeUp;
    this.events = events;
    this.lookahead = lookahead;
    this.origin = from;
    this.lists = lists;
    this.tracepoints = input.tracepoints;
    this.pages = machine.pages;
    this.migratetype = input.migratetype;
    this.infers = input.infers;
    this.onEvent = input.onEvent;
    this.cpus = machine.description.cpus;
    this.fallsBackFirst = machine.description.profile === '6.1';
    this.tails = new UnusedTails(events, this.cpus);
    this.locks = new BusyLocks(events, lookahead, from);
    const { compaction } = input;
    this.compaction = compaction && new CompactionShadow({ machine, lists, compaction, events });
    this.isolated = new IsolatedRanges(events, machine.pages, lists, this.counts, this.compaction);
    const plan = input.hotplug ?? noHotplug;
    this.hotplug = new HotplugCourse(plan, machine, lists, input.sizing, this.counts, input.refresh);
    this.initialises = deferredInitTasks(events);
    this.gfp = Int32Array.from(events.gfpTexts, (text) => parseGfp(text).flags);
    this.classOfGfp = Uint8Array.from(this.gfp, gfpPageClass);
  }

  /** Applies events [from, to). */
  run(from: number, to: number): void {
    const { events, pages, counts, onEvent, hotplug } = this;
    const maxOrder = pages.arch.maxPageOrder;
    const { kind: kinds, unit: units } = events;
    const { mm_page_alloc: ALLOC, mm_page_free: FREE, mm_page_alloc_zone_locked: LOCKED } = KIND;
    for (let i = from; i < to; i++) {
      if (i >= hotplug.next) hotplug.reach(i);
      if (onEvent !== undefined) onEvent(i);
      const kind = kinds[i];
      if (kind > KIND.mm_page_pcpu_drain) {
        this.other(i, kind);
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
      if (kind === ALLOC) this.alloc(i, row, order);
      else if (kind === FREE) this.free(i, row, order);
      else if (kind === LOCKED) this.taken(i, row, order);
      else if (kind === KIND.mm_page_free_batched) this.batched(i, row);
      else this.drain(i, row, order);
    }
    if (to >= hotplug.next) hotplug.reach(to, true);
    counts.events += to - from;
  }

  /** CPU of an event. */
  private cpu(i: number): number {
    return replayCpu(this.events.cpu[i], this.cpus);
  }

  /** Migratetype as printed. */
  private printedType(i: number): number {
    return (this.events.unit[i] >> 4) & 7;
  }

  private taken(i: number, row: number, order: number): void {
    const { counts, tracepoints } = this;
    const cpu = this.cpu(i);
    const type = this.migratetype[this.printedType(i)];
    this.madeUp?.beforeTaken(row, order, type);
    this.predictor?.beforeTaken(i, row, order, type, cpu);
    const found = this.lists.takeToCpu(row, order, type, cpu);
    counts.applied++;
    if (found === FOUND.OUTSIDE) this.notApplied('outside');
    else if (found !== FOUND.EXPECTED && found !== FOUND.INSIDE) counts.lockedNotFree++;
    const trace = tracepoints.mm_page_alloc_zone_locked;
    if (trace.enabled) trace.emit(this.pages.rowToPfn(row), order, this.printedType(i), this.events.unit[i] >> 7);
  }

  private drain(i: number, row: number, order: number): void {
    const { counts, tracepoints } = this;
    this.madeUp?.beforeUnlisted(row, order, this.cpu(i));
    this.predictor?.beforeDrained(i, row, order);
    const found = this.lists.drain(row, order, this.migratetype[this.printedType(i)]);
    counts.applied++;
    if (found === FOUND.OUTSIDE) this.notApplied('outside');
    else if (found !== FOUND.EXPECTED) counts.drainedNotOnCpu++;
    const trace = tracepoints.mm_page_pcpu_drain;
    if (trace.enabled) trace.emit(this.pages.rowToPfn(row), order, this.printedType(i));
  }

  /** The block was freed already; now it is put on its list, behind those of its batch that came before. */
  private batched(i: number, row: number): void {
    this.counts.informative++;
    this.lists.moveToHead(row);
    this.predictor?.afterBatched(i, row, this.cpu(i));
    const trace = this.tracepoints.mm_page_free_batched;
    if (trace.enabled) trace.emit(this.pages.rowToPfn(row), this.events.unit[i] & 15);
  }

  private alloc(i: number, row: number, order: number): void {
    const { counts, events, lists, tracepoints } = this;
    const cpu = this.cpu(i);
    const type = this.migratetype[this.printedType(i)];
    this.madeUp?.beforeUnlisted(row, order, cpu);
    this.predictor?.beforeHandOut(i, row, order, type, cpu);
    const found = this.infers ? lists.handOutWithRefill(row, order, type, cpu) : lists.handOut(row, order);
    counts.applied++;
    this.tails.allocated(i, row, order, cpu);
    if (found === FOUND.ON_FREE_LIST || found === FOUND.INSIDE) counts.handedFromFree++;
    else if (found === FOUND.ALLOCATED || found === FOUND.PART) counts.reallocations++;
    else if (found === FOUND.OUTSIDE) this.notApplied('outside');
    this.setClass(row, order, this.classOfGfp[events.gfp[i]]);
    if (order > 0) this.compaction?.allocated(row, this.gfp[events.gfp[i]]);
    const trace = tracepoints.mm_page_alloc;
    if (trace.enabled) trace.emit(this.pages.rowToPfn(row), order, this.printedType(i), this.gfp[events.gfp[i]]);
  }

  private free(i: number, row: number, order: number): void {
    const { lists, counts, pages, predictor, tracepoints } = this;
    if (tracepoints.mm_page_free.enabled) tracepoints.mm_page_free.emit(pages.rowToPfn(row), order);
    this.madeUp?.beforeFreed(row, order);
    if (this.compaction?.beforeFree(i, row, order) === true) {
      counts.informative++;
      return;
    }
    const cpu = this.cpu(i);
    const way = this.lookahead.way[i - this.origin];
    // Whole pageblocks that nobody ever held come from __free_pages_core() (onlining), which knows no per-CPU lists.
    const fresh = order >= pages.arch.pageblockOrder && !lists.knows(row, order);
    const core = fresh || this.initialises[this.events.task[i]] === 1 || this.tails.isOne(i, row, cpu);
    const noList = core || !pcpAllowedOrder(pages.arch, order) || lists.pageblockType(row) === MIGRATE.ISOLATE;
    const direct = noList || way === WAY.DIRECT || (way === WAY.UNKNOWN && this.locks.isBusy(i));
    if (!direct) predictor?.beforeFreed(i, row, order, cpu);
    else if (!noList) predictor?.freedPastLists(i);
    let found;
    if (direct) found = lists.freeDirect(row, order, core);
    else found = this.infers ? lists.freeWithDrain(row, order, cpu) : lists.freeToCpu(row, order, cpu);
    if (!direct) predictor?.afterFreed(i, row, order, cpu);
    counts.applied++;
    if (pages.pageClass[row] === PAGE_CLASS.OFFLINE) this.hotplug.replugged(row, order);
    this.setClass(row, order, PAGE_CLASS.UNKNOWN);
    if (direct) counts.directFrees++;
    if (found === FOUND.UNKNOWN) {
      if (fresh) this.hotplug.released(i, row, order);
      if (core) counts.released++;
      else counts.unknownFrees++;
    } else if (found === FOUND.PART) counts.partialFrees++;
    else if (found === FOUND.ON_FREE_LIST || found === FOUND.INSIDE || found === FOUND.ON_PCP) counts.freedWhileFree++;
    else if (found === FOUND.OUTSIDE) this.notApplied('outside');
  }

  private setClass(row: number, order: number, use: number): void {
    const { pageClass } = this.pages;
    if (order === 0) pageClass[row] = use;
    else pageClass.fill(use, row, row + (1 << order));
  }

  /** The event of now moved nothing after all. events = applied + informative + failed + outside + impossible. */
  private notApplied(why: 'outside' | 'impossible'): void {
    this.counts.applied--;
    this.counts[why]++;
  }

  private other(i: number, kind: number): void {
    this.compaction?.event(i, kind);
    if (kind === KIND.mm_page_alloc_extfrag) this.extfrag(i);
    else if (kind === KIND.mm_compaction_isolate_freepages) {
      if (this.hotplug.takes(i)) this.counts.applied++;
      else this.isolated.scan(i);
      this.emitAgain(i);
    } else if (kind === KIND.test_pages_isolated) {
      this.isolated.range(i);
      this.emitAgain(i);
    } else this.counts.informative++;
  }

  /** Tells what an event of several fields told: the replay did as it said. Cold. */
  private emitAgain(i: number): void {
    const { events, tracepoints } = this;
    const { name, fields } = TRACEPOINTS[events.kind[i]];
    const trace = tracepoints[name] as Tracepoint;
    if (!trace.enabled) return;
    const shown = fields.filter((field) => field.format !== 'page');
    trace.emit(
      ...shown.map((field, k) => (field.format === 'word' ? (eventWord(events, i, k) ?? '') : eventArg(events, i, k))),
    );
  }

  private extfrag(i: number): void {
    const { events, pages, lists, counts } = this;
    const row = pages.pfnToRow(eventArg(events, i, 0));
    if (row < 0) {
      counts.outside++;
      return;
    }
    const order = eventArg(events, i, 1);
    const fallbackOrder = eventArg(events, i, 2);
    const type = this.migratetype[eventArg(events, i, 4)];
    const owns = eventArg(events, i, 7) === 1;
    const maxOrder = pages.arch.maxPageOrder;
    const sized = order <= maxOrder && fallbackOrder <= maxOrder && order >= 0;
    if (!sized || (row & ((1 << order) - 1)) !== 0 || type === undefined) {
      counts.impossible++;
      return;
    }
    counts.applied++;
    if (this.leavesUnnamed(i, row)) {
      // 6.12: the block leaves the free lists here, without a zone_locked of its own.
      this.predictor?.beforeTaken(i, row, order, type, this.cpu(i));
      const block = pages.arch.pageblockOrder;
      for (let at = row; at < row + (1 << Math.max(block, fallbackOrder)) && owns; at += 1 << block)
        lists.setPageblockType(at, type);
      lists.takeToCpu(row, order, type, this.cpu(i));
    } else {
      if (this.fallsBackFirst) this.predictor?.beforeFallback(row, order, type);
      if (owns) lists.setPageblockType(row, type);
    }
    this.emitAgain(i);
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
}

/** Printed migratetype → the model's: kernels without CONFIG_CMA print 4 for ISOLATE. */
export function migratetypeTable(cma: boolean): Uint8Array {
  const table = Uint8Array.from({ length: 8 }, (_, type) => Math.min(type, MIGRATE.ISOLATE));
  if (!cma) table[4] = MIGRATE.ISOLATE;
  return table;
}
