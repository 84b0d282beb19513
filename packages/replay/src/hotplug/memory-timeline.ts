/**
 * Which memory blocks are online at every instant of a span, and of which zone their pages are. The steps' sysfs says what
 * was online when a step was read; the events say when that changed in between:
 *
 *   going offline   a range of whole memory blocks was found empty, and nobody took its pages (operations.ts)
 *   coming online   pages of an offline block are handed over: mm_page_free of whole pageblocks at the largest orders, of
 *                   pages that nobody can have held. virtio-mem hands over what is plugged, so the first such page counts.
 *
 * The zone of a block that comes online is the one that the next step shows it in; where it is gone again before that step,
 * nothing tells, and the block keeps the zone that the machine's description gave it.
 *
 * Models: mm/memory_hotplug.c online_pages_range(), offline_pages(); drivers/base/memory.c valid_zones_show(), 6.1 and 6.12.
 */
import { KIND, type Machine } from '@replug/core';
import { eventPfn, type MemoryBlocks, type Step } from '@replug/workload';
import type { Span } from '../span.ts';
import { ENDED, type RangeOperation } from './operations.ts';

/** A memory block changes its state before an event is applied. */
export interface BlockChange {
  readonly at: number;
  readonly start: number;
  readonly stop: number;
  /** Index into Zones.all of the zone that the pages come to; −1: they go offline. */
  readonly zone: number;
  /** Coming online: the event before which all of it has been handed over, and the pages that were. */
  readonly settled: number;
  readonly managed: number;
}

interface KnownBlocks {
  /** Events [.., index) come before the step was read. */
  readonly index: number;
  /** Block → zone index of those that are online; −1: the step does not tell which. */
  readonly online: ReadonlyMap<number, number>;
}

/** Changes of a span in the order of events. Empty where no step lists memory blocks. */
export function memoryTimeline(span: Span, machine: Machine, operations: readonly RangeOperation[]): BlockChange[] {
  const { events, from, to } = span;
  const first = (span.begin ?? span.machineStep).memoryBlocks;
  if (first === undefined) return [];
  const pages = first.blockSize / 2 ** machine.pages.arch.pageShift;
  const steps = span.stops
    .filter(({ step }) => step.memoryBlocks !== undefined)
    .map(({ step, index }) => ({ index, online: onlineBlocks(step.memoryBlocks!, machine, step) }));
  const online = new Set(onlineBlocks(first, machine, span.machineStep).keys());
  const offline = operations.filter((o) => o.ended === ENDED.OFFLINE && o.stop - o.start <= pages * MAX_BLOCKS);
  const changes: { -readonly [K in keyof BlockChange]: BlockChange[K] }[] = [];
  // By task: what it hands over at present, if its last event did; −1: nothing.
  const handsOver = new Int32Array(events.tasks.length).fill(-1);
  let at = 0;
  for (let i = from; i < to; i++) {
    const task = events.task[i];
    const order = events.unit[i] & 15;
    if (events.kind[i] !== KIND.mm_page_free || order < machine.pages.arch.pageblockOrder) {
      handsOver[task] = -1;
      continue;
    }
    while (at < offline.length && offline[at].end < i) goesOffline(offline[at++]);
    const id = Math.floor(eventPfn(events, i) / pages);
    let change = changes[handsOver[task]];
    if (!online.has(id)) {
      online.add(id);
      handsOver[task] = changes.length;
      change = { at: i, start: id * pages, stop: (id + 1) * pages, zone: zoneOf(id, i), settled: i, managed: 0 };
      changes.push(change);
    }
    if (change === undefined || change.start !== id * pages) {
      handsOver[task] = -1;
      continue;
    }
    change.settled = i + 1;
    change.managed += 2 ** order;
  }
  while (at < offline.length) goesOffline(offline[at++]);
  return changes;

  function goesOffline({ start, stop, end }: RangeOperation): void {
    // The pages of a block that describe its own memory (memmap_on_memory) are not part of the range.
    for (let id = Math.floor(start / pages); id * pages < stop; id++) {
      if (!online.delete(id)) continue;
      changes.push({ at: end + 1, start: id * pages, stop: (id + 1) * pages, zone: -1, settled: end + 1, managed: 0 });
    }
  }

  /** The zone of a block that comes online before an event. */
  function zoneOf(id: number, event: number): number {
    const step = steps.find(({ index }) => index >= event);
    const shown = step?.online.get(id) ?? -1;
    const gone = offline.some((o) => o.end > event && o.end < (step?.index ?? to) && covers(o, id));
    if (shown >= 0 && !gone) return shown;
    const row = machine.pages.pfnToRow(id * pages);
    return row < 0 ? -1 : machine.pages.zoneOf(row);
  }

  function covers({ start, stop }: RangeOperation, id: number): boolean {
    return id >= Math.floor(start / pages) && id * pages < stop;
  }
}

/** Memory blocks that a range is believed to have. */
const MAX_BLOCKS = 1 << 16;

/** Online blocks of a step, and the zone of each. */
function onlineBlocks({ blocks }: MemoryBlocks, machine: Machine, step: Step): KnownBlocks['online'] {
  const nids = [...new Set(step.zoneinfo?.zones.map((z) => z.node) ?? [])];
  const found = new Map<number, number>();
  for (const { id, state, validZones, nodes } of blocks) {
    if (state !== 'online') continue;
    const nid = nodes.length === 1 ? nodes[0] : nids.length === 1 ? nids[0] : undefined;
    const zone = nid === undefined || validZones.length === 0 ? undefined : machine.zones.find(nid, validZones[0]);
    found.set(id, zone?.index ?? -1);
  }
  return found;
}
