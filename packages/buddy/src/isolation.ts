/**
 * Pageblock isolation: a pageblock of type ISOLATE gives nothing away, and what is freed into it stays.
 *
 * A range is isolated from its two ends inwards, because a block larger than a pageblock may lie across an end; if one
 * pageblock is refused, those before it are given back. What the profiles do differently:
 *
 *   6.12  a free block that is larger than the pageblock is cut into pageblocks when one of them changes its type; an
 *         allocated one across an end of the range refuses the isolation, unless it is a huge page of hugetlbfs
 *   6.1   free blocks change lists whole; one across an end is cut afterwards, and an allocated one there is migrated first
 *
 * In 6.1 a block that was cut at the end of a range merges again across it as long as the last pageblock but one is not
 * isolated; where the largest block has more than two pageblocks, pages behind the range are so set apart with it until the
 * isolation is undone.
 *
 * What is refused is told by the class of a page. Where the kernel looks at a reference count this looks at the state byte:
 * pages on per-CPU lists and pages that compaction holds have none.
 *
 * Errors: none; a Blocker says why. Models: mm/page_isolation.c has_unmovable_pages(), set_migratetype_isolate(),
 * unset_migratetype_isolate(), isolate_single_pageblock(), start_isolate_page_range(), test_pages_isolated();
 * mm/page_alloc.c move_freepages_block_isolate(), split_free_page(), 6.1.192 and 6.12.117. Left out: unaccepted memory.
 */
import {
  ERRNO,
  MIGRATE,
  PAGE_CLASS,
  PAGE_STATE,
  STATE_HOLDER_MASK,
  STATE_ORDER_MASK,
  type Blocker,
  type IsolateOptions,
  type Machine,
  type PageMap,
  type Tracepoints,
} from '@replug/core';
import type { Blocks } from './blocks.ts';
import type { Emptied } from './contig-migrate.ts';
import type { FreeArea } from './free-area.ts';
import { CLASS_MASK, hugetlbMigrates, ON_LRU, refusalOf } from './page-rules.ts';

/** Moves an allocated block out of its place (6.1: one that lies across the end of a range). */
export type MoveAway = (head: number, order: number) => Emptied;

export class Isolation {
  private readonly machine: Machine;
  private readonly pages: PageMap;
  private readonly area: FreeArea;
  private readonly blocks: Blocks;
  private readonly trace: Tracepoints['test_pages_isolated'];
  /** Pages of a pageblock. */
  readonly size: number;
  private readonly cuts: boolean;
  /** Huge pages of hugetlbfs can be migrated on this architecture. */
  readonly hugetlb: boolean;
  private moveAway!: MoveAway;
  /** Pages moved and dropped to get blocks out of the way, since the last start(). */
  readonly aside = { migrated: 0, reclaimed: 0 };

  constructor(machine: Machine, area: FreeArea, blocks: Blocks, tracepoints: Tracepoints) {
    this.machine = machine;
    this.pages = machine.pages;
    this.area = area;
    this.blocks = blocks;
    this.trace = tracepoints.test_pages_isolated;
    this.size = 1 << area.pageblockOrder;
    this.cuts = machine.description.profile === '6.12';
    this.hugetlb = hugetlbMigrates(machine.description.arch);
  }

  /** Who migrates for 6.1. Called once, while the subsystem is created. */
  useMigration(moveAway: MoveAway): void {
    this.moveAway = moveAway;
  }

  /** First page of [start, end) that would be refused. Changes nothing. */
  unmovable(start: number, end: number, options: IsolateOptions): Blocker | undefined {
    const first = this.floor(start);
    const last = this.ceil(end) - this.size;
    for (let pfn = first; pfn <= last; pfn += this.size) {
      const row = this.validRow(pfn);
      if (row < 0) continue;
      const whole = pfn === first || pfn === last;
      const blocker =
        this.refused(
          row,
          whole ? pfn : Math.max(pfn, start),
          whole ? pfn + this.size : Math.min(pfn + this.size, end),
          options,
        ) ??
        (pfn === first ? this.straddler(pfn, options) : undefined) ??
        (pfn === last ? this.straddler(pfn + this.size, options) : undefined);
      if (blocker !== undefined) return blocker;
    }
    return undefined;
  }

  /** start_isolate_page_range(): undefined when all pageblocks of the range are isolated now. */
  start(start: number, end: number, options: IsolateOptions): Blocker | undefined {
    const { size, aside } = this;
    aside.migrated = aside.reclaimed = 0;
    const first = this.floor(start);
    const stop = this.ceil(end);
    let blocker = this.isolateSingle(first, false, false, options);
    if (blocker !== undefined) return blocker;
    blocker = this.isolateSingle(stop, true, first === stop - size, options);
    if (blocker !== undefined) {
      this.unset(first, options.migratetype);
      return blocker;
    }
    for (let pfn = first + size; pfn < stop - size; pfn += size) {
      const row = this.validRow(pfn);
      if (row < 0) continue;
      blocker = this.set(row, Math.max(pfn, start), Math.min(pfn + size, end), options);
      if (blocker === undefined) continue;
      this.undo(first, pfn, options.migratetype);
      this.unset(stop - size, options.migratetype);
      return blocker;
    }
    return undefined;
  }

  /** undo_isolate_page_range(). */
  undo(start: number, end: number, migratetype: number): void {
    for (let pfn = this.floor(start); pfn < this.ceil(end); pfn += this.size) this.unset(pfn, migratetype);
  }

  /** test_pages_isolated(): pfn at which the test stopped; ≥ end when all of the range is free and isolated. */
  test(start: number, end: number, memoryOffline: boolean): number {
    const { pages, area, trace } = this;
    let pfn = start;
    for (; pfn < end; pfn += this.size) {
      const row = this.validRow(pfn);
      if (row >= 0 && area.pageblockType(row) !== MIGRATE.ISOLATE) break;
    }
    if (pfn >= end) {
      for (pfn = start; pfn < end;) {
        const row = pages.pfnToRow(pfn);
        if (row < 0) break;
        const order = area.freeOrder(row);
        if (order >= 0) pfn += 2 ** order;
        else {
          const away = memoryOffline ? this.awayFrom(row, row + (end - pfn)) : 0;
          if (away === 0) break;
          pfn += away;
        }
      }
    }
    if (trace.enabled) trace.emit(start, end, pfn, end <= pfn ? 'success' : 'fail');
    return pfn;
  }

  /** find_large_buddy(): head pfn of a free block that begins before a pfn and covers it; else the pfn. */
  outerStart(pfn: number): number {
    const row = this.pages.pfnToRow(pfn);
    const head = row < 0 ? -1 : this.area.freeHead(row);
    return head < 0 ? pfn : pfn - (row - head);
  }

  floor(pfn: number): number {
    return Math.floor(pfn / this.size) * this.size;
  }

  ceil(pfn: number): number {
    return Math.ceil(pfn / this.size) * this.size;
  }

  /** First row of a pageblock that belongs to a zone; -1 when none does. */
  validRow(pfn: number): number {
    const { pages } = this;
    const row = pages.pfnToRow(pfn);
    if (row < 0) return -1;
    for (let at = row; at < row + this.size; at++) if (pages.zoneOf(at) >= 0) return at;
    return -1;
  }

  /** Pages from a row on that are poisoned, or logically offline and let go of: the driver has dropped its reference. */
  private awayFrom(row: number, end: number): number {
    const { pageClass } = this.pages;
    if (this.blocks.head(row) >= 0) return (pageClass[row] & CLASS_MASK) === PAGE_CLASS.HWPOISON ? 1 : 0;
    const bare = this.blocks.bareEnd(row, end);
    let at = row;
    for (; at < bare; at = this.blocks.classEnd(at, bare)) {
      const own = pageClass[at] & CLASS_MASK;
      if (own !== PAGE_CLASS.OFFLINE && own !== PAGE_CLASS.HWPOISON) break;
    }
    return at - row;
  }

  private blocker(row: number, why: string): Blocker {
    return { pfn: this.pages.rowToPfn(row), pageClass: this.pages.pageClass[row] & CLASS_MASK, why };
  }

  /** What set_migratetype_isolate() finds against a pageblock; [from, to) of it is looked at. */
  private refused(row: number, from: number, to: number, options: IsolateOptions): Blocker | undefined {
    const { pages, area } = this;
    if (row < 0 || pages.zoneOf(row) < 0) return { pfn: from, pageClass: PAGE_CLASS.HOLE, why: 'hole' };
    const type = area.pageblockType(row);
    if (type === MIGRATE.ISOLATE) return this.blocker(row, 'isolated');
    const start = pages.pfnToRow(from);
    if (type === MIGRATE.CMA) {
      if (options.migratetype !== MIGRATE.CMA) return this.blocker(start, 'cma');
    } else {
      const blocker = this.unmovableIn(start, start + (to - from), options.memoryOffline === true);
      if (blocker !== undefined) return blocker;
    }
    if (this.cuts && !this.isWhole(row)) return this.blocker(row, 'zone-border');
    return undefined;
  }

  /** has_unmovable_pages() behind its test for CMA. */
  private unmovableIn(start: number, end: number, memoryOffline: boolean): Blocker | undefined {
    const { pages, area, blocks } = this;
    const { state, pageClass, sectionZone, sectionShift } = pages;
    const movableZone = this.machine.zones.all[pages.zoneOf(start)]?.kind.name === 'Movable';
    let row = start;
    const head = blocks.head(start);
    if (head >= 0 && blocks.holder(head) !== PAGE_STATE.ALLOCATED) row = head + (1 << blocks.order(head));
    const largest = (1 << area.maxOrder) - 1;
    while (row < end) {
      const own = state[row];
      const holder = own & STATE_HOLDER_MASK;
      if (holder === PAGE_STATE.FREE || holder === PAGE_STATE.PCP || holder === PAGE_STATE.HELD) {
        row += 1 << (own & STATE_ORDER_MASK);
        continue;
      }
      // Free blocks of the maximal order have no state byte.
      if ((row & largest) === 0 && area.freeOrder(row) >= 0) {
        row += largest + 1;
        continue;
      }
      const shared = sectionZone[row >>> sectionShift] === 0;
      if (shared && pages.zoneOf(row) < 0) return this.blocker(row, 'hole');
      const why = refusalOf(pageClass[row] & CLASS_MASK, movableZone, memoryOffline, this.hugetlb);
      if (why !== '') return this.blocker(row, why);
      row = shared ? row + 1 : blocks.alikeEnd(row, end);
    }
    return undefined;
  }

  /** The zone has all of a row's pageblock. */
  private isWhole(row: number): boolean {
    const { pages, machine } = this;
    const start = pages.rowToPfn(row & -this.size);
    const zone = machine.zones.all[pages.zoneOf(row)];
    return start >= zone.startPfn && start + this.size <= zone.endPfn;
  }

  /** set_migratetype_isolate(). */
  private set(row: number, from: number, to: number, options: IsolateOptions): Blocker | undefined {
    const blocker = this.refused(row, from, to, options);
    if (blocker === undefined) this.retype(row, MIGRATE.ISOLATE);
    return blocker;
  }

  /** unset_migratetype_isolate(): a free block whose buddy is free and not isolated merges with it. */
  private unset(pfn: number, type: number): void {
    const { area, pages } = this;
    const row = this.validRow(pfn);
    if (row < 0 || area.pageblockType(row) !== MIGRATE.ISOLATE) return;
    const order = area.freeOrder(row);
    if (order >= area.pageblockOrder && order < area.maxOrder) {
      const buddy = row ^ (1 << order);
      const zone = pages.zoneOf(row);
      const merges =
        area.freeOrder(buddy) === order &&
        pages.zoneOf(buddy) === zone &&
        area.pageblockType(buddy) !== MIGRATE.ISOLATE;
      if (merges) {
        area.takeInside(row, order, row, order, zone);
        area.setPageblockType(row, zone, type);
        area.freeOne(row, zone, order, type, true);
        return;
      }
    }
    this.retype(row, type);
  }

  /** The pageblock of a row gets a type, its free blocks go to the tails of that type's lists. */
  private retype(row: number, type: number): void {
    const { area, pages } = this;
    const zone = pages.zoneOf(row);
    const start = row & -this.size;
    if (this.cuts && area.pageblockOrder < area.maxOrder) {
      const head = area.freeHead(start);
      const order = head < 0 ? -1 : area.freeOrder(head);
      if (order > area.pageblockOrder) {
        area.takeInside(head, order, head, order, zone);
        area.setPageblockType(start, zone, type);
        for (let at = head; at < head + (1 << order); at += this.size)
          area.freeOne(at, zone, area.pageblockOrder, area.pageblockType(at), false);
        return;
      }
    }
    for (let at = start; at < start + this.size;) {
      const order = area.freeOrder(at);
      if (order >= 0 && pages.zoneOf(at) === zone) area.moveToList(at, zone, order, type);
      at = order >= 0 ? at + (1 << order) : this.blocks.unfreeEnd(at, start + this.size);
    }
    area.setPageblockType(start, zone, type);
  }

  /** isolate_single_pageblock(): the pageblock behind a boundary, or the one before it. */
  private isolateSingle(
    boundary: number,
    before: boolean,
    alreadyIsolated: boolean,
    options: IsolateOptions,
  ): Blocker | undefined {
    const pfn = before ? boundary - this.size : boundary;
    const row = this.pages.pfnToRow(pfn);
    if (!alreadyIsolated) {
      const blocker = this.set(row, pfn, pfn + this.size, options);
      if (blocker !== undefined) return blocker;
    }
    const blocker = this.cuts ? this.straddler(boundary, options) : this.cut61(boundary);
    if (blocker !== undefined && !alreadyIsolated) this.unset(pfn, options.migratetype);
    return blocker;
  }

  /** Head row of the block across a pfn, -1 for none. Blocks never lie across sections. */
  private across(boundary: number): number {
    const { pages, blocks } = this;
    const below = pages.pfnToRow(boundary - 1);
    const above = pages.pfnToRow(boundary);
    if (below < 0 || above !== below + 1 || pages.zoneOf(below) < 0 || pages.zoneOf(above) < 0) return -1;
    const head = blocks.head(below);
    return head >= 0 && head + (1 << blocks.order(head)) > above ? head : -1;
  }

  /** An allocated block across an end of the range that stops the isolation. */
  private straddler(boundary: number, options: IsolateOptions): Blocker | undefined {
    const head = this.across(boundary);
    if (head < 0 || this.blocks.holder(head) !== PAGE_STATE.ALLOCATED) return undefined;
    const cls = this.pages.pageClass[head] & CLASS_MASK;
    if (this.cuts) return cls === PAGE_CLASS.HUGETLB ? undefined : this.blocker(head, 'straddles');
    // 6.1 would migrate it, which needs its first pageblock to be isolated too.
    if (ON_LRU[cls] === 0 && cls !== PAGE_CLASS.HUGETLB) return this.blocker(head, 'straddles');
    return this.area.pageblockType(head) === MIGRATE.ISOLATE
      ? undefined
      : this.unmovableIn(head & -this.size, (head & -this.size) + this.size, options.memoryOffline === true);
  }

  /** 6.1: a block across an end is migrated if it is allocated, and cut there once it is free. */
  private cut61(boundary: number): Blocker | undefined {
    const { pages, area, blocks } = this;
    const head = this.across(boundary);
    if (head < 0) return undefined;
    if (blocks.holder(head) === PAGE_STATE.ALLOCATED) {
      const cls = pages.pageClass[head] & CLASS_MASK;
      if (ON_LRU[cls] === 0 && cls !== PAGE_CLASS.HUGETLB) return this.blocker(head, 'straddles');
      const type = area.pageblockType(head);
      const order = blocks.order(head);
      const start = pages.rowToPfn(head);
      if (type !== MIGRATE.ISOLATE) {
        const blocker = this.set(head, start, start + this.size, { migratetype: type });
        if (blocker !== undefined) return blocker;
      }
      const gone = this.moveAway(head, order);
      if (type !== MIGRATE.ISOLATE) this.unset(start, type);
      this.aside.migrated += gone.migrated;
      this.aside.reclaimed += gone.reclaimed;
      if (gone.errno !== 0) return this.blocker(head, 'straddles');
    }
    const free = this.across(boundary);
    if (free >= 0 && blocks.holder(free) === PAGE_STATE.FREE) this.splitFree61(free, boundary - pages.rowToPfn(free));
    return undefined;
  }

  /** split_free_page(): a free block is cut at an offset; each part goes to the lists of its pageblock. */
  private splitFree61(head: number, offset: number): void {
    const { area, pages } = this;
    const order = area.freeOrder(head);
    const zone = pages.zoneOf(head);
    const end = head + (1 << order);
    area.takeInside(head, order, head, order, zone);
    let left = offset;
    for (let at = head; at < end;) {
      const aligned = at === 0 ? order : 31 - Math.clz32(at & -at);
      const part = Math.min(aligned, 31 - Math.clz32(left));
      area.freeOne(at, zone, part, area.pageblockType(at), false);
      at += 1 << part;
      left -= 1 << part;
      if (left === 0) left = end - at;
    }
  }
}

/** -EBUSY for a blocker, 0 for none. */
export const errnoOf = (blocker: Blocker | undefined): number => (blocker === undefined ? 0 : -ERRNO.EBUSY);
