import { fidelityReplay, fidelityStatic, mergeStaticFidelity } from '@replug/analysis';
import { renderReplayTable, renderStaticFidelity } from '@replug/report';
import type { Command } from 'commander';
import { EXIT } from '../exit-codes.ts';
import { open } from '../open.ts';
import { print, printJson, say } from '../output.ts';

export function addFidelity(program: Command): void {
  const fidelity = program.command('fidelity').description('hold the model against what real kernels did');
  fidelity
    .command('static')
    .description('watermarks, reserves and per-CPU list sizes from formulas, against the zoneinfo of every step')
    .argument('<path...>', 'captures')
    .option('--json', 'machine-readable')
    .addHelpText('after', '\nExample:\n  $ replug fidelity static captures/*')
    .action(async (paths: string[], options: { json?: boolean }) => {
      // One recording at a time: traces are large and only their block events matter here.
      const reports = [];
      for (const path of paths) reports.push(fidelityStatic([await open(path)]));
      const report = mergeStaticFidelity(reports);
      if (options.json === true) printJson(report);
      else print(renderStaticFidelity(report));
      if (report.dumps.some((d) => d.misses.length > 0)) process.exitCode = EXIT.FINDINGS;
    });
  fidelity
    .command('replay')
    .description('recorded replay of every span that a capture can check, a line each')
    .argument('<path...>', 'captures with a trace')
    .option('--json', 'machine-readable')
    .addHelpText('after', '\nExample:\n  $ replug fidelity replay captures/*-boot')
    .action(async (paths: string[], options: { json?: boolean }) => {
      const reports = [];
      for (const path of paths) {
        say(`replaying ${path}`);
        reports.push(...fidelityReplay([await open(path)]));
      }
      if (options.json === true) printJson(reports);
      else print(renderReplayTable(reports));
    });
}
