import { viewRecording, viewSpec } from '@replug/analysis';
import { parseTime } from '@replug/workload';
import type { Command } from 'commander';
import { describedMachine } from '../machine.ts';
import { open } from '../open.ts';
import { print, printJson } from '../output.ts';
import { kernelOf } from './replay.ts';

export function addView(program: Command): void {
  program
    .command('view')
    .description(
      "print a /proc or /sys file of a rebuilt machine, in the kernel's own format; a folder lists its names",
    )
    .argument('<machine>', 'a capture, a machine file (.yaml, .json), or a shorthand such as x86-64,8G,nodes=2,cpus=8')
    .argument('<file...>', 'e.g. /proc/buddyinfo')
    .option('--at <time>', "a step's name or number, seconds on the trace clock (12.5s), start or end")
    .option('--kernel <version>', 'behaviour profile: 6.1 or 6.12 (default: as recorded)')
    .option('--json', 'an object of texts by file')
    .addHelpText(
      'after',
      '\nExample:\n  $ replug view fixtures/captures/s390x-6.1-exact-anonhog --at fragmented /proc/buddyinfo' +
        '\n  $ replug view s390x,512M /proc/zoneinfo /proc/pagetypeinfo',
    )
    .action(async (machine: string, files: string[], options: { at?: string; kernel?: string; json?: boolean }) => {
      const kernel = kernelOf(options.kernel);
      const description = describedMachine(machine);
      const texts =
        description !== undefined
          ? viewSpec(description, files, kernel)
          : viewRecording(await open(machine), files, {
              at: options.at === undefined ? undefined : parseTime(options.at),
              kernel,
            });
      if (options.json === true) printJson(texts);
      else for (const file of files) print(texts[file]);
    });
}
