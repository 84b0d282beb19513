/**
 * What differs between the scanners of 6.1 and 6.12: one field a difference.
 *
 * Models: mm/compaction.c, 6.1.192 and 6.12.117.
 */
import type { KernelProfile } from '@replug/core';

export interface CompactionRules {
  /** nr_scanned counts the pages of free blocks and compound pages that are stepped over. */
  readonly countsSteppedOver: boolean;
  /** Movable compound pages smaller than what is wanted (and than a pageblock) are moved whole. */
  readonly movesCompound: boolean;
  /** A zone that begins inside a pageblock: its first page stands for the pageblock's skip bit. */
  readonly zoneStartIsBlockStart: boolean;
  /** A pageblock that got its skip bit meanwhile is left at once; before, the scan went on behind the page that told. */
  readonly leavesSkippedBlock: boolean;
  /** A free block as large as what is wanted keeps its pageblock from being a target; before, as a pageblock. */
  readonly sparesWantedOrder: boolean;
  /** The fast search marks the pageblock that it found. */
  readonly marksFoundBlock: boolean;
  /** The turn remembers the pageblock that it scanned last; before, the position where it began. */
  readonly remembersScannedBlock: boolean;
  /** Each target taken lowers the number of sources that still need one. */
  readonly targetsLowerSources: boolean;
  /** A source that stays behind makes the next turn finish its pageblock; before, its order-aligned block was left. */
  readonly finishesAfterFailure: boolean;
  /** A wholly scanned target pageblock moves the cached position to the pageblock below; before, to itself. */
  readonly cachesBlockBelow: boolean;
  /** The pageblock around a fast find is marked when it was scanned to its end; before, when too little was found. */
  readonly marksScannedAround: boolean;
  /** Free pages are kept as blocks by order, split when used; before, as single pages, the last found first. */
  readonly keepsBlocks: boolean;
  /** Targets are found for all sources before the first is moved. */
  readonly movesInBatches: boolean;
  /** The fast search has a tracepoint. */
  readonly tellsFastSearch: boolean;
  /** Whole-zone runs ask for suitability (and tell so), though the answer is always yes. */
  readonly asksWholeZone: boolean;
  /** compact_memory refuses what is not 1. */
  readonly refusesOddWrites: boolean;
}

const RULES_61: CompactionRules = {
  countsSteppedOver: false,
  movesCompound: false,
  zoneStartIsBlockStart: false,
  leavesSkippedBlock: false,
  sparesWantedOrder: false,
  marksFoundBlock: true,
  remembersScannedBlock: false,
  targetsLowerSources: false,
  finishesAfterFailure: false,
  cachesBlockBelow: false,
  marksScannedAround: false,
  keepsBlocks: false,
  movesInBatches: false,
  tellsFastSearch: false,
  asksWholeZone: true,
  refusesOddWrites: false,
};

const RULES_612: CompactionRules = {
  countsSteppedOver: true,
  movesCompound: true,
  zoneStartIsBlockStart: true,
  leavesSkippedBlock: true,
  sparesWantedOrder: true,
  marksFoundBlock: false,
  remembersScannedBlock: true,
  targetsLowerSources: true,
  finishesAfterFailure: true,
  cachesBlockBelow: true,
  marksScannedAround: true,
  keepsBlocks: true,
  movesInBatches: true,
  tellsFastSearch: true,
  asksWholeZone: false,
  refusesOddWrites: true,
};

export const compactionRules = (profile: KernelProfile): CompactionRules => (profile === '6.1' ? RULES_61 : RULES_612);
