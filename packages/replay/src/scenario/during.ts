/**
 * A scenario beside a replay: each command runs between two events of the trace, the first of which is due. The load goes on
 * while a command takes its time, and the next command begins when that is over.
 */
import type { Kernel } from '@replug/core';
import type { Time } from '@replug/workload';
import type { ScenarioCommand } from './parse.ts';
import type { ScenarioResult } from './run.ts';
import { OperatorShell } from './shell.ts';

export interface DuringOptions {
  /** Where the span begins, ns on the trace clock. */
  readonly begin: number;
  /** A time of the command line, ns on the trace clock. */
  readonly instantOf: (time: Time) => number;
}

export class ScenarioCourse {
  /** What ran so far; `begin` and `end` are ns on the trace clock. */
  readonly results: ScenarioResult[] = [];
  private readonly shell: OperatorShell;
  private readonly commands: readonly ScenarioCommand[];
  /** ns on the trace clock; undefined for a command that says no instant of its own. */
  private readonly instants: readonly (number | undefined)[];
  private due: number;

  /** Places all commands; throws what `instantOf` throws. */
  constructor(kernel: Kernel, commands: readonly ScenarioCommand[], { begin, instantOf }: DuringOptions) {
    this.shell = new OperatorShell(kernel);
    this.commands = commands;
    this.instants = commands.map(({ when }) => (when.kind === 'at' ? instantOf(when.time) : undefined));
    this.due = this.dueOf(0, begin, begin);
  }

  /** Commands that are still to come. */
  get left(): number {
    return this.commands.length - this.results.length;
  }

  /** Runs what is due before an event at `now`, ns on the trace clock. */
  reach(now: number): void {
    while (this.due <= now) {
      const at = this.results.length;
      const { line, text } = this.commands[at];
      const { begin, end, ...result } = this.shell.run(text);
      const ended = this.due + (end - begin);
      this.results.push({ ...result, line, begin: this.due, end: ended });
      this.due = this.dueOf(at + 1, this.due, ended);
    }
  }

  /** Instant of a command; a time that has passed is now. Infinity behind the last. */
  private dueOf(at: number, began: number, ended: number): number {
    if (at >= this.commands.length) return Infinity;
    const { when } = this.commands[at];
    if (when.kind === 'after') return Math.max(ended, began + when.ns);
    return Math.max(ended, this.instants[at] ?? ended);
  }
}
