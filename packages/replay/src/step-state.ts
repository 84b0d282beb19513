/**
 * The machine as it was at one step: its allocator's state from the step's own files, so that the views print what the real
 * files say.
 */
import { Core, PageAllocator, ZoneFreeLists, type Kernel, type Machine } from '@replug/core';
import { classOfFlags, type PageFlags, type Step } from '@replug/workload';
import { freeInDump } from './dump-free.ts';
import { placeCounts, type CountsPlaced, type PlaceHints } from './place-counts.ts';
import { restoreZones } from './restore-zones.ts';

/** Fills a kernel made from describeRecorded(recording, step). */
export function restoreStep(kernel: Kernel, step: Step): CountsPlaced {
  const machine = kernel.get(Core.Machine);
  const lists = kernel.get(ZoneFreeLists);
  const flags = step.hasPageFlags ? step.pageFlags() : undefined;
  const placed = placeCounts(machine, lists, step, flags === undefined ? undefined : placeClasses(machine, flags));
  restoreZones(machine, lists, step);
  for (const recorded of step.zoneinfo?.zones ?? []) {
    const zone = machine.zones.find(recorded.node, recorded.name);
    if (zone === undefined) continue;
    zone.freeDelta = recorded.free - kernel.get(PageAllocator).freePages(zone.index);
    zone.recorded = { stats: recorded.stats, nodeStats: recorded.nodeStats };
  }
  kernel.get(PageAllocator).refresh();
  return placed;
}

/** Classes of the pages in use; returns what the flags tell of places. */
function placeClasses(machine: Machine, flags: PageFlags): PlaceHints {
  const { pageClass } = machine.pages;
  const bare = new Uint8Array(pageClass.length);
  const free = freeInDump(machine, flags, (row, pfn) => {
    pageClass[row] = classOfFlags(flags.low[pfn], flags.high[pfn]);
    if (flags.low[pfn] === 0 && flags.high[pfn] === 0) bare[row] = 1;
  });
  return { free, bare };
}
