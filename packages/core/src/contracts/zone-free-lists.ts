/**
 * Zone-level verbs: how a recorded run drives an allocator. A trace tells what happened to each block; these say it to
 * the model, which keeps lists, merges and counters as the kernel would and decides nothing itself.
 *
 * A verb never throws for what a trace can contain. It does what is possible and returns what it found.
 */
import { token } from '../host/token.ts';
import type { Row } from '../base/units.ts';

/** What a verb found at the block it was asked to move. */
export const FOUND = {
  /** Exactly what the verb expects. */
  EXPECTED: 0,
  /** Free, but not at the start of its free block: the block was broken up around it. */
  INSIDE: 1,
  /** The pages (or some of them) were on per-CPU lists. */
  ON_PCP: 2,
  /** The pages (or some of them) were on a zone's free lists. */
  ON_FREE_LIST: 3,
  /** The pages (or some of them) were allocated. */
  ALLOCATED: 4,
  /** Nothing was known of the pages: the allocator had never seen them. */
  UNKNOWN: 5,
  /** Outside the memory of the machine. */
  OUTSIDE: 6,
  /** Allocated as parts of a larger block that was broken up. */
  PART: 7,
} as const;
export type Found = (typeof FOUND)[keyof typeof FOUND];

export interface ZoneFreeLists {
  /**
   * A block leaves the free lists for a CPU's list (refill): appended at its tail. Blocks that have no such list are held
   * until they are handed out. mm_page_alloc_zone_locked.
   */
  takeToCpu(row: Row, order: number, migratetype: number, cpu: number): Found;
  /**
   * A block is handed out: from a CPU's list, straight from the free lists, or just taken and held. mm_page_alloc.
   * ALLOCATED: it was in somebody's hands already.
   */
  handOut(row: Row, order: number): Found;
  /**
   * handOut() for a trace that tells allocations and frees only: a block that is not on the CPU's list is brought there
   * first, by a refill as the allocator would make it, so that the blocks around it move as well.
   */
  handOutWithRefill(row: Row, order: number, migratetype: number, cpu: number): Found;
  /** An allocated block goes to the head of a CPU's list. mm_page_free that is not freed directly. */
  freeToCpu(row: Row, order: number, cpu: number): Found;
  /** freeToCpu() for such a trace: the list is drained when the allocator would drain it. */
  freeWithDrain(row: Row, order: number, cpu: number): Found;
  /**
   * A block on a CPU's list becomes its first: a batch of frees tells of each block when the batch is prepared, and again,
   * by mm_page_free_batched, when it is put on the list.
   */
  moveToHead(row: Row): void;
  /** A block leaves its CPU's list for the free lists, merging. mm_page_pcpu_drain. */
  drain(row: Row, order: number, migratetype: number): Found;
  /** A block that is not on a CPU's list goes to the free lists, merging. `tail`: to the list's tail. */
  freeDirect(row: Row, order: number, tail: boolean): Found;
  /** Free pages [row, row + pages) leave the free lists and are held by nobody (compaction, isolation). Returns pages taken. */
  hold(row: Row, pages: number): number;
  /** Order and head of the free block that covers a row: head row, or -1. */
  freeHead(row: Row): Row;
  /** Takes a block from whoever holds it; nothing is known of its pages afterwards. For start states that turn out wrong. */
  forget(row: Row, order: number): void;
  /** True when some page of a block is free, on a CPU's list, held or owned: the allocator knows it. */
  knows(row: Row, order: number): boolean;
  /** Order of the free block whose head this is; -1 when it is no free head. */
  freeOrder(head: Row): number;
  /** Free blocks of an order on the lists of a zone (index), all migratetypes. A counter: no list is walked. */
  freeBlocks(zone: number, order: number): number;
  /** MIGRATE_* of the pageblock of a row. */
  pageblockType(row: Row): number;
  /** A pageblock's type becomes known (extfrag events, baselines); its free blocks move to that type's lists. */
  setPageblockType(row: Row, migratetype: number): void;
  /** Builds the state of pages [row, row + pages) that were never touched: free blocks as given are put at list tails. */
  placeFree(row: Row, order: number, migratetype: number): void;
  /** Marks an allocated block that the baseline knows. */
  placeAllocated(row: Row, order: number): void;
  /** Sets the auto-tuned limit of a CPU's lists of a zone (index), as a recorded zoneinfo prints it. */
  setCpuHigh(zone: number, cpu: number, high: number): void;
  /** Pages on a CPU's lists of a zone (index). */
  cpuCount(zone: number, cpu: number): number;
  /** Puts a page of the baseline on a CPU's list, at the tail. */
  placeOnCpu(row: Row, order: number, migratetype: number, cpu: number): void;
}

export const ZoneFreeLists = token<ZoneFreeLists>()('core.ZoneFreeLists', { provider: 'buddy() from @replug/buddy' });
