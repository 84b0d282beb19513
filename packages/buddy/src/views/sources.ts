/** What the /proc and /sys views read. */
import type { Machine, PageMap, Zones } from '@replug/core';
import type { FreeArea } from '../free-area.ts';
import type { PcpLists } from '../pcp-lists.ts';

export interface ViewSources {
  readonly machine: Machine;
  readonly zones: Zones;
  readonly pages: PageMap;
  readonly area: FreeArea;
  readonly pcp: PcpLists;
}
