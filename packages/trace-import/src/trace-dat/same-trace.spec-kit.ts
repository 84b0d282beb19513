/** Whether two readings of one trace are the same, row by row, dictionaries resolved. The text has µs, the pages have ns. */
import type { EventColumns, Recording } from '@replug/workload';
import { argCount, eventArg, eventPfn, isPageEvent } from '@replug/workload';
import { TRACEPOINTS } from '@replug/core';

/** What the kernel prints of a time in ns: µs, rounded to the nearest. */
export const printedTime = (ns: number) => Math.floor((ns + 500) / 1000) * 1000;

/** One row as values that do not depend on how the dictionaries are numbered. */
export function rowOf(events: EventColumns, i: number, time: (ns: number) => number): readonly unknown[] {
  const kind = events.kind[i];
  const { comm, pid } = events.tasks[events.task[i]];
  const head = [
    TRACEPOINTS[kind].name,
    time(events.time[i]),
    events.cpu[i],
    events.flagTexts[events.flags[i]],
    comm,
    pid,
  ];
  if (isPageEvent(kind)) return [...head, eventPfn(events, i), events.unit[i], events.gfpTexts[events.gfp[i]]];
  const formats = TRACEPOINTS[kind].fields.map((field) => field.format).filter((format) => format !== 'page');
  const values = Array.from({ length: argCount(kind) }, (_, field) => {
    const value = eventArg(events, i, field);
    return formats[field] === 'word' || formats[field] === 'gfp' ? events.words[value] : value;
  });
  return [...head, ...values];
}

/** The first rows in which they differ, at most five, and how many do; '' when they are the same. */
export function differences(text: Recording, other: Recording): string {
  const [a, b] = [text.trace!, other.trace!];
  const found: string[] = [];
  let count = 0;
  const length = Math.min(a.events.length, b.events.length);
  for (let i = 0; i < length; i++) {
    const left = rowOf(a.events, i, (ns) => ns).join(' ');
    const right = rowOf(b.events, i, printedTime).join(' ');
    if (left === right) continue;
    if (count++ < 5) found.push(`${i}: ${left} | ${right}`);
  }
  if (a.events.length !== b.events.length) found.push(`${a.events.length} and ${b.events.length} events`);
  const counts = ({ trace }: Recording) => JSON.stringify(Object.entries(trace!.counts).sort());
  if (counts(text) !== counts(other)) found.push(`${counts(text)} and ${counts(other)}`);
  for (const name of ['lost', 'clock', 'fromBoot'] as const) {
    if (a[name] !== b[name]) found.push(`${name}: ${a[name]} and ${b[name]}`);
  }
  return found.length === 0 ? '' : [`${count} rows differ`, ...found].join('\n');
}
