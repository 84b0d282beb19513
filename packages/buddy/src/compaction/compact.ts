/**
 * Compaction of zones: the loop that drives a run, direct compaction for a request, and whole nodes.
 *
 * Left out: capture of the block that a free completes (direct compaction ends when compact_finished() sees it on a list
 * instead), contended locks, fatal signals, pages that are isolated by somebody else.
 *
 * Models: mm/compaction.c compact_zone(), compact_zone_order(), try_to_compact_pages(), compact_node(), 6.1 and 6.12.
 */
import {
  COMPACT_MODE,
  COMPACT_RESULT,
  GFP,
  GFP_ZONE_TABLE,
  gfpMigratetype,
  typeOfRank,
  WHOLE_ZONE_ORDER,
  zonelist,
  type Compaction,
  type CompactionRun,
  type CompactionSight,
  type CompactMode,
  type CompactOutcome,
  type CompactRequest,
  type CompactResult,
  type CompactScan,
  type Machine,
  type Nid,
  type Tracepoints,
} from '@replug/core';
import { ALLOC, slowFlags } from '../alloc-flags.ts';
import type { BuddyAllocator } from '../allocator.ts';
import type { FreeArea } from '../free-area.ts';
import { defer, isDeferred, isRestarting, resetDeferral } from './deferral.ts';
import { FastSearch } from './fast-search.ts';
import { ListRotation } from './list-rotation.ts';
import { Mover, type MoveContents } from './mover.ts';
import { compactionRules, type CompactionRules } from './rules.ts';
import type { RunParts } from './run-parts.ts';
import { ZoneRun } from './run.ts';
import { OwnSight } from './sight.ts';
import { suitability, type MarkOk } from './suitability.ts';
import { CompactionTeller } from './tell.ts';
import { ZoneMemory } from './zone-state.ts';

/** vm sysctls of compaction. */
export interface CompactionTunables {
  /** 0–100. */
  proactiveness: number;
  /** 0–1000. */
  extfragThreshold: number;
}

export interface CompactionParts {
  readonly machine: Machine;
  readonly area: FreeArea;
  readonly allocator: BuddyAllocator;
  readonly tracepoints: Tracepoints;
  readonly moveContents: MoveContents;
  /** Somebody holds a page of a block with an extra reference. */
  readonly isPinned: (row: number, pages: number) => boolean;
  /** zone_watermark_ok() of the allocator. */
  readonly markOk: MarkOk;
}

const { ASYNC, SYNC_LIGHT, SYNC } = COMPACT_MODE;
/** enum compact_priority. */
const PRIORITY = { FULL: 0, SYNC_LIGHT: 1, ASYNC: 2 } as const;

export class BuddyCompaction implements Compaction {
  readonly tunables: CompactionTunables = { proactiveness: 20, extfragThreshold: 500 };
  readonly memory: ZoneMemory;
  readonly tell: CompactionTeller;
  readonly rules: CompactionRules;
  private readonly machine: Machine;
  private readonly area: FreeArea;
  private readonly allocator: BuddyAllocator;
  private readonly markOk: MarkOk;
  private readonly mover: Mover;
  private readonly runParts: RunParts;
  private readonly sight: OwnSight;
  private readonly sources: Int32Array;
  private readonly scan: CompactScan = { start: 0, end: 0, scanned: 0, taken: 0 };

  constructor({ machine, area, allocator, tracepoints, moveContents, isPinned, markOk }: CompactionParts) {
    const { pages } = machine;
    const rules = compactionRules(machine.description.profile);
    this.machine = machine;
    this.area = area;
    this.allocator = allocator;
    this.markOk = markOk;
    this.rules = rules;
    this.memory = new ZoneMemory(machine, area);
    this.tell = new CompactionTeller(tracepoints);
    this.mover = new Mover(pages, area, allocator, rules, moveContents);
    this.sight = new OwnSight(pages, isPinned);
    this.sources = new Int32Array(1 << area.pageblockOrder);
    const rotation = new ListRotation(machine, area);
    this.runParts = {
      area,
      pages,
      memory: this.memory,
      search: new FastSearch(area, pages, this.memory, rotation, rules),
      rules,
      proactiveness: () => this.tunables.proactiveness,
      spare: (zone) => area.freePages[zone] - area.freeHighatomic[zone] - this.memory.zone(zone).watermark.min,
    };
  }

  shadow(zone: number, request: CompactRequest, sight: CompactionSight): CompactionRun {
    return new ZoneRun(this.runParts, zone, request, sight);
  }

  compactZone(zone: number, request: CompactRequest): CompactOutcome {
    return this.run(zone, request, this.memory.zone(zone).type, 0);
  }

  compactNode(nid: Nid, proactive = false): readonly CompactOutcome[] {
    const node = this.machine.zones.node(nid);
    if (node === undefined) return [];
    const request: CompactRequest = {
      order: WHOLE_ZONE_ORDER,
      mode: proactive ? SYNC_LIGHT : SYNC,
      // GFP_KERNEL.
      migratetype: gfpMigratetype(0),
      wholeZone: true,
      ignoreSkip: true,
      proactive,
    };
    return node.zones.filter((z) => z.populated).map((z) => this.run(z.index, request, z.type, 0));
  }

  tryToCompact(gfp: number, order: number, priority: number, cpu: number): CompactResult {
    const { machine, memory, tell } = this;
    let best: CompactResult = COMPACT_RESULT.SKIPPED;
    if ((gfp & GFP.IO) === 0 || order <= 0 || order > this.area.maxOrder) return best;
    tell.tryToCompact(order, gfp, priority);
    const rank = GFP_ZONE_TABLE[gfp & 15];
    if (rank < 0) return best;
    const type = typeOfRank(machine.zones, rank);
    const position = machine.zones.nodes.findIndex((n) => n.nid === machine.nodeOfCpu(cpu));
    const full = priority === PRIORITY.FULL;
    const request: CompactRequest = {
      order,
      mode: priority === PRIORITY.ASYNC ? ASYNC : SYNC_LIGHT,
      migratetype: gfpMigratetype(gfp),
      direct: true,
      wholeZone: full,
      ignoreSkip: full,
      ignoreSuitable: full,
      cpu,
    };
    for (const index of zonelist(machine.zones, machine.nodeOrder[position], type)) {
      const zone = memory.zone(index);
      const state = memory.state(index);
      if (!full && isDeferred(state, order)) {
        tell.deferral('deferred', zone, order, state);
        best = max(best, COMPACT_RESULT.DEFERRED);
        continue;
      }
      const { result } = this.run(index, request, type, slowFlags(gfp, order));
      best = max(best, result);
      if (result === COMPACT_RESULT.SUCCESS) {
        resetDeferral(state, order, false);
        tell.deferral('reset', zone, order, state);
        break;
      }
      if (priority !== PRIORITY.ASYNC && isOver(result)) {
        defer(state, order);
        tell.deferral('defer', zone, order, state);
      }
    }
    return best;
  }

  /** The request that a compaction was for was served from a zone. */
  served(zone: number, order: number): void {
    const state = this.memory.state(zone);
    resetDeferral(state, order, true);
    this.tell.deferral('reset', this.memory.zone(zone), order, state);
  }

  /** kcompactd_do_work(); proactive work is what `compactNode(nid, true)` does. */
  wakeKcompactd(nid: Nid, order: number): void {
    const { machine, memory, tell } = this;
    const node = machine.zones.node(nid);
    if (node === undefined) return;
    const populated = node.zones.filter((z) => z.populated);
    const highest = populated.at(-1);
    if (order > 0 && highest !== undefined) {
      tell.wakeup(nid, order, highest.name);
      tell.wakes(nid, order, highest.name);
      for (const zone of populated) {
        const state = memory.state(zone.index);
        if (isDeferred(state, order)) {
          tell.deferral('deferred', zone, order, state);
          continue;
        }
        const { result } = this.run(zone.index, { order, mode: SYNC_LIGHT, migratetype: 0 }, zone.type, 0);
        if (result === COMPACT_RESULT.SUCCESS) {
          resetDeferral(state, order, false);
          tell.deferral('reset', zone, order, state);
        } else if (isOver(result)) {
          // What per-CPU lists hold keeps blocks from merging.
          this.allocator.drainAllPages(zone.index);
          defer(state, order);
          tell.deferral('defer', zone, order, state);
        }
      }
    }
    tell.sleeps(nid);
  }

  /** kswapd goes to sleep: what a whole direct run left marked is looked at anew. */
  kswapdSleeps(nid: Nid): void {
    for (const zone of this.machine.zones.node(nid)?.zones ?? [])
      if (zone.populated) this.memory.resetSkipped(zone.index, this.sight);
  }

  private run(index: number, request: CompactRequest, highest: number, flags: number): CompactOutcome {
    const { memory, tell, mover } = this;
    const zone = memory.zone(index);
    const { order, mode, cpu = 0 } = request;
    if (!zone.populated || order < WHOLE_ZONE_ORDER || order > this.area.maxOrder) return NOTHING;
    const suits = this.suits(index, order, highest, flags);
    if (suits !== COMPACT_RESULT.CONTINUE) return { ...NOTHING, result: suits };
    if (isRestarting(memory.state(index), order)) memory.resetSkipped(index, this.sight);
    const run = new ZoneRun(this.runParts, index, request, this.sight);
    tell.begin(zone, run, mode);
    const total = { migrated: 0, failed: 0 };
    let result = this.ask(run, zone.index);
    while (result === COMPACT_RESULT.CONTINUE) {
      run.beginTurn();
      if (!this.turn(run, mode, cpu, total)) {
        result = COMPACT_RESULT.CONTENDED;
        break;
      }
      if (order > 0 && run.lastMigrated > 0) {
        const current = run.migratePfn - (run.migratePfn % 2 ** order);
        if (run.lastMigrated < current) {
          this.allocator.drainCpu(index, cpu);
          run.lastMigrated = 0;
        }
      }
      result = this.ask(run, zone.index);
    }
    mover.release(run, cpu);
    tell.end(zone, run, mode, result);
    return { result, migrateScanned: run.migrateScanned, freeScanned: run.freeScanned, ...total };
  }

  /** One turn of the loop. False: no free page is left, and the run has to stop. */
  private turn(run: ZoneRun, mode: CompactMode, cpu: number, total: { migrated: number; failed: number }): boolean {
    const { tell, mover, scan, sources, rules } = this;
    let again = true;
    while (again) {
      const blocks = run.nextSources(scan, sources);
      if (blocks < 0) return true;
      run.tookSources(scan);
      tell.sources(scan);
      if (blocks === 0) return true;
      tell.migrationStarts(mode);
      const { moved, failed, noMemory } = mover.migrate(run, sources, blocks, scan.taken, cpu, (found) =>
        tell.free(found, rules.tellsFastSearch),
      );
      tell.migrationEnds(mode, moved, noMemory ? 1 : 0);
      tell.migrated(moved, failed);
      total.migrated += moved;
      total.failed += failed;
      again = run.migrated(moved, failed);
      if (noMemory && !run.met) return false;
    }
    return true;
  }

  private ask(run: ZoneRun, index: number): CompactResult {
    const result = run.finished();
    this.tell.finished(this.memory.zone(index), run.order, result);
    return result === COMPACT_RESULT.NO_SUITABLE_PAGE ? COMPACT_RESULT.CONTINUE : result;
  }

  private suits(index: number, order: number, highest: number, flags: number): CompactResult {
    const zone = this.memory.zone(index);
    if (order === WHOLE_ZONE_ORDER) {
      if (this.rules.asksWholeZone) this.tell.suitable(zone, order, COMPACT_RESULT.CONTINUE);
      return COMPACT_RESULT.CONTINUE;
    }
    const { min, low, high } = zone.watermark;
    const mark = [min, low, high, high][flags & ALLOC.WMARK_MASK];
    const { result, told } = suitability(
      zone,
      this.area,
      order,
      highest,
      { request: flags, cma: ALLOC.CMA, mark },
      this.markOk,
      this.tunables.extfragThreshold,
      this.rules.asksWholeZone,
    );
    if (told !== undefined) this.tell.suitable(zone, order, told);
    return result;
  }
}

const NOTHING: CompactOutcome = {
  result: COMPACT_RESULT.SKIPPED,
  migrateScanned: 0,
  freeScanned: 0,
  migrated: 0,
  failed: 0,
};

const max = (a: CompactResult, b: CompactResult): CompactResult => (a > b ? a : b);

const isOver = (result: CompactResult): boolean =>
  result === COMPACT_RESULT.COMPLETE || result === COMPACT_RESULT.PARTIAL_SKIPPED;
