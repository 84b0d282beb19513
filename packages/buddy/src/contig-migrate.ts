/**
 * Emptying an isolated range for a contiguous allocation: pages are isolated in batches of at least 32, clean page cache is
 * dropped, the rest migrated within the node. A page that does not go makes the kernel try its batch five times and then
 * give up on the whole range: what lies behind it stays as it is, and the test that follows finds the range in use.
 *
 * Assumed: pages of files are clean (no class says that one is dirty); anonymous pages are mapped by somebody. Left out:
 * fatal signals, too many isolated pages.
 *
 * Models: mm/page_alloc.c __alloc_contig_migrate_range(); mm/compaction.c isolate_migratepages_range(),
 * isolate_migratepages_block(); mm/vmscan.c reclaim_clean_pages_from_list(), 6.1 and 6.12.
 */
import { ERRNO, PAGE_CLASS, PAGE_STATE, type Machine, type PageMap, type Tracepoints } from '@replug/core';
import type { Blocks } from './blocks.ts';
import type { BuddyMigrator } from './migrator.ts';
import { CLASS_MASK } from './page-rules.ts';
import type { PageDropper } from './reclaimer.ts';

/** COMPACT_CLUSTER_MAX: isolated pages that end a batch. */
const CLUSTER = 32;
const TRIES = 5;

export interface Emptied {
  /** 0, -EBUSY or -ENOMEM. */
  readonly errno: number;
  readonly migrated: number;
  readonly reclaimed: number;
}

export class ContigMigration {
  private readonly pages: PageMap;
  private readonly blocks: Blocks;
  private readonly migrator: BuddyMigrator;
  private readonly dropper: PageDropper;
  private readonly tracepoints: Tracepoints;
  private readonly told: boolean;
  private readonly size: number;

  constructor(
    machine: Machine,
    blocks: Blocks,
    migrator: BuddyMigrator,
    dropper: PageDropper,
    tracepoints: Tracepoints,
  ) {
    this.pages = machine.pages;
    this.blocks = blocks;
    this.migrator = migrator;
    this.dropper = dropper;
    this.tracepoints = tracepoints;
    this.told = machine.description.profile === '6.12';
    this.size = 1 << machine.description.arch.pageblockOrder;
  }

  /** Tries to empty [start, end). `migratetype` is only told. */
  empty(start: number, end: number, migratetype: number, cpu: number): Emptied {
    let errno = 0;
    let moved = 0;
    let reclaimed = 0;
    // As the tracepoint counts them: whole batches, and mapped pages once for each try.
    let counted = 0;
    let mapped = 0;
    for (let pfn = start; pfn < end && errno === 0;) {
      const { heads, next } = this.isolate(pfn, end);
      pfn = next;
      let batch = heads.reverse();
      for (let tries = 0; ; tries++) {
        if (tries > 0 && batch.length === 0) break;
        if (tries === TRIES) {
          errno = -ERRNO.EBUSY;
          break;
        }
        const before = reclaimed;
        batch = batch.filter((head) => {
          const pages = this.dropper.drop(head, cpu);
          reclaimed += pages;
          return pages === 0;
        });
        if (before !== reclaimed) this.dropper.charge(reclaimed - before);
        const size = this.pagesOf(batch);
        mapped += this.mappedOf(batch);
        const outcome = this.migrator.migrateList(batch, { reason: 'contig_range', cpu });
        moved += outcome.migrated;
        if (outcome.errno === 0) counted += size;
        if (outcome.errno === -ERRNO.ENOMEM) {
          errno = outcome.errno;
          break;
        }
        batch = batch.filter((head) => this.blocks.holder(head) === PAGE_STATE.ALLOCATED);
      }
    }
    const trace = this.tracepoints.mm_alloc_contig_migrate_range_info;
    // 6.12 passes its figures in another order than they are printed: migratetype last, but named first. 6.1 has no such event.
    if (this.told && trace.enabled) trace.emit(start, end, mapped, migratetype, counted, reclaimed);
    return { errno, migrated: moved, reclaimed };
  }

  /** isolate_migratepages_range(): heads in ascending order, pageblock by pageblock, until there are enough pages. */
  private isolate(start: number, end: number): { heads: number[]; next: number } {
    const trace = this.tracepoints.mm_compaction_isolate_migratepages;
    const heads: number[] = [];
    let taken = 0;
    let pfn = start;
    while (pfn < end && taken < CLUSTER) {
      const from = pfn;
      const stop = Math.min(end, (Math.floor(pfn / this.size) + 1) * this.size);
      let scanned = 0;
      let isolated = 0;
      while (pfn < stop && taken < CLUSTER) {
        const row = this.pages.pfnToRow(pfn);
        const head = this.blocks.head(row);
        const order = head < 0 ? 0 : this.blocks.order(head);
        const holder = head < 0 ? PAGE_STATE.UNTOUCHED : this.blocks.holder(head);
        let step = 1;
        if (holder === PAGE_STATE.FREE && head === row) step = 1 << order;
        else if (holder === PAGE_STATE.ALLOCATED && this.takes(head)) {
          heads.push(head);
          step = head + (1 << order) - row;
          isolated += 1 << order;
          taken += 1 << order;
        }
        scanned += step;
        pfn += step;
      }
      if (trace.enabled) trace.emit(from, Math.min(pfn, stop), scanned, isolated);
    }
    return { heads, next: pfn };
  }

  /** A pinned page of a process is not isolated, for nobody but the mapping may hold it; one of a file is. */
  private takes(head: number): boolean {
    const cls = this.pages.pageClass[head] & CLASS_MASK;
    if (!this.migrator.canIsolate(cls)) return false;
    return cls === PAGE_CLASS.LRU_FILE || cls === PAGE_CLASS.HUGETLB || !this.migrator.isHeld(head);
  }

  private pagesOf(heads: readonly number[]): number {
    return heads.reduce((sum, head) => sum + 2 ** this.blocks.order(head), 0);
  }

  private mappedOf(heads: readonly number[]): number {
    return this.pagesOf(
      heads.filter((head) => {
        const cls = this.pages.pageClass[head] & CLASS_MASK;
        return cls === PAGE_CLASS.LRU_ANON || cls === PAGE_CLASS.THP;
      }),
    );
  }
}
