import { openPaths } from '@replug/trace-import';
import { writeRpw } from '@replug/workload/node';
import type { Command } from 'commander';
import { existsSync } from 'node:fs';
import { outputExists } from '../errors.ts';
import { jobsOf, traceOf } from '../open.ts';
import { print, printJson, progress } from '../output.ts';
import { sourcesOf } from '../sources.ts';

interface Options {
  output: string;
  force?: boolean;
  jobs: string;
  trace?: string;
  json?: boolean;
}

export function addImport(program: Command): void {
  program
    .command('import')
    .description('read a recording once and keep it as one small file, which every command then takes in its place')
    .argument('<path...>', 'a capture folder, a root folder with proc/ and sys/, or single files of one machine')
    .requiredOption('-o, --output <file>', 'the file to write, by custom with the ending .rpw')
    .option('--force', 'replace the file if there is one')
    .option('--jobs <n>', 'threads that parse the text of a trace', '1')
    .option('--trace <kind>', 'which trace of a capture that has several: text, dat (trace.dat) or raw (raw pages)')
    .option('--json', 'machine-readable')
    .addHelpText(
      'after',
      '\nExample:\n  $ replug import fixtures/captures/s390x-6.1-exact-anonhog -o s390x.rpw\n  $ replug replay s390x.rpw',
    )
    .action(async (paths: string[], options: Options) => {
      const { output } = options;
      const jobs = jobsOf(options.jobs);
      const trace = traceOf(options.trace);
      // Asked before the work and not after it.
      if (options.force !== true && existsSync(output)) throw outputExists(output);
      const recording = await shown(`reading ${paths.join(' ')}`, (update) =>
        openPaths(paths, { jobs, trace, onProgress: ({ read, size }) => update(read, size) }),
      );
      const sources = await shown('hashing', (update) => sourcesOf(recording, update));
      const provenance = {
        writer: `replug ${program.version() ?? ''}`.trim(),
        options: { pageFlags: 'true' },
        sources,
      };
      const { events, steps, bytes } = await shown('writing', (update) =>
        writeRpw(recording, output, { provenance, replace: options.force === true, onProgress: update }),
      );
      const { warnings } = recording;
      if (options.json === true) printJson({ path: output, events, steps, bytes, sources, warnings });
      else print(summary(output, events, steps, bytes));
      for (const { text } of warnings) process.stderr.write(`warning: ${text}\n`);
    });
}

function summary(path: string, events: number, steps: number, bytes: number): string {
  const each = events === 0 ? '' : `, ${(bytes / events).toFixed(2)} bytes an event`;
  return `${path}: ${events} events, ${steps} ${steps === 1 ? 'step' : 'steps'}, ${bytes} bytes${each}`;
}

/** Runs a part of the work with a progress bar. */
async function shown<T>(
  title: string,
  work: (update: (done: number, total: number) => void) => Promise<T>,
): Promise<T> {
  const bar = progress(title);
  try {
    return await work((done, total) => bar.update(done, total));
  } finally {
    bar.stop();
  }
}
