import { futureOf, parseUnplugDevice, unplug, UNPLUG_OPTIONS, unplugFigures, unplugPolicies } from '@replug/analysis';
import { parseSize } from '@replug/core';
import { renderPublished, renderUnplug, renderUnplugPolicies } from '@replug/report';
import { parseTime } from '@replug/workload';
import type { Command } from 'commander';
import { badDoubtful, badSize, badTop, policiesNeedRecording, unplugNeedsPath } from '../errors.ts';
import { describedMachine } from '../machine.ts';
import { open } from '../open.ts';
import { print, printJson, progress } from '../output.ts';
import { kernelOf } from './replay.ts';

interface Flags {
  at?: string;
  request: string;
  device: string[];
  with: string[];
  doubtful: string;
  kernel?: string;
  top: string;
  policies?: boolean;
  published?: boolean;
  json?: boolean;
}

const collect = (text: string, all: string[]): string[] => [...all, text];

export function addUnplug(program: Command): void {
  program
    .command('unplug')
    .description(
      "ask a machine's memory devices for a size: what comes back, what stays and why, and how long it takes",
    )
    .argument('[path]', 'a recording, a machine file, or a shorthand such as x86-64,4G')
    .option('--at <time>', "a step's name or number, seconds (12.5s), start or end (default: the last step with pages)")
    .option('--request <size>', 'what each device shall have', '0')
    .option(
      '--device <spec>',
      'memory that counts as a device: NAME,addr=A,size=S[,node=N][,block=B][,plugged=P][,kind=dimm]; may be repeated',
      collect,
      [],
    )
    .option('--with <option>', `of the letter's future work: ${Object.keys(UNPLUG_OPTIONS).join(', ')}`, collect, [])
    .option('--doubtful <class>', 'what doubtful pages of a dump are taken for: kernel or movable', 'kernel')
    .option('--kernel <version>', 'behaviour profile: 6.1 or 6.12 (default: as recorded)')
    .option('--top <n>', 'ranges that are told', '20')
    .option('--policies', 'a table: the recorded load up to --at on memory added by each policy, then taken back')
    .option('--published', 'what others measured of virtio-mem, beside what the model says of their machine; no path')
    .option('--json', 'machine-readable; all ranges')
    .addHelpText(
      'after',
      '\nWithout virtio-mem devices and without --device, memory blocks are taken offline, the highest first.' +
        '\n\nExample:\n  $ replug unplug CAPTURE --at replugged-big --request 64M --with sense,bigger-chunks' +
        '\n  $ replug unplug fixtures/captures/s390x-6.1-exact-anonhog --device vm0,addr=256M,size=256M,block=1M',
    )
    .action(async (path: string | undefined, flags: Flags) => {
      if (flags.published === true) {
        const figures = unplugFigures();
        if (flags.json === true) printJson(figures);
        else print(renderPublished(figures));
        return;
      }
      if (path === undefined) throw unplugNeedsPath();
      const request = parseSize(flags.request);
      if (request === undefined) throw badSize(flags.request);
      const top = Number(flags.top);
      if (!Number.isSafeInteger(top) || top < 1) throw badTop(flags.top);
      if (flags.doubtful !== 'kernel' && flags.doubtful !== 'movable') throw badDoubtful(flags.doubtful);
      const settings = {
        at: flags.at === undefined ? undefined : parseTime(flags.at),
        request,
        devices: flags.device.length === 0 ? undefined : flags.device.map(parseUnplugDevice),
        future: futureOf(flags.with),
        options: flags.with.flatMap((text) => text.split(',').map((name) => name.trim())),
        doubtful: flags.doubtful,
        kernel: kernelOf(flags.kernel),
        name: path,
      } as const;
      const source = describedMachine(path) ?? (await open(path));
      const bar = progress('unplugging');
      const onProgress = (done: number, total: number) => bar.update(done, total);
      try {
        if (flags.policies === true) {
          if (!('steps' in source)) throw policiesNeedRecording(path);
          const policies = unplugPolicies(source, { to: settings.at, onProgress });
          bar.stop();
          if (flags.json === true) printJson(policies);
          else print(renderUnplugPolicies(policies));
          return;
        }
        const report = unplug(source, { ...settings, onProgress });
        bar.stop();
        if (flags.json === true) printJson(report);
        else print(renderUnplug(report, top));
      } finally {
        bar.stop();
      }
    });
}
