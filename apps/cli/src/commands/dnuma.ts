import { relaid, treeEntries, type DnumaAction } from '@replug/analysis';
import { renderDnuma } from '@replug/report';
import { parseTime } from '@replug/workload';
import type { Command } from 'commander';
import { readFile } from 'node:fs/promises';
import { badWhole, noScenario } from '../errors.ts';
import { describedMachine } from '../machine.ts';
import { open } from '../open.ts';
import { print, printJson, progress } from '../output.ts';
import { writeTree } from '../write-tree.ts';
import { kernelOf } from './replay.ts';

interface Flags {
  machine: string;
  at?: string;
  kernel?: string;
  migrate?: boolean;
  follow?: boolean;
  original?: boolean;
  assumeNuma?: boolean;
  tree?: string;
  json?: boolean;
}

export function addDnuma(program: Command): void {
  const command = program
    .command('dnuma')
    .description('change which node memory belongs to, under a machine that runs, and tell what it comes to')
    .addHelpText(
      'after',
      '\nExample:\n  $ replug dnuma stripe 0 2 256 --machine x86-64,128M,nodes=2,cpus=8' +
        '\n  $ replug dnuma block 0 1 --machine fixtures/captures/ppc64le-6.1-exact-anonhog --follow --migrate',
    );
  const add = (
    usage: string,
    description: string,
    actionOf: (...words: string[]) => DnumaAction | Promise<DnumaAction>,
  ) =>
    command
      .command(usage)
      .description(description)
      .option('--machine <machine>', 'a recording, a machine file, or a shorthand', 'x86-64,4G,nodes=2')
      .option('--at <time>', "of a recording: a step's name or number, seconds on the trace clock (12.5s)")
      .option('--kernel <version>', 'behaviour profile: 6.1 or 6.12')
      .option('--migrate', 'migrate the pages that wait')
      .option('--follow', 'replay the whole trace, with the change at the instant (default: in its middle)')
      .option('--original', "the letter's strategy: a rebuild for each block")
      .option('--assume-numa', 'take a kernel that was built without NUMA for one that was built with it')
      .option(
        '--tree <folder>',
        "write the machine's /proc and /sys tree to an empty folder afterwards, as export does",
      )
      .option('--json', 'machine-readable')
      .action(async (...args: unknown[]) => {
        const flags = args.at(-2) as Flags;
        await run(await actionOf(...(args.slice(0, -2) as string[])), flags);
      });
  add('all <node>', 'all memory to one node', (node) => ({ kind: 'all', node: numberOf('node', node) }));
  add('stripe <base> <end> <pages>', 'pages at a time to the nodes BASE to END in turn', (base, end, pages) => ({
    kind: 'stripe',
    base: numberOf('base', base),
    end: numberOf('end', end),
    pages: numberOf('pages', pages),
  }));
  add('block <base> <end>', 'an equal part to each of the nodes BASE to END', (base, end) => ({
    kind: 'block',
    base: numberOf('base', base),
    end: numberOf('end', end),
  }));
  add('pingpong <times>', 'all memory to node 1, to node 0, and so on', (times) => ({
    kind: 'pingpong',
    times: numberOf('times', times),
  }));
  add('event <file>', "a firmware's event (docs/dnuma.md)", async (file) => ({
    kind: 'event',
    text: await readFile(file, 'utf8').catch((cause: Error) => {
      throw noScenario(file, cause);
    }),
  }));
}

async function run(action: DnumaAction, flags: Flags): Promise<void> {
  const source = describedMachine(flags.machine) ?? (await open(flags.machine));
  const bar = progress('dnuma');
  try {
    using done = relaid(source, action, {
      name: flags.machine,
      at: flags.at === undefined ? undefined : parseTime(flags.at),
      kernel: kernelOf(flags.kernel),
      migrate: flags.migrate === true,
      follow: flags.follow === true,
      strategy: flags.original === true ? 'original' : 'batched',
      assumeNuma: flags.assumeNuma === true,
      onProgress: (read, total) => bar.update(read, total),
    });
    bar.stop();
    if (flags.tree !== undefined) await writeTree(flags.tree, treeEntries(done.kernel));
    if (flags.json === true) printJson(done.report);
    else print(renderDnuma(done.report));
  } finally {
    bar.stop();
  }
}

function numberOf(name: string, text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw badWhole(name, text);
  return Number(text);
}
