/**
 * A later dump against the model: free blocks by order, and page by page what is on the free lists.
 *
 * A page on a per-CPU list counts as not KPF_BUDDY, as in the dump. A dump is not read in one instant: where the trace tells
 * when each part was, that is followed (dump-follower.ts); elsewhere it is said beside the figure, never corrected for.
 */
import type { Machine, ZoneFreeLists } from '@replug/core';
import { isBuddy, isNoPage, type BuddyinfoZone, type PageFlags, type Step } from '@replug/workload';

export interface OrderCounts {
  readonly node: number;
  readonly zone: string;
  readonly real: readonly number[];
  readonly model: readonly number[];
}

export interface CpuListCount {
  readonly node: number;
  readonly zone: string;
  readonly cpu: number;
  readonly real: number;
  readonly model: number;
}

export interface PageAgreement {
  /** Pages that both know. */
  readonly compared: number;
  readonly agreeing: number;
  /** Pages that would agree had the start state been left alone. */
  readonly unchanged: number;
  /** Pages whose KPF_BUDDY differs between start state and checkpoint. */
  readonly changed: number;
  readonly changedAgreeing: number;
  /** Of those that disagree: free in the model only, free in the dump only. */
  readonly modelOnly: number;
  readonly realOnly: number;
  /** Every disagreeing page, as ascending half-open pfn ranges with what the model says; at most DIFFERENCES_LISTED. */
  readonly differences: readonly DifferingRange[];
}

export interface DifferingRange {
  readonly start: number;
  readonly end: number;
  readonly model: 'free' | 'used';
}

/** Ranges listed of one checkpoint. */
export const DIFFERENCES_LISTED = 1000;

export interface Checkpoint {
  readonly step: string;
  /** Events applied before it. */
  readonly events: number;
  /** How the step was placed on the trace clock, and how exactly. */
  readonly instant: string;
  readonly buddyinfo: readonly OrderCounts[];
  /** Pages on the per-CPU lists, as zoneinfo counts them. */
  readonly cpuLists: readonly CpuListCount[];
  /** All counts of buddyinfo are the model's: it was read at the step's instant, kpageflags a while later. */
  readonly buddyinfoEqual: boolean;
  readonly kpageflags?: PageAgreement;
  /** Its kpageflags was read part by part until before this event, and each part is compared with the model of then. */
  readonly readUntil?: number;
}

/** 1 for every row on a free list. */
export function freeBitmap(machine: Machine, lists: ZoneFreeLists): Uint8Array {
  const { pages } = machine;
  const rows = pages.slotCount << pages.sectionShift;
  const free = new Uint8Array(rows);
  for (let row = 0; row < rows;) {
    const order = lists.freeOrder(row);
    if (order < 0) {
      row++;
      continue;
    }
    free.fill(1, row, row + (1 << order));
    row += 1 << order;
  }
  return free;
}

export function comparePages(machine: Machine, free: Uint8Array, start: Uint8Array, flags: PageFlags): PageAgreement {
  const { pages } = machine;
  let compared = 0;
  let agreeing = 0;
  let unchanged = 0;
  let changed = 0;
  let changedAgreeing = 0;
  let modelOnly = 0;
  const differences: { start: number; end: number; model: 'free' | 'used' }[] = [];
  for (let pfn = 0; pfn < flags.length; pfn++) {
    if (isNoPage(flags.low[pfn])) continue;
    const row = pages.pfnToRow(pfn);
    if (row < 0) continue;
    compared++;
    const real = isBuddy(flags.low[pfn]) ? 1 : 0;
    const agrees = free[row] === real;
    if (agrees) agreeing++;
    else {
      if (real === 0) modelOnly++;
      note(pfn, real === 0 ? 'free' : 'used');
    }
    if (start[row] === real) unchanged++;
    else {
      changed++;
      if (agrees) changedAgreeing++;
    }
  }
  return {
    compared,
    agreeing,
    unchanged,
    changed,
    changedAgreeing,
    modelOnly,
    realOnly: compared - agreeing - modelOnly,
    differences,
  };

  function note(pfn: number, model: 'free' | 'used'): void {
    const last = differences.at(-1);
    if (last !== undefined && last.end === pfn && last.model === model) last.end = pfn + 1;
    else if (differences.length < DIFFERENCES_LISTED) differences.push({ start: pfn, end: pfn + 1, model });
  }
}

export function compareOrders(machine: Machine, lists: ZoneFreeLists, step: Step): OrderCounts[] {
  const real = step.buddyinfo ?? [];
  const model = countOrders(machine, lists, real);
  return real.map((zone, i) => ({ node: zone.node, zone: zone.name, real: zone.counts, model: model[i] }));
}

function countOrders(machine: Machine, lists: ZoneFreeLists, real: readonly BuddyinfoZone[]): number[][] {
  const { pages, zones } = machine;
  const counts = real.map((z) => z.counts.map(() => 0));
  const indexOf = new Map(real.map((z, i) => [zones.find(z.node, z.name)?.index ?? -1, i]));
  const rows = pages.slotCount << pages.sectionShift;
  for (let row = 0; row < rows;) {
    const order = lists.freeOrder(row);
    if (order < 0) {
      row++;
      continue;
    }
    const i = indexOf.get(pages.zoneOf(row));
    if (i !== undefined) counts[i][order] = (counts[i][order] ?? 0) + 1;
    row += 1 << order;
  }
  return counts;
}

export function compareCpuLists(machine: Machine, lists: ZoneFreeLists, step: Step): CpuListCount[] {
  return (step.zoneinfo?.zones ?? []).flatMap((recorded) => {
    const zone = machine.zones.find(recorded.node, recorded.name);
    if (zone === undefined) return [];
    return recorded.pagesets
      .filter(({ cpu }) => cpu < machine.description.cpus)
      .map(({ cpu, count }) => ({
        node: zone.nid,
        zone: zone.name,
        cpu,
        real: count,
        model: lists.cpuCount(zone.index, cpu),
      }));
  });
}
