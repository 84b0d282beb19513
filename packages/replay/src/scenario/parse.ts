/**
 * Scenarios: operator commands, one a line, each at a time or right after the one before.
 *
 *   machine x86-64,2G
 *   # half of the DIMM for the kernel, half movable
 *   @10s   echo online_kernel > /sys/devices/system/memory/memory32/state
 *   @+50ms echo online_movable > /sys/devices/system/memory/memory33/state
 *   @after cat /proc/zoneinfo
 *
 * `@TIME` is a time as everywhere on the command line; `@+LENGTH` counts from the command before. Alone, a scenario knows
 * no steps: seconds count from boot. The first command may be `machine SPEC`: what it is written for, unless the one who runs
 * it says otherwise. Lines = commands + that one + comments and blank lines; anything else is an error with its line.
 */
import { parseDuration, parseTime, type Time } from '@replug/workload';
import { badScenarioLine } from '../errors.ts';

export type When =
  | { readonly kind: 'next' }
  | { readonly kind: 'after'; readonly ns: number }
  | { readonly kind: 'at'; readonly time: Time };

export interface ScenarioCommand {
  /** Line of the file, from 1. */
  readonly line: number;
  readonly when: When;
  readonly text: string;
}

export interface Scenario {
  /** Spec or path of the machine that the scenario is written for, as it stands there. */
  readonly machine: string | undefined;
  readonly commands: readonly ScenarioCommand[];
}

/** Commands of a scenario that are kept; more are refused. */
export const MAX_COMMANDS = 100_000;

/**
 * Reads a scenario. Throws RP5009 with the line for a time that is none, a time without a command, a machine that is none or
 * comes late, or too many lines.
 */
export function parseScenario(text: string, name = 'scenario'): Scenario {
  const commands: ScenarioCommand[] = [];
  let machine: string | undefined;
  text.split(/\r?\n/).forEach((raw, i) => {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) return;
    const wanted = /^machine(?:\s+(.*))?$/.exec(line);
    if (wanted !== null) {
      if (machine !== undefined || commands.length > 0)
        throw badScenarioLine(`${name}:${i + 1}`, 'the machine is not said once, before all commands', line);
      if (wanted[1] === undefined) throw badScenarioLine(`${name}:${i + 1}`, 'no machine', line);
      machine = wanted[1];
      return;
    }
    const at = /^@(\S*)\s*(.*)$/.exec(line);
    const when = at === null ? ({ kind: 'next' } as const) : whenOf(at[1], `${name}:${i + 1}`);
    const command = at === null ? line : at[2];
    if (command === '') throw badScenarioLine(`${name}:${i + 1}`, 'a time without a command', line);
    if (commands.length >= MAX_COMMANDS)
      throw badScenarioLine(`${name}:${i + 1}`, `more than ${MAX_COMMANDS} commands`, line);
    commands.push({ line: i + 1, when, text: command });
  });
  return { machine, commands };
}

function whenOf(text: string, place: string): When {
  try {
    return text.startsWith('+')
      ? { kind: 'after', ns: parseDuration(text.slice(1)) }
      : { kind: 'at', time: parseTime(text) };
  } catch (cause) {
    throw badScenarioLine(place, 'no time', `@${text}`, cause as Error);
  }
}
