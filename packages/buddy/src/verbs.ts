/**
 * HOT. The zone-level verbs of a recorded run: each moves one block the way the kernel said it moved.
 *
 * Every verb first finds out who holds the pages and takes them from there, so that a trace that hides something (a bulk
 * allocation, a free that bypassed the per-CPU lists) costs a count and not the state.
 *
 * Models: what mm_page_alloc_zone_locked, mm_page_alloc, mm_page_free and mm_page_pcpu_drain report, 6.1 and 6.12.
 */
import { FOUND, MIGRATE_PCPTYPES, PAGE_STATE, type Found, type PageMap, type ZoneFreeLists } from '@replug/core';
import type { BuddyAllocator } from './allocator.ts';
import type { FreeArea } from './free-area.ts';
import type { PageIdentity } from './identity.ts';
import type { PcpLists } from './pcp-lists.ts';
import { PCP as PCP_FIELD } from './pcp-policy.ts';

const { FREE, PCP, ALLOCATED, HELD, UNTOUCHED } = PAGE_STATE;

export class ZoneVerbs implements ZoneFreeLists {
  private readonly pages: PageMap;
  private readonly area: FreeArea;
  private readonly pcp: PcpLists;
  private readonly state: Uint8Array;

  private readonly allocator: BuddyAllocator;
  private readonly identity: PageIdentity;

  constructor(pages: PageMap, area: FreeArea, pcp: PcpLists, allocator: BuddyAllocator, identity: PageIdentity) {
    this.allocator = allocator;
    this.identity = identity;
    this.pages = pages;
    this.area = area;
    this.pcp = pcp;
    this.state = pages.state;
  }

  takeToCpu(row: number, order: number, migratetype: number, cpu: number): Found {
    const zone = this.pages.zoneOf(row);
    if (zone < 0) return FOUND.OUTSIDE;
    const found = this.takeFree(row, order, zone);
    if (this.pcp.allowed(order) && migratetype < MIGRATE_PCPTYPES)
      this.pcp.pushTail(row, zone, cpu, order, migratetype);
    else this.state[row] = HELD | order;
    return found;
  }

  handOut(row: number, order: number): Found {
    const zone = this.pages.zoneOf(row);
    if (zone < 0) return FOUND.OUTSIDE;
    const { state } = this;
    const own = state[row];
    if (own === (PCP | order)) {
      this.pcp.unlink(row, zone);
      state[row] = ALLOCATED | order;
      return FOUND.EXPECTED;
    }
    if (own === (HELD | order)) {
      state[row] = ALLOCATED | order;
      return FOUND.EXPECTED;
    }
    const found = this.clear(row, order, zone);
    state[row] = ALLOCATED | order;
    return found;
  }

  handOutWithRefill(row: number, order: number, migratetype: number, cpu: number): Found {
    const zone = this.pages.zoneOf(row);
    if (zone < 0) return FOUND.OUTSIDE;
    const { state, pcp, area } = this;
    if (!pcp.allowed(order) || migratetype >= MIGRATE_PCPTYPES) return this.handOut(row, order);
    this.allocator.countRequest(zone, cpu);
    if (state[row] !== (PCP | order) && area.freeHead(row) >= 0) {
      const pindex = pcp.pindex(order, migratetype);
      if (pcp.isEmpty(zone, cpu, pindex)) this.allocator.refillFor(zone, order, migratetype, cpu);
      // The model would have taken others: this one leaves the free lists all the same.
      if (state[row] !== (PCP | order)) this.takeToCpu(row, order, migratetype, cpu);
    }
    return this.handOut(row, order);
  }

  freeWithDrain(row: number, order: number, cpu: number): Found {
    const found = this.freeToCpu(row, order, cpu);
    if (this.state[row] === (PCP | order)) this.allocator.settleFree(row, order);
    return found;
  }

  freeToCpu(row: number, order: number, cpu: number): Found {
    const own = this.pages.zoneOf(row);
    if (own < 0) return FOUND.OUTSIDE;
    const found = this.takeAllocated(row, order, own);
    const zone = this.allocator.zoneOfFreed(row, order, own, cpu);
    if (zone < 0) return found;
    const type = this.area.pageblockType(row);
    this.pcp.pushHead(row, zone, cpu, order, type < MIGRATE_PCPTYPES ? type : 1);
    return found;
  }

  moveToHead(row: number): void {
    const own = this.state[row];
    if ((own & 0xf0) !== PCP) return;
    const { pcp } = this;
    const zone = this.pages.zoneOf(row);
    const cpu = pcp.cpuOfBlock(row);
    const order = own & 0x0f;
    const type = pcp.typeOfBlock(row);
    if (pcp.first(zone, cpu, pcp.pindex(order, type)) === row) return;
    pcp.unlink(row, zone);
    pcp.pushHead(row, zone, cpu, order, type);
  }

  drain(row: number, order: number, migratetype: number): Found {
    const zone = this.pages.zoneOf(row);
    if (zone < 0) return FOUND.OUTSIDE;
    let found: Found = FOUND.EXPECTED;
    if (this.state[row] === (PCP | order)) this.pcp.unlink(row, zone);
    else found = this.clear(row, order, zone);
    this.agreeOnSpecial(row, order, migratetype);
    this.area.freeOne(row, zone, order, migratetype, false);
    return found;
  }

  freeDirect(row: number, order: number, tail: boolean): Found {
    const own = this.pages.zoneOf(row);
    if (own < 0) return FOUND.OUTSIDE;
    const found = this.takeAllocated(row, order, own);
    const zone = this.allocator.zoneOfFreed(row, order, own, 0);
    if (zone >= 0) this.area.freeOne(row, zone, order, this.area.pageblockType(row), tail);
    return found;
  }

  hold(row: number, pages: number): number {
    const { area, state } = this;
    const end = row + pages;
    let taken = 0;
    for (let at = row; at < end;) {
      const head = area.freeHead(at);
      if (head < 0) {
        at++;
        continue;
      }
      const zone = this.pages.zoneOf(head);
      const have = area.freeOrder(head);
      if (head >= row && head + (1 << have) <= end) {
        area.takeInside(head, have, head, have, zone);
        state.fill(HELD, head, head + (1 << have));
        taken += 1 << have;
        at = head + (1 << have);
        continue;
      }
      // Only a part lies in the range: page by page.
      area.takeInside(head, have, at, 0, zone);
      state[at] = HELD;
      taken++;
      at++;
    }
    return taken;
  }

  freeHead(row: number): number {
    return this.area.freeHead(row);
  }

  forget(row: number, order: number): void {
    const zone = this.pages.zoneOf(row);
    if (zone >= 0) this.clear(row, order, zone);
  }

  knows(row: number, order: number): boolean {
    const { state, area } = this;
    if (area.freeHead(row) >= 0 || this.enclosingHead(row, order) >= 0) return true;
    for (let at = row; at < row + (1 << order); at++)
      if (state[at] !== UNTOUCHED || area.freeOrder(at) >= 0) return true;
    return false;
  }

  freeOrder(head: number): number {
    return this.area.freeOrder(head);
  }

  freeBlocks(zone: number, order: number): number {
    return this.area.nrFree[zone * (this.area.maxOrder + 1) + order];
  }

  pageblockType(row: number): number {
    return this.area.pageblockType(row);
  }

  setPageblockType(row: number, migratetype: number): void {
    const { area } = this;
    if (area.pageblockType(row) === migratetype) return;
    const size = 1 << area.pageblockOrder;
    const start = row & -size;
    // A zone may begin inside its first pageblock (pfn 1 on x86).
    const zone = Math.max(this.pages.zoneOf(start), this.pages.zoneOf(start + size - 1));
    if (zone < 0) return;
    for (let at = start; at < start + size;) {
      const order = area.freeOrder(at);
      if (order >= 0) area.moveToList(at, this.pages.zoneOf(at), order, migratetype);
      at += order >= 0 ? 1 << order : 1;
    }
    area.setPageblockType(start, zone, migratetype);
  }

  placeFree(row: number, order: number, migratetype: number): void {
    this.area.place(row, this.pages.zoneOf(row), order, migratetype);
  }

  placeAllocated(row: number, order: number): void {
    this.state[row] = ALLOCATED | order;
  }

  setCpuHigh(zone: number, cpu: number, high: number): void {
    this.pcp.sets[this.pcp.set(zone, cpu) + PCP_FIELD.HIGH] = high;
  }

  cpuCount(zone: number, cpu: number): number {
    return this.pcp.sets[this.pcp.set(zone, cpu) + PCP_FIELD.COUNT];
  }

  placeOnCpu(row: number, order: number, migratetype: number, cpu: number): void {
    this.pcp.pushTail(row, this.pages.zoneOf(row), cpu, order, migratetype);
  }

  /**
   * Isolated, CMA and reserved pageblocks keep books of their own: a block freed as one of them makes its pageblocks such,
   * and one freed as an ordinary type shows that they are no longer.
   */
  private agreeOnSpecial(row: number, order: number, migratetype: number): void {
    const { area } = this;
    const size = 1 << Math.min(order, area.pageblockOrder);
    for (let at = row; at < row + (1 << order); at += size) {
      const type = area.pageblockType(at);
      if (type !== migratetype && (type >= MIGRATE_PCPTYPES || migratetype >= MIGRATE_PCPTYPES)) {
        this.setPageblockType(at, migratetype);
      }
    }
  }

  /** Takes a block that should be free off the free lists. */
  private takeFree(row: number, order: number, zone: number): Found {
    const { area } = this;
    const have = area.freeOrder(row);
    if (have >= order) {
      area.takeAndExpand(row, zone, order, have, area.typeOfFree(row, have));
      return FOUND.EXPECTED;
    }
    return this.clear(row, order, zone);
  }

  /** Takes a block that should be allocated from its owner; the rest of a larger block stays allocated. */
  private takeAllocated(row: number, order: number, zone: number): Found {
    if (this.state[row] === (ALLOCATED | order)) {
      if (this.identity.watched) this.identity.forget(row, order);
      this.state[row] = UNTOUCHED;
      return FOUND.EXPECTED;
    }
    return this.clear(row, order, zone);
  }

  /**
   * Takes pages [row, row + 2^order) from whoever holds them, leaving them untouched. Returns the holder that a verb
   * would least expect: free lists before per-CPU lists before owners; PART when they were a part of one owner's block.
   */
  private clear(row: number, order: number, zone: number): Found {
    const { area, state } = this;
    if (this.identity.watched) this.identity.forget(row, order);
    const end = row + (1 << order);
    const head = area.freeHead(row);
    if (head >= 0) {
      const have = area.freeOrder(head);
      if (have >= order) {
        area.takeInside(head, have, row, order, zone);
        return head === row ? FOUND.ON_FREE_LIST : FOUND.INSIDE;
      }
    }
    const owner = this.enclosingHead(row, order);
    if (owner >= 0) {
      this.cutOwner(owner, row, order);
      return FOUND.PART;
    }
    let onFree = false;
    let onPcp = false;
    let owned = 0;
    for (let at = row; at < end;) {
      const free = area.freeOrder(at);
      if (free >= 0) {
        onFree = true;
        area.takeInside(at, free, at, free, this.pages.zoneOf(at));
        at += 1 << free;
        continue;
      }
      const own = state[at];
      const holder = own & 0xf0;
      const size = own === UNTOUCHED ? 1 : 1 << (own & 0x0f);
      if (holder === PCP) {
        onPcp = true;
        this.pcp.unlink(at, this.pages.zoneOf(at));
      } else if (holder === ALLOCATED || holder === HELD) {
        owned += size;
      }
      state[at] = UNTOUCHED;
      at += size;
    }
    if (onFree) return FOUND.ON_FREE_LIST;
    if (onPcp) return FOUND.ON_PCP;
    if (owned >= 1 << order) return FOUND.ALLOCATED;
    return owned > 0 ? FOUND.PART : FOUND.UNKNOWN;
  }

  /** Head of a larger block on a CPU's list or of an owner that contains (row, order); -1 for none. */
  private enclosingHead(row: number, order: number): number {
    const { state, area } = this;
    for (let have = order + 1; have <= area.maxOrder; have++) {
      const head = row & -(1 << have);
      const own = state[head];
      const holder = own & 0xf0;
      if ((own & 0x0f) === have && own !== UNTOUCHED && holder !== FREE) return head;
    }
    return -1;
  }

  /** Cuts a larger block so that (row, order) is taken out; its other parts become blocks of the same holder. */
  private cutOwner(head: number, row: number, order: number): void {
    const { state, pcp, pages } = this;
    const have = state[head] & 0x0f;
    let holder = state[head] & 0xf0;
    if (holder === PCP) {
      // A listed block that was broken up: what is left is in somebody's hands.
      pcp.unlink(head, pages.zoneOf(head));
      holder = ALLOCATED;
    }
    let block = head;
    for (let at = have - 1; at >= order; at--) {
      const upper = block + (1 << at);
      if (row >= upper) {
        state[block] = holder | at;
        block = upper;
      } else {
        state[upper] = holder | at;
      }
    }
    state[row] = UNTOUCHED;
  }
}
