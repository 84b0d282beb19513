/**
 * Moving pages in use: what migrate_pages() does with a list of blocks, and who makes such lists.
 *
 * A list is worked off the way the profile's kernel does it: 6.12 takes targets for up to 512 pages, then moves them all;
 * 6.1 goes block by block. A block that finds no target of its order is split, if it is a huge page of an LRU, and its pages
 * are moved one by one; otherwise the list ends there. Nothing that stays is changed.
 *
 * Targets: for memory offlining any other node with memory, near ones first, and the own node only if it is the only one;
 * else the own node's zonelist. A page from ZONE_MOVABLE may go there again, a single page from another zone may not.
 * Each target fires mm_page_alloc, each emptied source mm_page_free.
 *
 * Assumed, because no class says it: pages of files are clean; a pinned page of a process is seen to be so before it is
 * isolated, a pinned page of a file when it is to be moved. Left out: pages under writeback, the pool of free hugetlb pages
 * (a replacement is allocated), migrate_pages()'s ten passes over a page that is locked for a moment.
 *
 * Models: mm/migrate.c migrate_pages(), migrate_pages_batch(), alloc_migration_target(); mm/memory_hotplug.c
 * scan_movable_pages(), do_migrate_range(), 6.1 and 6.12.
 */
import {
  CLASS_MOVABILITY,
  ERRNO,
  GFP,
  GFP_MASKS,
  MIGRATE_FAILURE,
  MOVABILITY,
  PAGE_CLASS,
  PAGE_STATE,
  type Machine,
  type MigrateFailure,
  type MigrateOptions,
  type MigrateOutcome,
  type MigrateReason,
  type PageMap,
  type PageMigrator,
  type Tracepoints,
  type VirtualClock,
} from '@replug/core';
import type { BuddyAllocator } from './allocator.ts';
import type { Blocks } from './blocks.ts';
import { badCpu, notAllocated } from './errors.ts';
import type { PageIdentity } from './identity.ts';
import type { BlockMover } from './migrate.ts';
import { CLASS_MASK, hugetlbMigrates, ON_LRU } from './page-rules.ts';

/** NR_MAX_BATCHED_MIGRATION: pages whose targets are taken before the first is moved (6.12). */
const BATCH_PAGES = 512;
const TARGET_GFP = GFP_MASKS.GFP_USER | GFP.MOVABLE | GFP.RETRY_MAYFAIL;

/** What migrate_pages() counts for its tracepoint, and what became of the pages. */
interface Tally {
  succeeded: number;
  failed: number;
  thpSucceeded: number;
  thpFailed: number;
  thpSplit: number;
  split: number;
  noMemory: boolean;
  readonly stayed: { pfn: number; pages: number; why: MigrateFailure }[];
}

/** Where targets come from: nodes best first, or the zonelist of one node. */
type Targets = { readonly nids: readonly number[] } | { readonly nid: number };

export interface MigratorParts {
  readonly machine: Machine;
  readonly allocator: BuddyAllocator;
  readonly blocks: Blocks;
  readonly identity: PageIdentity;
  readonly mover: BlockMover;
  readonly tracepoints: Tracepoints;
  readonly clock: VirtualClock;
}

export class BuddyMigrator implements PageMigrator {
  private readonly parts: MigratorParts;
  private readonly pages: PageMap;
  private readonly blocks: Blocks;
  private readonly batches: boolean;
  private readonly hugetlb: boolean;

  constructor(parts: MigratorParts) {
    this.parts = parts;
    this.pages = parts.machine.pages;
    this.blocks = parts.blocks;
    this.batches = parts.machine.description.profile === '6.12';
    this.hugetlb = hugetlbMigrates(parts.machine.description.arch);
  }

  movability(row: number): number {
    const holder = this.blocks.holderOf(row);
    if (holder === PAGE_STATE.FREE || holder === PAGE_STATE.PCP) return MOVABILITY.NOTHING;
    const cls = this.classOf(row);
    if (CLASS_MOVABILITY[cls] === MOVABILITY.NOTHING)
      return cls === PAGE_CLASS.OFFLINE || cls === PAGE_CLASS.HWPOISON ? MOVABILITY.NOTHING : MOVABILITY.UNCERTAIN;
    const head = this.blocks.head(row);
    if (head >= 0 && this.parts.identity.isPinned(head, 1 << this.blocks.order(head))) return MOVABILITY.UNMOVABLE;
    if (cls === PAGE_CLASS.HUGETLB && !this.hugetlb) return MOVABILITY.UNMOVABLE;
    return CLASS_MOVABILITY[cls];
  }

  nextMovable(start: number, end: number): number | { readonly blocked: number } {
    for (let pfn = start; pfn < end;) {
      const row = this.pages.pfnToRow(pfn);
      if (row < 0) {
        pfn++;
        continue;
      }
      const head = this.blocks.head(row);
      if (head < 0) {
        const bare = this.blocks.bareEnd(row, row + (end - pfn));
        for (let at = row; at < bare; at = this.blocks.classEnd(at, bare))
          if (this.canIsolate(this.classOf(at))) return pfn + (at - row);
        pfn += bare - row;
        continue;
      }
      const holder = this.blocks.holder(head);
      if (holder === PAGE_STATE.FREE || holder === PAGE_STATE.PCP) {
        pfn += head + (1 << this.blocks.order(head)) - row;
        continue;
      }
      const cls = this.classOf(row);
      if (this.canIsolate(cls)) {
        // What compaction holds has no owner whose contents could move.
        if (holder !== PAGE_STATE.HELD) return pfn;
      } else if (cls === PAGE_CLASS.OFFLINE) {
        return { blocked: pfn };
      }
      pfn++;
    }
    return -1;
  }

  migrateRange(start: number, end: number, options: MigrateOptions): MigrateOutcome {
    const heads: number[] = [];
    const unfit: Tally['stayed'] = [];
    const first = this.pages.pfnToRow(start);
    let from = start;
    // A block that began before the range is taken whole.
    const around = first < 0 ? -1 : this.blocks.head(first);
    if (around >= 0) from = start - (first - around);
    for (let pfn = from; pfn < end;) {
      const row = this.pages.pfnToRow(pfn);
      const holder = row < 0 ? PAGE_STATE.UNTOUCHED : this.blocks.holder(row);
      const size = row < 0 ? 1 : 1 << this.blocks.order(row);
      if (row >= 0 && holder === PAGE_STATE.ALLOCATED) {
        const cls = this.classOf(row);
        if (this.canIsolate(cls)) heads.push(row);
        else if (CLASS_MOVABILITY[cls] !== MOVABILITY.NOTHING) unfit.push({ pfn, pages: size, why: this.whyNot(cls) });
      } else if (row >= 0 && holder === PAGE_STATE.UNTOUCHED && this.staysForGood(row)) {
        unfit.push({ pfn, pages: 1, why: this.whyNot(this.classOf(row)) });
      }
      pfn += size;
    }
    // Isolated pages are put in front of the list (6.1, for memory offlining: behind it).
    if (this.batches || options.reason !== 'memory_hotplug') heads.reverse();
    return this.migrateList(heads, options, unfit);
  }

  migratePages(rows: Int32Array, count: number, options: MigrateOptions): MigrateOutcome {
    const heads: number[] = [];
    const unfit: Tally['stayed'] = [];
    for (let i = 0; i < Math.min(count, rows.length); i++) {
      const row = rows[i];
      const pfn = this.pages.rowToPfn(row);
      const order = this.blocks.order(row);
      if (this.blocks.holder(row) !== PAGE_STATE.ALLOCATED) throw notAllocated(pfn, order);
      const cls = this.classOf(row);
      if (this.canIsolate(cls)) heads.push(row);
      else unfit.push({ pfn, pages: 1 << order, why: this.whyNot(cls) });
    }
    return this.migrateList(heads, options, unfit);
  }

  setPinned(row: number, pinned: boolean): void {
    const head = this.blocks.head(row);
    if (head < 0 || this.blocks.holder(head) !== PAGE_STATE.ALLOCATED) throw notAllocated(this.pages.rowToPfn(row), 0);
    this.parts.identity.setPinned(row, pinned);
  }

  currentRow(firstRow: number): number {
    const { identity } = this.parts;
    const moved = identity.movedTo(firstRow);
    if (moved >= 0) return moved;
    return this.blocks.holderOf(firstRow) === PAGE_STATE.ALLOCATED && identity.isHome(firstRow) ? firstRow : -1;
  }

  onMove(listener: (source: number, target: number, order: number) => void): Disposable {
    return this.parts.identity.listen(listener);
  }

  /** True for classes that can be isolated for migration: on the LRU, movable_ops, or hugetlb that may move. */
  canIsolate(cls: number): boolean {
    return ON_LRU[cls] === 1 || (cls === PAGE_CLASS.HUGETLB && this.hugetlb);
  }

  /** True when nobody can move the block's contents: a pin. */
  isHeld(head: number): boolean {
    return this.classOf(head) === PAGE_CLASS.PINNED || this.parts.identity.isPinned(head, 1 << this.blocks.order(head));
  }

  /** migrate_pages() on blocks given by their heads, in this order. */
  migrateList(
    heads: readonly number[],
    options: MigrateOptions,
    unfit: readonly { pfn: number; pages: number; why: MigrateFailure }[] = [],
  ): MigrateOutcome {
    const cpu = options.cpu ?? 0;
    const { cpus } = this.parts.machine.description;
    if (!(cpu >= 0 && cpu < cpus)) throw badCpu(cpu, cpus);
    const tally: Tally = {
      ...{ succeeded: 0, failed: 0, thpSucceeded: 0, thpFailed: 0, thpSplit: 0, split: 0, noMemory: false },
      stayed: [],
    };
    // An empty list is never handed to migrate_pages() by memory offlining; contiguous allocation does it.
    if (heads.length > 0 || options.reason === 'contig_range') this.run(heads, options, cpu, tally);
    const failed = [...unfit, ...tally.stayed];
    const errno = tally.noMemory ? -ERRNO.ENOMEM : failed.length > 0 ? -ERRNO.EAGAIN : 0;
    return { migrated: tally.succeeded, failed, errno };
  }

  private run(heads: readonly number[], { reason, targetNids }: MigrateOptions, cpu: number, tally: Tally): void {
    const { mm_migrate_pages_start: begin, mm_migrate_pages: end } = this.parts.tracepoints;
    if (begin.enabled) begin.emit('MIGRATE_SYNC', reason);
    const split: number[] = [];
    const isHuge = (head: number): boolean => this.classOf(head) === PAGE_CLASS.HUGETLB;
    // Hugetlb pages go first, one at a time.
    const sorted = heads.some(isHuge) ? [...heads.filter(isHuge), ...heads.filter((head) => !isHuge(head))] : heads;
    let at = 0;
    while (at < sorted.length && !tally.noMemory) at = this.batch(sorted, at, reason, targetNids, cpu, tally, split);
    for (; at < sorted.length; at++) this.stay(sorted[at], MIGRATE_FAILURE.NO_MEMORY, tally, false);
    // Pages of blocks that were split get one more try; what fails now is in no count.
    this.moveSplit(split, reason, targetNids, cpu, tally);
    if (end.enabled) {
      const { succeeded, failed, thpSucceeded, thpFailed, thpSplit, split: pieces } = tally;
      end.emit(succeeded, failed, thpSucceeded, thpFailed, thpSplit, this.batches ? pieces : 0, 'MIGRATE_SYNC', reason);
    }
  }

  /** Works off one batch from `at`; returns where the next begins. */
  private batch(
    heads: readonly number[],
    at: number,
    reason: MigrateReason,
    nids: readonly number[] | undefined,
    cpu: number,
    tally: Tally,
    split: number[],
  ): number {
    const sources: number[] = [];
    const targets: number[] = [];
    let pages = 0;
    let next = at;
    const limit = this.batches ? BATCH_PAGES : 1;
    while (next < heads.length && pages < limit && !tally.noMemory) {
      const head = heads[next];
      const order = this.blocks.order(head);
      const cls = this.classOf(head);
      pages += 1 << order;
      if (this.isHeld(head)) {
        this.stay(head, MIGRATE_FAILURE.PINNED, tally, true);
        next++;
        continue;
      }
      const target = this.target(head, order, cls, reason, nids, cpu);
      if (target >= 0) {
        sources.push(head);
        targets.push(target);
      } else if (order > 0 && cls !== PAGE_CLASS.HUGETLB && reason !== 'numa_misplaced') {
        this.splitBlock(head, order, tally);
        split.push(head, order);
      } else {
        tally.noMemory = true;
        this.stay(head, MIGRATE_FAILURE.NO_MEMORY, tally, true);
      }
      next++;
    }
    for (let i = 0; i < sources.length; i++) this.move(sources[i], targets[i], cpu, tally);
    return next;
  }

  /** try_to_split_folio(): the pages of a huge page become pages of their own, still the same process's or file's. */
  private splitBlock(head: number, order: number, tally: Tally): void {
    if (order === this.pages.arch.thpOrder) {
      tally.thpFailed++;
      tally.thpSplit++;
    }
    tally.split++;
    this.parts.allocator.splitPage(head, order);
    const { pageClass } = this.pages;
    for (let row = head; row < head + (1 << order); row++)
      if ((pageClass[row] & CLASS_MASK) === PAGE_CLASS.THP) pageClass[row] = PAGE_CLASS.LRU_ANON;
  }

  /** `split`: pairs of head and order. */
  private moveSplit(
    split: readonly number[],
    reason: MigrateReason,
    nids: readonly number[] | undefined,
    cpu: number,
    tally: Tally,
  ): void {
    let dry = tally.noMemory;
    for (let i = 0; i < split.length; i += 2) {
      const end = split[i] + (1 << split[i + 1]);
      for (let row = split[i]; row < end; row++) {
        const target = dry ? -1 : this.target(row, 0, this.classOf(row), reason, nids, cpu);
        if (target >= 0) {
          this.move(row, target, cpu, tally);
          continue;
        }
        dry = true;
        tally.stayed.push({ pfn: this.pages.rowToPfn(row), pages: 1, why: MIGRATE_FAILURE.NO_MEMORY });
      }
    }
    // migrate_pages() says -ENOMEM for single pages only; here the caller is told what the pages lack.
    if (dry && split.length > 0) tally.noMemory = true;
  }

  private move(source: number, target: number, cpu: number, tally: Tally): void {
    const { mover, allocator, clock } = this.parts;
    const order = this.blocks.order(source);
    const pages = 1 << order;
    mover.moveBlock(source, target, order);
    allocator.free(source, order, cpu);
    clock.charge('pageMigration', pages);
    clock.charge('pageCopy4K', (pages * 2 ** this.pages.arch.pageShift) / 4096);
    tally.succeeded += pages;
    if (this.isThp(target, order)) tally.thpSucceeded++;
  }

  private stay(head: number, why: MigrateFailure, tally: Tally, counts: boolean): void {
    const order = this.blocks.order(head);
    tally.stayed.push({ pfn: this.pages.rowToPfn(head), pages: 1 << order, why });
    if (!counts) return;
    tally.failed += 1 << order;
    if (this.isThp(head, order)) tally.thpFailed++;
  }

  /** folio_test_pmd_mappable(), hugetlb aside. */
  private isThp(head: number, order: number): boolean {
    return order > 0 && order === this.pages.arch.thpOrder && this.classOf(head) !== PAGE_CLASS.HUGETLB;
  }

  /** alloc_migration_target(). */
  private target(
    source: number,
    order: number,
    cls: number,
    reason: MigrateReason,
    nids: readonly number[] | undefined,
    cpu: number,
  ): number {
    const { allocator } = this.parts;
    const zone = this.parts.machine.zoneOfRow(source)!;
    let gfp = TARGET_GFP;
    if (cls === PAGE_CLASS.HUGETLB) gfp = GFP_MASKS.GFP_HIGHUSER_MOVABLE | GFP.COMP | GFP.NOWARN | GFP.RETRY_MAYFAIL;
    else if (order > 0) gfp = (gfp & ~(GFP.DIRECT_RECLAIM | GFP.KSWAPD_RECLAIM)) | GFP_MASKS.GFP_TRANSHUGE;
    if (zone.kind.name === 'Movable') gfp |= GFP.HIGHMEM;
    const targets = this.targetsFor(zone.nid, reason, nids);
    return 'nid' in targets
      ? allocator.alloc(gfp, order, cpu, targets.nid)
      : allocator.allocOn(gfp, order, cpu, targets.nids);
  }

  private targetsFor(nid: number, reason: MigrateReason, nids: readonly number[] | undefined): Targets {
    if (nids !== undefined) return { nids };
    if (reason !== 'memory_hotplug') return { nid };
    const { zones, nodeOrder } = this.parts.machine;
    const own = zones.nodes.findIndex((node) => node.nid === nid);
    const others = nodeOrder[own]
      .map((at) => zones.nodes[at])
      .filter((node) => node.nid !== nid && node.presentPages > 0)
      .map((node) => node.nid);
    return { nids: others.length > 0 ? others : [nid] };
  }

  private classOf(row: number): number {
    return this.pages.pageClass[row] & CLASS_MASK;
  }

  /** A page that is in no block: of a class that stays, or not known. */
  private staysForGood(row: number): boolean {
    return this.pages.zoneOf(row) >= 0 && CLASS_MOVABILITY[this.classOf(row)] !== MOVABILITY.NOTHING;
  }

  private whyNot(cls: number): MigrateFailure {
    return cls === PAGE_CLASS.UNKNOWN || this.canIsolate(cls) ? MIGRATE_FAILURE.UNCERTAIN : MIGRATE_FAILURE.UNMOVABLE;
  }
}
