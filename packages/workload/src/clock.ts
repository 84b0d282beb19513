/**
 * The constant between the trace clock and CLOCK_MONOTONIC: trace time = monotonic time + offset.
 *
 * A capture gives monotonic times of its reads, the trace gives trace times of its events, and the order of the two is
 * known at a few places. Each place bounds the offset from one side:
 *
 *   tracing switched on, then the first event            offset ≤ first event − switched on
 *   the last event, then tracing switched off            offset ≥ last event − switched off
 *   trace_marker `snapx mid begin`, then the reads       offset ≥ marker − begin of the reads
 *   the reads, then trace_marker `snapx mid end`         offset ≤ marker − end of the reads
 *
 * The offset is the middle of what is left, the uncertainty half of its width. Where the two sides cross (clocks drift by
 * microseconds) the middle and half of the gap are given. Without a bound on both sides there is no alignment.
 */
import { KIND } from '@replug/core';
import { eventWord } from './builder.ts';
import type { EventColumns } from './events.ts';
import type { Recording, Step, StepTime } from './recording.ts';

export interface ClockAlignment {
  /** ns to add to CLOCK_MONOTONIC to get the trace clock. */
  readonly offsetNs: number;
  /** The true offset is within ± this, ns. */
  readonly uncertaintyNs: number;
  /** What bounds it most tightly. */
  readonly source: 'trace-marker' | 'tracing-on-write' | 'read-order';
  /** For people: what was compared with what. */
  readonly note: string;
}

interface Bound {
  readonly ns: number;
  readonly source: ClockAlignment['source'];
  readonly what: string;
}

/** Estimates the offset; undefined when the recording has no trace or no bound on both sides. */
export function alignClocks(recording: Pick<Recording, 'steps' | 'trace'>): ClockAlignment | undefined {
  const events = recording.trace?.events;
  if (events === undefined || events.length === 0) return undefined;

  const atLeast: Bound[] = [];
  const atMost: Bound[] = [];
  for (const step of recording.steps) {
    if (step.when !== undefined) boundBySwitch(step.when, stepLabel(step), events, atLeast, atMost);
  }
  boundByMarkers(recording.steps, events, atLeast, atMost);

  const low = atLeast.reduce<Bound | undefined>(
    (best, b) => (best === undefined || b.ns > best.ns ? b : best),
    undefined,
  );
  const high = atMost.reduce<Bound | undefined>(
    (best, b) => (best === undefined || b.ns < best.ns ? b : best),
    undefined,
  );
  if (low === undefined || high === undefined) return undefined;
  const crossed = low.ns > high.ns ? '; the two cross, so the clocks drift by that much' : '';
  return {
    offsetNs: Math.round((low.ns + high.ns) / 2),
    uncertaintyNs: Math.ceil(Math.abs(high.ns - low.ns) / 2),
    source: looser(low.source, high.source),
    note: `at least by ${low.what}, at most by ${high.what}${crossed}`,
  };
}

/** `02-fragmented`, as in a capture's folder. */
export function stepLabel(step: Pick<Step, 'number' | 'name'>): string {
  return `${String(step.number).padStart(2, '0')}-${step.name}`;
}

/** CLOCK_MONOTONIC seconds as ns on the trace clock. */
export function monotonicToTraceNs(alignment: ClockAlignment, seconds: number): number {
  return Math.round(seconds * 1e9) + alignment.offsetNs;
}

function boundBySwitch(when: StepTime, label: string, events: EventColumns, atLeast: Bound[], atMost: Bound[]): void {
  const first = events.time[0];
  const last = events.time[events.length - 1];
  if (when.tracing === 'started-after-reading') {
    const on = when.tracingOn?.begin;
    atMost.push(
      on === undefined
        ? { ns: first - when.end * 1e9, source: 'read-order', what: `the first event after the reads of ${label}` }
        : { ns: first - on * 1e9, source: 'tracing-on-write', what: `the first event after tracing_on in ${label}` },
    );
  } else if (when.tracing === 'stopped-before-reading') {
    const off = when.tracingOff?.end;
    atLeast.push(
      off === undefined
        ? { ns: last - when.begin * 1e9, source: 'read-order', what: `the last event before the reads of ${label}` }
        : { ns: last - off * 1e9, source: 'tracing-on-write', what: `the last event before tracing_on in ${label}` },
    );
  }
}

/** Trace times of the k-th pair of markers around a snapshot, ns. */
export function snapshotMarkers(events: EventColumns): readonly { readonly begin: number; readonly end: number }[] {
  const pairs: { begin: number; end: number }[] = [];
  let begin: number | undefined;
  for (let i = 0; i < events.length; i++) {
    if (events.kind[i] !== KIND.tracing_mark_write) continue;
    const text = eventWord(events, i, 0);
    if (text === 'snapx mid begin') begin = events.time[i];
    else if (text === 'snapx mid end' && begin !== undefined) {
      pairs.push({ begin, end: events.time[i] });
      begin = undefined;
    }
  }
  return pairs;
}

/** Steps that were read between two markers: taken while tracing ran, with a time for each single read. */
export function markedSteps(steps: readonly Step[]): readonly Step[] {
  return steps.filter((s) => s.when?.tracing === 'unchanged' && Object.keys(s.when.reads).length > 0);
}

function boundByMarkers(steps: readonly Step[], events: EventColumns, atLeast: Bound[], atMost: Bound[]): void {
  const marked = markedSteps(steps);
  if (marked.length === 0) return;
  const pairs = snapshotMarkers(events);
  if (pairs.length !== marked.length) return;
  marked.forEach((step, i) => {
    const what = `the trace_marker of ${stepLabel(step)}`;
    atLeast.push({ ns: pairs[i].begin - step.when!.begin * 1e9, source: 'trace-marker', what });
    atMost.push({ ns: pairs[i].end - step.when!.end * 1e9, source: 'trace-marker', what });
  });
}

/** How tight a source is by nature; the pair is as good as its worse side. */
const LOOSENESS = { 'trace-marker': 0, 'tracing-on-write': 1, 'read-order': 2 } as const;

function looser(a: ClockAlignment['source'], b: ClockAlignment['source']): ClockAlignment['source'] {
  return LOOSENESS[a] > LOOSENESS[b] ? a : b;
}
