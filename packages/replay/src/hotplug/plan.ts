/** What a trace and the steps of a span tell of hotplug, found before the replay runs. */
import type { Machine, PfnRange } from '@replug/core';
import type { Step } from '@replug/workload';
import type { Span } from '../span.ts';
import { findGivenUp } from './given-up.ts';
import { memoryTimeline, type BlockChange } from './memory-timeline.ts';
import { findOperations, type RangeOperation } from './operations.ts';

export interface HotplugPlan {
  readonly operations: readonly RangeOperation[];
  /** By `at`. */
  readonly changes: readonly BlockChange[];
  /** Events by which a contiguous allocation takes its pages; ascending. */
  readonly takes: readonly number[];
  /** Ranges of virtio-mem devices, in pages: what a contiguous allocation takes there is offline for the allocator. */
  readonly devices: readonly PfnRange[];
  /** Pages that come to the allocator for the first time add to `managed`: not while the kernel boots. */
  readonly countsReleased: boolean;
  readonly offlineAtStart: { readonly blockPages: number; readonly starts: ReadonlySet<number> };
  /** Number of changes so far → the step that was read before the next change, if it prints the zones. */
  readonly printed: ReadonlyMap<number, Step>;
  /** Spans of the zones when the span of events begins; the machine's description has their union over all steps. */
  readonly spans: readonly { readonly zone: number; readonly startPfn: number; readonly spanned: number }[];
}

export const noHotplug: HotplugPlan = {
  offlineAtStart: { blockPages: 1, starts: new Set() },
  operations: [],
  changes: [],
  takes: [],
  devices: [],
  countsReleased: false,
  printed: new Map(),
  spans: [],
};

/**
 * `migratetype` translates a printed migratetype to the model's. `hindsight: false`: the begin and the end of an isolation are
 * not known when they come; that a block changed its state is, from sysfs.
 */
export function planHotplug(span: Span, machine: Machine, migratetype: Uint8Array, hindsight: boolean): HotplugPlan {
  const { events, from, to } = span;
  const { ranges, takes } = findOperations({ events, pages: machine.pages, from, to, migratetype });
  const changes = memoryTimeline(span, machine, ranges);
  const blocks = (span.begin ?? span.machineStep).memoryBlocks;
  const blockPages = blocks === undefined ? 0 : blocks.blockSize / 2 ** machine.pages.arch.pageShift;
  const givenUp = blockPages > 0 ? findGivenUp({ events, from, to, blockPages, tested: ranges }) : [];
  return {
    operations: hindsight ? [...ranges, ...givenUp].map((range) => notBefore(range, changes)) : [],
    changes,
    takes,
    devices: devicesOf(span, 2 ** machine.pages.arch.pageShift),
    countsReleased: !span.fromBoot,
    offlineAtStart: offlineBlocks(changes),
    printed: printedSteps(span, changes),
    spans: changes.length === 0 ? [] : spansOf(span.machineStep, machine),
  };
}

/** First pages of the memory blocks that were offline, or not there, when the span began; and pages of a block. */
function offlineBlocks(changes: readonly BlockChange[]): HotplugPlan['offlineAtStart'] {
  const seen = new Set<number>();
  const starts = new Set<number>();
  for (const { start, zone } of changes) {
    if (!seen.has(start) && zone >= 0) starts.add(start);
    seen.add(start);
  }
  return { blockPages: changes.length === 0 ? 1 : changes[0].stop - changes[0].start, starts };
}

/** True for a page whose memory block was offline, or not there, when the span began. */
export function isOfflineAtStart({ offlineAtStart: { blockPages, starts } }: HotplugPlan, pfn: number): boolean {
  return starts.has(Math.floor(pfn / blockPages) * blockPages);
}

function printedSteps({ stops }: Span, changes: readonly BlockChange[]): Map<number, Step> {
  const printed = new Map<number, Step>();
  for (const { step, index } of stops) {
    const before = changes.filter(({ settled }) => settled <= index).length;
    const between = changes.some(({ at, settled }) => at <= index && settled > index);
    if (step.zoneinfo !== undefined && !between && before > 0 && !printed.has(before)) printed.set(before, step);
  }
  return printed;
}

function spansOf({ zoneinfo }: Step, machine: Machine): HotplugPlan['spans'] {
  return machine.zones.all.flatMap((zone) => {
    const recorded = zoneinfo?.zones.find((z) => z.node === zone.nid && z.name === zone.name);
    if (zone.spannedPages === 0 || ((recorded?.spanned ?? 0) > 0 && recorded?.startPfn === undefined)) return [];
    return [{ zone: zone.index, startPfn: recorded?.startPfn ?? 0, spanned: recorded?.spanned ?? 0 }];
  });
}

/** /proc/iomem names a device's memory after its driver. */
function devicesOf({ begin, machineStep, stops }: Span, pageSize: number): PfnRange[] {
  const steps = [begin ?? machineStep, ...stops.map((s) => s.step)];
  const devices = steps.flatMap((step) => (step.iomem ?? []).filter((r) => r.name.includes('(virtio_mem)')));
  return devices.map((r) => ({ start: r.start / pageSize, end: (r.end + 1) / pageSize }));
}

/** A range is isolated after its memory came online. */
function notBefore(range: RangeOperation, changes: readonly BlockChange[]): RangeOperation {
  let { begin } = range;
  for (const { at, start, stop } of changes)
    if (at <= range.end && at > begin && start < range.stop && stop > range.start) begin = at;
  return begin === range.begin ? range : { ...range, begin };
}
