/** A machine whose every page is known, and what compaction tells on it. */
import {
  Compaction,
  Core,
  createKernel,
  GFP_MASKS,
  PAGE_STATE,
  PageAllocator,
  TRACEPOINTS,
  ZoneFreeLists,
  type Kernel,
  type KernelProfile,
  type Tracepoint,
} from '@replug/core';
import { smallMachine, type SmallMachineOptions } from '@replug/core/testing';
import { buddy, type BuddyOptions } from '../plugin.ts';

const { GFP_KERNEL, GFP_HIGHUSER_MOVABLE } = GFP_MASKS;

export function compactable(
  profile: KernelProfile,
  options: Partial<BuddyOptions> = {},
  machine: SmallMachineOptions = {},
) {
  const kernel = createKernel({ machine: smallMachine({ profile, ...machine }), subsystems: [buddy(options)] });
  return {
    kernel,
    allocator: kernel.get(PageAllocator),
    compaction: kernel.get(Compaction),
    pages: kernel.get(Core.Pages),
    lists: kernel.get(ZoneFreeLists),
    log: listen(kernel),
  };
}

/** Lines of compaction's and migration's events, as ftrace prints the fields. */
export function listen(kernel: Kernel): string[] {
  const log: string[] = [];
  for (const { name, system, fields } of TRACEPOINTS) {
    if (system !== 'compaction' && system !== 'migrate') continue;
    (kernel.tracepoints[name] as Tracepoint).on((...args: readonly (number | string)[]) => {
      const shown = fields.map(
        ({ name: field, format }, i) => `${field}=${format === 'hex' ? `0x${Number(args[i]).toString(16)}` : args[i]}`,
      );
      log.push(`${name}: ${shown.join(' ')}`);
    });
  }
  return log;
}

export type Compactable = ReturnType<typeof compactable>;

/** Takes all memory page by page, movable or not, and gives back what `keeps` says no to. Returns what stays. */
export function fill(
  { allocator, pages, kernel }: Pick<Compactable, 'allocator' | 'pages' | 'kernel'>,
  movable: (pfn: number) => boolean,
  keeps: (pfn: number) => boolean,
): number[] {
  const rows: number[] = [];
  for (const zone of kernel.get(Core.Zones).all) {
    Object.assign(zone.watermark, { min: 0, low: 0, high: 0, promo: 0 });
    Object.assign(zone, { pcpBatch: 1, pcpHighMin: 4, pcpHighMax: 4 });
  }
  allocator.refresh();
  for (let row = allocator.alloc(GFP_HIGHUSER_MOVABLE, 0, 0); row >= 0;) {
    rows.push(row);
    row = allocator.alloc(GFP_HIGHUSER_MOVABLE, 0, 0);
  }
  rows.sort((a, b) => a - b);
  const kept = rows.filter((row) => keeps(pages.rowToPfn(row)));
  for (const row of rows) {
    if (!movable(pages.rowToPfn(row))) pages.pageClass[row] = 9;
    if (!keeps(pages.rowToPfn(row))) allocator.free(row, 0, 0);
  }
  allocator.drainAllPages(-1);
  return kept;
}

/** Pages in use, and free pages, by looking at every one. */
export function census({ pages, allocator, kernel }: Pick<Compactable, 'pages' | 'allocator' | 'kernel'>) {
  let used = 0;
  let free = 0;
  let listed = 0;
  for (const zone of kernel.get(Core.Zones).all) {
    for (let pfn = zone.startPfn; pfn < zone.endPfn; pfn++) {
      const row = pages.pfnToRow(pfn);
      if (row < 0 || pages.zoneOf(row) !== zone.index) continue;
      if (allocator.isFree(row)) free++;
      const own = pages.state[row];
      if ((own & 0xf0) === PAGE_STATE.ALLOCATED) used += 1 << (own & 15);
      if ((own & 0xf0) === PAGE_STATE.PCP) listed += 1 << (own & 15);
    }
  }
  return { used, free, listed };
}

export { GFP_HIGHUSER_MOVABLE, GFP_KERNEL };
