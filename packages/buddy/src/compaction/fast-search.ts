/**
 * Short cuts for runs that want an order: a pageblock to empty, and a free page to move to, from a look at the heads of
 * the free lists instead of a walk through memory. Lists are turned so that the next look sees others.
 *
 * Models: mm/compaction.c fast_find_migrateblock(), fast_isolate_freepages(), next_search_order(),
 * freelist_scan_limit(), 6.1 and 6.12.
 */
import type { FreeArea } from '../free-area.ts';
import { TYPE } from '../pcp-policy.ts';
import type { ListRotation } from './list-rotation.ts';
import type { CompactionRules } from './rules.ts';
import { CLUSTER } from './scanner-migrate.ts';
import { COSTLY_ORDER } from './suitability.ts';
import type { ZoneMemory } from './zone-state.ts';
import type { PageMap } from '@replug/core';

/** What the searches read and write of a run. */
export interface SearchState {
  readonly zone: number;
  readonly order: number;
  migratePfn: number;
  freePfn: number;
  fastSearchFail: number;
  /** 0: nothing found yet; Infinity: used up. */
  fastStartPfn: number;
  searchOrder: number;
}

/** What a search for free pages found. */
export interface FastFree {
  /** Row of the free block to take; −1: none. */
  row: number;
  order: number;
  /** Where to look for more: a page of the pageblock; −1: nowhere. */
  around: number;
  scanned: number;
  minPfn: number;
}

export class FastSearch {
  private readonly area: FreeArea;
  private readonly pages: PageMap;
  private readonly memory: ZoneMemory;
  private readonly rotation: ListRotation;
  private readonly rules: CompactionRules;

  constructor(area: FreeArea, pages: PageMap, memory: ZoneMemory, rotation: ListRotation, rules: CompactionRules) {
    this.area = area;
    this.pages = pages;
    this.memory = memory;
    this.rotation = rotation;
    this.rules = rules;
  }

  private limit(run: SearchState): number {
    return (CLUSTER >> Math.min(31, run.fastSearchFail)) + 1;
  }

  /** Where the scan for sources begins: the start of a pageblock that was found, or where it would have gone on. */
  sourceBlock(run: SearchState): { pfn: number; found: boolean; scanned: number } {
    const { area, memory, pages, rotation } = this;
    const { startPfn } = memory.zone(run.zone);
    const limit = this.limit(run);
    let distance = Math.floor((run.freePfn - run.migratePfn) / 2);
    if (run.migratePfn !== startPfn) distance = Math.floor(distance / 4);
    const high = memory.blockStart(run.migratePfn + distance);
    let scanned = 0;
    for (let order = run.order - 1; order >= COSTLY_ORDER && scanned < limit; order--) {
      for (let row = area.first(run.zone, order, TYPE.MOVABLE); row >= 0; row = area.after(row, order)) {
        if (scanned++ >= limit) {
          rotation.toTail(row, run.zone, order);
          break;
        }
        const pfn = pages.rowToPfn(row);
        if (pfn >= high || memory.isSkipped(row)) continue;
        rotation.toTail(row, run.zone, order);
        if (run.fastStartPfn !== Infinity)
          run.fastStartPfn = run.fastStartPfn === 0 ? pfn : Math.min(run.fastStartPfn, pfn);
        run.fastSearchFail = 0;
        if (this.rules.marksFoundBlock) memory.setSkip(row);
        return { pfn: Math.max(memory.blockStart(pfn), startPfn), found: true, scanned };
      }
    }
    run.fastSearchFail++;
    if (run.fastStartPfn !== 0 && run.fastStartPfn !== Infinity) {
      run.migratePfn = run.fastStartPfn;
      run.fastStartPfn = Infinity;
    }
    return { pfn: run.migratePfn, found: false, scanned };
  }

  /** A free block high in the zone. `takes`: whether isolation may take a block of an order. */
  freeBlock(run: SearchState, direct: boolean, takes: (order: number) => boolean): FastFree {
    const { area, memory, pages, rotation } = this;
    const zone = memory.zone(run.zone);
    const state = memory.state(run.zone);
    let limit = Math.max(1, this.limit(run) >> 1);
    const fromStart = run.freePfn >= state.initFree;
    if (fromStart) limit = memory.blockPages >> 1;
    const distance = run.freePfn - run.migratePfn;
    const minPfn = memory.blockStart(run.freePfn - Math.floor(distance / 2));
    const lowPfn = Math.max(minPfn, memory.blockStart(run.freePfn - Math.floor(distance / 4)));
    run.searchOrder = Math.min(run.order - 1, run.searchOrder);
    const found: FastFree = { row: -1, order: 0, around: -1, scanned: 0, minPfn };
    let highest = 0;
    let failed = false;
    for (let order = run.searchOrder; found.row < 0 && order >= 0; order = this.nextOrder(run, order)) {
      const last = this.last(run.zone, order);
      if (area.nrFree[run.zone * (area.maxOrder + 1) + order] === 0) continue;
      let seen = 0;
      let candidate = -1;
      let candidatePfn = 0;
      let row = last;
      for (; row >= 0; row = area.before(row, order)) {
        seen++;
        found.scanned++;
        const pfn = pages.rowToPfn(row);
        if (pfn >= highest) highest = Math.max(memory.blockStart(pfn), zone.startPfn);
        if (pfn >= lowPfn) {
          run.fastSearchFail = 0;
          run.searchOrder = order;
          found.row = row;
          break;
        }
        if (pfn >= minPfn && pfn > candidatePfn) {
          candidate = row;
          candidatePfn = pfn;
          limit >>= 1;
        }
        if (seen >= limit) break;
      }
      if (found.row < 0 && candidate >= 0) found.row = row = candidate;
      if (row >= 0) rotation.toHead(row, run.zone, order);
      if (found.row >= 0) {
        if (takes(order) && !failed) {
          found.order = order;
          found.scanned += (1 << order) - 1;
          break;
        }
        failed = true;
        found.row = -1;
        order = run.searchOrder + 1;
      }
      if (seen >= limit) limit = Math.max(1, limit >> 1);
    }
    this.settle(run, found, highest, minPfn, fromStart, direct);
    return found;
  }

  /** What follows the search: where the free scanner stands, and what is looked at around a find. */
  private settle(
    run: SearchState,
    found: FastFree,
    highest: number,
    minPfn: number,
    fromStart: boolean,
    direct: boolean,
  ): void {
    const { memory, pages } = this;
    const state = memory.state(run.zone);
    if (found.row >= 0) found.around = pages.rowToPfn(found.row);
    else {
      run.fastSearchFail++;
      if (fromStart) {
        if (highest >= minPfn && highest > 0) run.freePfn = found.around = highest;
        else if (direct && pages.pfnToRow(minPfn) >= 0) {
          const end = Math.min(memory.blockEnd(minPfn), memory.zone(run.zone).endPfn);
          const row = memory.blockRow(run.zone, minPfn, end);
          run.freePfn = minPfn;
          if (row >= 0 && (!this.rules.tellsFastSearch || this.isTarget(row, run.order))) found.around = minPfn;
        }
      }
    }
    if (highest > 0 && highest >= state.cachedFree) state.cachedFree = highest - memory.blockPages;
  }

  /** suitable_migration_target() for an ordinary run. */
  isTarget(row: number, order: number): boolean {
    const { area } = this;
    const spared = this.rules.sparesWantedOrder && order > 0 ? order : area.pageblockOrder;
    if (area.freeOrder(row) >= spared) return false;
    const type = area.pageblockType(row);
    return type === TYPE.MOVABLE || type === TYPE.CMA;
  }

  private last(zone: number, order: number): number {
    const first = this.area.first(zone, order, TYPE.MOVABLE);
    return first < 0 ? -1 : this.rotation.last(first, zone, order);
  }

  private nextOrder(run: SearchState, order: number): number {
    const next = order - 1 < 0 ? run.order - 1 : order - 1;
    if (next !== run.searchOrder) return next;
    run.searchOrder--;
    if (run.searchOrder < 0) run.searchOrder = run.order - 1;
    return -1;
  }
}
