import { exportFtrace, replayedEvents, treeEntries, type StreamComparison } from '@replug/analysis';
import { parseTime } from '@replug/workload';
import type { Command } from 'commander';
import { jsonNeedsFile, treeNeedsNoFormat, unknownFormat, unknownReplay } from '../errors.ts';
import { open } from '../open.ts';
import { printJson, progress, say } from '../output.ts';
import { writeTree } from '../write-tree.ts';
import { writeText } from '../write.ts';
import { addOperatorFlags, operatorKernelOf, type OperatorFlags } from './run.ts';

interface Options extends OperatorFlags {
  as: string;
  replay?: string;
  output?: string;
  from?: string;
  to?: string;
  json?: boolean;
}

export function addExport(program: Command): void {
  const command = program
    .command('export')
    .description(
      "write a recording's events as text that ftrace's readers understand; or, given a folder, the machine's /proc and /sys " +
        'tree at an instant, for lsmem --sysroot, lstopo -i and replug itself',
    )
    .argument('<path>', 'a recording; for a tree also a machine file or a shorthand such as x86-64,8G')
    .argument('[folder]', 'write the tree of files here, and no events')
    .option('--as <format>', 'ftrace: as /sys/kernel/tracing/trace prints it', 'ftrace')
    .option('--replay <how>', 'what a replay did instead of what was recorded: recorded or policy')
    .option('-o, --output <file>', 'default: stdout')
    .option('--from <time>', "a step's name or number, seconds on the trace clock (12.5s), start or end")
    .option('--to <time>', 'likewise; events before it')
    .option('--json', 'say what was written, with --output or of a tree');
  addOperatorFlags(command)
    .addHelpText(
      'after',
      '\nExamples:\n  $ replug export fixtures/captures/s390x-6.1-exact-anonhog --from 14s --to 15s -o window.txt' +
        '\n  $ replug export fixtures/captures/s390x-6.1-exact-anonhog --at fragmented tree && lsmem --sysroot tree',
    )
    .action(async (path: string, folder: string | undefined, options: Options) => {
      if (folder !== undefined) return exportTree(path, folder, options);
      if (options.as !== 'ftrace') throw unknownFormat(options.as);
      const { replay } = options;
      if (replay !== undefined && replay !== 'recorded' && replay !== 'policy') throw unknownReplay(replay);
      if (options.json === true && options.output === undefined) throw jsonNeedsFile();
      const from = options.from === undefined ? undefined : parseTime(options.from);
      const to = options.to === undefined ? undefined : parseTime(options.to);
      const recording = await open(path);
      const replayed = replay === undefined ? undefined : replayedEvents(recording, { frames: replay, from, to });
      const { text, events, timeRange, notExported, notes } =
        replayed === undefined
          ? exportFtrace(recording, { from, to })
          : exportFtrace(recording, { events: replayed.events });
      const bar = progress('writing');
      const bytes = await writeText(text(), options.output, (written) => bar.update(written, events * 130));
      bar.stop();
      const missing = Object.entries(notExported);
      if (missing.length > 0) {
        const list = missing.map(([name, count]) => `${name} ${count}`).join(', ');
        process.stderr.write(`not exported, these events have no columns: ${list}\n`);
      }
      for (const note of notes) say(note);
      if (replayed !== undefined) process.stderr.write(renderComparison(replayed.comparison));
      if (options.json === true) {
        printJson({
          path: options.output,
          format: 'ftrace',
          events,
          bytes,
          timeRange,
          notExported,
          notes,
          replay: replayed?.comparison,
        });
      }
    });
}

/** The machine's files at an instant. */
async function exportTree(path: string, folder: string, options: Options): Promise<void> {
  for (const [option, value] of [
    ['--replay', options.replay],
    ['--output', options.output],
    ['--from', options.from],
    ['--to', options.to],
  ])
    if (value !== undefined) throw treeNeedsNoFormat(option!);
  using kernel = await operatorKernelOf(path, options);
  const written = await writeTree(folder, treeEntries(kernel));
  if (options.json === true) printJson(written);
  else say(`${written.files} files and ${written.links} links in ${folder}`);
}

function renderComparison({ events }: StreamComparison): string {
  return events
    .map((e) => `${e.name}: ${e.recorded} recorded, ${e.replayed} replayed, ${e.identical} identical\n`)
    .join('');
}
