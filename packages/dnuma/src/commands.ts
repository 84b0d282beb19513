/**
 * Operator commands: `dnuma all|stripe|block|undo|migrate`, as the letter's dnuma-test script words them, and
 * `firmware-event`, what a hypervisor sends.
 */
import type { Machine, SubsystemScope } from '@replug/core';
import type { Dnuma } from './dnuma.ts';
import { badCommand } from './errors.ts';
import { parseFirmwareEvent } from './firmware.ts';
import { striped, type MemLayout } from './layout.ts';

/** Layouts by the script's names. Nodes base to end, both in it. */
export const LAYOUTS = {
  all: (end: number, nid: number): MemLayout => striped(0, end, end, [nid]),
  stripe: (end: number, base: number, last: number, pages: number): MemLayout =>
    striped(0, end, pages, nidsOf(base, last)),
  block: (end: number, base: number, last: number): MemLayout => {
    const nids = nidsOf(base, last);
    return striped(0, end, Math.ceil(end / nids.length), nids);
  },
} as const;

function nidsOf(base: number, last: number): number[] {
  if (last < base || last - base > 1023) throw badCommand(`${base} ${last}`, 'nodes BASE to END');
  return Array.from({ length: last - base + 1 }, (_, i) => base + i);
}

const USAGE = 'all NODE | stripe BASE END PAGES | block BASE END | undo | migrate | waiting';

export function publishCommands(scope: SubsystemScope, machine: Machine, dnuma: Dnuma): void {
  scope.command('dnuma', {
    usage: USAGE,
    summary: 'change which node memory belongs to',
    run: (args) => {
      const [verb, ...words] = args.split(/\s+/);
      const numbers = words.map((word) => (/^\d{1,9}$/.test(word) ? Number(word) : NaN));
      if (numbers.some(Number.isNaN)) throw badCommand(args, USAGE);
      const end = dnuma.endOfMemory;
      if (verb === 'all' && words.length === 1) dnuma.commit(LAYOUTS.all(end, numbers[0]));
      else if (verb === 'stripe' && words.length === 3)
        dnuma.commit(LAYOUTS.stripe(end, numbers[0], numbers[1], numbers[2]));
      else if (verb === 'block' && words.length === 2) dnuma.commit(LAYOUTS.block(end, numbers[0], numbers[1]));
      else if (verb === 'undo' && words.length === 0) dnuma.undo();
      else if (verb === 'migrate' && words.length === 0) dnuma.migrate();
      else if (!(verb === 'waiting' && words.length === 0)) throw badCommand(args, USAGE);
      return summary(dnuma);
    },
  });
  scope.command('firmware-event', {
    usage: 'lmb-size SIZE; lmb ADDRESS[+COUNT] node N; cpu N node N; distance A B VALUE; …',
    summary: 'a firmware tells of memory and CPUs that moved (PRRN)',
    run: (args) => {
      dnuma.apply(parseFirmwareEvent(args, machine));
      return summary(dnuma);
    },
  });
}

const summary = ({ counts, marks }: Dnuma): string =>
  `moved ${counts.transplantFromFreelist + counts.transplantOnFree} waiting ${marks.count} ` +
  `splits ${counts.splits} rebuilds ${counts.zonelistRebuilds}\n`;
