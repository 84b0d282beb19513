/**
 * A recording's events as ftrace text, whole or a span of them.
 *
 *   const { header, text } = exportFtrace(recording, { from: { kind: 'seconds', seconds: 12 } });
 *   for (const chunk of text()) file.write(chunk);
 *
 * The text is that of /sys/kernel/tracing/trace whatever format the events were read from; imported again it gives the same
 * columns (times to the µs). What the columns do not hold – events without a place in the catalogue – is named in
 * `notExported`.
 */
import { profileOf, TRACEPOINT_KIND } from '@replug/core';
import { FtraceWriter } from '@replug/report';
import {
  alignClocks,
  firstEventAtOrAfter,
  resolveTime,
  type EventColumns,
  type Recording,
  type ResolvedTime,
  type Time,
} from '@replug/workload';
import { emptyExport, nothingToExport } from './errors.ts';

export interface ExportOptions {
  /** Default: the first event. */
  readonly from?: Time;
  /** Up to the event before it. Default: behind the last event. */
  readonly to?: Time;
  /** Written instead of the recorded events: what a replay of them did (`captureReplay`). */
  readonly events?: EventColumns;
}

export interface FtraceExport {
  /** Events that `text()` yields. */
  readonly events: number;
  /** Seconds of the first and the last of them. */
  readonly timeRange: { readonly begin: number; readonly end: number };
  /** Recorded events by name that the columns do not hold, over the whole recording. */
  readonly notExported: Readonly<Record<string, number>>;
  readonly notes: readonly string[];
  /** The text, header first, in chunks of about 64 KiB. */
  text(): Generator<string>;
}

/** Errors: RP6001 (no events at all), RP6002 (none in the span), RP3xxx (times). */
export function exportFtrace(recording: Recording, options: ExportOptions = {}): FtraceExport {
  const { trace } = recording;
  if (trace === undefined || trace.events.length === 0) throw nothingToExport(recording.name);
  const { from, to, events = trace.events } = options;
  const alignment = alignClocks(recording);
  const begin = from === undefined ? undefined : resolveTime(recording, from, alignment);
  const end = to === undefined ? undefined : resolveTime(recording, to, alignment);
  const rowOf = ({ ns, eventIndex }: ResolvedTime): number =>
    events === trace.events ? eventIndex : firstEventAtOrAfter(events, ns);
  const first = begin === undefined ? 0 : rowOf(begin);
  const last = end === undefined ? events.length : rowOf(end);
  if (first >= last) throw emptyExport(`${first}..${last} of ${events.length} events`);
  const whole = events === trace.events && first === 0 && last === events.length;
  return {
    events: last - first,
    timeRange: { begin: events.time[first] / 1e9, end: events.time[last - 1] / 1e9 },
    notExported: Object.fromEntries(Object.entries(trace.counts).filter(([name]) => !TRACEPOINT_KIND.has(name))),
    notes: [begin, end].flatMap((time) => (time === undefined ? [] : [time.note])),
    *text() {
      const known = /^\d+\.\d+/.test(recording.kernel);
      const writer = new FtraceWriter({ profile: known ? profileOf(recording.kernel) : '6.12' });
      // Nothing tells where in the trace events were lost: a span of it claims none.
      yield writer.header({ entries: last - first, lost: whole ? trace.lost : 0, cpus: cpuCount(recording) });
      yield* writer.chunks(events, first, last);
    },
  };
}

/** CPUs of the machine: as its zoneinfo lists them, else as the events name them. */
function cpuCount({ steps, trace }: Recording): number {
  let cpus = 0;
  for (const { zoneinfo } of steps)
    for (const zone of zoneinfo?.zones ?? []) for (const { cpu } of zone.pagesets) cpus = Math.max(cpus, cpu + 1);
  if (cpus > 0 || trace === undefined) return cpus;
  const { cpu, length } = trace.events;
  for (let i = 0; i < length; i++) if (cpu[i] >= cpus) cpus = cpu[i] + 1;
  return cpus;
}
