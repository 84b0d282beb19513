/**
 * Compaction in a recorded replay: between a run's begin and end the allocator's scanners go along. Before each scan's event
 * they say what they would find; then they are told what the kernel found. As sources are freed, their contents go to the
 * targets, which the order of the isolated pages tells: the k-th source freed is in the k-th target.
 *
 * Models: the events of mm/compaction.c compact_zone() and mm/migrate.c migrate_pages(), 6.1 and 6.12.
 */
import {
  COMPACT_MODE,
  GFP,
  KIND,
  PAGE_CLASS_NAMES,
  PAGE_STATE,
  STATE_HOLDER_MASK,
  TRACEPOINT_KIND,
  type Compaction,
  type CompactionRun,
  type CompactRequest,
  type CompactScan,
  type Machine,
  type PageMap,
  type ZoneFreeLists,
} from '@replug/core';
import { CLASS_MASK, eventArg, eventWord, type EventColumns } from '@replug/workload';
import { fromInterrupt } from '../lock-busy.ts';
import { replayCpu } from '../replay-cpu.ts';
import { SCAN_CAUSE, type CompactionReport, type ScanCause, type ScanPair, type ScanTally } from './report.ts';
import { RecordedSight } from './sight.ts';

const FINISHED = TRACEPOINT_KIND.get('mm_compaction_finished')!;
const MIGRATED = TRACEPOINT_KIND.get('mm_compaction_migratepages')!;
const { mm_compaction_begin: BEGIN, mm_compaction_end: END, mm_compaction_isolate_migratepages: SOURCES } = KIND;

/** Scans that are kept one by one; the rest is counted. */
const PAIR_LIMIT = 1 << 16;

interface ActiveRun {
  readonly zone: number;
  readonly mode: string;
  readonly beginEvent: number;
  /** From the first `finished` event on, which tells the order. */
  run?: CompactionRun;
  /** Sources of the present turn: rows [from, to) of the last scan; −1: none are being moved. */
  from: number;
  to: number;
  readonly predicted: Set<number>;
  readonly freed: Set<number>;
  /** Pages of the batch that found a target. */
  named: number;
  over: boolean;
}

export interface ShadowInput {
  readonly machine: Machine;
  readonly lists: ZoneFreeLists;
  readonly compaction: Compaction;
  readonly events: EventColumns;
}

export class CompactionShadow {
  private readonly machine: Machine;
  private readonly pages: PageMap;
  private readonly lists: ZoneFreeLists;
  private readonly compaction: Compaction;
  private readonly events: EventColumns;
  private readonly sight: RecordedSight;
  /** By task id. */
  private readonly active = new Map<number, ActiveRun>();
  private readonly interrupt: Uint8Array;
  private readonly heads: Int32Array;
  private readonly orders: Uint8Array;
  private readonly sources: Int32Array;
  private readonly expected: CompactScan = { start: 0, end: 0, scanned: 0, taken: 0 };
  private readonly real: CompactScan = { start: 0, end: 0, scanned: 0, taken: 0 };
  private runs = 0;
  private impossible = 0;
  private readonly scans: Record<string, ScanTally> = {};
  private readonly byCause: Record<string, number> = {};
  private readonly moved = { told: 0, named: 0, unnamed: 0 };
  private readonly unpredicted: Record<string, number> = {};
  private readonly stayed: Record<string, number> = {};
  private readonly released = { blocks: 0, inOrder: 0 };
  private readonly toRelease: number[] = [];
  private readonly pairs: ScanPair[] = [];

  constructor({ machine, lists, compaction, events }: ShadowInput) {
    this.machine = machine;
    this.pages = machine.pages;
    this.lists = lists;
    this.compaction = compaction;
    this.events = events;
    this.sight = new RecordedSight(machine.pages);
    this.interrupt = fromInterrupt(events);
    const block = 1 << machine.pages.arch.pageblockOrder;
    this.heads = new Int32Array(block);
    this.orders = new Uint8Array(block);
    this.sources = new Int32Array(block);
  }

  get report(): CompactionReport | undefined {
    if (this.runs === 0) return undefined;
    const { runs, impossible, scans, byCause, moved, unpredicted, stayed, released, pairs } = this;
    return { runs, impossible, scans, byCause, moved, sources: { unpredicted, stayed }, released, pairs };
  }

  /** A block of more than one page is handed out. */
  allocated(row: number, gfp: number): void {
    this.sight.allocated(row, (gfp & GFP.COMP) !== 0);
  }

  /** An event of compaction's own; those of the free scanner come by freeScan(). */
  event(i: number, kind: number): void {
    if (kind === BEGIN) this.begin(i);
    else if (kind === SOURCES) this.scanSources(i);
    else if (kind === FINISHED) this.turn(i);
    else if (kind === MIGRATED) this.endBatch(i);
    else if (kind === END) this.end(i);
  }

  /**
   * A block is about to be freed. When it is a source that was moved, its contents are in the next target from now on. True:
   * nothing is freed – an isolated page is put back among the isolated ones (6.12).
   */
  beforeFree(i: number, row: number, order: number): boolean {
    if (this.active.size === 0) return false;
    const own = this.active.get(this.events.task[i]);
    if (own?.run === undefined || this.interrupt[this.events.flags[i]] === 1) return false;
    if (own.over) {
      this.released.blocks++;
      if (this.toRelease.shift() === row) this.released.inOrder++;
      return false;
    }
    if (own.from < 0 || row < own.from || row >= own.to) return own.from >= 0 && this.putBack(own.run, row, order);
    own.freed.add(row);
    const target = own.run.nextTarget(order);
    if (target < 0 || (this.pages.state[target] & STATE_HOLDER_MASK) !== PAGE_STATE.HELD) {
      this.moved.unnamed += 1 << order;
      return false;
    }
    const { pageClass } = this.pages;
    this.lists.handOut(target, order);
    pageClass.copyWithin(target, row, row + (1 << order));
    own.named += 1 << order;
    return false;
  }

  /** What the free scanner would find now: heads of the blocks, when that is what it did find. */
  expectFree(i: number): number[] | undefined {
    const own = this.active.get(this.events.task[i]);
    if (own?.run === undefined || !this.isScan(own, i)) return undefined;
    const { expected } = this;
    let blocks = own.run.nextFree(expected, this.heads);
    // 6.1 searches the lists without an event; what it takes there is taken by no event either.
    if (expected.fast === true && blocks >= 0) blocks = own.run.nextFree(expected, this.heads);
    this.read(i);
    const cause = blocks < 0 ? SCAN_CAUSE.NONE : this.compare(SCAN_CAUSE.FREE);
    this.note(i, 'free', own.mode, blocks >= 0, cause);
    return cause === undefined ? Array.from(this.heads.subarray(0, blocks)) : undefined;
  }

  /** The scan took these blocks, which are still free; undefined: which ones is not known. */
  tookFree(i: number, heads: readonly number[] | undefined): void {
    const own = this.active.get(this.events.task[i]);
    if (own?.run === undefined || !this.isScan(own, i)) return;
    const blocks = Math.min(heads?.length ?? 0, this.heads.length);
    for (let k = 0; k < blocks; k++) {
      this.heads[k] = heads![k];
      this.orders[k] = this.lists.freeOrder(heads![k]);
    }
    this.read(i);
    own.run.tookFree(this.real, this.heads, this.orders, blocks);
  }

  private putBack(run: CompactionRun, row: number, order: number): boolean {
    if (!run.dropTarget(row)) return false;
    run.giveBack(row, order);
    return true;
  }

  private begin(i: number): void {
    const { events, machine } = this;
    const start = eventArg(events, i, 0);
    const end = eventArg(events, i, 3);
    const zone = machine.zones.all.find((z) => z.startPfn <= start && z.endPfn >= end && z.spannedPages > 0);
    if (zone === undefined) return;
    this.runs++;
    this.active.set(events.task[i], {
      zone: zone.index,
      mode: eventWord(events, i, 4) ?? 'sync',
      beginEvent: i,
      from: -1,
      to: -1,
      predicted: new Set(),
      freed: new Set(),
      named: 0,
      over: false,
    });
  }

  private turn(i: number): void {
    const own = this.active.get(this.events.task[i]);
    if (own === undefined) return;
    if (own.run === undefined) {
      const order = eventArg(this.events, i, 2);
      if (!(Number.isInteger(order) && order >= -1 && order <= this.pages.arch.maxPageOrder)) {
        this.impossible++;
        return;
      }
      own.run = this.start(own, order, i);
    }
    own.from = -1;
    if (eventWord(this.events, i, 3) === 'continue' || eventWord(this.events, i, 3) === 'no_suitable_page') {
      own.run.beginTurn();
      return;
    }
    own.over = true;
    this.toRelease.length = 0;
    own.run.finished();
    own.run.end((row) => this.toRelease.push(row));
  }

  /** The first `finished` tells the order; the rest of what started a run is told by who runs it. */
  private start(own: ActiveRun, order: number, i: number): CompactionRun {
    const { events, compaction } = this;
    const daemon = /^k(compactd|swapd)/.test(events.tasks[events.task[i]].comm);
    const whole = order < 0;
    const request: CompactRequest = {
      order,
      mode: own.mode === 'async' ? COMPACT_MODE.ASYNC : whole && !daemon ? COMPACT_MODE.SYNC : COMPACT_MODE.SYNC_LIGHT,
      direct: !whole && !daemon,
      wholeZone: whole,
      ignoreSkip: whole,
      proactive: whole && daemon,
      cpu: replayCpu(events.cpu[i], this.machine.description.cpus),
    };
    const run = compaction.shadow(own.zone, request, this.sight);
    const { startPfn, endPfn } = this.machine.zones.all[own.zone];
    const migrate = eventArg(events, own.beginEvent, 1);
    const free = eventArg(events, own.beginEvent, 2);
    const within = migrate >= startPfn && free >= migrate && free <= endPfn;
    if (within) run.standAt(migrate, free);
    else this.impossible++;
    return run;
  }

  private scanSources(i: number): void {
    const own = this.active.get(this.events.task[i]);
    if (own?.run === undefined) return;
    if (!this.isScan(own, i)) {
      this.impossible++;
      return;
    }
    const blocks = own.run.nextSources(this.expected, this.sources);
    this.read(i);
    const cause = blocks < 0 ? SCAN_CAUSE.NONE : this.compare(SCAN_CAUSE.SOURCES);
    this.note(i, 'migrate', own.mode, blocks >= 0, cause);
    own.run.tookSources(this.real);
    own.predicted.clear();
    own.freed.clear();
    own.named = 0;
    own.from = this.real.taken > 0 ? this.pages.pfnToRow(this.real.start) : -1;
    own.to = own.from + (this.real.end - this.real.start);
    if (own.from < 0) return;
    for (let k = 0; k < blocks; k++)
      if (this.sources[k] >= own.from && this.sources[k] < own.to) own.predicted.add(this.sources[k]);
  }

  private endBatch(i: number): void {
    const own = this.active.get(this.events.task[i]);
    if (own?.run === undefined) return;
    const moved = eventArg(this.events, i, 0);
    this.moved.told += moved;
    this.moved.named += own.named;
    if (own.from >= 0) {
      for (const row of own.freed) if (!own.predicted.has(row)) this.count(this.unpredicted, row);
      for (const row of own.predicted) if (!own.freed.has(row)) this.count(this.stayed, row);
    }
    own.run.migrated(moved, eventArg(this.events, i, 1));
    own.from = -1;
  }

  private end(i: number): void {
    this.active.delete(this.events.task[i]);
  }

  private count(by: Record<string, number>, row: number): void {
    const name = PAGE_CLASS_NAMES[this.pages.pageClass[row] & CLASS_MASK] ?? 'unknown';
    by[name] = (by[name] ?? 0) + 1;
  }

  /** True for a range of one pageblock of the zone, with as many pages as it can have. */
  private isScan({ zone }: ActiveRun, i: number): boolean {
    const { startPfn, endPfn } = this.machine.zones.all[zone];
    this.read(i);
    const { start, end, scanned, taken } = this.real;
    const block = 2 ** this.pages.arch.pageblockOrder;
    if (!(start >= startPfn && end > start && end <= endPfn)) return false;
    if (Math.floor(start / block) !== Math.floor((end - 1) / block)) return false;
    return scanned >= 0 && taken >= 0 && taken <= end - start;
  }

  private read(i: number): void {
    const { real, events } = this;
    real.start = eventArg(events, i, 0);
    real.end = eventArg(events, i, 1);
    real.scanned = eventArg(events, i, 2);
    real.taken = eventArg(events, i, 3);
    real.fast = false;
  }

  private compare(others: ScanCause): ScanCause | undefined {
    const { real, expected, pages } = this;
    const block = 2 ** pages.arch.pageblockOrder;
    const skipped = Math.floor(real.start / block) - Math.floor(expected.start / block);
    // The free scanner goes down, the other up.
    if (skipped !== 0) return skipped < 0 === (others === SCAN_CAUSE.FREE) ? SCAN_CAUSE.PASSED : SCAN_CAUSE.BLOCK;
    if (real.start !== expected.start) return SCAN_CAUSE.START;
    if (real.taken !== expected.taken || real.end !== expected.end) return others;
    return real.scanned === expected.scanned ? undefined : SCAN_CAUSE.COMPOUND;
  }

  private note(i: number, scan: ScanPair['scan'], mode: string, told: boolean, cause: ScanCause | undefined): void {
    const { real, expected } = this;
    const name = `${scan}.${mode}`;
    const tally = (this.scans[name] ??= { total: 0, exact: 0, start: 0, scanned: 0, taken: 0 });
    tally.total++;
    if (cause === undefined) tally.exact++;
    else this.byCause[`${scan}.${cause}`] = (this.byCause[`${scan}.${cause}`] ?? 0) + 1;
    if (told && real.start === expected.start) tally.start++;
    if (told && real.scanned === expected.scanned) tally.scanned++;
    if (told && real.taken === expected.taken) tally.taken++;
    if (this.pairs.length >= PAIR_LIMIT) return;
    const pair = { event: i, scan, mode, real: numbers(real) };
    this.pairs.push({
      ...pair,
      ...(told ? { predicted: numbers(expected) } : {}),
      ...(cause === undefined ? {} : { cause }),
    });
  }
}

const numbers = ({ start, end, scanned, taken }: CompactScan) => ({ start, end, scanned, taken });
