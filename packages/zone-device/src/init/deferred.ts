/**
 * Boot memory whose struct pages are initialised late: each node's highest zone begins with one section, the rest is
 * initialised and handed to the allocator by threads of the node, or on demand when an allocation fails before they are
 * through. The same engine as for devices, with a barrier at the end of boot.
 *
 * Units: pages. Left out: mirrored memory, page_ext at boot (which forbids deferring).
 * Models: mm/mm_init.c defer_init(), deferred_init_memmap(), deferred_init_maxorder(), deferred_grow_zone(),
 * page_alloc_init_late(); kernel/padata.c padata_do_multithreaded(), 6.12.
 */
import {
  pagesPerSection,
  type KernelLog,
  type Machine,
  type MemoryRange,
  type PageAllocator,
  type Pfn,
  type VirtualClock,
  type Zone,
  type ZoneSizing,
} from '@replug/core';
import type { MemmapEngine, RunningJob } from './engine.ts';
import { PIECE } from './init-job.ts';
import { PieceLayout } from './piece-layout.ts';

export interface DeferredParts {
  readonly machine: Machine;
  readonly allocator: PageAllocator;
  readonly sizing: ZoneSizing;
  readonly clock: VirtualClock;
  readonly log: KernelLog;
  readonly engine: MemmapEngine;
  readonly bytesPerPage: number;
}

/** A node's memory that is not initialised yet. */
interface Late {
  readonly zone: Zone;
  /** Pages of its highest zone from the first deferred one on, without reserved ones; ascending. */
  ranges: { start: Pfn; end: Pfn }[];
  jobs: RunningJob[];
}

export class DeferredInit {
  /** Pages handed over at once, by threads and on demand. */
  readonly handedOver = { early: 0, late: 0, grown: 0 };
  private readonly parts: DeferredParts;
  private readonly late: Late[] = [];
  private readonly perSection: number;

  constructor(parts: DeferredParts) {
    this.parts = parts;
    this.perSection = pagesPerSection(parts.machine.description.arch);
  }

  /** First pages of boot: low zones and one section of each node's highest zone. Nothing is late of a smaller one. */
  begin(): void {
    const { machine, sizing, clock } = this.parts;
    const { zones } = machine;
    for (const zone of zones.all) if (zone.managedPages > 0) sizing.adjustManaged(zone.index, -zone.managedPages);
    for (const node of zones.nodes) {
      const populated = node.zones.filter((z) => z.spannedPages > 0 && !z.kind.device);
      const highest = populated.reduce<Zone | undefined>(
        (top, z) => (top === undefined || z.endPfn > top.endPfn ? z : top),
        undefined,
      );
      for (const zone of populated) {
        const ranges = this.rangesOf(zone);
        const border = zone === highest ? this.firstDeferred(ranges) : Infinity;
        const early = cut(ranges, 0, border);
        const rest = cut(ranges, border, Infinity);
        this.handedOver.early += this.release(early);
        clock.charge('structPageInit', sum(early));
        if (rest.length > 0) this.late.push({ zone, ranges: rest, jobs: [] });
      }
    }
  }

  /** Wakes the threads: pgdatinitN of each node, each with helpers on all of the node's CPUs. */
  startThreads(): void {
    const { machine, engine, clock, bytesPerPage } = this.parts;
    for (const late of this.late) {
      const { nid } = late.zone;
      const threads = Math.max(1, machine.zones.node(nid)?.cpus.length ?? 1);
      for (const { start, end } of late.ranges) {
        const layout = PieceLayout.cursor(start, end, threads, this.perSection, this.perSection);
        const job = engine.start({
          nid,
          layout,
          cost: { nsPerPage: clock.costs.structPageInit.ns, bytesPerPage },
          onPiece: (from, to) => void (this.handedOver.late += this.release([{ start: from, end: to }])),
        });
        late.jobs.push(job);
      }
      late.ranges = [];
    }
  }

  /** The barrier at the end of boot. Says what the kernel says. */
  finish(): void {
    const { engine, log, clock } = this.parts;
    for (const { jobs } of this.late) for (const job of jobs) engine.wait(job);
    for (const { zone, jobs } of this.late) {
      const since = Math.min(clock.now, ...jobs.map((j) => j.startedAt));
      const until = Math.max(since, ...jobs.map((j) => j.doneAt));
      log.info(`node ${zone.nid} deferred pages initialised in ${Math.round((until - since) / 1e6)}ms`);
    }
    this.late.length = 0;
  }

  /** Whether there is anything left to wait for. */
  get pending(): boolean {
    return this.late.length > 0;
  }

  /**
   * deferred_grow_zone(): an allocation found the zone below its mark before the threads were started. Initialises whole
   * sections until 2^order pages are there. True: the zone grew, or threads are at it and time had to pass.
   */
  grow(index: number, order: number): boolean {
    const { clock, engine } = this.parts;
    const late = this.late.find(({ zone }) => zone.index === index);
    if (late === undefined) return false;
    const job = late.jobs.find((one) => one.phase !== 'done');
    if (job !== undefined) {
      // The threads hold the lock of the node: wait for a piece that somebody has, or take one over.
      const { layout } = job.options;
      for (let piece = 0; piece < layout.pieces; piece++) {
        if (job.job.stateOf(piece) === PIECE.DONE) continue;
        engine.sync(job, layout.pieceStart(piece), 1, late.zone.nid);
        return true;
      }
    }
    const needed = Math.ceil(2 ** order / this.perSection) * this.perSection;
    let grown = 0;
    while (grown < needed && late.ranges.length > 0) {
      const { start, end } = late.ranges[0];
      const stop = Math.min(end, (Math.floor(start / this.perSection) + 1) * this.perSection);
      late.ranges = cut(late.ranges, stop, Infinity);
      clock.charge('structPageInit', stop - start);
      grown += this.release([{ start, end: stop }]);
    }
    this.handedOver.grown += grown;
    return grown > 0;
  }

  /** defer_init(): pages from the first section border on that has more than a section's pages before it. */
  private firstDeferred(ranges: readonly { start: Pfn; end: Pfn }[]): Pfn {
    const per = this.perSection;
    let initialised = 0;
    for (const { start, end } of ranges) {
      for (let border = Math.ceil(start / per) * per; border < end; border += per)
        if (initialised + border - start + 1 > per) return border;
      initialised += end - start;
    }
    return Infinity;
  }

  /** Memory of a zone that is not reserved. */
  private rangesOf(zone: Zone): { start: Pfn; end: Pfn }[] {
    const { memory, description } = this.parts.machine;
    const own = memory.filter((m: MemoryRange) => m.nid === zone.nid);
    const inside = own.flatMap((m) => cut([m], zone.startPfn, zone.endPfn));
    return [...description.reserved]
      .sort((a, b) => a.start - b.start)
      .reduce((left, hole) => without(left, hole), inside);
  }

  /** Hands pages over in the largest aligned blocks, lowest first, to the lists' tails. Returns how many. */
  private release(ranges: readonly { start: Pfn; end: Pfn }[]): number {
    const { machine, allocator } = this.parts;
    const { pages } = machine;
    const { maxPageOrder } = machine.description.arch;
    for (const { start, end } of ranges) {
      for (let pfn = start; pfn < end;) {
        let order = 0;
        while (order < maxPageOrder && pfn % (2 << order) === 0 && pfn + (2 << order) <= end) order++;
        allocator.release(pages.pfnToRow(pfn), order);
        pfn += 2 ** order;
      }
    }
    return sum(ranges);
  }
}

type Range = { start: Pfn; end: Pfn };
const sum = (ranges: readonly Range[]): number => ranges.reduce((pages, r) => pages + r.end - r.start, 0);

function cut(ranges: readonly Range[], from: Pfn, to: Pfn): Range[] {
  return ranges
    .map(({ start, end }) => ({ start: Math.max(start, from), end: Math.min(end, to) }))
    .filter(({ start, end }) => start < end);
}

function without(ranges: readonly Range[], hole: Range): Range[] {
  return ranges.flatMap((r) => [...cut([r], 0, hole.start), ...cut([r], hole.end, Infinity)]);
}
