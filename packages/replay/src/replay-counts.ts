/** What a replay met. Counts of events, unless they say pages. */
export interface ReplayCounts {
  /** Events in the span. */
  events: number;
  /** Events that moved something. */
  applied: number;
  /** Events that carry no move (batched frees, reclaim, migration statistics …). */
  informative: number;
  /** Frees of pages that nobody was known to hold. */
  unknownFrees: number;
  /** Blocks handed out that were in somebody's hands. */
  reallocations: number;
  /** Frees of a part of a larger block. */
  partialFrees: number;
  /** Memory given to the allocator for the first time: frees by deferred initialisation, frees of whole unknown pageblocks. */
  released: number;
  /** Frees that went straight to the free lists. */
  directFrees: number;
  /** zone_locked of pages that were not on the free lists. */
  lockedNotFree: number;
  /** Blocks handed out straight from the free lists, without a zone_locked. */
  handedFromFree: number;
  /** Drains of blocks that were on no CPU's list. */
  drainedNotOnCpu: number;
  /** Frees of pages that were free already. */
  freedWhileFree: number;
  /** Pages that compaction held. */
  heldByCompaction: number;
  /** Compaction scans that no stride explains. */
  isolationsUnexplained: number;
  /** Ranges that were isolated: blocks going offline, contiguous allocations. */
  isolatedRanges: number;
  /** Memory blocks that went offline or came online. */
  blockChanges: number;
  /** Failed allocations. */
  failed: number;
  /** Events that name pages outside the machine. */
  outside: number;
  /** Events that no kernel writes: an order above the maximum, a block that is not aligned, a range that ends before it starts. */
  impossible: number;
}

export const noCounts = (): ReplayCounts => ({
  events: 0,
  applied: 0,
  informative: 0,
  unknownFrees: 0,
  reallocations: 0,
  partialFrees: 0,
  released: 0,
  directFrees: 0,
  lockedNotFree: 0,
  handedFromFree: 0,
  drainedNotOnCpu: 0,
  freedWhileFree: 0,
  heldByCompaction: 0,
  isolationsUnexplained: 0,
  isolatedRanges: 0,
  blockChanges: 0,
  failed: 0,
  outside: 0,
  impossible: 0,
});
