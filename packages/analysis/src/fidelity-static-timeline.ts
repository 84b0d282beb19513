/**
 * What happened between two dumps, as a list of actions in time order.
 *
 * Sources, best first: the capture's logs (sysctl writes, block writes); the trace (`test_pages_isolated` names every range
 * that was isolated: blocks that went offline, sub-blocks that virtio-mem took); the difference of the dumps. What only the
 * difference tells gets the order that its mechanism has: added blocks go online bottom up, removed ones top down;
 * virtio-mem fills partly plugged blocks before it adds new ones, and leaves the last one partly plugged.
 *
 * Models: drivers/virtio/virtio_mem.c virtio_mem_sbm_plug_request(), virtio_mem_fake_offline_going_offline(), 6.1, 6.12.
 */
import { KIND } from '@replug/core';
import { eventArg, type EventColumns, type Recording } from '@replug/workload';
import type { DumpStep } from './fidelity-static-facts.ts';
import type { CaptureLogs, SysctlWrite } from './fidelity-static-logs.ts';

export type TimelineAction =
  | { readonly kind: 'sysctl'; readonly time: number; readonly write: SysctlWrite }
  | { readonly kind: 'online'; readonly time: number; readonly id: number }
  /** `fromDevice`: seen as the isolation of a whole block of a virtio-mem device, which may be the device taking it. */
  | { readonly kind: 'offline'; readonly time: number; readonly id: number; readonly fromDevice?: boolean }
  /** An offline attempt that failed. */
  | { readonly kind: 'attempt'; readonly time: number; readonly id: number }
  /** Pages of a block that virtio-mem took out of the allocator. */
  | { readonly kind: 'take'; readonly time: number; readonly id: number; readonly pages: number };

export interface Window {
  readonly from: DumpStep | undefined;
  readonly to: DumpStep;
}

/** Logged and traced actions between two dumps, by time. */
export function recordedActions(recording: Recording, logs: CaptureLogs, window: Window): TimelineAction[] {
  return [...loggedActions(logs, window), ...tracedActions(recording, logs, window)].sort((a, b) => a.time - b.time);
}

function loggedActions(logs: CaptureLogs, { from, to }: Window): TimelineAction[] {
  const begin = from === undefined ? -Infinity : (logs.stepEnds.get(from.number) ?? from.when?.end ?? Infinity);
  const end = logs.stepEnds.get(to.number) ?? to.when?.begin ?? -Infinity;
  const inside = ({ time }: { readonly time: number }) => time > begin && time <= end;
  return [
    ...logs.writes.filter(inside).map((write) => ({ kind: 'sysctl' as const, time: write.time, write })),
    ...logs.blocks.filter(inside).map(({ time, id, action, succeeded }) => ({
      kind: succeeded ? action : ('attempt' as const),
      time,
      id,
    })),
  ];
}

/**
 * Isolated ranges. A virtio-mem device takes a whole block or a sub-block first (`take`); when nothing of the block is left,
 * isolating it again is its going offline. Elsewhere a whole block that is not online afterwards went offline; anything
 * else (CMA, gigantic pages) does not change the sizes. Captures with block writes in their logs need no such guess.
 */
function tracedActions(recording: Recording, logs: CaptureLogs, { from, to }: Window): TimelineAction[] {
  const events = recording.trace?.events;
  const blockPages = pagesPerBlock(recording, to);
  if (events === undefined || blockPages === undefined || logs.blocks.length > 0) return [];
  const devices = [from, to].flatMap((step) => step?.iomem?.filter((r) => r.name.includes('(virtio_mem)')) ?? []);
  const online = new Set(to.memoryBlocks?.blocks.filter((b) => b.state === 'online').map((b) => b.id));
  const begin = (from?.when?.end ?? -Infinity) * 1e9;
  const end = (to.when?.begin ?? Infinity) * 1e9;
  const actions: TimelineAction[] = [];
  for (const { time, start, stop } of isolatedRanges(events, begin, end)) {
    const at = start * recording.pageSize;
    const fromDevice = devices.some((r) => at >= r.start && at <= r.end);
    const id = Math.floor(start / blockPages);
    const whole = start % blockPages === 0 && stop - start === blockPages;
    if (whole && (fromDevice || !online.has(id))) actions.push({ kind: 'offline', time: time / 1e9, id, fromDevice });
    else if (fromDevice) actions.push({ kind: 'take', time: time / 1e9, id, pages: stop - start });
  }
  return actions;
}

function isolatedRanges(events: EventColumns, begin: number, end: number) {
  const ranges: { time: number; start: number; stop: number }[] = [];
  for (let i = 0; i < events.length; i++) {
    if (events.kind[i] !== KIND.test_pages_isolated || events.time[i] < begin || events.time[i] > end) continue;
    const [start, stop, reached] = [0, 1, 2].map((field) => eventArg(events, i, field));
    if (reached >= stop) ranges.push({ time: events.time[i], start, stop });
  }
  return ranges;
}

/** Pages of a memory block; undefined when the step does not tell. */
export function pagesPerBlock(recording: Recording, step: DumpStep): number | undefined {
  return step.memoryBlocks && step.memoryBlocks.blockSize / recording.pageSize;
}
