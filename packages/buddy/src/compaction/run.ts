/**
 * A run over one zone: where both scanners stand, and what their next scan finds. It moves nothing: whoever drives it
 * takes the pages and tells what was taken. The model's own compaction tells what this said, a replay what the kernel did.
 *
 * Models: mm/compaction.c compact_zone(), isolate_migratepages(), suitable_migration_source(), __compact_finished(), 6.1
 * and 6.12.
 */
import {
  COMPACT_MODE,
  COMPACT_RESULT,
  FALLBACKS,
  MIGRATE,
  WHOLE_ZONE_ORDER,
  type CompactionRun,
  type CompactionSight,
  type CompactRequest,
  type CompactResult,
  type CompactScan,
} from '@replug/core';
import { TYPE } from '../pcp-policy.ts';
import type { SearchState } from './fast-search.ts';
import type { RunParts } from './run-parts.ts';
import { SourceScanner } from './scanner-migrate.ts';
import { COSTLY_ORDER, scoreMarks, zoneScore } from './suitability.ts';
import { TargetPool } from './target-pool.ts';
import { TargetSearch } from './target-search.ts';
import type { ZoneState } from './zone-state.ts';

export class ZoneRun implements CompactionRun, SearchState {
  readonly zone: number;
  readonly order: number;
  migratePfn: number;
  freePfn: number;
  toMigrate = 0;
  freePages = 0;
  fastSearchFail = 0;
  fastStartPfn = 0;
  searchOrder: number;
  /** A lock was contended; the model has no other CPU that would. */
  contended = false;
  /** The turn scans its pageblock to the end. */
  finishBlock = false;
  /** Where pages were moved from last; 0: nowhere, or flushed since. */
  lastMigrated = 0;
  migrateScanned = 0;
  freeScanned = 0;
  private readonly parts: RunParts;
  private readonly request: CompactRequest;
  private readonly sight: CompactionSight;
  private readonly state: ZoneState;
  private readonly sources: SourceScanner;
  private readonly free: TargetSearch;
  private readonly type: number;
  private wholeZone: boolean;
  private readonly startPfn: number;
  private turnStart = 0;
  /** Async and sync positions are kept the same until the first page is taken. */
  private updateCached: boolean;
  /** Free pages isolated and not moved to. */
  private isolated = 0;
  private readonly pool: TargetPool;

  constructor(parts: RunParts, zone: number, request: CompactRequest, sight: CompactionSight) {
    const { memory, area } = parts;
    this.parts = parts;
    this.zone = zone;
    this.request = request;
    this.order = request.order;
    this.searchOrder = request.order;
    this.sight = sight;
    this.type = request.migratetype ?? MIGRATE.MOVABLE;
    this.state = memory.state(zone);
    this.sources = new SourceScanner(area, memory, parts.rules);
    this.pool = new TargetPool(parts.rules.keepsBlocks, area.maxOrder);
    const { startPfn, endPfn } = memory.zone(zone);
    this.startPfn = startPfn;
    this.free = new TargetSearch(parts, this, request, sight, endPfn);
    const sync = request.mode !== COMPACT_MODE.ASYNC;
    this.wholeZone = request.wholeZone === true;
    const { state } = this;
    if (this.wholeZone) {
      this.migratePfn = startPfn;
      this.freePfn = memory.lastBlock(zone);
    } else {
      this.migratePfn = state.cachedMigrate[sync ? 1 : 0];
      this.freePfn = state.cachedFree;
      if (this.freePfn < startPfn || this.freePfn >= endPfn) this.freePfn = state.cachedFree = memory.lastBlock(zone);
      if (this.migratePfn < startPfn || this.migratePfn >= endPfn) {
        this.migratePfn = startPfn;
        state.cachedMigrate.fill(startPfn);
      }
      if (this.migratePfn <= state.initMigrate) this.wholeZone = true;
    }
    this.updateCached = !sync && state.cachedMigrate[0] === state.cachedMigrate[1];
  }

  standAt(migratePfn: number, freePfn: number): void {
    this.migratePfn = migratePfn;
    this.freePfn = freePfn;
  }

  beginTurn(): void {
    const { memory } = this.parts;
    this.turnStart = this.migratePfn;
    this.finishBlock = memory.blockStart(this.lastMigrated) === memory.blockStart(this.turnStart);
  }

  nextSources(scan: CompactScan, rows: Int32Array): number {
    const { memory, area, rules } = this.parts;
    const { request, sight, sources } = this;
    const ignoreSkip = request.ignoreSkip === true;
    const givesUp = request.direct === true && request.mode === COMPACT_MODE.ASYNC;
    let low = this.findSourceBlock();
    let found = low !== this.migratePfn && this.fastSearchFail === 0;
    let start = Math.max(memory.blockStart(low), this.startPfn);
    let end = memory.blockEnd(low);
    for (; end <= this.freePfn; found = false, this.migratePfn = low = start = end, end += memory.blockPages) {
      const row = memory.blockRow(this.zone, start, end);
      if (row < 0) {
        // A hole is left at once; in 6.1 pageblock by pageblock, which comes to the same.
        const next = memory.nextPresent(start);
        const there = next === Infinity ? next : memory.blockStart(next);
        end = Math.max(end, Math.min(there, memory.blockStart(this.freePfn)));
        continue;
      }
      const first = low % memory.blockPages === 0 || (rules.zoneStartIsBlockStart && low === this.startPfn);
      if (first && !found && !ignoreSkip && memory.isSkipped(row)) continue;
      if (!this.isSourceBlock(row)) {
        this.cacheMigrate(end);
        continue;
      }
      const from = row + (low - start);
      sources.scan(
        from,
        row + (end - start),
        row + (this.startPfn - start),
        this.toMigrate,
        this.finishBlock || this.contended,
        ignoreSkip,
        givesUp,
        area.maxOrder >= request.order ? request.order : area.maxOrder,
        sight,
        rows,
      );
      scan.start = low;
      scan.end = low + (sources.end - from);
      scan.scanned = sources.scanned;
      scan.taken = sources.taken;
      return sources.blocks;
    }
    if (this.updateCached) this.state.cachedMigrate[1] = this.state.cachedMigrate[0];
    return -1;
  }

  tookSources(scan: CompactScan): void {
    const { memory, pages, rules } = this.parts;
    this.migratePfn = scan.end;
    this.toMigrate += scan.taken;
    this.migrateScanned += scan.scanned;
    const start = memory.blockStart(scan.start);
    const ends = scan.end === start + memory.blockPages;
    if (ends && (scan.taken === 0 || this.finishBlock)) {
      const whole = scan.start === start || (rules.zoneStartIsBlockStart && scan.start === this.startPfn);
      const row = pages.pfnToRow(scan.start);
      if (whole && row >= 0 && scan.taken === 0 && !this.sources.skipUpdated) memory.setSkip(row);
      this.cacheMigrate(scan.end);
    }
    if (scan.taken === 0 && this.toMigrate === 0) {
      if (this.updateCached) this.state.cachedMigrate[1] = this.state.cachedMigrate[0];
      return;
    }
    this.updateCached = false;
    this.lastMigrated = rules.remembersScannedBlock
      ? Math.max(this.startPfn, memory.blockStart(this.migratePfn - 1))
      : this.turnStart;
  }

  nextFree(scan: CompactScan, heads: Int32Array): number {
    return this.free.next(scan, heads);
  }

  tookFree(scan: CompactScan, heads: Int32Array, orders: Uint8Array, blocks: number): void {
    for (let i = 0; i < blocks; i++) this.pool.add(heads[i], orders[i]);
    this.freePages += scan.taken;
    this.isolated += scan.taken;
    this.freeScanned += scan.scanned;
    this.free.took(scan);
  }

  migrated(moved: number, failed: number): boolean {
    const { memory, rules, area } = this.parts;
    const { request } = this;
    this.isolated = Math.max(0, this.isolated - moved);
    this.freePages = this.isolated;
    this.toMigrate = 0;
    this.free.stop();
    if (failed === 0) return false;
    if (!rules.finishesAfterFailure) {
      if (request.direct !== true || request.mode !== COMPACT_MODE.ASYNC) return false;
      const size = 2 ** this.order;
      this.migratePfn = (Math.floor((this.migratePfn - 1) / size) + 1) * size;
      this.lastMigrated = 0;
      return false;
    }
    if (this.migratePfn % memory.blockPages === 0 || request.ignoreSkip === true) return false;
    if (this.finishBlock || request.mode === COMPACT_MODE.SYNC) return false;
    this.finishBlock = true;
    if (this.order === area.pageblockOrder) this.lastMigrated = 0;
    return true;
  }

  nextTarget(order: number): number {
    return this.pool.take(order);
  }

  giveBack(row: number, order: number): void {
    this.pool.giveBack(row, order);
  }

  dropTarget(row: number): boolean {
    return this.pool.remove(row);
  }

  /** A search for free pages is under way. */
  get searching(): boolean {
    return this.free.searching;
  }

  /** True once the scanners are in the same pageblock or passed each other. */
  get met(): boolean {
    const { memory } = this.parts;
    return memory.blockStart(this.freePfn) <= memory.blockStart(this.migratePfn);
  }

  finished(): CompactResult {
    const { memory, area, proactiveness } = this.parts;
    const { request } = this;
    if (this.met) {
      memory.resetPositions(this.zone);
      if (request.direct === true) this.state.flushSkip = true;
      return this.wholeZone ? COMPACT_RESULT.COMPLETE : COMPACT_RESULT.PARTIAL_SKIPPED;
    }
    let result: CompactResult = COMPACT_RESULT.NO_SUITABLE_PAGE;
    if (request.proactive === true) {
      const score = zoneScore(area, this.zone, area.pageblockOrder);
      result = score > scoreMarks(proactiveness()).low ? COMPACT_RESULT.CONTINUE : COMPACT_RESULT.SUCCESS;
    } else if (this.order === WHOLE_ZONE_ORDER || this.migratePfn % memory.blockPages !== 0) {
      return COMPACT_RESULT.CONTINUE;
    } else if (this.isServed()) return COMPACT_RESULT.SUCCESS;
    return this.contended ? COMPACT_RESULT.CONTENDED : result;
  }

  end(each: (row: number, order: number) => void): void {
    const { memory, pages } = this.parts;
    let highest = -1;
    this.pool.release((row, order) => {
      each(row, order);
      highest = Math.max(highest, pages.rowToPfn(row));
    });
    this.isolated = this.freePages = 0;
    const block = memory.blockStart(highest);
    // Only upwards: the scanners may have met, and the position been reset to the zone's end.
    if (highest >= 0 && block > this.state.cachedFree) this.state.cachedFree = block;
  }

  /** A free block that serves the request, of its type or one that it would take over. */
  private isServed(): boolean {
    const { area } = this.parts;
    for (let order = this.order; order <= area.maxOrder; order++) {
      if (area.has(this.zone, order, this.type)) return true;
      if (this.type === MIGRATE.MOVABLE && area.has(this.zone, order, TYPE.CMA)) return true;
      if (this.type >= FALLBACKS.length) continue;
      const steals = order >= area.pageblockOrder >> 1 || this.type !== MIGRATE.MOVABLE;
      if (steals && FALLBACKS[this.type].some((type) => area.has(this.zone, order, type))) return true;
    }
    return false;
  }

  private findSourceBlock(): number {
    const { memory, search, rules } = this.parts;
    const { request } = this;
    const pfn = this.migratePfn;
    if (request.ignoreSkip === true || (rules.finishesAfterFailure && this.finishBlock)) return pfn;
    if (pfn !== this.startPfn && pfn !== memory.blockStart(pfn)) return pfn;
    if (this.order <= COSTLY_ORDER) return pfn;
    if (request.direct === true && this.type !== MIGRATE.MOVABLE) return pfn;
    const found = search.sourceBlock(this);
    this.migrateScanned += found.scanned;
    return found.pfn;
  }

  /** suitable_migration_source(). */
  private isSourceBlock(row: number): boolean {
    const { area } = this.parts;
    if (this.sight.compoundOrder(row) >= area.pageblockOrder) return false;
    if (this.request.mode !== COMPACT_MODE.ASYNC || this.request.direct !== true) return true;
    const type = area.pageblockType(row);
    return this.type === MIGRATE.MOVABLE ? type === TYPE.MOVABLE || type === TYPE.CMA : type === this.type;
  }

  private cacheMigrate(pfn: number): void {
    const { cachedMigrate } = this.state;
    const end = this.parts.memory.blockEnd(pfn);
    if (end > cachedMigrate[0]) cachedMigrate[0] = end;
    if (this.request.mode !== COMPACT_MODE.ASYNC && end > cachedMigrate[1]) cachedMigrate[1] = end;
  }
}
