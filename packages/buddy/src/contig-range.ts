/**
 * ContiguousRanges: isolation of ranges, contiguous allocation on top of it, and what memory on- and offlining ask of the
 * allocator. Ranges are half-open pfns of one zone; a range that is not gets -EINVAL, or RP2008 where nothing is returned.
 *
 *   alloc()   isolate → drain per-CPU lists → migrate and drop → test → take the free blocks, as single pages → give back
 *             what lies outside the range → undo the isolation. No tracepoint tells of the allocated pages.
 *
 * alloc() charges what it does to the clock; the single steps (isolation, per-CPU lists off) charge nothing, whoever takes
 * them does. A failed alloc() leaves pageblocks with the type that it was asked for, whatever they were: so does the kernel. One thing
 * the kernel does is left out: refused because a pageblock is isolated already, it undoes that isolation of somebody else.
 *
 * Models: mm/page_alloc.c alloc_contig_range(), free_contig_range(), zone_pcp_disable(), __offline_isolated_pages(),
 * __free_pages_core(); mm/memory_hotplug.c online_pages_range(); mm/compaction.c isolate_freepages_range(), 6.1 and 6.12.
 */
import {
  ERRNO,
  MIGRATE,
  PAGE_CLASS,
  PAGE_STATE,
  type Blocker,
  type ContigOutcome,
  type ContiguousRanges,
  type IsolateOptions,
  type Machine,
  type OnlinePage,
  type PageMap,
  type RangeOutcome,
  type Tracepoints,
  type VirtualClock,
  type ZoneSizing,
} from '@replug/core';
import type { BuddyAllocator } from './allocator.ts';
import type { Blocks } from './blocks.ts';
import type { ContigMigration } from './contig-migrate.ts';
import { badRange } from './errors.ts';
import type { FreeArea } from './free-area.ts';
import { errnoOf, type Isolation } from './isolation.ts';
import type { BuddyMigrator } from './migrator.ts';
import { CLASS_MASK, refusalOf } from './page-rules.ts';

/** CPU that works on ranges. */
const CPU = 0;

export interface RangeParts {
  readonly machine: Machine;
  readonly area: FreeArea;
  readonly allocator: BuddyAllocator;
  readonly blocks: Blocks;
  readonly isolation: Isolation;
  readonly migrator: BuddyMigrator;
  readonly migration: ContigMigration;
  readonly sizing: ZoneSizing;
  readonly tracepoints: Tracepoints;
  readonly clock: VirtualClock;
}

export class BuddyContiguousRanges implements ContiguousRanges {
  private readonly parts: RangeParts;
  private readonly pages: PageMap;
  private onlinePage: OnlinePage = null;

  constructor(parts: RangeParts) {
    this.parts = parts;
    this.pages = parts.machine.pages;
  }

  /** Binds the decision about pages that come online. Called once the kernel is sealed. */
  bindSlot(onlinePage: OnlinePage): void {
    this.onlinePage = onlinePage;
  }

  unmovable(start: number, end: number, options: IsolateOptions): Blocker | undefined {
    if (this.zoneOf(start, end) < 0) return { pfn: start, pageClass: PAGE_CLASS.HOLE, why: 'no-zone' };
    return this.parts.isolation.unmovable(start, end, options);
  }

  isolate(start: number, end: number, options: IsolateOptions): RangeOutcome {
    if (this.zoneOf(start, end) < 0) return { errno: -ERRNO.EINVAL };
    const blocker = this.parts.isolation.start(start, end, options);
    return { errno: errnoOf(blocker), blocker };
  }

  undoIsolation(start: number, end: number, migratetype: number): void {
    if (!isRange(start, end)) throw badRange(start, end);
    this.parts.isolation.undo(start, end, migratetype);
  }

  testIsolated(start: number, end: number, memoryOffline: boolean): number {
    if (!isRange(start, end)) throw badRange(start, end);
    return this.parts.isolation.test(start, end, memoryOffline) >= end ? 0 : -ERRNO.EBUSY;
  }

  alloc(start: number, end: number, migratetype: number): ContigOutcome {
    const zone = this.zoneOf(start, end);
    const nothing = { migrated: 0, reclaimed: 0 };
    if (zone < 0 || migratetype < 0 || migratetype >= MIGRATE.ISOLATE) return { errno: -ERRNO.EINVAL, ...nothing };
    const { isolation, allocator, migration, clock, machine } = this.parts;
    const options = { migratetype };
    clock.charge('pageblockIsolation', (isolation.ceil(end) - isolation.floor(start)) / isolation.size);
    const blocker = isolation.start(start, end, options);
    const { aside } = isolation;
    if (blocker !== undefined) return { errno: -ERRNO.EBUSY, blocker, ...aside };
    allocator.drainAllPages(zone);
    clock.charge('pcpDrain', machine.description.cpus);
    const emptied = migration.empty(start, end, migratetype, CPU);
    const migrated = emptied.migrated + aside.migrated;
    const reclaimed = emptied.reclaimed + aside.reclaimed;
    let errno = emptied.errno === -ERRNO.EBUSY ? 0 : emptied.errno;
    let found: Blocker | undefined;
    if (errno === 0) {
      const outer = isolation.outerStart(start);
      const stopped = isolation.test(outer, end, false);
      if (stopped < end) {
        errno = -ERRNO.EBUSY;
        found = this.describe(stopped);
      } else {
        this.take(outer, end, start);
      }
    }
    isolation.undo(start, end, migratetype);
    return found === undefined ? { errno, migrated, reclaimed } : { errno, blocker: found, migrated, reclaimed };
  }

  free(start: number, end: number): void {
    if (this.zoneOf(start, end) < 0) throw badRange(start, end);
    for (let pfn = start; pfn < end; pfn++) this.parts.allocator.free(this.pages.pfnToRow(pfn), 0, CPU);
  }

  removeIsolated(start: number, end: number): number {
    if (!isRange(start, end)) throw badRange(start, end);
    const { area, blocks, isolation } = this.parts;
    const { pageClass } = this.pages;
    let taken = 0;
    for (let pfn = start; pfn < end;) {
      const row = this.pages.pfnToRow(pfn);
      const head = row < 0 ? -1 : area.freeHead(row);
      if (head < 0) {
        // Poisoned pages count as the range's: managed pages fall by them as well.
        const bare = row < 0 ? 0 : blocks.bareEnd(row, row + (end - pfn));
        for (let at = row; row >= 0 && at < bare;) {
          const alike = blocks.classEnd(at, bare);
          if ((pageClass[at] & CLASS_MASK) === PAGE_CLASS.HWPOISON) taken += alike - at;
          at = alike;
        }
        pfn += row < 0 ? 1 : bare - row;
        continue;
      }
      const have = area.freeOrder(head);
      const whole = head === row && pfn + 2 ** have <= end;
      area.takeInside(head, have, whole ? head : row, whole ? have : 0, this.pages.zoneOf(row));
      taken += whole ? 2 ** have : 1;
      pfn += whole ? 2 ** have : 1;
    }
    for (let pfn = isolation.floor(start); pfn < isolation.ceil(end); pfn += isolation.size) {
      const row = isolation.validRow(pfn);
      if (row >= 0 && area.pageblockType(row) === MIGRATE.ISOLATE)
        area.setPageblockType(row, this.pages.zoneOf(row), MIGRATE.MOVABLE);
    }
    area.changed();
    return taken;
  }

  releaseIsolated(start: number, end: number): void {
    const zone = this.zoneOf(start, end);
    if (zone < 0) throw badRange(start, end);
    const { area, blocks, sizing, tracepoints } = this.parts;
    const { pages, onlinePage } = this;
    for (let pfn = start; pfn < end;) {
      let order = 0;
      while (order < area.maxOrder && pfn % (2 << order) === 0 && pfn + (2 << order) <= end) order++;
      const row = pages.pfnToRow(pfn);
      if (onlinePage === null || !onlinePage(row, order)) {
        blocks.renew(row, order);
        sizing.adjustManaged(zone, 2 ** order);
        if (tracepoints.mm_page_free.enabled) tracepoints.mm_page_free.emit(pfn, order);
        this.parts.allocator.freeToZone(row, zone, order, true);
      }
      pfn += 2 ** order;
    }
  }

  markIsolated(start: number, end: number): void {
    const zone = this.zoneOf(start, end);
    if (zone < 0) throw badRange(start, end);
    const { area, isolation } = this.parts;
    for (let pfn = isolation.floor(start); pfn < isolation.ceil(end); pfn += isolation.size) {
      const row = isolation.validRow(pfn);
      if (row >= 0) area.setPageblockType(row, zone, MIGRATE.ISOLATE);
    }
    area.changed();
  }

  disablePcp(zone: number): void {
    this.parts.allocator.disablePcp(zone);
  }

  enablePcp(zone: number): void {
    this.parts.allocator.enablePcp(zone);
  }

  /** isolate_freepages_range(): the free blocks become single allocated pages; those outside the range are freed. */
  private take(outer: number, end: number, start: number): void {
    const { area, allocator } = this.parts;
    const { pages } = this;
    let pfn = outer;
    while (pfn < end) {
      const row = pages.pfnToRow(pfn);
      const order = area.freeOrder(row);
      area.takeInside(row, order, row, order, pages.zoneOf(row));
      pages.state.fill(PAGE_STATE.ALLOCATED, row, row + 2 ** order);
      pages.pageClass.fill(PAGE_CLASS.KERNEL, row, row + 2 ** order);
      pfn += 2 ** order;
    }
    for (let at = outer; at < start; at++) allocator.free(pages.pfnToRow(at), 0, CPU);
    for (let at = end; at < pfn; at++) allocator.free(pages.pfnToRow(at), 0, CPU);
  }

  /** The page at which a test stopped. */
  private describe(pfn: number): Blocker {
    const { migrator, isolation, machine, blocks } = this.parts;
    const row = this.pages.pfnToRow(pfn);
    const pageClass = this.pages.pageClass[row] & CLASS_MASK;
    const head = blocks.head(row);
    if (this.parts.area.pageblockType(row) !== MIGRATE.ISOLATE) return { pfn, pageClass, why: 'not-isolated' };
    if (head >= 0 && migrator.isHeld(head)) return { pfn, pageClass, why: 'pinned' };
    if (head >= 0 && blocks.holder(head) === PAGE_STATE.HELD) return { pfn, pageClass, why: 'held' };
    const movable = machine.zones.all[this.pages.zoneOf(row)].kind.name === 'Movable';
    const why = refusalOf(pageClass, false, false, isolation.hugetlb);
    // In ZONE_MOVABLE isolation lets everything pass; what cannot move shows here.
    return { pfn, pageClass, why: why !== '' ? why : movable ? 'in-use' : 'stayed' };
  }

  /** Zone of all pages of a range; -1 when there is not exactly one. Looks at both ends and at each pageblock between. */
  private zoneOf(start: number, end: number): number {
    if (!isRange(start, end)) return -1;
    const first = this.pages.pfnToRow(start);
    const zone = first < 0 ? -1 : this.pages.zoneOf(first);
    if (zone < 0) return -1;
    const { size } = this.parts.isolation;
    for (let pfn = start; pfn < end; pfn = Math.min(end, (Math.floor(pfn / size) + 1) * size)) {
      const row = this.pages.pfnToRow(pfn);
      if (row < 0 || this.pages.zoneOf(row) !== zone) return -1;
    }
    const last = this.pages.pfnToRow(end - 1);
    return last >= 0 && this.pages.zoneOf(last) === zone ? zone : -1;
  }
}

function isRange(start: number, end: number): boolean {
  return Number.isSafeInteger(start) && Number.isSafeInteger(end) && start >= 0 && end > start;
}
