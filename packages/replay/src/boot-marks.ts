/**
 * Watermarks and reserves of a kernel that boots: none until init_per_zone_wmark_min() computes them, an initcall of pid 1
 * that comes after deferred initialisation. It also gives the per-CPU lists their last sizes; where those were seen to
 * change, they tell the time more exactly.
 *
 * Models: mm/page_alloc.c init_per_zone_wmark_min(), setup_per_zone_wmarks(), zone_pcp_update(), 6.1 and 6.12.
 */
import { KIND, type Machine, type PageAllocator } from '@replug/core';
import type { EventColumns } from '@replug/workload';
import { deferredInitTasks } from './deferred-init.ts';
import { applySizes, type SizeChange } from './observed-sizes.ts';

interface ZoneMarks {
  readonly batch: number;
  readonly watermark: { readonly min: number; readonly low: number; readonly high: number; readonly promo: number };
  readonly reserve: readonly number[];
}

export class BootMarks {
  private readonly machine: Machine;
  private readonly allocator: PageAllocator;
  private readonly sizes: readonly SizeChange[];
  private nextSize = 0;
  /** What the marks will be once they are computed; undefined when they are. */
  private pending: readonly ZoneMarks[] | undefined;
  private readonly initcall: number;

  /** `fromBoot`: takes the marks away until their time comes. `sizes`: ascending by event for each zone. */
  constructor(
    machine: Machine,
    allocator: PageAllocator,
    events: EventColumns,
    sizes: readonly SizeChange[],
    fromBoot: boolean,
  ) {
    this.machine = machine;
    this.allocator = allocator;
    this.sizes = [...sizes].sort((a, b) => a.at - b.at);
    this.initcall = fromBoot ? firstInitcall(events) : 0;
    if (fromBoot) this.takeAway();
  }

  /** Before event i. */
  reach(i: number): void {
    const { sizes } = this;
    while (this.nextSize < sizes.length && sizes[this.nextSize].at <= i) this.resize(sizes[this.nextSize++]);
    if (this.pending !== undefined && sizes.length === 0 && i >= this.initcall) this.restore();
  }

  private resize(change: SizeChange): void {
    applySizes(this.machine, change);
    if (this.pending !== undefined && change.batch === this.pending[change.zone].batch) this.restore();
    this.allocator.refresh();
  }

  private takeAway(): void {
    const zones = this.machine.zones.all;
    this.pending = zones.map((z) => ({
      batch: z.pcpBatch,
      watermark: { ...z.watermark },
      reserve: [...z.lowmemReserve],
    }));
    for (const z of zones) {
      Object.assign(z.watermark, { min: 0, low: 0, high: 0, promo: 0 });
      z.lowmemReserve.fill(0);
    }
    this.allocator.refresh();
  }

  private restore(): void {
    this.pending?.forEach(({ watermark, reserve }, i) => {
      const z = this.machine.zones.all[i];
      Object.assign(z.watermark, watermark);
      reserve.forEach((pages, type) => (z.lowmemReserve[type] = pages));
    });
    this.pending = undefined;
    this.allocator.refresh();
  }
}

/** The first page event of pid 1 behind the last one of deferred initialisation. */
function firstInitcall(events: EventColumns): number {
  const { task, kind, length, tasks } = events;
  const initialises = deferredInitTasks(events);
  let at = 0;
  for (let i = 0; i < length; i++) {
    if (initialises[task[i]] === 1) at = 0;
    else if (at === 0 && tasks[task[i]].pid === 1 && kind[i] <= KIND.mm_page_pcpu_drain) at = i;
  }
  return at;
}
