/**
 * Which part of a recording is replayed: from a step (or the trace's start) to a later step (or its end), in events.
 */
import { ReplugError } from '@replug/core';
import { alignClocks, resolveTime, type EventColumns, type Recording, type Step, type Time } from '@replug/workload';
import { emptySpan, noBaseline, noTrace, noZoneinfo } from './errors.ts';

export interface Stop {
  /** Events [.., index) come before it. */
  readonly index: number;
  readonly step: Step;
  /** The next step's place among the events, or their number. */
  readonly next: number;
  /** How its place among the events was found, and how exactly. */
  readonly note: string;
}

export interface Span {
  readonly events: EventColumns;
  /** First event. */
  readonly from: number;
  /** Behind the last event. */
  readonly to: number;
  /** Whose files describe the machine. */
  readonly machineStep: Step;
  /** The trace begins while the kernel boots, and the span with it. */
  readonly fromBoot: boolean;
  /** The step at which the span begins, if it begins at one. */
  readonly begin: Step | undefined;
  /** Whose kpageflags give the start state, read at `from`; undefined: the start is inferred from the trace. */
  readonly baseline: Step | undefined;
  /** Whose kpageflags tell what no event of an inferred start tells. */
  readonly hint: Step | undefined;
  /** Steps with something to compare, in (from, to]. */
  readonly stops: readonly Stop[];
  /** How `from` and `to` were found. */
  readonly notes: readonly string[];
}

export interface PlacedStep {
  readonly step: Step;
  /** Events [.., index) come before it. */
  readonly index: number;
  /** How the place was found. */
  readonly note: string;
}

/** The steps of a recording with their place among the events. Steps that cannot be placed on the trace clock are left out. */
export function placeSteps(recording: Recording): PlacedStep[] {
  eventsOf(recording);
  const alignment = alignClocks(recording);
  return recording.steps.flatMap((step) => {
    try {
      const { eventIndex, note } = resolveTime(recording, { kind: 'step', ref: step.number }, alignment);
      return [{ step, index: eventIndex, note }];
    } catch (error) {
      if (error instanceof ReplugError && error.code === 'RP3005') return [];
      throw error;
    }
  });
}

/**
 * Finds a span. Defaults: from the trace's start when its state is known or can be inferred (a step with kpageflags before
 * the first event, or a trace from boot), else from the first step with kpageflags; to the last step.
 * Errors: RP5001–RP5004.
 */
export function findSpan(recording: Recording, from?: Time, to?: Time): Span {
  const events = eventsOf(recording);
  const placed = placeSteps(recording);
  const notes: string[] = [];
  const last = placed.at(-1);
  const begin = runUp(locate(from ?? defaultStart(recording, placed)));
  const end = to === undefined ? { index: last?.index ?? events.length, step: last?.step } : locate(to);
  if (begin.index > end.index || (begin.index === end.index && events.length > 0))
    throw emptySpan(`${begin.index}..${end.index} of ${events.length} events`);
  const stops = placed
    .filter((p) => p.index > begin.index && p.index <= end.index && p.step !== begin.step)
    .map(({ step, index, note }) => ({ step, index, note, next: after(index) }));
  const baseline = begin.step?.hasPageFlags === true ? begin.step : undefined;
  const later =
    [...stops].reverse().find((s) => s.step.hasPageFlags)?.step ?? recording.steps.find((s) => s.hasPageFlags);
  const counted = begin.step?.buddyinfo !== undefined || begin.step?.pagetypeinfo !== undefined;
  if (baseline === undefined && later === undefined && !counted) throw noBaseline(recording.name);
  const machineStep = [begin.step, ...stops.map((s) => s.step), ...recording.steps].find(
    (s) => s?.zoneinfo !== undefined,
  );
  if (machineStep === undefined) throw noZoneinfo(recording.name);
  return {
    events,
    from: begin.index,
    to: end.index,
    machineStep,
    fromBoot: recording.trace!.fromBoot && begin.index === 0,
    begin: begin.step,
    baseline,
    hint: baseline ?? later,
    stops,
    notes,
  };

  function after(index: number): number {
    return placed.find((p) => p.index > index)?.index ?? events.length;
  }

  /** An instant without a dump of its own is reached by replaying from the last dump before it. */
  function runUp(at: { index: number; step: Step | undefined }): { index: number; step: Step | undefined } {
    if (at.step?.hasPageFlags === true) return at;
    const known =
      [...placed].reverse().find((p) => p.index <= at.index && p.step.hasPageFlags) ??
      [...placed].reverse().find((p) => p.index <= at.index && p.step.buddyinfo !== undefined);
    if (known === undefined || known.index === at.index) return at;
    notes.push(`the state there is replayed from step ${known.step.name}, ${at.index - known.index} events before`);
    return known;
  }

  function locate(time: Time): { index: number; step: Step | undefined } {
    if (time.kind === 'start') return { index: 0, step: placed.find((p) => p.index === 0)?.step };
    if (time.kind === 'end') return { index: events.length, step: undefined };
    const resolved = resolveTime(recording, time);
    notes.push(`${'ref' in time ? time.ref : time.kind}: ${resolved.note}`);
    const known = placed.find((p) => p.step === resolved.step);
    if (known !== undefined) return { index: known.index, step: known.step };
    return { index: resolved.eventIndex, step: undefined };
  }
}

function defaultStart(recording: Recording, placed: readonly { step: Step; index: number }[]): Time {
  const known = placed.find((p) => p.index === 0 && p.step.hasPageFlags);
  if (known !== undefined || recording.trace?.fromBoot === true) return { kind: 'start' };
  const first = placed.find((p) => p.step.hasPageFlags && p.index < recording.trace!.events.length);
  return first === undefined ? { kind: 'start' } : { kind: 'step', ref: first.step.number };
}

function eventsOf(recording: Recording): EventColumns {
  if (recording.trace === undefined) throw noTrace(recording.name);
  return recording.trace.events;
}
