import { fidelityReplay, fidelityStatic, mergeStaticFidelity } from '@replug/analysis';
import { renderFidelityTable, renderStaticFidelity } from '@replug/report';
import type { Command } from 'commander';
import { EXIT } from '../exit-codes.ts';
import { openEach } from '../open.ts';
import { print, printJson, say } from '../output.ts';
import { addReplayFlags, settingsOf, type ReplayFlags } from './replay.ts';

export function addFidelity(program: Command): void {
  const fidelity = program.command('fidelity').description('hold the model against what real kernels did');
  fidelity
    .command('static')
    .description('watermarks, reserves and per-CPU list sizes from formulas, against the zoneinfo of every step')
    .argument('<path...>', 'captures')
    .option('--json', 'machine-readable')
    .addHelpText('after', '\nExample:\n  $ replug fidelity static fixtures/captures/*/')
    .action(async (paths: string[], options: { json?: boolean }) => {
      // One recording at a time: traces are large and only their block events matter here.
      const reports = [];
      for await (const recording of openEach(paths)) reports.push(fidelityStatic([recording]));
      const report = mergeStaticFidelity(reports);
      if (options.json === true) printJson(report);
      else print(renderStaticFidelity(report));
      if (report.dumps.some((d) => d.misses.length > 0)) process.exitCode ??= EXIT.FINDINGS;
    });
  addReplayFlags(
    fidelity
      .command('replay')
      .description('replay of every span that a capture can check (predict, policy: the whole trace), a line each')
      .argument('<path...>', 'captures with a trace'),
  )
    .option('--json', 'machine-readable')
    .addHelpText(
      'after',
      '\nExamples:\n  $ replug fidelity replay fixtures/captures/*/' +
        '\n  $ replug fidelity replay fixtures/captures/*/ --frames predict',
    )
    .action(async (paths: string[], options: ReplayFlags & { json?: boolean }) => {
      const settings = settingsOf(options);
      const reports = [];
      for await (const recording of openEach(paths)) {
        if (recording.trace === undefined) say(`${recording.name}: no trace to replay`);
        reports.push(...fidelityReplay([recording], settings));
      }
      if (options.json === true) printJson(reports);
      else print(renderFidelityTable(reports));
    });
}
