import { replayRecording } from '@replug/analysis';
import type { KernelProfile } from '@replug/core';
import { finalAgreement, renderReplay } from '@replug/report';
import { parseTime } from '@replug/workload';
import type { Command } from 'commander';
import { badTolerance, unknownFrames, unknownKernel } from '../errors.ts';
import { EXIT } from '../exit-codes.ts';
import { open } from '../open.ts';
import { print, printJson, progress } from '../output.ts';

interface Options {
  frames: string;
  from?: string;
  to?: string;
  kernel?: string;
  tolerance: string;
  json?: boolean;
}

export function addReplay(program: Command): void {
  program
    .command('replay')
    .description('rebuild the machine of a capture page by page, apply its events, compare with its later dumps')
    .argument('<path>', 'a capture with a trace')
    .option('--frames <how>', 'recorded: every block moves as the trace says', 'recorded')
    .option('--from <time>', "a step's name or number, seconds on the trace clock (12.5s), start or end")
    .option('--to <time>', 'likewise')
    .option('--kernel <version>', 'behaviour profile: 6.1 or 6.12 (default: as recorded)')
    .option('--tolerance <percent>', 'exit with 1 when a smaller share of pages agrees at a checkpoint', '99.9')
    .option('--json', 'machine-readable')
    .addHelpText(
      'after',
      '\nExample:\n  $ replug replay fixtures/captures/s390x-6.1-exact-anonhog --from before --to compacted',
    )
    .action(async (path: string, options: Options) => {
      if (options.frames !== 'recorded') throw unknownFrames(options.frames);
      const tolerance = Number(options.tolerance);
      if (!(tolerance >= 0 && tolerance <= 100)) throw badTolerance(options.tolerance);
      const recording = await open(path);
      const bar = progress('replaying');
      const report = replayRecording(recording, {
        from: options.from === undefined ? undefined : parseTime(options.from),
        to: options.to === undefined ? undefined : parseTime(options.to),
        kernel: kernelOf(options.kernel),
        onProgress: (done, total) => bar.update(done, total),
      });
      bar.stop();
      if (options.json === true) printJson(report);
      else print(renderReplay(report));
      const end = finalAgreement(report)?.kpageflags;
      if (end !== undefined && end.agreeing * 100 < tolerance * end.compared) process.exitCode = EXIT.FINDINGS;
    });
}

export function kernelOf(version: string | undefined): KernelProfile | undefined {
  if (version === undefined) return undefined;
  if (version !== '6.1' && version !== '6.12') throw unknownKernel(version);
  return version;
}
