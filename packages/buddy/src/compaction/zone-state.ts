/**
 * What a zone remembers between compaction runs: where the scanners stopped, which pageblocks are not worth another look,
 * and how often compaction failed.
 *
 * Models: struct zone compact_*, mm/compaction.c reset_cached_positions(), __reset_isolation_suitable(), 6.1 and 6.12.
 */
import type { CompactionSight, Machine, PageMap, Zone } from '@replug/core';
import type { FreeArea } from '../free-area.ts';
import { TYPE } from '../pcp-policy.ts';
import type { Deferral } from './deferral.ts';

export interface ZoneState extends Deferral {
  /** Where the scan for sources goes on: [0] async, [1] sync. */
  readonly cachedMigrate: [number, number];
  cachedFree: number;
  /** Lowest and highest position at which scanning made sense at the last reset. */
  initMigrate: number;
  initFree: number;
  /** A direct compaction came to its end: kswapd clears the skip bits when it goes to sleep. */
  flushSkip: boolean;
}

/** Every eighth page is looked at to tell whether a pageblock is worth scanning: 1 << PAGE_ALLOC_COSTLY_ORDER. */
const SAMPLE = 8;

export class ZoneMemory {
  private readonly machine: Machine;
  private readonly pages: PageMap;
  private readonly area: FreeArea;
  private readonly states: (ZoneState | undefined)[] = [];
  /** 1: skip this pageblock; by row >> pageblockOrder. Made when first written: the column is part of the state hash. */
  private skip: Uint8Array | undefined;
  readonly blockPages: number;

  constructor(machine: Machine, area: FreeArea) {
    this.machine = machine;
    this.pages = machine.pages;
    this.area = area;
    this.blockPages = 1 << area.pageblockOrder;
  }

  zone(zone: number): Zone {
    return this.machine.zones.all[zone];
  }

  state(zone: number): ZoneState {
    return (this.states[zone] ??= {
      cachedMigrate: [0, 0],
      cachedFree: 0,
      initMigrate: 0,
      initFree: 0,
      flushSkip: false,
      considered: 0,
      deferShift: 0,
      orderFailed: 0,
    });
  }

  blockStart(pfn: number): number {
    return pfn - (pfn % this.blockPages);
  }

  /** pageblock_end_pfn(): the end of the pageblock of a page. */
  blockEnd(pfn: number): number {
    return this.blockStart(pfn) + this.blockPages;
  }

  /** First page of the zone's last pageblock. */
  lastBlock(zone: number): number {
    return this.blockStart(this.zone(zone).endPfn - 1);
  }

  /** pageblock_pfn_to_page(): row of `start` when both ends of [start, end) are pages of the zone, else -1. */
  blockRow(zone: number, start: number, end: number): number {
    const row = this.pages.pfnToRow(start);
    if (row < 0 || this.pages.zoneOf(row) !== zone) return -1;
    return this.pages.zoneOf(row + (end - 1 - start)) === zone ? row : -1;
  }

  /** The page itself when its section is here, else the first page of the next section that is; Infinity: none. */
  nextPresent(pfn: number): number {
    const { pages } = this;
    if (pages.pfnToRow(pfn) >= 0) return pfn;
    const size = 2 ** pages.sectionShift;
    const section = pages.sections().find((nr) => nr * size > pfn);
    return section === undefined ? Infinity : section * size;
  }

  /** The end of the next section below that is here; the page itself when its own is, −Infinity: none. */
  previousPresent(pfn: number): number {
    const { pages } = this;
    if (pages.pfnToRow(pfn) >= 0) return pfn;
    const size = 2 ** pages.sectionShift;
    const section = pages.sections().findLast((nr) => (nr + 1) * size <= pfn);
    return section === undefined ? -Infinity : (section + 1) * size;
  }

  isSkipped(row: number): boolean {
    return this.skip !== undefined && this.skip[row >>> this.area.pageblockOrder] !== 0;
  }

  setSkip(row: number, skip = 1): void {
    if (this.skip === undefined) {
      if (skip === 0) return;
      this.skip = this.pages.extra('buddy.skip', Uint8Array, { shift: this.area.pageblockOrder });
    }
    this.skip[row >>> this.area.pageblockOrder] = skip;
  }

  resetPositions(zone: number): void {
    const state = this.state(zone);
    state.cachedMigrate.fill(this.zone(zone).startPfn);
    state.cachedFree = this.lastBlock(zone);
  }

  /** Clears the skip bits of pageblocks that have something to move, or room, if a whole run asked for it. */
  resetSkipped(zone: number, sight: CompactionSight): void {
    const state = this.state(zone);
    if (!state.flushSkip) return;
    state.flushSkip = false;
    const { startPfn, endPfn } = this.zone(zone);
    let migrate = startPfn;
    let free = endPfn - 1;
    let resetMigrate = free;
    let resetFree = migrate;
    let sourceSet = false;
    let freeSet = false;
    for (; migrate < free; migrate += this.blockPages, free -= this.blockPages) {
      // Where both are in a hole, nothing is to be seen for as long as the shorter one lasts.
      const gap = Math.min(this.nextPresent(migrate) - migrate, free - this.previousPresent(free), free - migrate);
      if (gap > this.blockPages) {
        const jump = gap - (gap % this.blockPages) - this.blockPages;
        migrate += jump;
        free -= jump;
        continue;
      }
      if (this.resetBlock(zone, migrate, true, sourceSet, sight) && migrate < resetMigrate) {
        sourceSet = true;
        resetMigrate = state.initMigrate = migrate;
        state.cachedMigrate.fill(migrate);
      }
      if (this.resetBlock(zone, free, freeSet, true, sight) && free > resetFree) {
        freeSet = true;
        resetFree = state.initFree = state.cachedFree = free;
      }
    }
    if (resetMigrate >= resetFree) {
      state.cachedMigrate.fill(migrate);
      state.cachedFree = free;
    }
  }

  /** __reset_isolation_pfn(): true when the pageblock's bit is clear now. */
  private resetBlock(zone: number, pfn: number, source: boolean, target: boolean, sight: CompactionSight): boolean {
    const { area, pages } = this;
    const row = pages.pfnToRow(pfn);
    if (row < 0 || pages.zoneOf(row) !== zone) return false;
    if (sight.compoundOrder(row) >= area.pageblockOrder) return false;
    if (source && target && !this.isSkipped(row)) return true;
    if (!source && target && area.pageblockType(row) !== TYPE.MOVABLE) return false;
    const { startPfn, endPfn } = this.zone(zone);
    const end = Math.min(this.blockEnd(pfn), endPfn);
    const first = Math.max(this.blockStart(pfn), startPfn);
    if (pages.pfnToRow(end - 1) < 0) return false;
    for (let at = first; at < end; at += SAMPLE) {
      const own = pages.pfnToRow(at);
      if ((source && sight.isSource(own)) || (target && area.freeOrder(own) >= 0)) {
        this.setSkip(own, 0);
        return true;
      }
    }
    return false;
  }
}
