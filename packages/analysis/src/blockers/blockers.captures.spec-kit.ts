/** Offline attempts of captures: what was written to memoryN/state, and what the kernel made of it. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BlockersReport } from '@replug/report';
import { nameOf, shared } from '../captures.spec-kit.ts';

export interface Attempt {
  /** Guest uptime, s. */
  readonly begin: number;
  readonly block: number;
  readonly outcome: 'ok' | 'EBUSY' | 'EINVAL' | 'timeout';
  /** The last step before it that has page flags. */
  readonly step: string;
}

export const captureOf = (name: string): string | undefined => shared.find((path) => nameOf(path) === name);

const OUTCOMES: readonly (readonly [RegExp, Attempt['outcome']])[] = [
  [/ rc=0 /, 'ok'],
  [/ rc=143 /, 'timeout'],
  [/Device or resource busy/, 'EBUSY'],
  [/Invalid argument/, 'EINVAL'],
];

/** Attempts of a capture in order; a line whose outcome is none of those known is an error. */
export function attemptsOf(path: string): Attempt[] {
  const steps = [...readFileSync(join(path, 'steps.log'), 'utf8').matchAll(/^([\d.]+) step (\d+) (\S+) done/gm)]
    .map(([, time, number, name]) => ({ time: Number(time), label: `${number.padStart(2, '0')}-${name}` }))
    .filter(({ label }) => readdirSync(join(path, 'steps', label)).some((name) => name.startsWith('kpageflags')));
  const lines = readFileSync(join(path, 'blocks.log'), 'utf8').split('\n');
  return lines.flatMap((line) => {
    const match = /^([\d.]+) [\d.]+ memory(\d+) offline /.exec(line);
    if (match === null) return [];
    const begin = Number(match[1]);
    const outcome = OUTCOMES.find(([pattern]) => pattern.test(line));
    if (outcome === undefined) throw new Error(`unknown outcome: ${line}`);
    const step = steps.filter(({ time }) => time <= begin).at(-1)!.label;
    return [{ begin, block: Number(match[2]), outcome: outcome[1], step }];
  });
}

/** Captures of the shared folder with offline attempts. */
export const attempted = (): string[] =>
  shared.filter(
    (path) =>
      existsSync(join(path, 'blocks.log')) && / offline rc=/.test(readFileSync(join(path, 'blocks.log'), 'utf8')),
  );

/** `7 blocked, 6 offlinable …`: verdicts of the blocks that are asked for, in that order. */
export const verdictsOf = (report: BlockersReport, blocks: readonly number[]): string =>
  blocks.map((id) => `${id} ${report.blocks.find(({ block }) => block === id)!.verdict}`).join(', ');

/** Pages that the kernel dumped as `unmovable page`, in the order of the log. */
export function dumpedPages(path: string): number[] {
  const log = readFileSync(join(path, 'dmesg.txt'), 'utf8').split('\n');
  let last = -1;
  return log.flatMap((line) => {
    const page = / page:.* pfn:0x([\da-f]+)/.exec(line);
    if (page !== null) last = Number.parseInt(page[1], 16);
    return line.includes('dumped because: unmovable page') ? [last] : [];
  });
}
