/** What the runs of an allocator have in common. */
import type { PageMap } from '@replug/core';
import type { FreeArea } from '../free-area.ts';
import type { FastSearch } from './fast-search.ts';
import type { CompactionRules } from './rules.ts';
import type { ZoneMemory } from './zone-state.ts';

/** What all runs of an allocator share. */
export interface RunParts {
  readonly area: FreeArea;
  readonly pages: PageMap;
  readonly memory: ZoneMemory;
  readonly search: FastSearch;
  readonly rules: CompactionRules;
  /** vm.compaction_proactiveness. */
  readonly proactiveness: () => number;
  /** Free pages above the mark that isolation respects. */
  readonly spare: (zone: number) => number;
}
