import { replayRecording } from '@replug/analysis';
import { formatSize } from '@replug/core';
import { finalAgreement, type ReplayReport } from '@replug/report';
import type { Command } from 'commander';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { open } from '../open.ts';
import { print, printJson } from '../output.ts';

/** What `npm start` runs: the main job on a shipped capture of each architecture. */
export function addTour(program: Command): void {
  program
    .command('tour')
    .description('rebuild and replay the shipped captures: three architectures, one sentence each')
    .option('--json', 'the replay reports')
    .action(async (options: { json?: boolean }) => {
      const folder = shippedCaptures();
      const reports: ReplayReport[] = [];
      for (const name of readdirSync(folder).sort()) {
        if (existsSync(join(folder, name, 'meta.txt'))) reports.push(replayRecording(await open(join(folder, name))));
      }
      if (options.json === true) printJson(reports);
      else for (const report of reports) print(sentence(report));
    });
}

/** The repository's fixtures, from wherever this program runs. */
function shippedCaptures(): string {
  for (let at = dirname(fileURLToPath(import.meta.url)); at !== dirname(at); at = dirname(at)) {
    const folder = join(at, 'fixtures', 'captures');
    if (existsSync(folder)) return folder;
  }
  throw new Error('the shipped captures are missing from this installation');
}

/** Bytes of memory as people name it: firmware keeps a few pages for itself. */
function installed(bytes: number): number {
  const unit = 16 * 2 ** 20;
  return Math.ceil(bytes / unit) * unit;
}

function sentence(report: ReplayReport): string {
  const count = (n: number) => n.toLocaleString('en-US');
  const end = finalAgreement(report)!.kpageflags;
  const facts = [
    report.arch,
    report.bigEndian ? 'big-endian' : 'little-endian',
    formatSize(installed(report.memory)).replace('iB', 'B'),
    `Linux ${report.kernel.match(/^\d+\.\d+/)?.[0] ?? report.kernel}`,
  ].join(', ');
  return `${facts}: model and kernel agree on ${count(end.agreeing)} of ${count(end.compared)} pages after ${count(report.events)} events.`;
}
