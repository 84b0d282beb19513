/** The `replug` command: one file a command, each parses flags, calls one exported function and renders. */
import { ReplugError } from '@replug/core';
import { Command, CommanderError } from 'commander';
import { addBlockers } from './commands/blockers.ts';
import { addCompare } from './commands/compare.ts';
import { addDnuma } from './commands/dnuma.ts';
import { addExport } from './commands/export.ts';
import { addFidelity } from './commands/fidelity.ts';
import { addImport } from './commands/import.ts';
import { addInspect } from './commands/inspect.ts';
import { addMemmap } from './commands/memmap.ts';
import { addOwners } from './commands/owners.ts';
import { addPage } from './commands/page.ts';
import { addReplay } from './commands/replay.ts';
import { addRun } from './commands/run.ts';
import { addShell } from './commands/shell.ts';
import { addServeQmp } from './commands/serve-qmp.ts';
import { addTour } from './commands/tour.ts';
import { addUnplug } from './commands/unplug.ts';
import { addView } from './commands/view.ts';
import { isUsage } from './errors.ts';
import { EXIT } from './exit-codes.ts';

const program = new Command('replug')
  .description('A wind tunnel for Linux physical memory: rebuild a real machine page by page and replay what it did.')
  .version('0.1.0')
  .showHelpAfterError('(try: replug --help)')
  .exitOverride()
  .addHelpText(
    'after',
    '\nTIME is a step (its name or number), seconds on the trace clock (12.5s), start or end.' +
      '\nExit codes: 0 fine, 1 findings beyond the tolerance, 2 bad usage, 3 unreadable input.',
  );

for (const add of [
  addInspect,
  addReplay,
  addView,
  addPage,
  addOwners,
  addBlockers,
  addExport,
  addCompare,
  addImport,
  addFidelity,
  addMemmap,
  addDnuma,
  addUnplug,
  addRun,
  addShell,
  addServeQmp,
  addTour,
])
  add(program);
for (const command of program.commands)
  for (const c of [command, ...command.commands]) c.exitOverride().showHelpAfterError();

// A reader that has seen enough (head) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(process.exitCode ?? EXIT.OK);
  throw error;
});

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = exitCodeOf(error);
}

function exitCodeOf(error: unknown): number {
  // Commander has printed its own message.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.OK : EXIT.USAGE;
  if (error instanceof ReplugError) {
    process.stderr.write(`${error.message}\n`);
    return isUsage(error) ? EXIT.USAGE : EXIT.UNREADABLE;
  }
  throw error;
}
