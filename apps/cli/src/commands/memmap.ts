import { memmapReport, publishedFigures } from '@replug/analysis';
import { parseSize, type MachineDescription } from '@replug/core';
import { renderMemmap, renderPublished, type MemmapDevice } from '@replug/report';
import type { Command } from 'commander';
import { badDeviceSpec, badNumber } from '../errors.ts';
import { machineOf } from '../machine.ts';
import { print, printJson } from '../output.ts';

interface Flags {
  machine: string;
  device: string[];
  pageNs?: string;
  bandwidth?: string;
  published?: boolean;
  json?: boolean;
}

/** The machine of the 2018 letter as far as it tells: 8 sockets; cores and memory are of a server of that year. */
const EIGHT_SOCKETS = 'x86-64,3T,nodes=8,cpus=448';
/** As much a node as on the 12 TB machine whose rate the cost table holds. */
const DEVICE = '3T';
const MOST_OF_ONE_KIND = 4096;

export function addMemmap(program: Command): void {
  program
    .command('memmap')
    .description('tell how long the struct pages of devices keep a machine waiting, by the way they are initialised')
    .option('--machine <spec>', 'a shorthand or a machine file', EIGHT_SOCKETS)
    .option('--device <spec...>', 'SIZE[,node=N][,count=N]; without a node, on each', [DEVICE])
    .option('--page-ns <ns>', 'ns that one thread takes for a struct page')
    .option('--bandwidth <size>', "a node's memory, bytes a second (96G)")
    .option('--published', 'what others measured, beside what the model says of their machines')
    .option('--json', 'machine-readable')
    .addHelpText(
      'after',
      '\nExample:\n  $ replug memmap --machine x86-64,512G,nodes=2,cpus=64 --device 1536G' +
        '\n  $ replug memmap --machine ppc64le,256G,nodes=4,cpus=64 --device 2T,node=1 --device 512G,node=2,count=4',
    )
    .action((flags: Flags) => {
      if (flags.published === true) {
        const figures = publishedFigures();
        if (flags.json === true) printJson(figures);
        else print(renderPublished(figures));
        return;
      }
      const machine = machineOf(flags.machine);
      const report = memmapReport(
        machine,
        flags.device.flatMap((text) => devicesOf(text, machine)),
        {
          name: flags.machine,
          nsPerPage: flags.pageNs === undefined ? undefined : numberOf('--page-ns', flags.pageNs, Number),
          nodeBytesPerSecond:
            flags.bandwidth === undefined ? undefined : numberOf('--bandwidth', flags.bandwidth, parseSize),
        },
      );
      if (flags.json === true) printJson(report);
      else print(renderMemmap(report));
    });
}

/** Devices of one `--device`. Throws RP7025. */
function devicesOf(text: string, machine: MachineDescription): MemmapDevice[] {
  const [size, ...rest] = text.split(',').map((part) => part.trim());
  const bytes = parseSize(size);
  if (bytes === undefined) throw badDeviceSpec(text, 'it begins with no size');
  let nids = machine.nodes.map(({ nid }) => nid);
  let count = 1;
  for (const part of rest) {
    const [, key, value] = /^(node|count)=(\d{1,6})$/.exec(part) ?? [];
    if (key === 'node') nids = [Number(value)];
    else if (key === 'count') count = Number(value);
    else throw badDeviceSpec(text, `${part} is neither node=N nor count=N`);
  }
  if (count < 1 || count > MOST_OF_ONE_KIND) throw badDeviceSpec(text, `count is 1 to ${MOST_OF_ONE_KIND}`);
  return nids.flatMap((nid) => Array.from({ length: count }, () => ({ nid, bytes })));
}

/** Throws RP7026. */
function numberOf(option: string, text: string, parse: (text: string) => number | undefined): number {
  const value = parse(text);
  if (value === undefined || !(value > 0 && value < Infinity)) throw badNumber(option, text);
  return value;
}
