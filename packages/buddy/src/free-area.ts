/**
 * HOT. Free lists by zone, order and migratetype: insertion at head or tail, merging, splitting.
 *
 * Blocks below the maximal order are linked through the row columns `buddy.next` and `buddy.prev`; maximal blocks
 * through a side table indexed by row >> maxOrder, so that a machine that was never used touches none of its rows.
 * Lists are circular around a sentinel entry that lies behind the last row (or behind the last maximal block).
 *
 *   row columns     state   FREE | order at a block's head            (core.state)
 *                   next, prev   row or sentinel, meaningful only while the state says that the head is listed
 *                   tag          migratetype of the list a head is on (per-CPU lists add the CPU above it)
 *   side table      maxType      migratetype + 1 of a free maximal block, 0: not free
 *   per pageblock   type ^ 1     so that untouched means MOVABLE, the type of fresh memory
 *
 * Invariants: validate.ts. Left out: guard pages, page reporting, shuffling, compaction_capture.
 *
 * Models: mm/page_alloc.c __free_one_page(), add_to_free_list(), expand(), __rmqueue_smallest(), buddy_merge_likely(),
 * move_freepages_block(), 6.1 and 6.12.
 */
import type { Hasher, Machine, PageMap } from '@replug/core';
import type { PcpLists } from './pcp-lists.ts';
import { STATE, TYPE } from './pcp-policy.ts';

export class FreeArea {
  readonly maxOrder: number;
  readonly pageblockOrder: number;
  /** NR_FREE_PAGES by zone: without pages on ISOLATE lists. */
  readonly freePages: Int32Array;
  /** NR_FREE_CMA_PAGES by zone. */
  readonly freeCma: Int32Array;
  /** Pages on CMA and HIGHATOMIC lists of all zones: while 0, nothing is held back from ordinary requests. */
  special = 0;
  /** Free pages of HIGHATOMIC pageblocks by zone (6.12: nr_free_highatomic). */
  readonly freeHighatomic: Int32Array;
  /** Pages on ISOLATE lists by zone. */
  readonly freeIsolated: Int32Array;
  /** free_area[order].nr_free by zone * orders + order: blocks of all types, ISOLATE included. */
  readonly nrFree: Int32Array;
  /** Bit o set: list (zone * MIGRATE_TYPES + type) has a block of order o. */
  readonly listMask: Int32Array;
  /** Counts changes of the free lists and of what the watermarks compare: who keeps a verdict keeps this number with it. */
  changes = 0;
  /** Pageblocks of type ISOLATE by zone. */
  readonly nrIsolatePageblock: Int32Array;

  readonly state: Uint8Array;
  readonly listType: Uint16Array;
  private readonly zoneOverride: Uint16Array;
  private readonly sectionZone: Uint16Array;
  private readonly sectionShift: number;
  private readonly next: Int32Array;
  private readonly prev: Int32Array;
  private readonly maxType: Uint8Array;
  private readonly maxNext: Int32Array;
  private readonly maxPrev: Int32Array;
  private readonly blockType: Uint8Array;
  private readonly capacity: number;
  private readonly maxCapacity: number;
  private readonly orders: number;
  private readonly one = new Int32Array(1);
  /** 6.12: a merge across pageblock types rewrites the merged pageblocks' type. */
  private readonly retypeOnMerge: boolean;

  constructor(machine: Machine, options: { readonly retypeOnMerge: boolean }) {
    const { pages, zones } = machine;
    const { arch } = machine.description;
    this.maxOrder = arch.maxPageOrder;
    this.orders = arch.maxPageOrder + 1;
    this.pageblockOrder = arch.pageblockOrder;
    this.retypeOnMerge = options.retypeOnMerge;
    this.capacity = pages.capacity;
    this.maxCapacity = pages.capacity >>> this.maxOrder;
    const count = zones.all.length;
    const sentinels = count * this.maxOrder * TYPE.COUNT;
    this.state = pages.state;
    this.zoneOverride = pages.zoneOverride;
    this.sectionZone = pages.sectionZone;
    this.sectionShift = pages.sectionShift;
    this.next = pages.extra('buddy.next', Int32Array, { link: true, tail: sentinels });
    this.prev = pages.extra('buddy.prev', Int32Array, { link: true, tail: sentinels });
    this.listType = pages.extra('buddy.tag', Uint16Array);
    this.blockType = pages.extra('buddy.pageblock', Uint8Array, { shift: arch.pageblockOrder });
    const maximal = { shift: this.maxOrder, link: true, tail: count * TYPE.COUNT };
    this.maxNext = pages.extra('buddy.maxNext', Int32Array, maximal);
    this.maxPrev = pages.extra('buddy.maxPrev', Int32Array, maximal);
    this.maxType = pages.extra('buddy.maxType', Uint8Array, { shift: this.maxOrder });
    for (let i = 0; i < sentinels; i++) this.next[this.capacity + i] = this.prev[this.capacity + i] = this.capacity + i;
    for (let i = 0; i < count * TYPE.COUNT; i++) {
      this.maxNext[this.maxCapacity + i] = this.maxPrev[this.maxCapacity + i] = this.maxCapacity + i;
    }
    this.freePages = new Int32Array(count);
    this.freeCma = new Int32Array(count);
    this.freeHighatomic = new Int32Array(count);
    this.freeIsolated = new Int32Array(count);
    this.nrFree = new Int32Array(count * this.orders);
    this.listMask = new Int32Array(count * TYPE.COUNT);
    this.nrIsolatePageblock = new Int32Array(count);
  }

  /** Makes every verdict that was kept void. (It would have to be kept over 2^32 changes to be mistaken for a new one.) */
  changed(): void {
    this.changes = (this.changes + 1) | 0;
  }

  /** MIGRATE_* of the pageblock of a row. */
  pageblockType(row: number): number {
    return this.blockType[row >>> this.pageblockOrder] ^ TYPE.MOVABLE;
  }

  /** Sets the type of the pageblock of a row; free blocks stay on their lists. */
  setPageblockType(row: number, zone: number, type: number): void {
    const index = row >>> this.pageblockOrder;
    const old = this.blockType[index] ^ TYPE.MOVABLE;
    if (old === type) return;
    if (old === TYPE.ISOLATE) this.nrIsolatePageblock[zone]--;
    if (type === TYPE.ISOLATE) this.nrIsolatePageblock[zone]++;
    this.blockType[index] = type ^ TYPE.MOVABLE;
  }

  /** Sets the type of all pageblocks of a block of order ≥ pageblockOrder. */
  setPageblockRange(row: number, order: number, zone: number, type: number): void {
    for (let at = row; at < row + (1 << order); at += 1 << this.pageblockOrder) this.setPageblockType(at, zone, type);
  }

  /** Adds a free block to its list. Counts blocks, not pages. */
  private add(row: number, zone: number, order: number, type: number, tail: boolean): void {
    this.changed();
    this.nrFree[zone * this.orders + order]++;
    this.listMask[zone * TYPE.COUNT + type] |= 1 << order;
    if (order === this.maxOrder) {
      const { maxNext: next, maxPrev: prev } = this;
      const entry = row >>> order;
      const list = this.maxCapacity + zone * TYPE.COUNT + type;
      this.maxType[entry] = type + 1;
      const before = tail ? prev[list] : list;
      const after = tail ? list : next[list];
      next[entry] = after;
      prev[entry] = before;
      next[before] = entry;
      prev[after] = entry;
      return;
    }
    const { next, prev } = this;
    const list = this.capacity + (zone * this.maxOrder + order) * TYPE.COUNT + type;
    this.state[row] = STATE.FREE | order;
    this.listType[row] = type;
    const before = tail ? prev[list] : list;
    const after = tail ? list : next[list];
    next[row] = after;
    prev[row] = before;
    next[before] = row;
    prev[after] = row;
  }

  /** Takes a free block off its list; its head becomes untouched. Returns the list's type. */
  private remove(row: number, zone: number, order: number): number {
    this.changed();
    this.nrFree[zone * this.orders + order]--;
    if (order === this.maxOrder) {
      const { maxNext: next, maxPrev: prev } = this;
      const entry = row >>> order;
      const type = this.maxType[entry] - 1;
      this.maxType[entry] = 0;
      const after = next[entry];
      const before = prev[entry];
      next[before] = after;
      prev[after] = before;
      if (after === before) this.listMask[zone * TYPE.COUNT + type] &= ~(1 << order);
      return type;
    }
    const { next, prev } = this;
    const type = this.listType[row];
    this.state[row] = STATE.UNTOUCHED;
    const after = next[row];
    const before = prev[row];
    next[before] = after;
    prev[after] = before;
    // Both neighbours are the sentinel: the list is empty now.
    if (after === before) this.listMask[zone * TYPE.COUNT + type] &= ~(1 << order);
    return type;
  }

  /** First row of list (zone, order, type); -1 when empty. */
  first(zone: number, order: number, type: number): number {
    if (order === this.maxOrder) {
      const entry = this.maxNext[this.maxCapacity + zone * TYPE.COUNT + type];
      return entry >= this.maxCapacity ? -1 : entry << order;
    }
    const row = this.next[this.capacity + (zone * this.maxOrder + order) * TYPE.COUNT + type];
    return row >= this.capacity ? -1 : row;
  }

  /** Row after a listed head on its list; -1 at the end. Cold: for views and checks. */
  after(row: number, order: number): number {
    if (order === this.maxOrder) {
      const entry = this.maxNext[row >>> order];
      return entry >= this.maxCapacity ? -1 : entry << order;
    }
    const next = this.next[row];
    return next >= this.capacity ? -1 : next;
  }

  /** Row before a listed head; -1 at the start. */
  before(row: number, order: number): number {
    if (order === this.maxOrder) {
      const entry = this.maxPrev[row >>> order];
      return entry >= this.maxCapacity ? -1 : entry << order;
    }
    const prev = this.prev[row];
    return prev >= this.capacity ? -1 : prev;
  }

  /** A merge takes pages from the lists of one type to those of another, one of which keeps books of its own. */
  private moveBooks(zone: number, pages: number, from: number, to: number): void {
    this.account(zone, -pages, from);
    this.account(zone, pages, to);
  }

  /** account_freepages(): pages appear on (or leave) lists of a type. */
  account(zone: number, pages: number, type: number): void {
    if (type === TYPE.ISOLATE) {
      this.freeIsolated[zone] += pages;
      return;
    }
    this.freePages[zone] += pages;
    if (type >= TYPE.PCPTYPES) {
      this.special += pages;
      if (type === TYPE.CMA) this.freeCma[zone] += pages;
      else if (type === TYPE.HIGHATOMIC) this.freeHighatomic[zone] += pages;
    }
  }

  /** Frees a block onto the lists of `type`, merging with free buddies. `tail`: the result goes to the list's tail. */
  freeOne(row: number, zone: number, order: number, type: number, tail: boolean): void {
    this.one[0] = row;
    this.freeMany(this.one, 0, 1, zone, order, type, tail);
  }

  /**
   * freeOne() for rows[end - 1], …, rows[start], in this order. `type`: of the lists; -1: of each block's pageblock.
   * Their states may be anything; those of maximal blocks must be untouched.
   * The price of every drain: written out, with the columns in locals and what adds up added once.
   */
  freeMany(
    rows: Int32Array,
    start: number,
    end: number,
    zone: number,
    order: number,
    type: number,
    tail: boolean,
  ): void {
    const { state, next, prev, listType, listMask, nrFree, blockType, zoneOverride } = this;
    const { maxOrder, pageblockOrder, sectionZone, sectionShift } = this;
    const count = zone * this.orders;
    const masks = zone * TYPE.COUNT;
    const lists = this.capacity + zone * maxOrder * TYPE.COUNT;
    let ordinary = 0;
    let unmerged = 0;
    for (let i = end - 1; i >= start; i--) {
      const row = rows[i];
      const to = type >= 0 ? type : blockType[row >>> pageblockOrder] ^ TYPE.MOVABLE;
      if (to < TYPE.PCPTYPES) ordinary++;
      else this.account(zone, 1 << order, to);
      // Only in a section that zones share can a buddy be of another zone.
      const shared = sectionZone[row >>> sectionShift] === 0;
      let head = row;
      let at = order;
      while (at < maxOrder) {
        const buddy = head ^ (1 << at);
        if (state[buddy] !== (STATE.FREE | at) || (shared && zoneOverride[buddy] !== zoneOverride[row])) break;
        if (at >= pageblockOrder && !this.mayMerge(buddy, zone, at, to)) break;
        // remove(), written out.
        const after = next[buddy];
        const before = prev[buddy];
        next[before] = after;
        prev[after] = before;
        const from = listType[buddy];
        if (after === before) listMask[masks + from] &= ~(1 << at);
        if (from !== to && (from >= TYPE.PCPTYPES || to >= TYPE.PCPTYPES)) this.moveBooks(zone, 1 << at, from, to);
        nrFree[count + at]--;
        state[buddy] = STATE.UNTOUCHED;
        head &= buddy;
        at++;
      }
      // A block whose own buddy's merged half is free will merge again soon: keep it from being handed out.
      let last = tail;
      if (!last && at < maxOrder - 1) {
        const parentBuddy = (head & ~(1 << at)) ^ (2 << at);
        last =
          state[parentBuddy] === (STATE.FREE | (at + 1)) &&
          !(shared && zoneOverride[parentBuddy] !== zoneOverride[row]);
      }
      // Merged, the block has no state of its own. (Else nothing is written: a maximal block stays untouched.)
      if (at !== order) state[row] = STATE.UNTOUCHED;
      if (at === maxOrder) {
        this.add(head, zone, at, to, last);
        continue;
      }
      // add(), written out.
      if (at === order) unmerged++;
      else nrFree[count + at]++;
      listMask[masks + to] |= 1 << at;
      state[head] = STATE.FREE | at;
      listType[head] = to;
      const list = lists + at * TYPE.COUNT + to;
      const before = last ? prev[list] : list;
      const after = last ? list : next[list];
      next[head] = after;
      prev[head] = before;
      next[before] = head;
      prev[after] = head;
    }
    nrFree[count + order] += unmerged;
    this.freePages[zone] += ordinary << order;
    this.changed();
  }

  /** At pageblock order and above: types U, M, R merge among each other, the rest only with themselves. */
  private mayMerge(buddy: number, zone: number, order: number, type: number): boolean {
    const other = this.pageblockType(buddy);
    if (other === type) return true;
    if (type >= TYPE.PCPTYPES || other >= TYPE.PCPTYPES) return false;
    if (this.retypeOnMerge) this.setPageblockRange(buddy, order, zone, type);
    return true;
  }

  /** Takes a listed block off its list as order `order`: the upper halves go back, to the list heads of `type`. */
  takeAndExpand(row: number, zone: number, order: number, have: number, type: number): void {
    const from = this.remove(row, zone, have);
    if (from < TYPE.PCPTYPES && type < TYPE.PCPTYPES) this.freePages[zone] -= 1 << order;
    else {
      this.account(zone, -(1 << have), from);
      this.account(zone, (1 << have) - (1 << order), type);
    }
    if (have > order) this.expand(row, zone, order, have, type);
  }

  /** Puts the upper halves of a block back to the list heads, largest first: add() for orders below the maximum. */
  private expand(row: number, zone: number, order: number, have: number, type: number): void {
    const { state, listType, next, prev, nrFree } = this;
    const count = zone * this.orders;
    let list = this.capacity + (zone * this.maxOrder + have) * TYPE.COUNT + type;
    for (let at = have - 1; at >= order; at--) {
      list -= TYPE.COUNT;
      const half = row + (1 << at);
      const after = next[list];
      state[half] = STATE.FREE | at;
      listType[half] = type;
      next[half] = after;
      prev[half] = list;
      next[list] = half;
      prev[after] = half;
      nrFree[count + at]++;
    }
    this.listMask[zone * TYPE.COUNT + type] |= (1 << have) - (1 << order);
  }

  /** __rmqueue_smallest(): the first block of the smallest order that serves; -1 when there is none. */
  removeSmallest(zone: number, order: number, type: number): number {
    const mask = this.listMask[zone * TYPE.COUNT + type] >>> order;
    if (mask === 0) return -1;
    const have = order + 31 - Math.clz32(mask & -mask);
    const row = this.first(zone, have, type);
    this.takeAndExpand(row, zone, order, have, type);
    return row;
  }

  /**
   * removeSmallest() up to `wanted` times for a per-CPU list: the rows go to rows[at…] with state `state` and tag `tag`.
   * Returns how many there were. For the types that per-CPU lists have.
   */
  takeMany(
    zone: number,
    order: number,
    type: number,
    wanted: number,
    rows: Int32Array,
    at: number,
    own: number,
    tag: number,
  ): number {
    const { state, listType, next, prev, listMask, nrFree, maxOrder } = this;
    const masks = zone * TYPE.COUNT + type;
    const list = this.capacity + (zone * maxOrder + order) * TYPE.COUNT + type;
    const end = at + wanted;
    let to = at;
    while (to < end) {
      const mask = listMask[masks] >>> order;
      if (mask === 0) break;
      if ((mask & 1) !== 0 && order < maxOrder) {
        // The order's own list, from its head on: one cut for all that is wanted of it.
        const from = to;
        let row = next[list];
        while (to < end && row !== list) {
          rows[to++] = row;
          state[row] = own;
          listType[row] = tag;
          row = next[row];
        }
        next[list] = row;
        prev[row] = list;
        nrFree[zone * this.orders + order] -= to - from;
        this.freePages[zone] -= (to - from) << order;
        if (row === list) listMask[masks] &= ~(1 << order);
        continue;
      }
      const have = order + 31 - Math.clz32(mask & -mask);
      const head = this.first(zone, have, type);
      const pieces = 1 << (have - order);
      if (pieces <= end - to) {
        // All of it will be taken, lowest piece first, before any other block: no half needs to be listed.
        this.remove(head, zone, have);
        this.freePages[zone] -= 1 << have;
        for (let row = head; row < head + (1 << have); row += 1 << order) {
          rows[to++] = row;
          state[row] = own;
          listType[row] = tag;
        }
        continue;
      }
      this.takeAndExpand(head, zone, order, have, type);
      rows[to++] = head;
      state[head] = own;
      listType[head] = tag;
    }
    this.changed();
    return to - at;
  }

  /** True when list (zone, order, type) has a block. */
  has(zone: number, order: number, type: number): boolean {
    return (this.listMask[zone * TYPE.COUNT + type] & (1 << order)) !== 0;
  }

  /** Bit o set: list (zone, o, type) has a block. */
  typeMask(zone: number, type: number): number {
    return this.listMask[zone * TYPE.COUNT + type];
  }

  /** Moves a listed block to the tail of another type's list. Models: move_to_free_list(). */
  moveToList(row: number, zone: number, order: number, type: number): void {
    const old = this.remove(row, zone, order);
    this.add(row, zone, order, type, true);
    if (old !== type) {
      this.account(zone, -(1 << order), old);
      this.account(zone, 1 << order, type);
    }
  }

  /** Head of the free block that covers a row; -1 when the page is not free. */
  freeHead(row: number): number {
    const { state, maxOrder } = this;
    for (let order = 0; order < maxOrder; order++) {
      const head = row & ~((1 << order) - 1);
      if (state[head] === (STATE.FREE | order)) return head;
    }
    return this.maxType[row >>> maxOrder] !== 0 ? (row >>> maxOrder) << maxOrder : -1;
  }

  /** Order of the free block with this head; -1 when it is none. */
  freeOrder(head: number): number {
    const state = this.state[head];
    if ((state & 0xf0) === STATE.FREE) return state & 0x0f;
    return (head & ((1 << this.maxOrder) - 1)) === 0 && this.maxType[head >>> this.maxOrder] !== 0 ? this.maxOrder : -1;
  }

  /** Migratetype of the list that a free head is on. */
  typeOfFree(head: number, order: number): number {
    return order === this.maxOrder ? this.maxType[head >>> order] - 1 : this.listType[head];
  }

  /**
   * Takes block (row, order) out of the free block (head, have) that contains it; every other part goes back to the heads
   * of its list, the largest first, as the halves are split off.
   */
  takeInside(head: number, have: number, row: number, order: number, zone: number): void {
    const type = this.remove(head, zone, have);
    this.account(zone, -(1 << order), type);
    let block = head;
    for (let at = have - 1; at >= order; at--) {
      const upper = block + (1 << at);
      if (row >= upper) {
        this.add(block, zone, at, type, false);
        block = upper;
      } else {
        this.add(upper, zone, at, type, false);
      }
    }
  }

  /** Places a free block at its list's tail without merging (baselines, boot). */
  place(row: number, zone: number, order: number, type: number): void {
    this.account(zone, 1 << order, type);
    this.add(row, zone, order, type, true);
  }

  /** Feeds the order of every list, by pfn. */
  hashLists(hasher: Hasher, pages: PageMap, pcp: PcpLists): void {
    for (let zone = 0; zone < this.freePages.length; zone++) {
      for (let order = 0; order <= this.maxOrder; order++) {
        for (let type = 0; type < TYPE.COUNT; type++) {
          for (let row = this.first(zone, order, type); row >= 0; row = this.after(row, order)) {
            hasher.word(order * TYPE.COUNT + type).integer(pages.rowToPfn(row));
          }
        }
      }
    }
    pcp.hashLists(hasher, pages, this.freePages.length);
  }
}
