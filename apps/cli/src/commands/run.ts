import { operatorKernel, scenarioReport, type OperatorOptions } from '@replug/analysis';
import { parseSize, type Kernel } from '@replug/core';
import { renderScenario, type ScenarioReport } from '@replug/report';
import { parseTime } from '@replug/workload';
import type { Command } from 'commander';
import { badSize } from '../errors.ts';
import { EXIT } from '../exit-codes.ts';
import { describedMachine, subsystemsOf } from '../machine.ts';
import { open } from '../open.ts';
import { print, printJson, progress } from '../output.ts';
import { scenarioOf } from '../scenario.ts';
import { kernelOf } from './replay.ts';

export interface OperatorFlags {
  at?: string;
  kernel?: string;
  spare?: string;
  with: string[];
}

const DEFAULT_MACHINE = 'x86-64,4G';

interface Options extends OperatorFlags {
  machine?: string;
  log?: boolean;
  json?: boolean;
}

/** Flags of the commands that let an operator work on a machine. */
export function addOperatorFlags(command: Command): Command {
  return command
    .option(
      '--at <time>',
      "of a recording: a step's name or number, seconds on the trace clock (12.5s); default: its first step",
    )
    .option('--kernel <version>', 'behaviour profile: 6.1 or 6.12 (default: as recorded)')
    .option('--spare <size>', 'memory that may be added, e.g. 1T (default 64G)')
    .option(
      '--with <module>',
      'plug in what a module exports: a subsystem, or a function that makes one; may be repeated',
      (module: string, all: string[]) => [...all, module],
      [],
    );
}

export function addRun(program: Command): void {
  const command = program
    .command('run')
    .description("run a scenario: timed operator commands on a machine, or on a recording's machine at an instant")
    .argument('<scenario>', 'a file of lines [@TIME] COMMAND; - for standard input')
    .option(
      '--machine <machine>',
      `a recording, a machine file, or a shorthand such as x86-64,8G (default: as the scenario's line "machine …", else ${DEFAULT_MACHINE})`,
    );
  addOperatorFlags(command)
    .option('--log', 'the kernel log as well')
    .option('--json', 'machine-readable')
    .addHelpText(
      'after',
      '\n@TIME is seconds since the machine began (@10s) or since the command before (@+50ms); lines without one follow at once.' +
        '\nCommands: echo TEXT > PATH, cat PATH, ls PATH, alloc NAME SIZE, free NAME, wait LENGTH, help, and those of subsystems' +
        '\n(qom-set vm0 requested-size 1G, info memory-devices, …). A refused command goes into the report with its errno.' +
        '\nExit code 0 even when commands were refused: the report says which.' +
        '\n\nExample:\n  $ replug run examples/hot-add.scenario',
    )
    .action(async (scenario: string, options: Options) => {
      const name = scenario === '-' ? 'stdin' : scenario;
      const parsed = await scenarioOf(scenario);
      const machine = options.machine ?? parsed.machine ?? DEFAULT_MACHINE;
      const kernel = await operatorKernelOf(machine, options);
      let report: ScenarioReport;
      try {
        const bar = progress('running');
        try {
          report = scenarioReport(kernel, parsed, {
            machine,
            name,
            onResult: (_, done, total) => bar.update(done, total),
          });
        } finally {
          bar.stop();
        }
      } finally {
        kernel.dispose();
      }
      if (options.json === true) printJson(report);
      else print(renderScenario(report) + (options.log === true ? `\n${report.log.join('\n')}\n` : ''));
      process.exitCode = EXIT.OK;
    });
}

/** The kernel that the flags ask for. Errors: RP7001, RP7013, RP7014, RP7024 and those of opening and building it. */
export async function operatorKernelOf(machine: string, flags: OperatorFlags): Promise<Kernel> {
  const settings: OperatorOptions = {
    at: flags.at === undefined ? undefined : parseTime(flags.at),
    kernel: kernelOf(flags.kernel),
    spare: spareOf(flags.spare),
    subsystems: await subsystemsOf(flags.with),
  };
  const source = describedMachine(machine) ?? (await open(machine));
  const bar = progress('rebuilding');
  try {
    return operatorKernel(source, { ...settings, onProgress: (done, total) => bar.update(done, total) });
  } finally {
    bar.stop();
  }
}

/** The value of `--spare`, bytes. Throws RP7024. */
function spareOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const bytes = parseSize(text);
  if (bytes === undefined) throw badSize(text);
  return bytes;
}
