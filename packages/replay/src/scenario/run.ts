/**
 * A scenario on a kernel: virtual time is moved to each command's instant, alarms on the way fire, results are kept.
 */
import type { Kernel } from '@replug/core';
import { notAtThatTime } from '../errors.ts';
import type { ScenarioCommand } from './parse.ts';
import { OperatorShell, type CommandResult } from './shell.ts';

export interface ScenarioResult extends CommandResult {
  readonly line: number;
}

export interface RunOptions {
  /** Virtual ns of a time that is no number of seconds; without, steps are refused. */
  readonly instantOf?: (command: ScenarioCommand) => number;
  readonly onResult?: (result: ScenarioResult, done: number, total: number) => void;
}

/** Runs commands in their order. A time that has passed is now. Throws RP5010 for a step in a scenario that has none. */
export function runScenario(
  kernel: Kernel,
  commands: readonly ScenarioCommand[],
  options: RunOptions = {},
): ScenarioResult[] {
  const shell = new OperatorShell(kernel);
  return commands.map((command, done) => {
    const instant = instantOf(command, kernel.clock.now, options);
    kernel.clock.advanceTo(instant);
    const result = { line: command.line, ...shell.run(command.text) };
    options.onResult?.(result, done + 1, commands.length);
    return result;
  });
}

function instantOf(command: ScenarioCommand, now: number, { instantOf: place }: RunOptions): number {
  const { when } = command;
  if (when.kind === 'next') return now;
  if (when.kind === 'after') return now + when.ns;
  if (place !== undefined) return place(command);
  if (when.time.kind !== 'seconds') throw notAtThatTime(command.line, command.text);
  return when.time.seconds * 1e9;
}
