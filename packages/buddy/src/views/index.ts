/** Publishes the allocator's files under the kernel's own paths. */
import type { SubsystemScope } from '@replug/core';
import { buddyinfo } from './buddyinfo.ts';
import { extfragIndex, unusableIndex } from './fragmentation.ts';
import { pagetypeinfo } from './pagetypeinfo.ts';
import type { ViewSources } from './sources.ts';
import { zoneinfo } from './zoneinfo.ts';

const FILES: readonly (readonly [string, (sources: ViewSources) => string])[] = [
  ['/proc/buddyinfo', buddyinfo],
  ['/proc/pagetypeinfo', pagetypeinfo],
  ['/proc/zoneinfo', zoneinfo],
  ['/sys/kernel/debug/extfrag/extfrag_index', extfragIndex],
  ['/sys/kernel/debug/extfrag/unusable_index', unusableIndex],
];

export function publishViews(scope: SubsystemScope, sources: ViewSources): void {
  for (const [path, show] of FILES) scope.view(path, { read: () => show(sources) });
}
