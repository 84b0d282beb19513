/**
 * Points in time as people write them, and where they lie in a recording.
 *
 *   start, end          the first and the last event of the trace
 *   2                   step number 2
 *   fragmented          the step of that name
 *   02-fragmented       both
 *   12.5s               seconds on the capture's trace clock
 *
 * `start` and `end` win over steps of those names; write such a step with its number.
 */
import { firstEventAtOrAfter } from './builder.ts';
import { alignClocks, monotonicToTraceNs, stepLabel, type ClockAlignment } from './clock.ts';
import { ambiguousStep, badTime, noTrace, stepNotOnTraceClock, unknownStep } from './errors.ts';
import type { Recording, Step } from './recording.ts';

export type Time =
  | { readonly kind: 'start' | 'end' }
  | { readonly kind: 'step'; readonly ref: number | string }
  | { readonly kind: 'seconds'; readonly seconds: number };

/** Reads a time; throws RP3001 for an empty or impossible text. Whether a step exists shows only in `resolveTime`. */
export function parseTime(text: string): Time {
  const trimmed = text.trim();
  if (trimmed === 'start' || trimmed === 'end') return { kind: trimmed };
  if (/^\d+$/.test(trimmed)) return { kind: 'step', ref: Number(trimmed) };
  const seconds = /^(\d+(?:\.\d*)?|\.\d+)s$/.exec(trimmed);
  if (seconds !== null) return { kind: 'seconds', seconds: Number(seconds[1]) };
  if (!/^[A-Za-z0-9][\w.+-]*$/.test(trimmed)) throw badTime(text);
  return { kind: 'step', ref: trimmed };
}

export interface ResolvedTime {
  /** ns on the trace clock; on CLOCK_MONOTONIC when the recording has no trace; NaN for a step with no time at all. */
  readonly ns: number;
  /** Events before this point: the row of the first event at or after it. */
  readonly eventIndex: number;
  /** The step that was named, or that lies at this end of the trace. */
  readonly step?: Step;
  /** How the time was found and how exact it is. */
  readonly note: string;
}

/**
 * Finds a time in a recording. Throws RP3001 (no time), RP3002, RP3003 (step), RP3004 (seconds without a trace),
 * RP3005 (a step that cannot be placed on the trace clock). Pass `alignment` to avoid estimating it again.
 */
export function resolveTime(
  recording: Pick<Recording, 'steps' | 'trace'>,
  time: Time | string,
  alignment: ClockAlignment | undefined = alignClocks(recording),
): ResolvedTime {
  const parsed = typeof time === 'string' ? parseTime(time) : time;
  switch (parsed.kind) {
    case 'start':
    case 'end':
      return resolveEnd(recording, parsed.kind);
    case 'seconds':
      return resolveSeconds(recording, parsed.seconds);
    case 'step':
      return resolveStep(recording, findStep(recording.steps, parsed.ref), alignment);
  }
}

/** The step that a number, a name or both mean. Throws RP3002, RP3003. */
export function findStep(steps: readonly Step[], ref: number | string): Step {
  const labels = steps.map(stepLabel);
  const exact = steps.filter((step, i) => (typeof ref === 'number' ? step.number === ref : labels[i] === ref));
  const found = exact.length > 0 ? exact : steps.filter((step) => step.name === ref);
  if (found.length === 0) throw unknownStep(ref, labels);
  if (found.length > 1) throw ambiguousStep(String(ref), found.map(stepLabel));
  return found[0];
}

function resolveEnd({ steps, trace }: Pick<Recording, 'steps' | 'trace'>, which: 'start' | 'end'): ResolvedTime {
  const atStart = which === 'start';
  if (trace === undefined || trace.events.length === 0) {
    const step = atStart ? steps[0] : steps[steps.length - 1];
    if (step === undefined) throw unknownStep(which, []);
    return withoutTrace(step);
  }
  const { length, time } = trace.events;
  const tracing = atStart ? 'started-after-reading' : 'stopped-before-reading';
  const step = steps.find((s) => s.when?.tracing === tracing);
  const where = step === undefined ? '' : `, at step ${stepLabel(step)}`;
  return {
    ns: atStart ? time[0] : time[length - 1],
    eventIndex: atStart ? 0 : length,
    step,
    note: `the ${atStart ? 'first' : 'last'} event of the trace${where}`,
  };
}

function resolveSeconds({ trace }: Pick<Recording, 'trace'>, seconds: number): ResolvedTime {
  if (trace === undefined) throw noTrace(`${seconds}s`);
  const ns = Math.round(seconds * 1e9);
  return { ns, eventIndex: firstEventAtOrAfter(trace.events, ns), note: 'on the trace clock' };
}

function resolveStep(
  recording: Pick<Recording, 'steps' | 'trace'>,
  step: Step,
  alignment: ClockAlignment | undefined,
): ResolvedTime {
  const events = recording.trace?.events;
  if (events === undefined || events.length === 0) return withoutTrace(step);
  const { when } = step;
  const label = stepLabel(step);
  if (when === undefined) throw stepNotOnTraceClock(label, 'it has no times');
  if (when.tracing === 'started-after-reading') {
    return { ns: events.time[0], eventIndex: 0, step, note: 'tracing was switched on right after the reads' };
  }
  if (when.tracing === 'stopped-before-reading') {
    const ns = events.time[events.length - 1];
    return { ns, eventIndex: events.length, step, note: 'tracing was switched off right before the reads' };
  }
  if (alignment === undefined) {
    throw stepNotOnTraceClock(label, 'nothing ties the trace clock to CLOCK_MONOTONIC in this recording');
  }
  const read = stateRead(step);
  const ns = monotonicToTraceNs(alignment, read.seconds);
  return {
    ns,
    eventIndex: firstEventAtOrAfter(events, ns),
    step,
    note: `${read.what}, ±${(alignment.uncertaintyNs / 1e6).toFixed(3)} ms (${alignment.source})`,
  };
}

/** The read that shows the step's free lists: kpageflags where it was read along with the rest, else buddyinfo. */
function stateRead(step: Step): { seconds: number; what: string } {
  const when = step.when!;
  for (const [name, read] of [
    ['kpageflags', when.reads['kpageflags.bin']],
    ['buddyinfo', when.reads.buddyinfo],
  ] as const) {
    if (read !== undefined) return { seconds: read.begin, what: `when its ${name} began to be read` };
  }
  return { seconds: when.begin, what: 'when its files began to be read' };
}

function withoutTrace(step: Step): ResolvedTime {
  const ns = step.when === undefined ? Number.NaN : Math.round(step.when.begin * 1e9);
  return { ns, eventIndex: 0, step, note: 'on CLOCK_MONOTONIC: the recording has no trace' };
}
