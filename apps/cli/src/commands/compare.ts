import { compareReports, parsePattern, parseTolerance, renderCompare } from '@replug/report';
import type { Command } from 'commander';
import { readFileSync } from 'node:fs';
import { notJson } from '../errors.ts';
import { EXIT } from '../exit-codes.ts';
import { print, printJson } from '../output.ts';

interface Options {
  tolerance: string[];
  ignore: string[];
  json?: boolean;
}

export function addCompare(program: Command): void {
  program
    .command('compare')
    .description('compare two reports that --json printed, number by number')
    .argument('<a>', 'a JSON report')
    .argument('<b>', 'another')
    .option('--tolerance <path=value...>', 'how far numbers may differ: counts.*=5, **.agreeing=0.1%', [])
    .option('--ignore <path...>', 'paths to leave out, besides names, paths and wall-clock times', [])
    .option('--json', 'machine-readable')
    .addHelpText(
      'after',
      '\nA path names properties and array elements: counts.failed, checkpoints.fragmented.events. * is any text of a' +
        '\nsegment, ** any segments. The last tolerance that fits a path counts.' +
        '\n\nExample:\n  $ replug compare before.json after.json --tolerance "counts.*=5" "**.agreeing=0.1%"',
    )
    .action((a: string, b: string, options: Options) => {
      const tolerances = options.tolerance.map(parseTolerance);
      options.ignore.forEach(parsePattern);
      const report = compareReports(read(a), read(b), { tolerances, ignore: options.ignore, names: [a, b] });
      if (options.json === true) printJson(report);
      else print(renderCompare(report));
      if (report.findings.length > 0) process.exitCode = EXIT.FINDINGS;
    });
}

function read(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as unknown;
  } catch (error) {
    if (error instanceof Error) throw notJson(path, error);
    throw error;
  }
}
