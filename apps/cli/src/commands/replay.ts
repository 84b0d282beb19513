import { replayRecording, type RecordedOptions } from '@replug/analysis';
import type { KernelProfile } from '@replug/core';
import { finalAgreement, renderReplay, type Frames, type ReplayReport } from '@replug/report';
import { parseDuration, parseTime } from '@replug/workload';
import type { Command } from 'commander';
import { badTolerance, unknownBaseline, unknownFrames, unknownKernel } from '../errors.ts';
import { EXIT } from '../exit-codes.ts';
import { machineOf, subsystemsOf } from '../machine.ts';
import { jobsOf, open, traceOf } from '../open.ts';
import { print, printJson, progress } from '../output.ts';
import { scenarioOf } from '../scenario.ts';
import { writeText } from '../write.ts';

export interface ReplayFlags {
  frames: string;
  from?: string;
  to?: string;
  kernel?: string;
  baseline: string;
  lookAhead: boolean;
  events?: string;
  annotate: boolean;
}

interface Options extends ReplayFlags {
  machine?: string;
  with: string[];
  scenario?: string;
  sample?: string;
  report?: string;
  tolerance: string;
  jobs: string;
  trace?: string;
  json?: boolean;
}

const FRAMES: readonly string[] = ['recorded', 'predict', 'policy'] satisfies Frames[];

/** Flags that every command that replays has. */
export function addReplayFlags(command: Command): Command {
  return command
    .option(
      '--frames <how>',
      'recorded: every block moves as the trace says; predict: before each event, the model says what it would do; ' +
        'policy: the model decides',
      'recorded',
    )
    .option('--kernel <version>', 'behaviour profile: 6.1 or 6.12 (default: as recorded)')
    .option('--baseline <source>', 'start state: best, or counts (buddyinfo and pagetypeinfo alone)', 'best')
    .option('--no-look-ahead', 'know nothing of an event before it comes')
    .option('--events <names>', 'use these events only, e.g. mm_page_alloc,mm_page_free')
    .option('--no-annotate', 'policy: leave out requests that have no event, such as bulk allocations');
}

export function addReplay(program: Command): void {
  const command = program
    .command('replay')
    .description('rebuild the machine of a recording page by page, replay its events, compare with its later dumps')
    .argument('<path>', 'a recording with a trace: a capture, or a .rpw file')
    .option('--from <time>', "a step's name or number, seconds on the trace clock (12.5s), start or end")
    .option('--to <time>', 'likewise');
  addReplayFlags(command)
    .option('--machine <machine>', 'policy: another machine serves: x86-64,8G,nodes=2,cpus=8 or a machine file')
    .option(
      '--with <module>',
      'plug in what a module exports: a subsystem, or a function that makes one; may be repeated',
      (module: string, all: string[]) => [...all, module],
      [],
    )
    .option('--scenario <file>', 'policy: operator commands at their instants of the trace; - for standard input')
    .option('--sample <duration>', 'free memory and fragmentation at regular times, e.g. 1s')
    .option('--report <file>', 'write the report as JSON to a file')
    .option('--tolerance <percent>', 'recorded: exit with 1 when a smaller share of pages agrees at the end', '99.9')
    .option('--jobs <n>', 'threads that parse the text of the trace', '1')
    .option('--trace <kind>', 'which trace of a capture that has several: text, dat (trace.dat) or raw (raw pages)')
    .option('--json', 'machine-readable')
    .addHelpText(
      'after',
      '\nExamples:\n  $ replug replay fixtures/captures/s390x-6.1-exact-anonhog --from before --to compacted' +
        '\n  $ replug replay fixtures/captures/s390x-6.1-exact-anonhog --frames predict' +
        '\n  $ replug replay fixtures/captures/s390x-6.1-exact-anonhog --frames policy --machine s390x,1G --sample 5s' +
        '\n  $ replug replay fixtures/captures/s390x-6.1-exact-anonhog --frames policy --scenario offline.scenario',
    )
    .action(async (path: string, options: Options) => {
      const tolerance = Number(options.tolerance);
      if (!(tolerance >= 0 && tolerance <= 100)) throw badTolerance(options.tolerance);
      const settings: RecordedOptions = {
        ...settingsOf(options),
        from: options.from === undefined ? undefined : parseTime(options.from),
        to: options.to === undefined ? undefined : parseTime(options.to),
        machine: options.machine === undefined ? undefined : machineOf(options.machine),
        machineName: options.machine,
        subsystems: await subsystemsOf(options.with),
        scenario: options.scenario === undefined ? undefined : await scenarioOf(options.scenario),
        sampleEvery: options.sample === undefined ? undefined : parseDuration(options.sample),
      };
      const recording = await open(path, { jobs: jobsOf(options.jobs), trace: traceOf(options.trace) });
      const bar = progress('replaying');
      let report: ReplayReport;
      try {
        report = replayRecording(recording, { ...settings, onProgress: (done, total) => bar.update(done, total) });
      } finally {
        bar.stop();
      }
      if (options.report !== undefined)
        await writeText([`${JSON.stringify(report, undefined, 2)}\n`], options.report, () => undefined);
      if (options.json === true) printJson(report);
      else print(renderReplay(report));
      const end = finalAgreement(report)?.kpageflags;
      const judged = report.frames === 'recorded' && end !== undefined;
      if (judged && end.agreeing * 100 < tolerance * end.compared) process.exitCode = EXIT.FINDINGS;
    });
}

/** What the flags mean. Throws RP7001, RP7002, RP7012. */
export function settingsOf(flags: ReplayFlags): RecordedOptions {
  if (!FRAMES.includes(flags.frames)) throw unknownFrames(flags.frames);
  if (flags.baseline !== 'best' && flags.baseline !== 'counts') throw unknownBaseline(flags.baseline);
  return {
    frames: flags.frames as Frames,
    kernel: kernelOf(flags.kernel),
    baseline: flags.baseline,
    lookAhead: flags.lookAhead,
    events: flags.events?.split(',').map((name) => name.trim()),
    annotate: flags.annotate,
  };
}

export function kernelOf(version: string | undefined): KernelProfile | undefined {
  if (version === undefined) return undefined;
  if (version !== '6.1' && version !== '6.12') throw unknownKernel(version);
  return version;
}
