import { inspect } from '@replug/analysis';
import { renderInspect } from '@replug/report';
import type { Command } from 'commander';
import { open } from '../open.ts';
import { print, printJson } from '../output.ts';

export function addInspect(program: Command): void {
  program
    .command('inspect')
    .description('say what a capture, a host or single files hold: machine, steps, events, what was skipped and why')
    .argument('<path...>', 'capture folders, root folders with proc/ and sys/ (also a live host: /), or single files')
    .option('--json', 'machine-readable; one object a path (an array for several)')
    .addHelpText(
      'after',
      '\nExample:\n  $ replug inspect captures/s390x-6.1-boot\n  $ sudo npx replug inspect / --json | jq .zones',
    )
    .action(async (paths: string[], options: { json?: boolean }) => {
      const reports = [];
      for (const path of paths) reports.push(inspect(await open(path)));
      if (options.json === true) printJson(reports.length === 1 ? reports[0] : reports);
      else for (const report of reports) print(renderInspect(report));
    });
}
