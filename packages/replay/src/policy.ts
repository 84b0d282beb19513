/**
 * HOT. A replay in which the allocator decides: the trace gives requests – order, gfp, CPU – and when each is given back;
 * which frames serve them, when a CPU's list is refilled or drained and what is broken up is the model's to say. Recorded
 * frames are names only: each is translated to the frame that the model gave for it.
 *
 *   mm_page_alloc   a request; the frame is compared with the recorded one
 *   mm_page_free    gives back what the recorded frame stands for
 *
 * The other events are what the real allocator did on its own, and are left out. Pages that nobody held are handed to the
 * allocator when they are first freed (deferred initialisation, onlining), where the machine has them.
 *
 * Models: mm/page_alloc.c __alloc_pages(), alloc_pages_bulk(), __free_pages(), __free_pages_core(), 6.1 and 6.12.
 */
import {
  KIND,
  PAGE_STATE,
  STATE_HOLDER_MASK,
  STATE_ORDER_MASK,
  parseGfp,
  type Machine,
  type PageAllocator,
  type PageMap,
  type VirtualClock,
  type ZoneFreeLists,
} from '@replug/core';
import { eventPfn, type EventColumns } from '@replug/workload';
import type { Annotations, LateBlock } from './hidden.ts';
import { BootMarks } from './boot-marks.ts';
import { deferredInitTasks } from './deferred-init.ts';
import { FrameNames } from './frame-names.ts';
import { noCounts, type PolicyAgreement } from './policy-counts.ts';
import { replayCpu } from './replay-cpu.ts';
import { UnusedTails } from './unused-tails.ts';

export interface PolicyInput {
  /** The machine whose frames the trace names. */
  readonly recorded: Machine;
  /** The machine in which the allocator decides; the recorded one, or another. */
  readonly machine: Machine;
  readonly allocator: PageAllocator;
  readonly lists: ZoneFreeLists;
  readonly clock: VirtualClock;
  readonly events: EventColumns;
  /** What no event tells at its time. */
  readonly annotations: Annotations;
  /** First event that will be applied. */
  readonly from: number;
  /** Told of each event before it is applied. */
  readonly onEvent?: (row: number) => void;
  /** The span begins while the kernel boots. */
  readonly fromBoot: boolean;
}

/** gfp bits of a bulk allocation by migratetype: its event is missing, so only the list it took from is known. */
const GFP_OF_TYPE = [
  parseGfp('GFP_KERNEL').flags,
  parseGfp('GFP_HIGHUSER_MOVABLE').flags,
  parseGfp('GFP_KERNEL|__GFP_RECLAIMABLE').flags,
];

/** ns of silence in a trace that are waited out: what happens by the clock has come to rest by then. */
const LONGEST_WAIT = 120e9;

export class PolicyReplay {
  readonly counts = noCounts();
  readonly agreement: PolicyAgreement = { total: 0, exact: 0, firstDivergence: null };
  readonly names: FrameNames;
  private readonly frameOf: Int32Array;
  private readonly input: PolicyInput;
  private readonly source: PageMap;
  private readonly target: PageMap;
  /** Frames have the same names in both machines. */
  private readonly same: boolean;
  private readonly gfp: Int32Array;
  private readonly initialises: Uint8Array;
  private readonly cpus: number;
  private readonly nodes: number;
  private readonly tails: UnusedTails;
  private readonly hiddenOrder: Int32Array;
  private readonly marks: BootMarks;
  /** Time of the last request, ns on the trace clock. */
  private reached: number;
  private nextHidden = 0;
  /** Blocks held until an event, in its order. */
  private readonly late: LateBlock[] = [];
  private nextEarly = 0;
  /** Events that were applied before their time came. */
  private readonly doneEarly = new Set<number>();
  private readonly bulk = new Int32Array(4096);
  /** Task that compacts on each CPU, −1 for none; frames whose content it moved away, waiting for the frame moved to. */
  private readonly compacting: Int32Array;
  private readonly movedFrames: number[] = [];

  constructor(input: PolicyInput) {
    const { recorded, machine, events } = input;
    this.input = input;
    this.source = recorded.pages;
    this.target = machine.pages;
    this.same = recorded === machine;
    this.names = new FrameNames(this.source.slotCount << this.source.sectionShift, this.target.capacity);
    this.frameOf = this.names.frameOf;
    this.gfp = Int32Array.from(events.gfpTexts, (text) => parseGfp(text).flags);
    this.initialises = deferredInitTasks(events);
    this.cpus = machine.description.cpus;
    this.tails = new UnusedTails(events, this.cpus);
    this.nodes = machine.zones.nodes.length;
    this.compacting = new Int32Array(this.cpus).fill(-1);
    // A trace from boot shows the time since boot; another begins whenever it was switched on.
    this.reached = input.fromBoot ? 0 : (events.time[input.from] ?? 0);
    this.hiddenOrder = input.annotations.hidden.inOrder();
    if (this.same) {
      this.nameOwned();
      this.correct();
    }
    this.marks = new BootMarks(machine, input.allocator, events, input.annotations.sizes, input.fromBoot);
  }

  private correct(): void {
    const { lists } = this.input;
    const { corrections } = this.input.annotations;
    for (const [row, type] of corrections.types) if (lists.freeHead(row) >= 0) lists.setPageblockType(row, type);
    for (const block of corrections.late) {
      if (lists.freeOrder(block.row) < block.order) continue;
      lists.hold(block.row, 1 << block.order);
      this.late.push(block);
    }
    this.late.sort((a, b) => a.until - b.until);
  }

  /** Blocks that were not free from the start are, from event `i` on. Infinity: all that are left. */
  giveLate(i: number): void {
    const { lists } = this.input;
    while (this.late.length > 0 && this.late[0].until <= i) {
      const { row, order } = this.late.shift()!;
      lists.freeDirect(row, order, true);
    }
  }

  /** What the baseline knows as owned stands for itself. */
  private nameOwned(): void {
    const { frameOf, target } = this;
    for (let row = 0; row < frameOf.length;) {
      const own = target.state[row];
      const size = (own & STATE_HOLDER_MASK) === PAGE_STATE.ALLOCATED ? 1 << (own & STATE_ORDER_MASK) : 0;
      if (size > 0) this.names.name(row, row, size);
      row += Math.max(1, size);
    }
  }

  /** The contents of a block of frames are elsewhere now. */
  moved(source: number, target: number, order: number): void {
    this.names.moved(source, target, order);
    const { movedFrames } = this;
    movedFrames.forEach((frame, i) => {
      const offset = frame - 1 - source;
      if (offset >= 0 && offset < 1 << order) movedFrames[i] = target + offset + 1;
    });
  }

  /** Applies events [from, to). */
  run(from: number, to: number): void {
    const { counts } = this;
    const { events, clock } = this.input;
    const { hidden, early } = this.input.annotations;
    const { onEvent } = this.input;
    const { kind: kinds, time } = events;
    for (let i = from; i < to; i++) {
      if (onEvent !== undefined) onEvent(i);
      if (this.late.length > 0 && this.late[0].until <= i) this.giveLate(i);
      this.marks.reach(i);
      while (this.nextHidden < this.hiddenOrder.length && hidden.at[this.hiddenOrder[this.nextHidden]] <= i)
        this.takeHidden(i);
      while (this.nextEarly < early.length && early[this.nextEarly].at <= i)
        this.applyEarly(early[this.nextEarly++].event);
      const kind = kinds[i];
      if (kind !== KIND.mm_page_alloc && kind !== KIND.mm_page_free) {
        this.other(i, kind);
        continue;
      }
      if (time[i] > this.reached) {
        clock.advance(Math.min(time[i] - this.reached, LONGEST_WAIT));
        this.reached = time[i];
      }
      if (this.doneEarly.size === 0 || !this.doneEarly.delete(i)) this.apply(i);
    }
    counts.events += to - from;
  }

  private applyEarly(i: number): void {
    this.doneEarly.add(i);
    this.apply(i);
  }

  private apply(i: number): void {
    const { counts, source } = this;
    const { events } = this.input;
    const pfn = eventPfn(events, i);
    if (pfn < 0) {
      counts.failed++;
      return;
    }
    const row = source.pfnToRow(pfn);
    if (row < 0 || source.zoneOf(row) < 0) {
      counts.outside++;
      return;
    }
    const order = events.unit[i] & 15;
    if (order > source.arch.maxPageOrder || (row & ((1 << order) - 1)) !== 0) {
      counts.impossible++;
      return;
    }
    counts.applied++;
    if (events.kind[i] === KIND.mm_page_alloc) this.alloc(i, row, order);
    else this.free(i, row, order);
  }

  private cpu(i: number): number {
    return replayCpu(this.input.events.cpu[i], this.cpus);
  }

  private alloc(i: number, row: number, order: number): void {
    const { events, allocator, machine } = this.input;
    const { counts, agreement, frameOf } = this;
    const cpu = this.cpu(i);
    const gfp = this.gfp[events.gfp[i]];
    if (frameOf[row] !== 0) {
      counts.reallocations++;
      this.giveBack(row, order, cpu);
    }
    const frame = order > this.target.arch.maxPageOrder ? -1 : allocator.alloc(gfp, order, cpu, this.nodeOf(row));
    if (frame < 0) {
      counts.failedInModel++;
      return;
    }
    this.names.name(row, frame, 1 << order);
    this.tails.allocated(i, row, order, cpu);
    agreement.total++;
    const exact = this.same ? frame === row : this.target.rowToPfn(frame) === this.source.rowToPfn(row);
    if (exact) agreement.exact++;
    else
      agreement.firstDivergence ??= {
        event: i,
        time: events.time[i],
        requests: agreement.total - 1,
        model: machine.pages.rowToPfn(frame),
        recorded: this.source.rowToPfn(row),
      };
  }

  /** Node of the recorded frame: what a task's memory policy asked for is in no event. −1: the CPU's. */
  private nodeOf(row: number): number {
    if (!this.same || this.nodes === 1) return -1;
    return this.input.recorded.zones.all[this.source.zoneOf(row)].nid;
  }

  private free(i: number, row: number, order: number): void {
    const { counts, frameOf } = this;
    const cpu = this.cpu(i);
    if (
      this.compacting[cpu] >= 0 &&
      this.compacting[cpu] === this.input.events.task[i] &&
      order === 0 &&
      frameOf[row] !== 0
    ) {
      // Moved in the recording: its content lives on in a frame that no event names.
      this.movedFrames.push(frameOf[row]);
      this.names.forget(row, 1);
      counts.moved++;
      return;
    }
    const tail = this.tails.isOne(i, row, cpu);
    if (order === 0 && frameOf[row] !== 0 && (tail || this.input.annotations.direct.has(i))) {
      const frame = frameOf[row] - 1;
      this.names.forget(row, 1);
      this.input.lists.freeDirect(frame, 0, tail);
    } else if (frameOf[row] === 0) this.adopt(i, row, order, cpu);
    else this.giveBack(row, order, cpu);
  }

  /** A free of pages that stand for nothing yet. */
  private adopt(i: number, row: number, order: number, cpu: number): void {
    const { counts, same, target } = this;
    const { lists, allocator, events } = this.input;
    const moved = order === 0 ? this.movedFrames.shift() : undefined;
    if (moved !== undefined) {
      allocator.free(moved - 1, 0, cpu);
      return;
    }
    if (!same || lists.knows(row, order) || target.zoneOf(row) < 0) {
      counts.unknownFrees++;
      return;
    }
    const core = this.initialises[events.task[i]] === 1 || order >= target.arch.pageblockOrder;
    counts.released += 1 << order;
    if (core) lists.freeDirect(row, order, true);
    else {
      lists.placeAllocated(row, order);
      allocator.free(row, order, cpu);
    }
  }

  /** Gives back what recorded pages [row, row + 2^order) stand for: one block, or what it is made of. */
  private giveBack(row: number, order: number, cpu: number): void {
    const { frameOf, counts, target } = this;
    const { allocator } = this.input;
    const size = 1 << order;
    const first = frameOf[row] - 1;
    let whole = (first & (size - 1)) === 0;
    for (let k = 0; k < size && whole; k++) if (frameOf[row + k] !== first + k + 1) whole = false;
    if (whole) {
      if (target.state[first] !== (PAGE_STATE.ALLOCATED | order)) counts.partialFrees++;
      this.names.forget(row, size);
      allocator.free(first, order, cpu);
      return;
    }
    counts.scatteredFrees++;
    for (let at = row; at < row + size; at++) {
      const frame = frameOf[at];
      if (frame === 0) continue;
      this.names.forget(at, 1);
      allocator.free(frame - 1, 0, cpu);
    }
  }

  private takeHidden(i: number): void {
    const { allocator } = this.input;
    const { hidden } = this.input.annotations;
    const { hiddenOrder, bulk, counts } = this;
    const first = hiddenOrder[this.nextHidden];
    const cpu = replayCpu(hidden.cpu[first], this.cpus);
    const type = hidden.type[first];
    const start = this.nextHidden;
    while (
      this.nextHidden < hiddenOrder.length &&
      this.nextHidden - start < bulk.length &&
      this.isLike(first, hiddenOrder[this.nextHidden], i)
    )
      this.nextHidden++;
    const count = this.nextHidden - start;
    const nid = this.nodeOf(hidden.row[first]);
    const order = hidden.order[first];
    const taken = order === 0 ? allocator.allocBulk(GFP_OF_TYPE[type], count, cpu, bulk, nid) : 0;
    for (let k = 0; k < count; k++) {
      const recorded = hidden.row[hiddenOrder[start + k]];
      const frame = k < taken ? bulk[k] : allocator.alloc(GFP_OF_TYPE[type], order, cpu, nid);
      if (frame < 0) {
        counts.failedInModel++;
        continue;
      }
      if (this.frameOf[recorded] !== 0) this.giveBack(recorded, order, cpu);
      this.names.name(recorded, frame, 1 << order);
      counts.bulkPages += 1 << order;
    }
  }

  private isLike(first: number, other: number, event: number): boolean {
    const { hidden } = this.input.annotations;
    return (
      hidden.at[other] <= event &&
      hidden.cpu[other] === hidden.cpu[first] &&
      hidden.zone[other] === hidden.zone[first] &&
      hidden.type[other] === hidden.type[first] &&
      hidden.order[other] === hidden.order[first]
    );
  }

  private other(i: number, kind: number): void {
    const { events } = this.input;
    this.counts.informative++;
    if (kind === KIND.mm_compaction_begin) this.compacting[this.cpu(i)] = events.task[i];
    else if (kind === KIND.mm_compaction_end) this.compacting[this.cpu(i)] = -1;
  }
}
