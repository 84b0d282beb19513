/** What a layout change works with. */
import type {
  ContextTracker,
  KernelLog,
  Machine,
  MemoryNotifiers,
  NodeNotifiers,
  PageAllocator,
  PageMigrator,
  VirtualClock,
  ZoneFreeLists,
  ZoneSizing,
} from '@replug/core';
import type { DnumaSettings } from './options.ts';

export interface DnumaParts {
  readonly machine: Machine;
  readonly clock: VirtualClock;
  readonly log: KernelLog;
  readonly context: ContextTracker;
  readonly notifiers: MemoryNotifiers;
  readonly nodeNotifiers: NodeNotifiers;
  readonly allocator: PageAllocator;
  readonly lists: ZoneFreeLists;
  readonly sizing: ZoneSizing;
  readonly migrator: PageMigrator;
  readonly settings: DnumaSettings;
}

/** What happened so far, by the names that debugfs shows. */
export const newCounts = () => ({
  /** Pages moved by commits: free ones, and reserved ones that nobody frees. */
  transplantFromFreelist: 0,
  transplantReserved: 0,
  /** Pages moved when they were freed. */
  transplantOnFree: 0,
  /** Pages moved because somebody wanted memory of their node at once. */
  transplantOnDemand: 0,
  /** Free blocks that were taken apart at borders, and blocks that were put back. */
  splits: 0,
  pieces: 0,
  examined: 0,
  zonelistRebuilds: 0,
  stopMachines: 0,
  commits: 0,
  vetoed: 0,
  /** Free pages that stay: of CMA areas and isolated pageblocks. */
  kept: 0,
  /** Ranges left alone because a device owns their node. */
  deviceRanges: 0,
  /** present or managed pages that a recorded zone lacks to count a move; they were not moved in the books. */
  unaccounted: 0,
});
export type DnumaCounts = ReturnType<typeof newCounts>;
