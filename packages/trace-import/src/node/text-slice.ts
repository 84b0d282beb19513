/** A slice of a trace's text, read by itself: what a thread gets and what it gives back. */
import type { EventColumns, FileAccount } from '@replug/workload';
import { Account } from '../account.ts';
import { FtraceTextReader } from '../ftrace-text/ftrace-text.ts';

export interface SliceTask {
  /** Place in the file, from 0. */
  readonly number: number;
  /** The text is at its beginning; it comes back with the result. */
  readonly buffer: ArrayBuffer;
  readonly length: number;
  readonly format: string;
}

export interface SliceRead {
  readonly number: number;
  readonly buffer: ArrayBuffer;
  readonly events: EventColumns;
  readonly counts: Readonly<Record<string, number>>;
  /** Events that headers, and marks between the lines, say are missing. */
  readonly overrun: number;
  readonly lostMarked: number;
  readonly cpus?: number;
  readonly tracer?: string;
  /** A call chain's event may stand in the slice before. */
  readonly torn: boolean;
  readonly account: FileAccount;
}

/** Instead of a slice: why it could not be read. */
export interface SliceFailure {
  readonly failure: string;
}

export function readSlice({ number, buffer, length, format }: SliceTask): SliceRead {
  const account = new Account('', format);
  const reader = new FtraceTextReader(account);
  reader.push(new Uint8Array(buffer, 0, length));
  const { events, counts, cpus, tracer } = reader.finish();
  // The larger of the two is what a text as a whole tells; of a slice both are needed.
  const { overrun, lostMarked } = reader.remarks;
  const remarks = { overrun, lostMarked, cpus, tracer, torn: number > 0 && reader.torn };
  return { number, buffer, events, counts, ...remarks, account: account.finish(length) };
}

/** Buffers of the result, which change hands instead of being copied. */
export function buffersOf({ buffer, events }: SliceRead): ArrayBuffer[] {
  const { time, pfnLow, pfnHigh, kind, unit, flags, cpu, gfp, task, args } = events;
  const columns = [time, pfnLow, pfnHigh, kind, unit, flags, cpu, gfp, task, args] as {
    readonly buffer: ArrayBufferLike;
  }[];
  if (events.stack !== undefined) columns.push(events.stack);
  return [buffer, ...columns.map((column) => column.buffer as ArrayBuffer)];
}
