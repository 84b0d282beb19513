/**
 * A recorded replay from end to end: start state, events, checkpoints. With `predict`, the allocator is asked before each
 * event what it would do.
 *
 * The kernel is the caller's: it must have been created from describeRecorded() of the span's machine step, with an
 * allocator that starts with nothing.
 */
import { Core, ZoneSizing, type Kernel } from '@replug/core';
import { compactionOf } from './compaction/provider.ts';
import type { CompactionReport } from './compaction/report.ts';
import { compareCpuLists, comparePages, compareOrders, freeBitmap, type Checkpoint } from './checkpoint.ts';
import { runCourse, type CourseOptions } from './course.ts';
import { DumpFollower, followedDump } from './dump-follower.ts';
import { FATE, fates } from './fates.ts';
import type { Annotations } from './hidden.ts';
import { MadeUpBlocks } from './made-up.ts';
import { Predictor } from './predict.ts';
import type { Predictions } from './predictions.ts';
import { prepare, tellsOnlyRequests, type Prepared, type PrepareOptions } from './prepare.ts';
import { RecordedReplay } from './recorded.ts';
import type { ReplayCounts } from './replay-counts.ts';
import type { Series } from './sampling.ts';
import type { Span, Stop } from './span.ts';

export interface ReplayResult {
  readonly counts: ReplayCounts;
  readonly baseline: Prepared['baseline'];
  readonly checkpoints: readonly Checkpoint[];
  readonly stateHash: string;
  /** What the model would have done, beside what was done; with `predict`. */
  readonly predictions?: Predictions;
  /** What the prediction found that no event tells at its time. */
  readonly annotations?: Annotations;
  /** Compaction's scans, predicted beside the real ones; where the span has some. */
  readonly compaction?: CompactionReport;
  readonly series?: Series;
  readonly notes: readonly string[];
}

export interface ReplayOptions extends PrepareOptions, CourseOptions {
  /** Ask before each event what the model would do. */
  readonly predict?: boolean;
  /** Told of each event before it is applied. */
  readonly onEvent?: (row: number) => void;
  /**
   * Compare a kpageflags that was read while tracing went on part by part, each when it was read; afterwards the kernel is as
   * it was when the last dump was done, not as at the span's end.
   */
  readonly followDumps?: boolean;
}

export function replayRecorded(kernel: Kernel, span: Span, options: ReplayOptions = {}): ReplayResult {
  const follows = options.followDumps === true && options.predict !== true;
  const dumpOf = (stop: Stop | undefined) =>
    follows && stop !== undefined ? followedDump(span.events, stop, kernel.get(Core.Machine).pages.arch) : undefined;
  const lastStop = span.stops.at(-1);
  const lastDump = dumpOf(lastStop);
  const until = Math.max(span.to, lastDump?.reading.pieces.at(-1)!.index ?? 0);
  // Events behind the span tell which way its last frees went. Where only requests are told, they would contradict the dump.
  const looksOn = follows && !tellsOnlyRequests(span.events, span.from, span.to);
  const prepared = prepare(kernel, { ...span, to: looksOn ? span.events.length : until }, options);
  const { machine, lists, lookahead, migratetype, onlyRequests } = prepared;
  const { events, from } = span;
  const start = freeBitmap(machine, lists);
  const predictor = options.predict === true ? predictorFor(span, prepared, options) : undefined;
  const replay = new RecordedReplay({
    machine,
    lists,
    tracepoints: kernel.get(Core.Tracepoints),
    events,
    lookahead,
    from,
    migratetype,
    hotplug: prepared.hotplug,
    sizing: kernel.get(ZoneSizing),
    refresh: () => prepared.allocator.refresh(),
    infers: onlyRequests,
    onEvent: options.onEvent,
    predictor,
    compaction: compactionOf(kernel),
    madeUp: prepared.baseline.source === 'counts' ? new MadeUpBlocks(machine, lists, prepared.preview) : undefined,
  });
  const checkpoints: Checkpoint[] = [];
  let follower: DumpFollower | undefined;
  const run = (first: number, last: number): void => {
    let at = first;
    while (follower !== undefined && follower.next <= last) {
      replay.run(at, follower.next);
      at = follower.next;
      follower.reach(at);
      if (follower.next === Infinity) followed();
    }
    replay.run(at, last);
  };
  const series = runCourse(
    span,
    prepared,
    run,
    (stop, done) => {
      predictor?.putBack();
      const dump = stop === lastStop ? lastDump : dumpOf(stop);
      checkpoints.push(checkpoint(prepared, start, stop, done, dump === undefined));
      follower = dump && new DumpFollower(dump, machine, lists);
    },
    options,
    events,
  );
  const result: ReplayResult = {
    counts: { ...replay.counts },
    baseline: prepared.baseline,
    checkpoints,
    stateHash: kernel.stateHash(),
    predictions: predictor?.predictions,
    annotations: predictor?.annotations,
    compaction: structuredClone(replay.compaction?.report),
    series,
    notes: onlyRequests ? [...span.notes, ONLY_REQUESTS] : span.notes,
  };
  if (follower !== undefined) run(span.to, until);
  return result;

  /** The dump of the last checkpoint is done. */
  function followed(): void {
    const last = checkpoints.length - 1;
    checkpoints[last] = { ...checkpoints[last], kpageflags: follower!.agreement(start), readUntil: follower!.end };
    follower = undefined;
  }
}

const ONLY_REQUESTS = "the trace has only allocations and frees: refills and drains are the model's";

function predictorFor(span: Span, prepared: Prepared, { lookAhead }: ReplayOptions): Predictor {
  const { events, from, to } = span;
  const { machine, lists, preview, lookahead, typeCounts, fromBoot, allocator } = prepared;
  return new Predictor({
    machine,
    lists,
    preview,
    events,
    from,
    fates: lookAhead === false ? new Uint8Array(to - from).fill(FATE.UNKNOWN) : fates(events, machine.pages, from, to),
    blockType: lookahead.blockType,
    typeCounts,
    fromBoot,
    madeUp: prepared.baseline.source === 'counts',
    refresh: () => allocator.refresh(),
  });
}

/** A stop's dumps against the model; `flags`: kpageflags as well. `start`: the free pages at the span's start. */
export function checkpoint(
  { machine, lists }: Prepared,
  start: Uint8Array,
  { step, note }: Stop,
  done: number,
  flags = true,
): Checkpoint {
  const real = flags && step.hasPageFlags ? step.pageFlags() : undefined;
  const buddyinfo = compareOrders(machine, lists, step);
  return {
    step: step.name,
    events: done,
    instant: note,
    buddyinfo,
    buddyinfoEqual: buddyinfo.every((z) => z.real.every((blocks, order) => blocks === z.model[order])),
    cpuLists: compareCpuLists(machine, lists, step),
    ...(real === undefined ? {} : { kpageflags: comparePages(machine, freeBitmap(machine, lists), start, real) }),
  };
}
