/**
 * Getting memory back: clean page cache, and slab pages whose objects shrinkers can free.
 *
 * What the model does not know it assumes, to the favour of whoever asks: every page of a file is clean, and the objects on
 * a reclaimable slab page can all be freed. A slab page counts as reclaimable when it came from a list of that type or lies
 * in a pageblock of that type. The age of a page is not known either: a hand goes round each zone in ascending order.
 *
 * Models: mm/vmscan.c shrink_folio_list(), reclaim_clean_pages_from_list(), try_to_free_pages(); mm/slub.c discard_slab();
 * fs/drop_caches.c, 6.12. Left out: LRU lists and their aging, dirty pages, swap, shrinkers that free a part.
 */
import {
  MIGRATE,
  PAGE_CLASS,
  PAGE_STATE,
  type Hasher,
  type Machine,
  type PageMap,
  type Reclaimer,
  type Tracepoints,
  type VirtualClock,
} from '@replug/core';
import type { BuddyAllocator } from './allocator.ts';
import type { Blocks } from './blocks.ts';
import { badRange } from './errors.ts';
import type { FreeArea } from './free-area.ts';
import type { PageIdentity } from './identity.ts';
import { TAG } from './pcp-lists.ts';
import { CLASS_MASK } from './page-rules.ts';

/** SWAP_CLUSTER_MAX: what direct reclaim tries to free at once. */
const CLUSTER = 32;

export interface ReclaimParts {
  readonly machine: Machine;
  readonly area: FreeArea;
  readonly allocator: BuddyAllocator;
  readonly blocks: Blocks;
  readonly identity: PageIdentity;
  readonly tracepoints: Tracepoints;
  readonly clock: VirtualClock;
}

/** Drops single blocks of clean page cache. */
export class PageDropper {
  private readonly parts: ReclaimParts;
  private readonly pages: PageMap;

  constructor(parts: ReclaimParts) {
    this.parts = parts;
    this.pages = parts.machine.pages;
  }

  /** Frees a block of clean page cache; returns its pages, 0 when it is none or somebody holds it. */
  drop(head: number, cpu: number): number {
    const { blocks, identity } = this.parts;
    if ((this.pages.pageClass[head] & CLASS_MASK) !== PAGE_CLASS.LRU_FILE) return 0;
    if (blocks.holder(head) !== PAGE_STATE.ALLOCATED) return 0;
    const order = blocks.order(head);
    if (identity.isPinned(head, 1 << order)) return 0;
    this.freeBatched(head, order, cpu);
    return 1 << order;
  }

  charge(pages: number): void {
    this.parts.clock.charge('pageReclaim', pages);
  }

  /** A free of many at once tells of each page twice: when it is prepared, and when it is put on a CPU's list. */
  private freeBatched(head: number, order: number, cpu: number): void {
    const { allocator, area, tracepoints } = this.parts;
    const isolated = area.pageblockType(head) === MIGRATE.ISOLATE;
    allocator.free(head, order, cpu);
    if (!isolated && tracepoints.mm_page_free_batched.enabled)
      tracepoints.mm_page_free_batched.emit(this.pages.rowToPfn(head), 0);
  }
}

export class BuddyReclaimer implements Reclaimer {
  private readonly parts: ReclaimParts;
  private readonly pages: PageMap;
  private readonly dropper: PageDropper;
  /** Where the hand stands in each zone: pages behind its start. */
  private readonly hands: Float64Array;
  private readonly tag: Uint16Array;

  constructor(parts: ReclaimParts, dropper: PageDropper) {
    this.parts = parts;
    this.pages = parts.machine.pages;
    this.dropper = dropper;
    this.hands = new Float64Array(parts.machine.zones.all.length);
    this.tag = this.pages.extra('buddy.tag', Uint16Array);
  }

  reclaim(zone: number, pages: number): number {
    const z = this.parts.machine.zones.all[zone];
    if (z === undefined || z.spannedPages === 0) return 0;
    let freed = 0;
    let at = this.hands[zone] < z.spannedPages ? this.hands[zone] : 0;
    // Once round the zone at most.
    for (let seen = 0; seen < z.spannedPages && freed < pages;) {
      const row = this.pages.pfnToRow(z.startPfn + at);
      const step = this.stepOver(row, zone);
      if (step === 0) freed += this.dropper.drop(row, 0);
      const size = step === 0 ? 1 : step;
      seen += size;
      at += size;
      if (at >= z.spannedPages) at = 0;
    }
    this.hands[zone] = at;
    if (freed > 0) this.dropper.charge(freed);
    return freed;
  }

  dropSlab(): number {
    return this.parts.machine.zones.all.reduce(
      (freed, zone) => freed + (zone.spannedPages > 0 ? this.dropSlabIn(zone.startPfn, zone.endPfn) : 0),
      0,
    );
  }

  dropSlabIn(start: number, end: number): number {
    if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end)) throw badRange(start, end);
    const { blocks, allocator, area, identity } = this.parts;
    let freed = 0;
    for (let pfn = start; pfn < end;) {
      const row = this.pages.pfnToRow(pfn);
      if (row < 0) {
        pfn++;
        continue;
      }
      const order = blocks.order(row);
      const size = 1 << order;
      const slab =
        (this.pages.pageClass[row] & CLASS_MASK) === PAGE_CLASS.SLAB && blocks.holder(row) === PAGE_STATE.ALLOCATED;
      const reclaimable =
        (this.tag[row] & TAG.TYPE) === MIGRATE.RECLAIMABLE || area.pageblockType(row) === MIGRATE.RECLAIMABLE;
      if (slab && reclaimable && !identity.isPinned(row, size)) {
        allocator.free(row, order, 0);
        freed += size;
      }
      pfn += size;
    }
    if (freed > 0) this.dropper.charge(freed);
    return freed;
  }

  /** Direct reclaim for a request: about 32 pages, zone by zone. Returns pages freed. */
  forRequest(zonelist: Int32Array, order: number, gfp: number): number {
    const { mm_vmscan_direct_reclaim_begin: begin, mm_vmscan_direct_reclaim_end: end } = this.parts.tracepoints;
    if (begin.enabled) begin.emit(order, gfp);
    const wanted = Math.max(CLUSTER, 1 << order);
    let freed = 0;
    for (let i = 0; i < zonelist.length && freed < wanted; i++) freed += this.reclaim(zonelist[i], wanted - freed);
    if (end.enabled) end.emit(freed);
    return freed;
  }

  /** Where the hands stand decides what goes next. */
  hash(hasher: Hasher): void {
    this.hands.forEach((hand, zone) => {
      if (hand !== 0) hasher.word(zone).integer(hand);
    });
  }

  /** 0 when a block of page cache may begin at a row; else how many pages to go on. */
  private stepOver(row: number, zone: number): number {
    if (row < 0 || this.pages.zoneOf(row) !== zone) return 1;
    const { blocks } = this.parts;
    const holder = blocks.holder(row);
    if (holder === PAGE_STATE.ALLOCATED) {
      const cls = this.pages.pageClass[row] & CLASS_MASK;
      return cls === PAGE_CLASS.LRU_FILE ? 0 : 1 << blocks.order(row);
    }
    return 1 << blocks.order(row);
  }
}
