/**
 * HOT. One step ahead: before an event is applied, what would the model have done? The answer is held against the event;
 * then the event is applied, so that each question starts from the kernel's own state.
 *
 *   handOut    a request served from a CPU's list: the list's first block, or a refill when the list is empty
 *   freeList   a block that leaves the free lists: the first of the smallest order that serves, or the fallback's choice
 *
 * A trace hides some of what happens. Bulk allocations have no event: their pages leave a list's head unseen. An interrupt
 * may free pages between the moment a task takes a page and the event that tells. Both are found where the next page
 * taken lies below the head, taken into the state, and counted apart (`exactAnnotated`).
 *
 * Models: mm/page_alloc.c rmqueue_pcplist(), rmqueue_bulk(), __rmqueue(), alloc_pages_bulk(), 6.1 and 6.12.
 */
import {
  KIND,
  PAGE_STATE,
  STATE_HOLDER_MASK,
  STATE_ORDER_MASK,
  type AllocatorPreview,
  type Machine,
  type PageMap,
  type ZoneFreeLists,
} from '@replug/core';
import type { EventColumns } from '@replug/workload';
import { FATE } from './fates.ts';
import { HiddenAllocations, type Annotations, type EarlyAllocation } from './hidden.ts';
import { fromInterrupt } from './lock-busy.ts';
import { SizeObserver } from './observed-sizes.ts';
import { PassedOver } from './passed-over.ts';
import { CAUSE, type Cause, type Predicted, type Predictions } from './predictions.ts';
import { replayCpu } from './replay-cpu.ts';
import type { TypeCounts } from './type-counts.ts';

export interface PredictorInput {
  readonly machine: Machine;
  readonly lists: ZoneFreeLists;
  readonly preview: AllocatorPreview;
  readonly events: EventColumns;
  /** First event that will be applied. */
  readonly from: number;
  /** FATE of each event (index − from). */
  readonly fates: Uint8Array;
  /** MIGRATE type + 1 that events tell of a pageblock; 0: none does. */
  readonly blockType: Uint8Array;
  readonly typeCounts: TypeCounts;
  /** The trace begins while the kernel boots. */
  readonly fromBoot: boolean;
  /** The blocks that are on CPU lists at the start are as many as counted, in places that are made up. */
  readonly madeUp: boolean;
  /** Tells the allocator that sizes of zones changed. */
  readonly refresh: () => void;
}

/** Blocks of a list that are looked at to explain one event. */
const WALK_LIMIT = 1 << 14;

/** What a CPU is doing: a refill takes several blocks in a row. */
const BURST = { NONE: 0, AS_PREDICTED: 1, ANNOTATED: 2, UNEXPLAINED: 3 } as const;

export class Predictor {
  private readonly handOut = { total: 0, exact: 0, exactAnnotated: 0 };
  private readonly freeList = { total: 0, exact: 0, nonSequentialTotal: 0, nonSequentialExact: 0 };
  private readonly fallback = { total: 0, exact: 0 };
  private readonly byCause: Partial<Record<`${Predicted}.${Cause}`, number>> = {};
  private bulkPages = 0;
  private readonly hidden = new HiddenAllocations();
  private readonly early: EarlyAllocation[] = [];
  private readonly direct = new Set<number>();
  private readonly sizes: SizeObserver;
  private readonly passed: PassedOver;
  private readonly pages: PageMap;
  private readonly lists: ZoneFreeLists;
  private readonly preview: AllocatorPreview;
  private readonly events: EventColumns;
  private readonly fates: Uint8Array;
  private readonly origin: number;
  private readonly madeUp: boolean;
  /** Flag text id → 1 where the event came from an interrupt (soft or hard). */
  private readonly interrupt: Uint8Array;
  private readonly cpus: number;
  /** Event + 1 that put a block on a CPU's list, by row of its head; 0: the baseline did. */
  private readonly listedBy: Int32Array;
  /** Event of the last operation on a list, by list. */
  private readonly lastOperation: Int32Array;
  /** The list that a CPU refills at present, −1 for none. */
  private readonly refilling: Int32Array;
  /** BURST of a list's last refill, until an allocation has used it. */
  private readonly refilled: Uint8Array;
  /** The first block of that refill. */
  private readonly refilledFor: Int32Array;
  /** Row behind the last block taken. */
  private nextRow = -1;
  private readonly fromStart = (row: number, order: number): boolean => this.isUntouched(row, order);

  constructor(input: PredictorInput) {
    const { machine, lists, preview, events, from } = input;
    const { pages } = machine;
    this.pages = pages;
    this.lists = lists;
    this.preview = preview;
    this.events = events;
    this.fates = input.fates;
    this.origin = from;
    this.madeUp = input.madeUp;
    this.cpus = machine.description.cpus;
    this.interrupt = fromInterrupt(events);
    const listCount = machine.zones.all.length * this.cpus * LISTS;
    this.listedBy = new Int32Array(pages.slotCount << pages.sectionShift);
    this.lastOperation = new Int32Array(listCount).fill(from - 1);
    this.refilled = new Uint8Array(listCount);
    this.refilledFor = new Int32Array(listCount);
    this.refilling = new Int32Array(this.cpus).fill(-1);
    this.sizes = new SizeObserver(machine, lists, preview, input.fromBoot, input.refresh);
    this.passed = new PassedOver(pages, lists, preview, input.blockType, input.typeCounts);
  }

  get predictions(): Predictions {
    const { handOut, freeList, fallback, byCause, bulkPages } = this;
    return { handOut, freeList, fallback, refills: this.sizes.refills, byCause, bulkPages };
  }

  get annotations(): Annotations {
    const { hidden, early, direct } = this;
    return { hidden, early, direct, sizes: this.sizes.changes, corrections: this.passed.corrections };
  }

  /** Before a checkpoint: what was set aside because the kernel passed it over is free in the dump. */
  putBack(): void {
    this.passed.putBack();
  }

  /** A block is about to leave the free lists, for a CPU's list where `type` and `order` have one. */
  beforeTaken(i: number, row: number, order: number, type: number, cpu: number): void {
    const { preview } = this;
    const zone = this.pages.zoneOf(row);
    if (zone < 0) return;
    this.passed.named(i, row);
    this.judgeFree(zone, row, order, type, preview.firstFree(zone, order, type));
    if (!preview.hasCpuList(order, type)) return;
    const list = this.list(zone, cpu, order, type);
    if (this.refilling[cpu] !== list) {
      this.interlude(cpu, false, -1);
      this.refilling[cpu] = list;
      this.refilled[list] = this.beginRefill(zone, cpu, order, type, list);
      this.refilledFor[list] = row;
      this.sizes.refillBegins(i, zone, cpu, order);
    }
    this.sizes.refillTakes(row, cpu);
    this.listed(i, row, list);
  }

  /** 6.1: a fallback is about to choose a block; the event that takes a page of it follows. */
  beforeFallback(row: number, order: number, type: number): void {
    const zone = this.pages.zoneOf(row);
    if (zone < 0) return;
    const { fallback } = this;
    fallback.total++;
    if (this.preview.firstFree(zone, order, type) >= 0) this.missed('fallback', CAUSE.FALLBACK_EARLY);
    else if (this.preview.fallbackBlock(zone, order, type) !== row) this.missed('fallback', CAUSE.FALLBACK);
    else fallback.exact++;
  }

  /** A block is about to be handed out. */
  beforeHandOut(i: number, row: number, order: number, type: number, cpu: number): void {
    this.interlude(cpu, false, row);
    const { preview, handOut } = this;
    if (!preview.hasCpuList(order, type)) return;
    const zone = this.pages.zoneOf(row);
    if (zone < 0) return;
    const list = this.list(zone, cpu, order, type);
    handOut.total++;
    // A refill gives its first block to who asked for it; a bulk allocation's has none left for others.
    const refilled = this.refilledFor[list] === row ? this.refilled[list] : BURST.NONE;
    this.refilled[list] = BURST.NONE;
    const first = preview.firstOnCpu(zone, cpu, order, type);
    if (first === row) {
      if (refilled === BURST.NONE || refilled === BURST.AS_PREDICTED) {
        handOut.exact++;
        handOut.exactAnnotated++;
      } else if (refilled === BURST.ANNOTATED) {
        handOut.exactAnnotated++;
        this.missed('handOut', CAUSE.BULK);
      } else {
        this.missed('handOut', CAUSE.REFILL);
      }
      this.lastOperation[list] = i;
      return;
    }
    const cause = this.explain(i, zone, row, order, type, cpu, list, first);
    this.missed('handOut', cause);
    if ((cause === CAUSE.BULK || cause === CAUSE.INTERRUPT) && refilled !== BURST.UNEXPLAINED) handOut.exactAnnotated++;
    this.lastOperation[list] = i;
  }

  /** A block is about to be freed to a CPU's list. */
  beforeFreed(i: number, row: number, order: number, cpu: number): void {
    const zone = this.pages.zoneOf(row);
    if (zone < 0) return;
    this.refilling[cpu] = -1;
    if (this.pages.state[row] === (PAGE_STATE.PCP | order)) this.findTaken(zone, row, order);
    const type = this.lists.pageblockType(row);
    this.listed(i, row, this.list(zone, cpu, order, type < 3 ? type : 1));
  }

  /** A free found the lists' lock taken: its block goes straight to the free lists. */
  freedPastLists(i: number): void {
    this.direct.add(i);
  }

  /** A block was put on a CPU's list, or will be when its batch is told of. */
  afterFreed(i: number, row: number, order: number, cpu: number): void {
    const zone = this.pages.zoneOf(row);
    if (zone >= 0) this.sizes.freed(i, row, zone, order, cpu);
  }

  /** A block of a batch of frees was put on a CPU's list. */
  afterBatched(i: number, row: number, cpu: number): void {
    const state = this.pages.state[row];
    if ((state & STATE_HOLDER_MASK) === PAGE_STATE.PCP)
      this.sizes.batched(i, row, this.pages.zoneOf(row), state & STATE_ORDER_MASK, cpu);
  }

  /** A block is about to leave a CPU's list for the free lists. */
  beforeDrained(i: number, row: number, order: number): void {
    this.interlude(replayCpu(this.events.cpu[i], this.cpus), true, -1);
    const zone = this.pages.zoneOf(row);
    if (zone < 0 || this.pages.state[row] !== (PAGE_STATE.PCP | order)) return;
    this.lastOperation[this.list(zone, this.preview.cpuOf(row), order, this.preview.listTypeOf(row))] = i;
  }

  private list(zone: number, cpu: number, order: number, type: number): number {
    return (zone * this.cpus + cpu) * LISTS + (order <= 3 ? order * 3 + type : 12 + (type === 1 ? 1 : 0));
  }

  private listed(i: number, row: number, list: number): void {
    this.listedBy[row] = i + 1;
    this.lastOperation[list] = i;
  }

  /** Anything that is not part of a refill happens on a CPU. */
  private interlude(cpu: number, drained: boolean, handedOut: number): void {
    this.refilling[cpu] = -1;
    this.sizes.otherwise(cpu, drained, handedOut);
  }

  /** A refill begins: the list should be empty. What is on it was taken unseen, if that can be. */
  private beginRefill(zone: number, cpu: number, order: number, type: number, list: number): number {
    const { preview } = this;
    let row = preview.firstOnCpu(zone, cpu, order, type);
    if (row < 0) return BURST.AS_PREDICTED;
    const taken: number[] = [];
    for (; row >= 0; row = preview.nextOnCpu(row)) {
      if (!this.mayBeTakenUnseen(row)) return BURST.UNEXPLAINED;
      taken.push(row);
    }
    this.takeUnseen(taken, zone, cpu, order, type, this.lastOperation[list] + 1);
    return BURST.ANNOTATED;
  }

  /** Why another block than the list's first was handed out; what the trace hid is taken into the state. */
  private explain(
    i: number,
    zone: number,
    row: number,
    order: number,
    type: number,
    cpu: number,
    list: number,
    first: number,
  ): Cause {
    const { preview, pages } = this;
    const holder = pages.state[row] & STATE_HOLDER_MASK;
    if (this.lists.freeHead(row) >= 0) return CAUSE.NOT_TAKEN;
    if (holder !== PAGE_STATE.PCP || (pages.state[row] & STATE_ORDER_MASK) !== order) return CAUSE.NOT_LISTED;
    if (preview.cpuOf(row) !== cpu) return CAUSE.OTHER_CPU;
    if (preview.listTypeOf(row) !== type && order <= 3) {
      // It was freed to the list of its pageblock's type, which so is the request's.
      this.lists.setPageblockType(row, type);
      return CAUSE.OTHER_TYPE;
    }
    const taken: number[] = [];
    let interrupted = i;
    let steps = 0;
    for (let at = first; at !== row; at = preview.nextOnCpu(at)) {
      if (at < 0 || ++steps > WALK_LIMIT) return CAUSE.LIST_ORDER;
      if (this.mayBeTakenUnseen(at)) taken.push(at);
      else if (this.freedByInterrupt(at)) interrupted = Math.min(interrupted, this.listedBy[at] - 1);
      else return this.listedBy[row] === i && i > 0 ? CAUSE.LOCK_BUSY : CAUSE.LIST_ORDER;
    }
    if (taken.length > 0)
      this.takeUnseen(taken, zone, cpu, order, type, Math.min(this.lastOperation[list] + 1, interrupted));
    if (interrupted === i) return CAUSE.BULK;
    this.early.push({ at: interrupted, event: i });
    return CAUSE.INTERRUPT;
  }

  /**
   * A listed block is freed: it was taken unseen, with what lay above it – before anything was put there that is still to
   * be taken.
   */
  private findTaken(zone: number, row: number, order: number): void {
    const { preview } = this;
    const cpu = preview.cpuOf(row);
    const type = preview.listTypeOf(row);
    const list = this.list(zone, cpu, order, type);
    const above: number[] = [];
    let before = this.lastOperation[list] + 1;
    let steps = 0;
    for (
      let at = preview.firstOnCpu(zone, cpu, order, type);
      at >= 0 && at !== row && ++steps < WALK_LIMIT;
      at = preview.nextOnCpu(at)
    ) {
      if (this.mayBeTakenUnseen(at)) above.push(at);
      else before = Math.min(before, this.listedBy[at] - 1);
    }
    before = Math.max(before, this.listedBy[row]);
    const taken = above.filter((at) => this.listedBy[at] <= before);
    this.takeUnseen([...taken, row], zone, cpu, order, type, before);
  }

  /** True when nothing that follows shows that a listed block was still on its list. */
  private mayBeTakenUnseen(row: number): boolean {
    const by = this.listedBy[row];
    // Hindsight puts on the lists only what leaves them with an event; places that are made up may be wrong.
    if (by === 0) return this.madeUp;
    const fate = this.fates[by - 1 - this.origin];
    return fate === FATE.NOTHING || fate === FATE.FREED || (fate === FATE.UNKNOWN && !this.freedByInterrupt(row));
  }

  private freedByInterrupt(row: number): boolean {
    const by = this.listedBy[row];
    return (
      by !== 0 && this.events.kind[by - 1] === KIND.mm_page_free && this.interrupt[this.events.flags[by - 1]] === 1
    );
  }

  /** Takes blocks into the state that nobody told of; `before`: the event that followed. */
  private takeUnseen(
    rows: readonly number[],
    zone: number,
    cpu: number,
    order: number,
    type: number,
    before: number,
  ): void {
    for (const row of rows) this.lists.handOut(row, order);
    this.bulkPages += rows.length << order;
    this.hidden.add(before, zone, cpu, order, type, rows);
  }

  /** Holds a block that leaves the free lists against the one that the model would have taken. */
  private judgeFree(zone: number, row: number, order: number, type: number, own: number): void {
    const { freeList } = this;
    const sequential = this.nextRow === row;
    this.nextRow = row + (1 << order);
    freeList.total++;
    if (!sequential) freeList.nonSequentialTotal++;
    const predicted = own >= 0 ? own : this.preview.fallbackBlock(zone, order, type);
    if (predicted === row) {
      freeList.exact++;
      if (!sequential) freeList.nonSequentialExact++;
      return;
    }
    const cause = this.causeOfFree(row, type, own);
    this.missed('freeList', cause);
    if (cause === CAUSE.FREE_SIZE) this.passed.byLarger(zone, order, type, this.lists.freeOrder(row), this.fromStart);
    else if (cause === CAUSE.FREE_ORDER) this.passed.byEqual(own);
  }

  /** True when no event has put a page of the block anywhere: it was free from the start. */
  private isUntouched(row: number, order: number): boolean {
    for (let at = row; at < row + (1 << order); at++) if (this.listedBy[at] !== 0) return false;
    return true;
  }

  private causeOfFree(row: number, type: number, own: number): Cause {
    const { lists, preview } = this;
    const have = lists.freeOrder(row);
    if (have < 0) return CAUSE.NOT_FREE;
    if (preview.freeTypeOf(row) !== type) return own < 0 ? CAUSE.FALLBACK : CAUSE.FREE_TYPE;
    return own >= 0 && lists.freeOrder(own) === have ? CAUSE.FREE_ORDER : CAUSE.FREE_SIZE;
  }

  private missed(what: Predicted, cause: Cause): void {
    const name = `${what}.${cause}` as const;
    this.byCause[name] = (this.byCause[name] ?? 0) + 1;
  }
}

/** Lists of a CPU and zone: three types by orders 0–3, two for PMD-sized blocks. */
const LISTS = 14;
