import { inspect } from '@replug/analysis';
import { renderInspect } from '@replug/report';
import type { Command } from 'commander';
import { jobsOf, openEach, traceOf } from '../open.ts';
import { print, printJson } from '../output.ts';

export function addInspect(program: Command): void {
  program
    .command('inspect')
    .description('say what a capture, a host or single files hold: machine, steps, events, what was skipped and why')
    .argument('<path...>', 'capture folders, root folders with proc/ and sys/ (also a live host: /), or single files')
    .option('--jobs <n>', 'threads that parse the text of a trace', '1')
    .option('--trace <kind>', 'which trace of a capture that has several: text, dat (trace.dat) or raw (raw pages)')
    .option('--json', 'machine-readable; one object a path (an array for several)')
    .addHelpText(
      'after',
      '\nExample:\n  $ replug inspect fixtures/captures/s390x-6.1-exact-anonhog\n  $ sudo npx replug inspect / --json | jq .zones',
    )
    .action(async (paths: string[], options: { jobs: string; trace?: string; json?: boolean }) => {
      const jobs = jobsOf(options.jobs);
      const trace = traceOf(options.trace);
      const reports = [];
      for await (const recording of openEach(paths, { jobs, trace })) reports.push(inspect(recording));
      if (options.json === true) printJson(paths.length === 1 ? reports[0] : reports);
      else for (const report of reports) print(renderInspect(report));
    });
}
