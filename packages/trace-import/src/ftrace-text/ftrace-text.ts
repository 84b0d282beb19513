/**
 * ftrace's text in every layout: /sys/kernel/tracing/trace, trace_pipe, the latency format, function_graph, `trace-cmd
 * report`, `perf script`, and what a mail program made of them. One reader for all: a text may mix them.
 *
 * Bytes come in chunks cut anywhere; a line that spans chunks is put together first, so the columns do not depend on the
 * cut. Never holds more than a few of the longest allowed lines.
 *
 * A text may also be read in parts, one reader each, when every part but the first begins with an event line: together
 * they hold the same events.
 */
import type { EventColumns } from '@replug/workload';
import type { Account } from '../account.ts';
import { NEWLINE } from './ascii.ts';
import { decode } from './byte-interner.ts';
import { EventSink } from './event-sink.ts';
import { LineParser, MAX_LINE } from './line-parser.ts';
import { OddLines } from './odd-lines.ts';
import { Remarks } from './other-lines.ts';
import { SLACK } from './words.ts';

export interface FtraceText {
  readonly events: EventColumns;
  /** Events by ftrace name; names without events are left out. */
  readonly counts: Readonly<Record<string, number>>;
  /** Events that the text says are missing. */
  readonly lost: number;
  /** `#P:n` or `cpus=n` of the header; undefined without a header. */
  readonly cpus?: number;
  /** `nop`, `function_graph` …; undefined without a header. */
  readonly tracer?: string;
}

export class FtraceTextReader {
  private readonly account: Account;
  private readonly sink = new EventSink();
  /** What headers and marks have told so far. */
  readonly remarks = new Remarks();
  private readonly odd: OddLines;
  private readonly parser: LineParser;
  /** The beginning of a line whose end has not come yet, and room for its newline and the slack. */
  private readonly carry = new Uint8Array(MAX_LINE + 1 + SLACK);
  private carried = 0;
  private tooLong = false;

  constructor(account: Account) {
    this.account = account;
    this.odd = new OddLines(account, this.sink, this.remarks);
    this.parser = new LineParser(account, this.sink, this.odd);
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

  /** A call chain's event may stand before the beginning of the text. */
  get torn(): boolean {
    return this.sink.chains.torn;
  }

  /** The columns of all that was pushed. A last line without a newline counts as a line. */
  finish(): FtraceText {
    if (this.carried > 0 || this.tooLong) this.endCarriedLine();
    this.odd.finish();
    const { lost, cpus, tracer } = this.remarks;
    return { events: this.sink.builder.finish(), counts: this.sink.countsByName(), lost, cpus, tracer };
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
      this.odd.skipTooLong(decode(this.carry, 0, 400));
    } else {
      this.carry[this.carried] = NEWLINE;
      this.parser.parse(this.carry, 0, this.carried + 1);
    }
    this.carried = 0;
    this.tooLong = false;
  }
}
