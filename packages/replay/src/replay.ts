/**
 * A recorded replay from end to end: baseline, events, checkpoints.
 *
 * The kernel is the caller's: it must have been created from describeRecorded() of the span's machine step, with an
 * allocator that starts with nothing.
 */
import { Core, PageAllocator, ZoneFreeLists, type Kernel } from '@replug/core';
import { placeBaseline, type BaselineCounts } from './baseline.ts';
import { comparePages, compareOrders, freeBitmap, type Checkpoint } from './checkpoint.ts';
import { lookAhead } from './lookahead.ts';
import { migratetypeTable, RecordedReplay, type ReplayCounts } from './recorded.ts';
import { restoreZones } from './restore-zones.ts';
import type { Span, Stop } from './span.ts';

export interface ReplayResult {
  readonly counts: ReplayCounts;
  readonly baseline: BaselineCounts & { readonly source: 'kpageflags' | 'trace' };
  readonly checkpoints: readonly Checkpoint[];
  readonly stateHash: string;
  readonly notes: readonly string[];
}

export interface ReplayOptions {
  /** Called about every 65,536 events. */
  readonly onProgress?: (done: number, total: number) => void;
}

const CHUNK = 65536;

export function replayRecorded(kernel: Kernel, span: Span, options: ReplayOptions = {}): ReplayResult {
  const machine = kernel.get(Core.Machine);
  const lists = kernel.get(ZoneFreeLists);
  const { events, from, to } = span;
  const migratetype = migratetypeTable(machine.description.cma);
  const lookahead = lookAhead(events, machine.pages, { from, to, migratetype });
  const fromBoot = span.baseline === undefined;
  const flags = span.hint?.pageFlags();
  restoreZones(machine, lists, span.machineStep);
  kernel.get(PageAllocator).refresh();
  const baseline = placeBaseline({ machine, lists, flags, lookahead, events, fromBoot, migratetype });
  const start = freeBitmap(machine, lists);
  const replay = new RecordedReplay(machine, lists, events, lookahead, from, migratetype);
  const checkpoints: Checkpoint[] = [];
  let at = from;
  for (const stop of span.stops) {
    advance(stop.index);
    checkpoints.push(checkpoint(stop, stop.index - from));
  }
  advance(to);
  return {
    counts: replay.counts,
    baseline: { ...baseline, source: fromBoot ? 'trace' : 'kpageflags' },
    checkpoints,
    stateHash: kernel.stateHash(),
    notes: span.notes,
  };

  function advance(index: number): void {
    while (at < index) {
      const next = Math.min(index, at + CHUNK);
      replay.run(at, next);
      at = next;
      options.onProgress?.(at - from, to - from);
    }
  }

  function checkpoint({ step, note }: Stop, done: number): Checkpoint {
    const real = step.hasPageFlags ? step.pageFlags() : undefined;
    const buddyinfo = compareOrders(machine, lists, step);
    return {
      step: step.name,
      events: done,
      instant: note,
      buddyinfo,
      buddyinfoEqual: buddyinfo.every((z) => z.real.every((blocks, order) => blocks === z.model[order])),
      ...(real === undefined ? {} : { kpageflags: comparePages(machine, freeBitmap(machine, lists), start, real) }),
    };
  }
}
