/**
 * Moving pages that are in use: isolate the source, take a target, copy, point the users at it, free the source.
 * Physical addresses are pfns here: whoever moves pages thinks in ranges of a machine, not in rows.
 *
 * Models: mm/migrate.c migrate_pages(), mm/memory_hotplug.c scan_movable_pages(), do_migrate_range(), 6.12.
 */
import { token } from '../host/token.ts';
import type { Nid, Pfn, Row } from '../base/units.ts';

/** ftrace's words for why pages are moved (mm_migrate_pages `reason`). */
export type MigrateReason =
  | 'compaction'
  | 'memory_hotplug'
  | 'syscall_or_cpuset'
  | 'mempolicy_mbind'
  | 'numa_misplaced'
  | 'contig_range'
  | 'demotion';

/** Why a page stayed. */
export const MIGRATE_FAILURE = {
  /** It is held by somebody who does not let go: a long-term pin, a page under I/O. */
  PINNED: 'pinned',
  /** Not on the LRU and not movable_ops. */
  UNMOVABLE: 'unmovable',
  /** Nothing is known of it. */
  UNCERTAIN: 'uncertain',
  /** No free page for its contents. */
  NO_MEMORY: 'no-memory',
} as const;
export type MigrateFailure = (typeof MIGRATE_FAILURE)[keyof typeof MIGRATE_FAILURE];

export interface MigrateOptions {
  readonly reason: MigrateReason;
  /** Nodes to take targets from, best first. Default: as the kernel chooses for the reason. */
  readonly targetNids?: readonly Nid[];
  /** CPU that does it. Default 0. */
  readonly cpu?: number;
}

export interface MigrateOutcome {
  /** Pages (not blocks) that moved. */
  readonly migrated: number;
  /** Pages that stayed, by reason; empty when all moved. */
  readonly failed: readonly { readonly pfn: Pfn; readonly pages: number; readonly why: MigrateFailure }[];
  /** 0, or the negative error the kernel would give: -ENOMEM when targets ran out, -EAGAIN … when pages stayed. */
  readonly errno: number;
}

export interface PageMigrator {
  /** MOVABILITY of an allocated page; of free, offline and poisoned pages NOTHING. */
  movability(row: Row): number;
  /**
   * First page in [start, end) that migration would take, pinned ones included: that they stay shows when they are moved.
   * -1 when none is left. A page that is logically offline and still held makes it `{ blocked: pfn }`, as a counted
   * PageOffline does in the kernel. Held means that its state byte is not UNTOUCHED: a driver that drops its reference in
   * GOING_OFFLINE sets the byte to UNTOUCHED, and back when the offlining is cancelled.
   */
  nextMovable(start: Pfn, end: Pfn): Pfn | -1 | { readonly blocked: Pfn };
  /** Tries to move every movable page of [start, end) out of it. Emits mm_migrate_pages, charges the clock. */
  migrateRange(start: Pfn, end: Pfn, options: MigrateOptions): MigrateOutcome;
  /** Moves single allocated blocks, given by the row of their heads. */
  migratePages(rows: Int32Array, count: number, options: MigrateOptions): MigrateOutcome;
  /** Says that somebody holds a page of a block with an extra reference (a pin), or lets go of it. Pinned pages stay. */
  setPinned(row: Row, pinned: boolean): void;
  /**
   * Where the contents that were first allocated at a row are now; the row itself when they never moved, -1 when they were
   * freed. For whoever keeps row numbers across migrations: replayed owners, slab models, tests. When a row was given out
   * again after its contents moved away, two contents were first allocated there, and this follows those that moved last:
   * who must tell them apart listens with onMove(). Memory that goes offline takes the names of its rows along: from then on
   * -1 for contents that were first allocated there, wherever they are.
   */
  currentRow(firstRow: Row): Row;
  /** Tells of every block whose contents move, from row to row, whoever moves them. Disposing the result ends it. */
  onMove(listener: (source: Row, target: Row, order: number) => void): Disposable;
}

export const PageMigrator = token<PageMigrator>()('core.PageMigrator', { provider: 'buddy() from @replug/buddy' });
