/**
 * The search for free pages of a run: a look at the lists first, when an order is wanted; then around what that found; then
 * pageblock by pageblock downwards, with a stride that doubles as long as nothing is found.
 *
 * Models: mm/compaction.c isolate_freepages(), fast_isolate_around(), suitable_migration_target(),
 * update_pageblock_skip(), 6.1 and 6.12.
 */
import { COMPACT_MODE, type CompactionSight, type CompactRequest, type CompactScan } from '@replug/core';
import type { SearchState } from './fast-search.ts';
import type { RunParts } from './run-parts.ts';
import { FreeScanner } from './scanner-free.ts';
import { CLUSTER } from './scanner-migrate.ts';

/** Where a search is. */
const PHASE = { IDLE: 0, AROUND: 1, LINEAR: 2 } as const;

/** What a search reads and writes of its run. */
export interface SearchingRun extends SearchState {
  toMigrate: number;
  freePages: number;
}

export class TargetSearch {
  private readonly parts: RunParts;
  private readonly run: SearchingRun;
  private readonly request: CompactRequest;
  private readonly sight: CompactionSight;
  private readonly endPfn: number;
  private readonly targets: FreeScanner;
  private phase: number = PHASE.IDLE;
  private blockPfn = 0;
  private isolatePfn = 0;
  private blockEndPfn = 0;
  private stride = 1;
  private aroundPfn = -1;

  constructor(parts: RunParts, run: SearchingRun, request: CompactRequest, sight: CompactionSight, endPfn: number) {
    this.parts = parts;
    this.run = run;
    this.request = request;
    this.sight = sight;
    this.endPfn = endPfn;
    this.targets = new FreeScanner(parts.area, parts.rules);
  }

  get searching(): boolean {
    return this.phase !== PHASE.IDLE;
  }

  stop(): void {
    this.phase = PHASE.IDLE;
  }

  /** The next scan of the search that is under way, or of a new one. Blocks found; −1: the search is over. */
  next(scan: CompactScan, heads: Int32Array): number {
    const { run } = this;
    if (this.phase === PHASE.IDLE) {
      // Targets are looked for when none is left: what was free has been taken by sources.
      if (this.parts.rules.targetsLowerSources) run.toMigrate -= run.freePages;
      run.freePages = 0;
      if (run.order > 0) {
        const blocks = this.fastFree(scan, heads);
        if (blocks >= 0) return blocks;
      } else this.beginLinear();
    }
    if (this.phase === PHASE.AROUND) {
      const blocks = this.scanAround(scan, heads);
      if (blocks >= 0) return blocks;
    }
    if (this.phase === PHASE.LINEAR) return this.scanLinear(scan, heads);
    return -1;
  }

  /** The scan was this, and its pages are counted already: where to go on. */
  took(scan: CompactScan): void {
    const { memory, pages, rules } = this.parts;
    const { run } = this;
    if (scan.fast === true) {
      this.phase = this.aroundPfn >= 0 ? PHASE.AROUND : this.afterFast();
      return;
    }
    const start = memory.blockStart(scan.start);
    const end = Math.min(start + memory.blockPages, this.endPfn);
    if (this.phase === PHASE.AROUND) {
      const full = rules.marksScannedAround ? scan.end === end : run.freePages < run.toMigrate;
      const row = pages.pfnToRow(scan.start);
      if (full && row >= 0) memory.setSkip(row);
      this.aroundPfn = -1;
      this.phase = this.afterFast();
      return;
    }
    // A scan that began elsewhere than expected: go on from there.
    this.phase = PHASE.LINEAR;
    this.blockPfn = start;
    this.blockEndPfn = end;
    this.isolatePfn = scan.end;
    if (scan.end === end) this.markTarget(start);
    if (run.freePages >= run.toMigrate) {
      if (scan.end >= end) this.isolatePfn = start - memory.blockPages;
      this.endLinear();
    } else if (scan.end < end) this.endLinear();
    else {
      this.stride = scan.taken > 0 ? 1 : Math.min(CLUSTER, this.stride << 1);
      this.nextBlock();
    }
  }

  private isTargetBlock(row: number): boolean {
    const { area, search, rules } = this.parts;
    if (this.request.ignoreSuitable !== true) return search.isTarget(row, this.run.order);
    const spared = rules.sparesWantedOrder && this.run.order > 0 ? this.run.order : area.pageblockOrder;
    return area.freeOrder(row) < spared;
  }

  /** update_pageblock_skip(): the pageblock was scanned to its end. */
  private markTarget(start: number): void {
    const { memory, pages, rules } = this.parts;
    const row = pages.pfnToRow(start);
    if (row >= 0) memory.setSkip(row);
    const cached = rules.cachesBlockBelow ? start - memory.blockPages : start;
    if (cached < memory.state(this.run.zone).cachedFree) memory.state(this.run.zone).cachedFree = cached;
  }

  private fastFree(scan: CompactScan, heads: Int32Array): number {
    const { search, spare } = this.parts;
    const free = this.run.freePfn;
    const found = search.freeBlock(
      this.run,
      this.request.direct === true,
      (order) => spare(this.run.zone) - (1 << order) > 0,
    );
    this.aroundPfn = found.around;
    scan.start = found.minPfn;
    scan.end = free;
    scan.scanned = found.scanned;
    scan.taken = found.row < 0 ? 0 : 1 << found.order;
    scan.fast = true;
    if (found.row < 0) return 0;
    heads[0] = found.row;
    return 1;
  }

  private scanAround(scan: CompactScan, heads: Int32Array): number {
    const { memory } = this.parts;
    const quick = this.request.direct === true && this.request.mode === COMPACT_MODE.ASYNC;
    const start = Math.max(memory.blockStart(this.aroundPfn), this.parts.memory.zone(this.run.zone).startPfn);
    const end = Math.min(memory.blockEnd(this.aroundPfn), this.endPfn);
    const row = this.run.freePages >= this.run.toMigrate || quick ? -1 : memory.blockRow(this.run.zone, start, end);
    if (row < 0) {
      this.aroundPfn = -1;
      this.phase = this.afterFast();
      return -1;
    }
    return this.scanTargets(scan, heads, start, row, end, 1);
  }

  /** With a free page the search is over, else memory is walked through. */
  private afterFast(): number {
    if (this.run.freePages > 0) return PHASE.IDLE;
    this.beginLinear();
    return PHASE.LINEAR;
  }

  private beginLinear(): void {
    const { memory } = this.parts;
    this.phase = PHASE.LINEAR;
    this.isolatePfn = this.run.freePfn;
    this.blockPfn = memory.blockStart(this.run.freePfn);
    this.blockEndPfn = Math.min(this.blockPfn + memory.blockPages, this.endPfn);
    this.stride = this.request.mode === COMPACT_MODE.ASYNC ? CLUSTER : 1;
  }

  private scanLinear(scan: CompactScan, heads: Int32Array): number {
    const { memory } = this.parts;
    const low = memory.blockEnd(this.run.migratePfn);
    for (; this.blockPfn >= low; this.nextBlock()) {
      const row = memory.blockRow(this.run.zone, this.blockPfn, this.blockEndPfn);
      if (row < 0) {
        const below = memory.previousPresent(this.blockPfn);
        if (below < this.blockPfn) this.blockPfn = Math.max(below, low);
        continue;
      }
      if (!this.isTargetBlock(row)) continue;
      if (this.request.ignoreSkip !== true && memory.isSkipped(row)) continue;
      return this.scanTargets(
        scan,
        heads,
        this.isolatePfn,
        row + (this.isolatePfn - this.blockPfn),
        this.blockEndPfn,
        this.stride,
      );
    }
    this.endLinear();
    return -1;
  }

  private scanTargets(
    scan: CompactScan,
    heads: Int32Array,
    start: number,
    row: number,
    end: number,
    stride: number,
  ): number {
    const { targets } = this;
    const { spare } = this.parts;
    targets.scan(
      row,
      row + (end - start),
      stride,
      this.run.freePages,
      this.run.toMigrate,
      spare(this.run.zone),
      this.sight,
      heads,
    );
    scan.start = start;
    scan.end = start + (targets.end - row);
    scan.scanned = targets.scanned;
    scan.taken = targets.taken;
    scan.fast = false;
    return targets.blocks;
  }

  private nextBlock(): void {
    this.blockEndPfn = this.blockPfn;
    this.blockPfn -= this.parts.memory.blockPages;
    this.isolatePfn = this.blockPfn;
  }

  private endLinear(): void {
    this.run.freePfn = this.isolatePfn;
    this.phase = PHASE.IDLE;
  }
}
