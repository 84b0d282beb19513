/**
 * ftrace's text: /sys/kernel/tracing/trace, trace_pipe, `trace-cmd report`, `perf script` without call chains.
 *
 * Bytes come in chunks cut anywhere; a line that spans chunks is put together first, so the columns do not depend on the
 * cut. Never holds more than the longest allowed line.
 */
import type { EventColumns } from '@replug/workload';
import type { Account } from '../account.ts';
import { decode } from './byte-interner.ts';
import { LineParser, MAX_LINE } from './line-parser.ts';
import { SLACK } from './words.ts';

const NEWLINE = 10;

export interface FtraceText {
  readonly events: EventColumns;
  /** Events by ftrace name; names without events are left out. */
  readonly counts: Readonly<Record<string, number>>;
  /** Events that the text says are missing. */
  readonly lost: number;
  /** `#P:n` of the header; undefined without a header. */
  readonly cpus?: number;
  /** `nop`, `function_graph` …; undefined without a header. */
  readonly tracer?: string;
}

export class FtraceTextReader {
  private readonly account: Account;
  private readonly parser: LineParser;
  /** The beginning of a line whose end has not come yet, and room for its newline and the slack. */
  private readonly carry = new Uint8Array(MAX_LINE + 1 + SLACK);
  private carried = 0;
  private tooLong = false;

  private overrun = 0;
  private lostMarked = 0;
  private cpus: number | undefined;
  private tracer: string | undefined;

  constructor(account: Account) {
    this.account = account;
    this.parser = new LineParser(account, (line) => this.readComment(line));
  }

  /** Takes the next bytes of the file, cut anywhere. */
  push(chunk: Uint8Array): void {
    // A plain view: Buffer is a subclass, and the hot loop shall see one shape only.
    const bytes = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let start = 0;
    if (this.carried > 0 || this.tooLong) {
      const newline = bytes.indexOf(NEWLINE);
      this.keep(bytes, 0, newline === -1 ? bytes.length : newline);
      if (newline === -1) return;
      this.endCarriedLine();
      start = newline + 1;
    }
    // The parser may look a little past a newline: the last lines are copied to where that is safe.
    let end = bytes.length - SLACK;
    while (end > start && bytes[end - 1] !== NEWLINE) end--;
    if (end > start) this.parser.parse(bytes, start, end);
    else end = start;
    for (;;) {
      const newline = bytes.indexOf(NEWLINE, end);
      this.keep(bytes, end, newline === -1 ? bytes.length : newline);
      if (newline === -1) return;
      this.endCarriedLine();
      end = newline + 1;
    }
  }

  /** The columns of all that was pushed. A last line without a newline counts as a line. */
  finish(): FtraceText {
    if (this.carried > 0 || this.tooLong) this.endCarriedLine();
    const { names, counts: byIndex, builder } = this.parser;
    const counts: Record<string, number> = {};
    names.forEach((name, i) => {
      if (byIndex[i] > 0) counts[name] = byIndex[i];
    });
    const lost = Math.max(this.overrun, this.lostMarked);
    return { events: builder.finish(), counts, lost, cpus: this.cpus, tracer: this.tracer };
  }

  private keep(bytes: Uint8Array, start: number, end: number): void {
    const room = MAX_LINE - this.carried;
    if (end - start > room) this.tooLong = true;
    const taken = bytes.subarray(start, Math.min(end, start + room));
    this.carry.set(taken, this.carried);
    this.carried += taken.length;
  }

  private endCarriedLine(): void {
    if (this.tooLong) {
      this.account.lines++;
      this.account.skip('line-too-long', decode(this.carry, 0, 400));
    } else {
      this.carry[this.carried] = NEWLINE;
      this.parser.parse(this.carry, 0, this.carried + 1);
    }
    this.carried = 0;
    this.tooLong = false;
  }

  private readComment(line: string): void {
    const entries = /^# entries-in-buffer\/entries-written: (\d+)\/(\d+)\s+#P:(\d+)/.exec(line);
    if (entries !== null) {
      this.overrun = Math.max(0, Number(entries[2]) - Number(entries[1]));
      this.cpus = Number(entries[3]);
      return;
    }
    const tracer = /^# tracer: (\S+)/.exec(line);
    if (tracer !== null) this.tracer = tracer[1];
    // `[LOST EVENTS]` tells no number: at least one.
    const lost = /^CPU:\d+ \[(?:LOST (\d+) EVENTS|(\d+) EVENTS DROPPED|LOST EVENTS|EVENTS DROPPED)\]/.exec(line);
    if (lost !== null) this.lostMarked += Number(lost[1] ?? lost[2] ?? 1);
  }
}
