/**
 * One block out of a zone: the wanted type's own lists first, then CMA, then other types' blocks, claimed or stolen.
 * The two profiles differ in how they fall back; everything else is shared.
 *
 *   6.12  claim: from the largest order down, take over a whole pageblock when enough of it is alike;
 *         steal: from the smallest order up, one block from a foreign list, whose rest stays foreign.
 *   6.1   one search from the largest order down (movable requests that cannot take a pageblock over: smallest first);
 *         the found block, or its whole pageblock, moves to the wanted type's lists, which are then tried again.
 *
 * Models: mm/page_alloc.c __rmqueue(), __rmqueue_claim(), __rmqueue_steal(), try_to_steal_block() (6.12.117);
 * __rmqueue_fallback(), steal_suitable_fallback() (6.1.192); reserve_highatomic_pageblock().
 */
import {
  FALLBACKS,
  MIGRATE,
  MIGRATE_PCPTYPES,
  PAGE_CLASS,
  PAGE_STATE,
  STATE_HOLDER_MASK,
  STATE_ORDER_MASK,
  pcpAllowedOrder,
  type KernelProfile,
  type Machine,
  type PageMap,
  type Tracepoints,
  type Zones,
} from '@replug/core';
import { ALLOC } from './alloc-flags.ts';
import type { FreeArea } from './free-area.ts';
import { ZONE_FLAG } from './pcp-policy.ts';

const { MOVABLE, HIGHATOMIC, CMA } = MIGRATE;
/** Migratetype in a head's tag; what lies above is the per-CPU lists'. */
const TAG_TYPE = 7;

/** Where the last block of a bulk refill came from (6.12): the next one starts there. */
export const RMQUEUE = { NORMAL: 0, CMA: 1, CLAIM: 2, STEAL: 3 } as const;

/** Classes that compaction could move: what the kernel counts as PageLRU or movable_ops when it weighs a pageblock. */
const MOVABLE_CLASS = new Uint8Array(256);
for (const c of ['LRU_ANON', 'LRU_FILE', 'THP', 'MOVABLE_OPS', 'MOVABLE'] as const) MOVABLE_CLASS[PAGE_CLASS[c]] = 1;

export class Rmqueue {
  /** Pages reserved for high-order atomic requests, by zone: nr_reserved_highatomic. */
  readonly reservedHighatomic: Int32Array;
  /** ZONE_FLAG bits by zone. */
  readonly zoneFlags: Int32Array;
  /** vm.watermark_boost_factor. */
  boostFactor = 15000;
  /** Mode after the last rmqueue(); a bulk refill starts from RMQUEUE.NORMAL. */
  mode: number = RMQUEUE.NORMAL;

  private readonly area: FreeArea;
  private readonly zones: Zones;
  private readonly pages: PageMap;
  private readonly tracepoints: Tracepoints;
  private readonly claims: boolean;
  private readonly cma: boolean;
  private readonly onBoost: (zone: number) => void;
  private grouping = true;

  constructor(
    machine: Machine,
    area: FreeArea,
    tracepoints: Tracepoints,
    profile: KernelProfile,
    onBoost: (zone: number) => void,
  ) {
    this.area = area;
    this.zones = machine.zones;
    this.pages = machine.pages;
    this.tracepoints = tracepoints;
    this.claims = profile === '6.12';
    this.cma = machine.description.cma;
    this.onBoost = onBoost;
    this.reservedHighatomic = new Int32Array(machine.zones.all.length);
    this.zoneFlags = new Int32Array(machine.zones.all.length);
  }

  /** page_group_by_mobility_disabled. */
  get mobilityDisabled(): boolean {
    return !this.grouping;
  }

  set mobilityDisabled(disabled: boolean) {
    this.grouping = !disabled;
    this.area.changed();
  }

  /** Takes a block of `order` for a request of type `type`; -1 when the zone has none. Models: __rmqueue(). */
  rmqueue(zone: number, order: number, type: number, flags: number): number {
    if (this.cma && (flags & ALLOC.CMA) !== 0 && this.area.freeCma[zone] > this.area.freePages[zone] >> 1) {
      const row = this.smallest(zone, order, CMA);
      if (row >= 0) return row;
    }
    return this.claims ? this.rmqueue612(zone, order, type, flags) : this.rmqueue61(zone, order, type, flags);
  }

  /**
   * The start of a bulk refill: blocks of the wanted type's own lists, as many as rmqueue() would take from there in a
   * row; see FreeArea.takeMany(). 0 when each block needs a decision of its own, or is watched.
   */
  bulk(
    zone: number,
    order: number,
    type: number,
    flags: number,
    wanted: number,
    rows: Int32Array,
    at: number,
    own: number,
    tag: number,
  ): number {
    if (this.cma && (flags & ALLOC.CMA) !== 0 && this.area.freeCma[zone] > 0) return 0;
    if (this.tracepoints.mm_page_alloc_zone_locked.enabled) return 0;
    return this.area.takeMany(zone, order, type, wanted, rows, at, own, tag);
  }

  /** __rmqueue_smallest() with its tracepoint. `refill` as the kernel prints it: pcp-allowed order and type. */
  smallest(zone: number, order: number, type: number): number {
    const row = this.area.removeSmallest(zone, order, type);
    if (row >= 0 && this.tracepoints.mm_page_alloc_zone_locked.enabled) {
      this.tracepoints.mm_page_alloc_zone_locked.emit(
        this.pages.rowToPfn(row),
        order,
        type,
        this.refillFlag(order, type),
      );
    }
    return row;
  }

  private refillFlag(order: number, type: number): number {
    return pcpAllowedOrder(this.pages.arch, order) && type < MIGRATE_PCPTYPES ? 1 : 0;
  }

  private rmqueue612(zone: number, order: number, type: number, flags: number): number {
    let row = -1;
    if (this.mode === RMQUEUE.NORMAL) {
      row = this.smallest(zone, order, type);
      if (row >= 0) return row;
    }
    if (this.mode <= RMQUEUE.CMA && this.cma && (flags & ALLOC.CMA) !== 0) {
      row = this.smallest(zone, order, CMA);
      if (row >= 0) {
        this.mode = RMQUEUE.CMA;
        return row;
      }
    }
    if (this.mode <= RMQUEUE.CLAIM) {
      row = this.claim(zone, order, type, flags);
      if (row >= 0) {
        // The type's own lists were refilled by the claim.
        this.mode = RMQUEUE.NORMAL;
        return row;
      }
    }
    if ((flags & ALLOC.NOFRAGMENT) === 0) {
      row = this.steal(zone, order, type);
      if (row >= 0) this.mode = RMQUEUE.STEAL;
    }
    return row;
  }

  private rmqueue61(zone: number, order: number, type: number, flags: number): number {
    for (;;) {
      let row = this.smallest(zone, order, type);
      if (row >= 0) return row;
      if (this.cma && (flags & ALLOC.CMA) !== 0) {
        row = this.smallest(zone, order, CMA);
        if (row >= 0) return row;
      }
      if (!this.fallback61(zone, order, type, flags)) return -1;
    }
  }

  /** Type of the first foreign list of an order that a request may fall back to; -1 for none. */
  private fallbackType(zone: number, order: number, type: number): number {
    const [first, second] = FALLBACKS[type];
    if (this.area.has(zone, order, first)) return first;
    return this.area.has(zone, order, second) ? second : -1;
  }

  /** May a request of `type` take a whole pageblock over for a block of this order? */
  private canSteal(order: number, type: number): boolean {
    const block = this.area.pageblockOrder;
    return order >= block || order >= block >> 1 || type !== MOVABLE || this.mobilityDisabled;
  }

  private claim(zone: number, order: number, type: number, flags: number): number {
    if (type >= MIGRATE_PCPTYPES) return -1;
    const { area } = this;
    const least = order < area.pageblockOrder && (flags & ALLOC.NOFRAGMENT) !== 0 ? area.pageblockOrder : order;
    for (let at = area.maxOrder; at >= least; at--) {
      const from = this.fallbackType(zone, at, type);
      if (from < 0) continue;
      if (!this.canSteal(at, type)) return -1;
      const row = this.claimBlock(zone, area.first(zone, at, from), at, order, type, flags);
      if (row >= 0) {
        this.traceFallback(row, order, at, type, from);
        return row;
      }
    }
    return -1;
  }

  /** try_to_steal_block(): -1 when the pageblock is not worth taking over. */
  private claimBlock(zone: number, head: number, have: number, order: number, type: number, flags: number): number {
    const { area } = this;
    const old = area.pageblockType(head);
    if (old === HIGHATOMIC) return -1;
    if (have >= area.pageblockOrder) {
      area.setPageblockRange(head, have, zone, type);
      area.takeAndExpand(head, zone, order, have, type);
      return head;
    }
    this.boost(zone, flags);
    const weight = this.weigh(zone, head);
    if (weight === undefined) return -1;
    if (!this.worthClaiming(weight, old, type)) return -1;
    this.movePageblock(zone, head, type);
    area.setPageblockType(head, zone, type);
    return this.smallest(zone, order, type);
  }

  private steal(zone: number, order: number, type: number): number {
    if (type >= MIGRATE_PCPTYPES) return -1;
    for (let at = order; at <= this.area.maxOrder; at++) {
      const from = this.fallbackType(zone, at, type);
      if (from < 0) continue;
      const row = this.area.first(zone, at, from);
      this.area.takeAndExpand(row, zone, order, at, from);
      this.traceFallback(row, order, at, type, from);
      return row;
    }
    return -1;
  }

  /** __rmqueue_fallback() of 6.1: true when blocks were moved to the wanted type's lists. */
  private fallback61(zone: number, order: number, type: number, flags: number): boolean {
    if (type >= MIGRATE_PCPTYPES) return false;
    const { area } = this;
    const least = order < area.pageblockOrder && (flags & ALLOC.NOFRAGMENT) !== 0 ? area.pageblockOrder : order;
    const at = this.fallbackOrder61(zone, order, type, least);
    if (at < 0) return false;
    const from = this.fallbackType(zone, at, type);
    const head = area.first(zone, at, from);
    this.stealSuitable61(zone, head, at, type, flags, this.canSteal(at, type));
    this.traceFallback(head, order, at, type, from);
    return true;
  }

  /** Order of the foreign block that a 6.1 fallback takes; -1 for none. */
  private fallbackOrder61(zone: number, order: number, type: number, least: number): number {
    const { maxOrder } = this.area;
    for (let at = maxOrder; at >= least; at--) {
      if (this.fallbackType(zone, at, type) < 0) continue;
      if (this.canSteal(at, type) || type !== MOVABLE || at === order) return at;
      // A movable request that cannot take a pageblock over breaks up the smallest block instead.
      for (at = order; at <= maxOrder; at++) if (this.fallbackType(zone, at, type) >= 0) return at;
    }
    return -1;
  }

  /**
   * The foreign block of which a fallback for a request would take its page, without doing it; -1 for none. For a claim
   * below a pageblock (6.12) the block that the request would get.
   */
  previewFallback(zone: number, order: number, type: number): number {
    if (type >= MIGRATE_PCPTYPES) return -1;
    const { area } = this;
    if (!this.claims) {
      const at = this.fallbackOrder61(zone, order, type, order);
      return at < 0 ? -1 : area.first(zone, at, this.fallbackType(zone, at, type));
    }
    for (let at = area.maxOrder; at >= order; at--) {
      const from = this.fallbackType(zone, at, type);
      if (from < 0) continue;
      if (!this.canSteal(at, type)) break;
      const head = area.first(zone, at, from);
      const old = area.pageblockType(head);
      if (old === HIGHATOMIC) continue;
      if (at >= area.pageblockOrder) return head;
      const weight = this.weigh(zone, head);
      if (weight !== undefined && this.worthClaiming(weight, old, type)) return this.smallestInBlock(head, order);
    }
    for (let at = order; at <= area.maxOrder; at++) {
      const from = this.fallbackType(zone, at, type);
      if (from >= 0) return area.first(zone, at, from);
    }
    return -1;
  }

  /** The first of a pageblock's smallest free blocks that serve an order: what a claimed pageblock gives. */
  private smallestInBlock(row: number, order: number): number {
    const { area } = this;
    const size = 1 << area.pageblockOrder;
    const start = row & -size;
    let best = -1;
    let least = area.maxOrder + 1;
    for (let at = start; at < start + size;) {
      const have = area.freeOrder(at);
      if (have >= order && have < least) {
        least = have;
        best = at;
      }
      at += have < 0 ? 1 : 1 << have;
    }
    return best;
  }

  private stealSuitable61(zone: number, head: number, have: number, type: number, flags: number, whole: boolean): void {
    const { area } = this;
    const old = area.pageblockType(head);
    if (old !== HIGHATOMIC) {
      if (have >= area.pageblockOrder) {
        area.setPageblockRange(head, have, zone, type);
      } else {
        this.boost(zone, flags);
        if (whole) {
          const weight = this.weigh(zone, head);
          if (weight !== undefined && this.movePageblock(zone, head, type) > 0) {
            if (this.worthClaiming(weight, old, type)) area.setPageblockType(head, zone, type);
            return;
          }
        }
      }
    }
    area.moveToList(head, zone, have, type);
  }

  /** Free and movable pages of a pageblock; undefined when it straddles the zone's border. */
  private weigh(zone: number, row: number): { free: number; movable: number } | undefined {
    const { area, pages } = this;
    const size = 1 << area.pageblockOrder;
    const start = row & -size;
    const span = this.zones.all[zone];
    const pfn = pages.rowToPfn(start);
    if (pfn < span.startPfn || pfn + size > span.endPfn) return undefined;
    let free = 0;
    let movable = 0;
    for (let at = start; at < start + size;) {
      const order = area.freeOrder(at);
      if (order >= 0) {
        free += 1 << order;
        at += 1 << order;
        continue;
      }
      const own = pages.state[at];
      if ((own & STATE_HOLDER_MASK) === PAGE_STATE.ALLOCATED && pages.pageClass[at] === PAGE_CLASS.UNKNOWN) {
        // Nobody has said what the block is used for: the list it came from stands in.
        const pagesOfBlock = 1 << (own & STATE_ORDER_MASK);
        if ((area.listType[at] & TAG_TYPE) === MOVABLE) movable += Math.min(pagesOfBlock, start + size - at);
        at += pagesOfBlock;
        continue;
      }
      movable += MOVABLE_CLASS[pages.pageClass[at]];
      at++;
    }
    return { free, movable };
  }

  private worthClaiming({ free, movable }: { free: number; movable: number }, old: number, type: number): boolean {
    const size = 1 << this.area.pageblockOrder;
    let alike = 0;
    if (type === MOVABLE) alike = movable;
    else if (old === MOVABLE) alike = size - (free + movable);
    return free + alike >= size >> 1 || this.mobilityDisabled;
  }

  /** Moves all free blocks of a pageblock to the lists of `type`; returns pages moved. */
  movePageblock(zone: number, row: number, type: number): number {
    const { area } = this;
    const size = 1 << area.pageblockOrder;
    const start = row & -size;
    let moved = 0;
    for (let at = start; at < start + size;) {
      const order = area.freeOrder(at);
      if (order < 0) {
        at++;
        continue;
      }
      // A pageblock may have pages of several nodes once a memory layout has been changed.
      if (this.pages.zoneOf(at) === zone) {
        area.moveToList(at, zone, order, type);
        moved += 1 << order;
      }
      at += 1 << order;
    }
    return moved;
  }

  /** boost_watermark(). */
  private boost(zone: number, flags: number): void {
    const z = this.zones.all[zone];
    const block = 1 << this.area.pageblockOrder;
    if (this.boostFactor === 0 || block * 4 > z.managedPages) return;
    const most = Math.floor((z.watermark.high * this.boostFactor) / 10000);
    if (most === 0) return;
    z.watermarkBoost = Math.min(z.watermarkBoost + block, Math.max(block, most));
    if ((flags & ALLOC.KSWAPD) !== 0) this.zoneFlags[zone] |= ZONE_FLAG.BOOSTED;
    this.onBoost(zone);
  }

  /** Reserves the pageblock of a block that an ALLOC_HIGHATOMIC request just got. */
  reserveHighatomic(zone: number, row: number, order: number): void {
    const { area } = this;
    const block = 1 << area.pageblockOrder;
    const percent = Math.floor(this.zones.all[zone].managedPages / 100);
    if (this.claims && percent < block) return;
    const most = this.claims ? Math.ceil(percent / block) * block : percent + block;
    if (this.reservedHighatomic[zone] >= most) return;
    area.changed();
    if (area.pageblockType(row) >= MIGRATE_PCPTYPES) return;
    if (this.claims && order >= area.pageblockOrder) {
      area.setPageblockRange(row, order, zone, HIGHATOMIC);
      this.reservedHighatomic[zone] += 1 << order;
      return;
    }
    this.movePageblock(zone, row, HIGHATOMIC);
    area.setPageblockType(row, zone, HIGHATOMIC);
    this.reservedHighatomic[zone] += block;
  }

  /** Gives one reserved pageblock of a zone to `type`. Without `force` one stays. True when pages were moved. */
  unreserveHighatomic(zone: number, type: number, force: boolean): boolean {
    const { area } = this;
    const block = 1 << area.pageblockOrder;
    if (!force && this.reservedHighatomic[zone] <= block) return false;
    area.changed();
    for (let order = 0; order <= area.maxOrder; order++) {
      const head = area.first(zone, order, HIGHATOMIC);
      if (head < 0) continue;
      const size = Math.max(block, 1 << order);
      if (area.pageblockType(head) === HIGHATOMIC) {
        this.reservedHighatomic[zone] -= Math.min(this.claims ? size : block, this.reservedHighatomic[zone]);
      }
      if (order >= area.pageblockOrder) {
        area.moveToList(head, zone, order, type);
        area.setPageblockRange(head, order, zone, type);
      } else {
        this.movePageblock(zone, head, type);
        area.setPageblockType(head, zone, type);
      }
      return true;
    }
    return false;
  }

  private traceFallback(row: number, order: number, from: number, type: number, fromType: number): void {
    const tp = this.tracepoints.mm_page_alloc_extfrag;
    if (!tp.enabled) return;
    const block = this.area.pageblockOrder;
    const owner = this.area.pageblockType(row) === type ? 1 : 0;
    tp.emit(this.pages.rowToPfn(row), order, from, block, type, fromType, from < block ? 1 : 0, owner);
  }
}
