/**
 * Recorded replay of a recording: composes the kernel that the recording's files describe, replays a span, reports.
 */
import { Core, createKernel, type KernelProfile } from '@replug/core';
import { buddy } from '@replug/buddy';
import { describeRecorded, findSpan, placeSteps, replayRecorded, type Span } from '@replug/replay';
import type { ReplayReport } from '@replug/report';
import type { Recording, Time } from '@replug/workload';

export interface RecordedOptions {
  readonly from?: Time;
  readonly to?: Time;
  /** Behaviour profile; default: the recording's kernel. */
  readonly kernel?: KernelProfile;
  readonly onProgress?: (done: number, total: number) => void;
}

/** Replays a span of a recording. Errors: RP5001–RP5005. */
export function replayRecording(recording: Recording, options: RecordedOptions = {}): ReplayReport {
  return replaySpan(recording, findSpan(recording, options.from, options.to), options);
}

/** A kernel as a step of a recording describes it, its allocator still empty. */
export function recordedKernel(
  recording: Recording,
  span: Pick<Span, 'machineStep' | 'stops'>,
  profile?: KernelProfile,
) {
  const machine = describeRecorded(
    recording,
    span.machineStep,
    span.stops.map((s) => s.step),
    profile,
  );
  return createKernel({ machine, subsystems: [buddy({ start: 'nothing' })] });
}

function replaySpan(recording: Recording, span: Span, options: RecordedOptions): ReplayReport {
  const kernel = recordedKernel(recording, span, options.kernel);
  try {
    const { description } = kernel.get(Core.Machine);
    const result = replayRecorded(kernel, span, { onProgress: options.onProgress });
    const { events, applied, unknownFrees, reallocations, partialFrees, ...counts } = result.counts;
    const pages = description.memory.reduce((sum, r) => sum + (r.end - r.start), 0);
    const placed = placeSteps(recording);
    const nameAt = (index: number, fallback: string) => placed.find((p) => p.index === index)?.step.name ?? fallback;
    return {
      name: recording.name,
      path: recording.path,
      arch: description.arch.title,
      kernel: recording.kernel,
      profile: description.profile,
      bigEndian: recording.bigEndian,
      pageSize: recording.pageSize,
      memory: pages * recording.pageSize,
      from: span.baseline?.name ?? (span.from === 0 ? 'start' : `event ${span.from}`),
      to: nameAt(span.to, 'end'),
      baseline: result.baseline,
      events,
      applied,
      unknownFrees,
      reallocations,
      partialFrees,
      counts: counts as unknown as Record<string, number>,
      stateHash: result.stateHash,
      checkpoints: result.checkpoints,
      notes: [...profileNote(recording, description.profile), ...result.notes],
    };
  } finally {
    kernel.dispose();
  }
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

/** Replays every checkable span. `onSpan` is told before each. */
export function fidelityReplay(
  recordings: readonly Recording[],
  options: RecordedOptions & { readonly onSpan?: (recording: Recording, index: number, of: number) => void } = {},
): ReplayReport[] {
  return recordings.flatMap((recording) => {
    const spans = checkableSpans(recording);
    return spans.map((span, i) => {
      options.onSpan?.(recording, i, spans.length);
      return replayRecording(recording, { ...options, ...span });
    });
  });
}
