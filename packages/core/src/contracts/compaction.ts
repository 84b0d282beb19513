/**
 * Memory compaction: movable pages from the bottom of a zone go to free pages at its top, so that free memory becomes
 * contiguous.
 *
 * A run is a chain of scans. `CompactionRun` says what the next scan would find (`next…`) and is told what it did find
 * (`took…`): a model that compacts tells it what it said, a replay what a recorded event says. Positions are pfns, zones
 * are indices.
 *
 * Models: mm/compaction.c compact_zone(), isolate_migratepages(), isolate_freepages(), 6.1 and 6.12.
 */
import { token } from '../host/token.ts';
import type { Nid, Pfn, Row } from '../base/units.ts';

/** enum migrate_mode: how long migration may wait. */
export const COMPACT_MODE = { ASYNC: 0, SYNC_LIGHT: 1, SYNC: 2 } as const;
export type CompactMode = (typeof COMPACT_MODE)[keyof typeof COMPACT_MODE];

/** enum compact_result, in the kernel's order: of several zones the greatest counts. */
export const COMPACT_RESULT = {
  NOT_SUITABLE_ZONE: 0,
  SKIPPED: 1,
  DEFERRED: 2,
  NO_SUITABLE_PAGE: 3,
  CONTINUE: 4,
  COMPLETE: 5,
  PARTIAL_SKIPPED: 6,
  CONTENDED: 7,
  SUCCESS: 8,
} as const;
export type CompactResult = (typeof COMPACT_RESULT)[keyof typeof COMPACT_RESULT];

/** As tracepoints print them, by value. */
export const COMPACT_RESULT_NAMES = [
  'not_suitable_zone',
  'skipped',
  'deferred',
  'no_suitable_page',
  'continue',
  'complete',
  'partial_skipped',
  'contended',
  'success',
] as const;

/** Order of a run that is for no request: the whole zone (compact_memory, proactive compaction). */
export const WHOLE_ZONE_ORDER = -1;

/** struct compact_control, as far as whoever starts a run decides. */
export interface CompactRequest {
  /** Order that is wanted; WHOLE_ZONE_ORDER for none. */
  readonly order: number;
  readonly mode: CompactMode;
  /** MIGRATE_* of the request. Default: MOVABLE. */
  readonly migratetype?: number;
  /** For a request that waits (direct compaction). Default false: kcompactd, compact_memory. */
  readonly direct?: boolean;
  /** From the zone's ends, and not done until the scanners meet. */
  readonly wholeZone?: boolean;
  readonly ignoreSkip?: boolean;
  /** Pageblocks of any type may receive pages. */
  readonly ignoreSuitable?: boolean;
  /** Stops at the fragmentation score's low mark. */
  readonly proactive?: boolean;
  /** CPU that does it. Default 0. */
  readonly cpu?: number;
}

/** One scan of (a part of) a pageblock: what mm_compaction_isolate_migratepages and _freepages print. */
export interface CompactScan {
  start: Pfn;
  end: Pfn;
  scanned: number;
  taken: number;
  /** A search of the free lists instead of a pageblock (mm_compaction_fast_isolate_freepages; 6.1 tells no event). */
  fast?: boolean;
}

/** What a scanner sees of pages in use. */
export interface CompactionSight {
  /** Order of the compound page whose head this row is; 0: it is none. */
  compoundOrder(row: Row): number;
  /** True when migration would take the page: on the LRU, or movable_ops, and held by nobody else. */
  isSource(row: Row): boolean;
}

/** A run over one zone. */
export interface CompactionRun {
  readonly zone: number;
  readonly migratePfn: Pfn;
  readonly freePfn: Pfn;
  /** Isolated sources that are to be moved; in 6.12 fewer with each target taken. */
  readonly toMigrate: number;
  /** Isolated free pages that no source has taken yet. */
  readonly freePages: number;
  /** A search for free pages is under way: nextFree() goes on with it. */
  readonly searching: boolean;
  /** Puts the scanners where a recorded run began. */
  standAt(migratePfn: Pfn, freePfn: Pfn): void;
  /** A turn of the loop begins: compact_finished() said `continue`. */
  beginTurn(): void;
  /**
   * The next scan for sources: into `scan`, rows of the blocks that it takes into `sources` (in the order of the scan, from
   * index 0). Returns how many blocks, -1 when the run has no pageblock left to scan.
   */
  nextSources(scan: CompactScan, sources: Int32Array): number;
  /** The scan for sources was this. */
  tookSources(scan: CompactScan): void;
  /**
   * The next scan for free pages while targets are needed: into `scan`, heads of the free blocks into `heads`. Returns how
   * many blocks; -1 when there is no pageblock left, or enough was found.
   */
  nextFree(scan: CompactScan, heads: Int32Array): number;
  /** The scan for free pages was this; it took blocks with these heads and orders, which are held now. */
  tookFree(scan: CompactScan, heads: Int32Array, orders: Uint8Array, blocks: number): void;
  /** The target of the next source of an order, which is gone from the free pages; -1: there is none. */
  nextTarget(order: number): Row;
  /** The source did not move to its target. */
  giveBack(row: Row, order: number): void;
  /** A free page is taken out of turn; false when the run does not have it. */
  dropTarget(row: Row): boolean;
  /**
   * migrate_pages() is done: `moved` pages of the sources are in as many of the free pages, `failed` stayed. True: the turn
   * scans on at once (6.12, after a failure).
   */
  migrated(moved: number, failed: number): boolean;
  /** Whether the run is over, before each turn. */
  finished(): CompactResult;
  /** The run is over; `each` is told of the free blocks that are left, in the order in which they are given back. */
  end(each: (row: Row, order: number) => void): void;
}

/** What one run did. */
export interface CompactOutcome {
  readonly result: CompactResult;
  readonly migrateScanned: number;
  readonly freeScanned: number;
  readonly migrated: number;
  readonly failed: number;
}

export interface Compaction {
  /** Compacts a zone (index). Order WHOLE_ZONE_ORDER: all of it. Emits mm_compaction_*, mm_migrate_pages. */
  compactZone(zone: number, request: CompactRequest): CompactOutcome;
  /** All zones of a node, wholly: what a write to compact_memory does for each. */
  compactNode(nid: Nid): readonly CompactOutcome[];
  /**
   * Direct compaction for a request that no free block serves. `priority` as the kernel counts: 2 async, 1 sync-light,
   * 0 everything. Returns the best result of the zones tried.
   */
  tryToCompact(gfp: number, order: number, priority: number, cpu: number): CompactResult;
  /** kcompactd of a node is woken for an order (0 and no proactive need: it goes back to sleep). */
  wakeKcompactd(nid: Nid, order: number): void;
  /** A run that moves nothing by itself: for whoever knows what the kernel's did. */
  shadow(zone: number, request: CompactRequest, sight: CompactionSight): CompactionRun;
}

export const Compaction = token<Compaction>()('core.Compaction', { provider: 'buddy() from @replug/buddy' });
