/**
 * The pages of a machine that has run, kept apart from it: what is free, what is in use and for what, which zone each block is
 * in. A machine is made from it as often as wanted, so that one workload can be followed by many ways to take memory away.
 *
 * Pages on CPU lists become free ones: whoever takes a range drains them first. Sizes of zones, marks and lists are computed
 * anew from the pages that are there.
 */
import {
  Core,
  createKernel,
  PAGE_CLASS,
  PAGE_STATE,
  PageAllocator,
  STATE_HOLDER_MASK,
  STATE_ORDER_MASK,
  ZoneFreeLists,
  type AnySubsystem,
  type Kernel,
  type MachineDescription,
  type PfnRange,
  type ZoneDescription,
  type ZoneName,
} from '@replug/core';
import { buddy } from '@replug/buddy';

const USE = { FREE: 0, HELD: 1, ON_CPU: 2 } as const;

export interface MachineImage {
  readonly description: MachineDescription;
  /** Blocks by first pfn, order, migratetype and USE. */
  readonly pfn: Float64Array;
  readonly order: Uint8Array;
  readonly type: Uint8Array;
  readonly used: Uint8Array;
  /** Class of each block that is in use. */
  readonly use: Uint8Array;
}

export function imageOf(kernel: Kernel): MachineImage {
  const machine = kernel.get(Core.Machine);
  const lists = kernel.get(ZoneFreeLists);
  const { pages } = machine;
  const { state, pageClass } = pages;
  const found: number[][] = [[], [], [], [], []];
  for (const section of pages.sections()) {
    const base = section * 2 ** pages.sectionShift;
    for (let i = 0; i < 2 ** pages.sectionShift;) {
      const row = pages.pfnToRow(base + i);
      let order = lists.freeOrder(row);
      let used: number = USE.FREE;
      if (order < 0) {
        const holder = state[row] & STATE_HOLDER_MASK;
        order = holder === PAGE_STATE.UNTOUCHED ? -1 : state[row] & STATE_ORDER_MASK;
        used = holder === PAGE_STATE.ALLOCATED ? USE.HELD : USE.ON_CPU;
      }
      if (order >= 0 && pages.zoneOf(row) >= 0)
        [base + i, order, lists.pageblockType(row), used, pageClass[row]].forEach((value, k) => found[k].push(value));
      i += 2 ** Math.max(0, order);
    }
  }
  return {
    description: describe(kernel),
    pfn: Float64Array.from(found[0]),
    order: Uint8Array.from(found[1]),
    type: Uint8Array.from(found[2]),
    used: Uint8Array.from(found[3]),
    use: Uint8Array.from(found[4]),
  };
}

/** A kernel on the image's machine, its allocator as it was. */
export function kernelOf(image: MachineImage, subsystems: readonly AnySubsystem[]): Kernel {
  const kernel = createKernel({
    machine: image.description,
    subsystems: [buddy({ start: 'nothing', reclaim: true }), ...subsystems],
  });
  const { pages } = kernel.get(Core.Machine);
  const lists = kernel.get(ZoneFreeLists);
  const { pfn, order, type, used, use } = image;
  for (let i = 0; i < pfn.length; i++) {
    const row = pages.pfnToRow(pfn[i]);
    if (used[i] === USE.FREE) lists.placeFree(row, order[i], type[i]);
    if (used[i] !== USE.HELD) continue;
    pages.pageClass.fill(use[i], row, row + 2 ** order[i]);
    lists.placeAllocated(row, order[i]);
  }
  // Merging with what is free by now.
  for (let i = 0; i < pfn.length; i++)
    if (used[i] === USE.ON_CPU) lists.freeDirect(pages.pfnToRow(pfn[i]), order[i], true);
  kernel.get(PageAllocator).refresh();
  return kernel;
}

/** The machine as it is now, with memory that was added since boot as part of it. */
function describe(kernel: Kernel): MachineDescription {
  const { description, zones, memory, pages } = kernel.get(Core.Machine);
  const members = new Map<number, PfnRange[]>();
  for (const range of memory) {
    for (let pfn = range.start; pfn < range.end;) {
      const zone = pages.zoneOf(pages.pfnToRow(pfn));
      let end = pfn + 1;
      while (end < range.end && pages.zoneOf(pages.pfnToRow(end)) === zone) end++;
      if (zone >= 0) members.set(zone, [...(members.get(zone) ?? []), { start: pfn, end }]);
      pfn = end;
    }
  }
  const described = zones.all.flatMap((zone): ZoneDescription[] => {
    const own = members.get(zone.index);
    if (own === undefined) return [];
    const { nid, startPfn, spannedPages, presentPages, managedPages } = zone;
    return [
      { nid, kind: zone.kind.name as ZoneName, startPfn, spannedPages, presentPages, managedPages, members: own },
    ];
  });
  const reserved: PfnRange[] = [];
  for (const range of memory) {
    let start = -1;
    for (let pfn = range.start; pfn <= range.end; pfn++) {
      const is = pfn < range.end && pages.pageClass[pages.pfnToRow(pfn)] === PAGE_CLASS.RESERVED;
      if (is && start < 0) start = pfn;
      if (is || start < 0) continue;
      reserved.push({ start, end: pfn });
      start = -1;
    }
  }
  return { ...description, memory: [...memory], zones: described, reserved, sparePages: 0 };
}
