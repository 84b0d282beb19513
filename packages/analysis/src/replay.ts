/**
 * Replay of a recording, in three ways: composes the kernel that the recording's files describe, replays a span, reports.
 *
 *   recorded   every block moves as the trace says
 *   predict    the same, and before each event the model is asked what it would do
 *   policy     the model decides; on the recorded machine, or on another one
 */
import {
  Core,
  createKernel,
  KIND,
  PageAllocator,
  profileOf,
  TRACEPOINT_KIND,
  type AnySubsystem,
  type Kernel,
  type KernelProfile,
  type MachineDescription,
} from '@replug/core';
import { buddy } from '@replug/buddy';
import {
  describeRecorded,
  findSpan,
  placeSteps,
  replayPolicy,
  replayRecorded,
  type Annotations,
  type ReplayResult,
  type Scenario,
  type Series,
  type Span,
} from '@replug/replay';
import type { Frames, ReplayReport } from '@replug/report';
import { filterEvents, sliceEvents, type EventColumns, type Recording, type Time } from '@replug/workload';
import { otherMachineOnlyPolicy, scenarioOnlyPolicy, unknownEvents } from './errors.ts';
import { captureReplay } from './export-capture.ts';
import { compareStreams, type StreamComparison } from './export-streams.ts';
import { DEFAULT_SPARE, operatorSubsystems } from './operator-kernel.ts';
import { courseOf, courseReport } from './scenario-course.ts';

export interface RecordedOptions {
  /** How recorded frames are treated; default `recorded`. */
  readonly frames?: Frames;
  readonly from?: Time;
  readonly to?: Time;
  /** Behaviour profile; default: the recording's kernel. */
  readonly kernel?: KernelProfile;
  /** `counts` makes the start state from buddyinfo and pagetypeinfo alone. */
  readonly baseline?: 'best' | 'counts';
  /** False: know nothing of an event before it comes, as if the trace were read while it is written. */
  readonly lookAhead?: boolean;
  /** Names of the only events to use, as if no others had been recorded. */
  readonly events?: readonly string[];
  /** Another machine that serves the requests; policy only. */
  readonly machine?: MachineDescription;
  /** What `machine` is called in the report. */
  readonly machineName?: string;
  /** Subsystems beside the allocator, or with one of their own that replaces it. */
  readonly subsystems?: readonly AnySubsystem[];
  /** Policy: false leaves requests that have no event unserved. */
  readonly annotate?: boolean;
  /** Operator commands at their instants of the trace; policy only. Hotplug and all else that takes commands is plugged in. */
  readonly scenario?: Scenario;
  /** ns between samples of free memory. */
  readonly sampleEvery?: number;
  readonly onProgress?: (done: number, total: number) => void;
}

/** Replays a span of a recording. Errors: RP5001–RP5008, RP6005 (another machine without policy), RP6006 (unknown events), RP6014 (a scenario). */
export function replayRecording(recording: Recording, options: RecordedOptions = {}): ReplayReport {
  if (options.machine !== undefined && options.frames !== 'policy') throw otherMachineOnlyPolicy();
  if (options.scenario !== undefined && options.frames !== 'policy') throw scenarioOnlyPolicy();
  const used = options.events === undefined ? recording : withEvents(recording, options.events);
  const span = findSpan(used, options.from, options.to);
  if (options.frames === 'policy') return policyReport(used, span, options);
  return withKernel(used, span, options, (kernel) => {
    const predict = options.frames === 'predict';
    const result = replayRecorded(kernel, span, { ...options, predict, followDumps: true });
    const report = reportOf(used, span, options, kernel, result);
    if (!predict) return report;
    return { ...report, predictions: result.predictions, predictionsOnline: predictOnline(used, span, options) };
  });
}

/** The prediction of somebody who reads the trace while it is written. */
function predictOnline(recording: Recording, span: Span, options: RecordedOptions): ReplayReport['predictionsOnline'] {
  if (options.lookAhead === false) return undefined;
  return withKernel(recording, span, options, (kernel) => {
    const { baseline, onProgress } = options;
    return replayRecorded(kernel, span, { baseline, onProgress, predict: true, lookAhead: false }).predictions;
  });
}

/** What a replay did, as its kernel's tracepoints told it, and how much of the recorded events that is. */
export interface ReplayedEvents {
  readonly events: EventColumns;
  readonly comparison: StreamComparison;
}

/** Replays a span and keeps what its kernel tells: recorded, every event that was applied; policy, what the model did. */
export function replayedEvents(recording: Recording, options: RecordedOptions = {}): ReplayedEvents {
  const used = options.events === undefined ? recording : withEvents(recording, options.events);
  const span = findSpan(used, options.from, options.to);
  const { baseline, lookAhead, onProgress } = options;
  const annotations = options.frames === 'policy' ? annotationsOf(used, span, options) : undefined;
  const events = withKernel(used, span, options, (kernel) =>
    captureReplay(kernel.tracepoints, span.events, (onEvent) => {
      if (options.frames !== 'policy') replayRecorded(kernel, span, { baseline, lookAhead, onProgress, onEvent });
      else replayPolicy(kernel, span, { baseline, lookAhead, onProgress, onEvent, annotations });
    }),
  );
  return { events, comparison: compareStreams(sliceEvents(span.events, span.from, span.to), events) };
}

function annotationsOf(recording: Recording, span: Span, options: RecordedOptions): Annotations | undefined {
  if (options.annotate === false) return undefined;
  const { baseline, lookAhead, onProgress } = options;
  return withKernel(recording, span, { kernel: options.kernel }, (kernel) => {
    return replayRecorded(kernel, span, { baseline, lookAhead, onProgress, predict: true }).annotations;
  });
}

function policyReport(recording: Recording, span: Span, options: RecordedOptions): ReplayReport {
  const { machine, machineName, baseline, lookAhead, sampleEvery, scenario, onProgress } = options;
  const annotations = annotationsOf(recording, span, options);
  const subsystems = scenario === undefined ? options.subsystems : operatorSubsystems(options.subsystems);
  return withKernel(recording, span, { ...options, subsystems }, (kernel) => {
    const elsewhere =
      machine === undefined
        ? undefined
        : createKernel({ machine, subsystems: subsystemsOf(subsystems, 'boot-memory') });
    try {
      const course = scenario && courseOf(recording, span, scenario, elsewhere ?? kernel);
      const result = replayPolicy(kernel, span, {
        baseline,
        lookAhead,
        sampleEvery,
        onProgress,
        annotations,
        elsewhere,
        recordedProfile: recordedProfile(recording),
        ...(course && { onEvent: (row: number) => course.reach(span.events.time[row]) }),
      });
      const { total, exact, firstDivergence, fallbacks, zones } = result;
      const name = machine === undefined ? null : (machineName ?? machine.arch.title);
      return {
        ...reportOf(recording, span, options, kernel, result),
        ...{ total, exact, firstDivergence, fallbacks, zones, machine: name, annotated: annotations !== undefined },
        ...(course && { scenario: courseReport(course) }),
      };
    } finally {
      elsewhere?.dispose();
    }
  });
}

function withKernel<T>(
  recording: Recording,
  span: Span,
  { kernel: profile, subsystems, scenario }: Pick<RecordedOptions, 'kernel' | 'subsystems' | 'scenario'>,
  use: (kernel: Kernel) => T,
): T {
  const spare = scenario === undefined ? 0 : Math.ceil(DEFAULT_SPARE / recording.pageSize);
  const kernel = recordedKernel(recording, span, profile, subsystems, spare);
  try {
    return use(kernel);
  } finally {
    kernel.dispose();
  }
}

/** A kernel as a step of a recording describes it, its allocator still empty. */
export function recordedKernel(
  recording: Recording,
  span: Pick<Span, 'machineStep' | 'stops'>,
  profile?: KernelProfile,
  subsystems?: readonly AnySubsystem[],
  sparePages = 0,
): Kernel {
  const machine = describeRecorded(
    recording,
    span.machineStep,
    span.stops.map((s) => s.step),
    profile,
  );
  const sized = { ...machine, sparePages: Math.max(machine.sparePages, sparePages) };
  return createKernel({ machine: sized, subsystems: subsystemsOf(subsystems, 'nothing') });
}

function subsystemsOf(others: readonly AnySubsystem[] = [], start: 'nothing' | 'boot-memory'): AnySubsystem[] {
  const replaced = others.some(({ provides }) => Object.values(provides).some((token) => token === PageAllocator));
  return replaced ? [...others] : [buddy({ start }), ...others];
}

/** The recording as if only some events had been recorded; trace_marker lines stay, they place steps. */
function withEvents(recording: Recording, names: readonly string[]): Recording {
  const unknown = names.filter((name) => !TRACEPOINT_KIND.has(name));
  if (unknown.length > 0) throw unknownEvents(unknown.join(', '));
  if (recording.trace === undefined) return recording;
  const kept = new Set<number>([KIND.tracing_mark_write, ...names.map((name) => TRACEPOINT_KIND.get(name)!)]);
  const events = filterEvents(recording.trace.events, (kind) => kept.has(kind));
  return { ...recording, trace: { ...recording.trace, events } };
}

type Replayed = Pick<ReplayResult, 'baseline' | 'checkpoints' | 'compaction' | 'stateHash' | 'notes'> & {
  readonly counts: ReplayReport['counts'] | object;
  readonly series?: Series;
};

function reportOf(
  recording: Recording,
  span: Span,
  options: RecordedOptions,
  kernel: Kernel,
  result: Replayed,
): ReplayReport {
  const { description } = kernel.get(Core.Machine);
  const { events, applied, unknownFrees, reallocations, partialFrees, ...counts } = result.counts as Record<
    string,
    number
  >;
  const pages = description.memory.reduce((sum, r) => sum + (r.end - r.start), 0);
  const placed = placeSteps(recording);
  const nameAt = (index: number, fallback: string) => placed.find((p) => p.index === index)?.step.name ?? fallback;
  const asked = countKind(span, KIND.mm_page_alloc);
  const freed = countKind(span, KIND.mm_page_free);
  const lost = recording.trace?.lost ?? 0;
  const share = (part: number, whole: number) => (whole === 0 ? 0 : part / whole);
  return {
    frames: options.frames ?? 'recorded',
    name: recording.name,
    path: recording.path,
    arch: description.arch.title,
    kernel: recording.kernel,
    profile: description.profile,
    bigEndian: recording.bigEndian,
    pageSize: recording.pageSize,
    memory: pages * recording.pageSize,
    from: span.begin?.name ?? (span.from === 0 ? 'start' : `event ${span.from}`),
    to: nameAt(span.to, 'end'),
    baseline: result.baseline,
    events,
    applied,
    unknownFrees,
    reallocations,
    partialFrees,
    lost,
    shares: {
      unknownFrees: share(unknownFrees, freed),
      reallocations: share(reallocations, asked),
      partialFrees: share(partialFrees, freed),
      lost: share(lost, lost + span.events.length),
    },
    counts,
    stateHash: result.stateHash,
    checkpoints: result.checkpoints,
    ...(result.compaction === undefined ? {} : { compaction: result.compaction }),
    ...(result.series === undefined ? {} : { series: result.series }),
    notes: [...profileNote(recording, description.profile), ...result.notes],
  };
}

function countKind({ events, from, to }: Span, kind: number): number {
  let count = 0;
  for (let i = from; i < to; i++) if (events.kind[i] === kind) count++;
  return count;
}

/** The profile that the recorded kernel itself has; undefined for an unknown kernel. */
function recordedProfile({ kernel }: Recording): KernelProfile | undefined {
  return /^\d+\.\d+/.test(kernel) ? profileOf(kernel) : undefined;
}

/** Behaviour is modelled for two kernels; any other is told by name. */
function profileNote(recording: Recording, profile: KernelProfile): string[] {
  const version = /^\d+\.\d+/.exec(recording.kernel)?.[0];
  return version === profile ? [] : [`kernel ${version ?? 'unknown'} behaves as ${profile} here`];
}

/**
 * Every span of a recording that can be checked: between each two neighbouring steps with kpageflags that have events
 * between them, and from the trace's start where no such step stands there.
 */
export function checkableSpans(recording: Recording): { from: Time; to: Time }[] {
  if (recording.trace === undefined) return [];
  const flagged = placeSteps(recording).filter((p) => p.step.hasPageFlags);
  const spans: { from: Time; to: Time }[] = [];
  const last = flagged.at(-1);
  if (last !== undefined && flagged[0].index > 0)
    spans.push({ from: { kind: 'start' }, to: { kind: 'step', ref: last.step.number } });
  for (let i = 1; i < flagged.length; i++) {
    if (flagged[i].index === flagged[i - 1].index) continue;
    spans.push({
      from: { kind: 'step', ref: flagged[i - 1].step.number },
      to: { kind: 'step', ref: flagged[i].step.number },
    });
  }
  return spans;
}

/** The spans of a fidelity report: all checkable ones of a recorded replay, else the whole trace. */
function fidelitySpans(recording: Recording, frames: Frames | undefined): { from: Time; to: Time }[] {
  if (recording.trace === undefined) return [];
  if (frames === 'predict' || frames === 'policy') return [{ from: { kind: 'start' }, to: { kind: 'end' } }];
  return checkableSpans(recording);
}

/** Replays what can be checked of recordings. `onSpan` is told before each. */
export function fidelityReplay(
  recordings: readonly Recording[],
  options: RecordedOptions & { readonly onSpan?: (recording: Recording, index: number, of: number) => void } = {},
): ReplayReport[] {
  return recordings.flatMap((recording) => {
    const spans = fidelitySpans(recording, options.frames);
    return spans.map((span, i) => {
      options.onSpan?.(recording, i, spans.length);
      return replayRecording(recording, { ...options, ...span });
    });
  });
}
