/** The policy tables of docs/unplug.md: MiB that come back / pages moved, for each piece and each way of onlining. */
import type { UnplugPoliciesReport } from '@replug/report';
import { openRecording } from '@replug/trace-import';
import { describe, expect, it } from 'vitest';
import { nameOf, shared, shipped } from './captures.spec-kit.ts';
import { unplugPolicies } from './unplug-policies.ts';

/** Rows: Normal, Movable, auto-movable, PREFER_MOVABLE 1:4. */
const TABLES: readonly (readonly [capture: string, to: string, rows: Readonly<Record<string, readonly string[]>>])[] = [
  [
    'x86_64-6.12-exact-fileio',
    'after',
    {
      'SBM 2M': ['2000 / 8474', '2048 / 7272', '2036 / 14146', '2010 / 14023'],
      'SBM 4M': ['1992 / 8730', '2048 / 7272', '2032 / 14146', '2008 / 14023'],
      BBM: ['1920 / 0', '2048 / 7272', '1920 / 7272', '1920 / 7272'],
      'DIMM 1G': ['1024 / 0', '2048 / 58176', '1024 / 58176', '1024 / 0'],
      'SBM 2M, memmap-on-memory': ['2028 / 16434', '2048 / 14826', '2040 / 22233', '2038 / 17111'],
      'SBM 4M, memmap-on-memory': ['2020 / 14386', '2048 / 14826', '2036 / 21209', '2032 / 15575'],
    },
  ],
  [
    'x86_64-6.12-exact-anonhog',
    'fragmented',
    {
      'SBM 2M': ['2012 / 56898', '2048 / 58832', '2036 / 84981', '2012 / 76113'],
      'SBM 4M': ['2008 / 56383', '2048 / 58832', '2032 / 84981', '2008 / 76113'],
      BBM: ['1920 / 35125', '2048 / 58832', '1920 / 57877', '1920 / 53585'],
      'DIMM 1G': ['1024 / 0', '2048 / 232776', '1024 / 234034', '1024 / 0'],
      'SBM 2M, memmap-on-memory': ['2040 / 70548', '2048 / 66697', '2040 / 95565', '2040 / 84233'],
      'SBM 4M, memmap-on-memory': ['2036 / 69524', '2048 / 66208', '2036 / 93772', '2036 / 83209'],
    },
  ],
  [
    's390x-6.1-exact-anonhog',
    'fragmented',
    {
      'SBM 2M': ['2016 / 44642', '2048 / 26533', '2028 / 53267', '2016 / 52563'],
      'SBM 4M': ['2012 / 43400', '2048 / 26533', '2024 / 52243', '2012 / 51539'],
      BBM: ['1792 / 2050', '2048 / 26533', '1792 / 26525', '1792 / 25821'],
      'DIMM 1G': ['1024 / 0', '2048 / 102572', '1024 / 76759', '1024 / 0'],
      'SBM 2M, memmap-on-memory': ['2040 / 52166', '2048 / 45605', '2040 / 75157', '2040 / 58811'],
      'SBM 4M, memmap-on-memory': ['2036 / 51086', '2048 / 45541', '2036 / 74075', '2036 / 57787'],
    },
  ],
  [
    'ppc64le-6.1-exact-anonhog',
    'fragmented',
    {
      'SBM 2M': ['2048 / 803', '2048 / 4852', '2048 / 4852', '2048 / 3992'],
      'SBM 4M': ['2048 / 803', '2048 / 4852', '2048 / 4852', '2048 / 3992'],
      BBM: ['2048 / 845', '2048 / 5996', '2048 / 6036', '2048 / 4952'],
      'DIMM 1G': ['2048 / 803', '2048 / 11220', '2048 / 11220', '2048 / 5400'],
      'SBM 2M, memmap-on-memory': ['2048 / 986', '2048 / 6078', '2048 / 6079', '2048 / 4728'],
      'SBM 4M, memmap-on-memory': ['2048 / 984', '2048 / 6077', '2048 / 6078', '2048 / 4728'],
    },
  ],
];
/** Options that are switched on; of the larger traces none: each costs the load served anew, or tables of it. */
const OPTIONS: Readonly<Record<string, readonly string[]>> = {
  'ppc64le-6.1-exact-anonhog': ['sense', 'free-areas-first', 'memmap-on-memory'],
  'x86_64-6.12-exact-fileio': ['sense', 'memmap-on-memory'],
};
const paths = new Map([...shipped, ...shared].map((path) => [nameOf(path), path]));

const rowOf = ({ cells }: UnplugPoliciesReport, key: string): string[] => {
  const [piece, option = null] = key.split(', ');
  return cells
    .filter((cell) => cell.piece === piece && cell.option === option)
    .map(({ unplugged, migrated }) => `${unplugged / 2 ** 20} / ${migrated}`);
};

describe('policies', () => {
  it.each(TABLES)('%s up to %s', async (name, to, rows) => {
    if (!paths.has(name)) return;
    const recording = await openRecording(paths.get(name)!);
    const options = OPTIONS[name] ?? [];
    const report = unplugPolicies(recording, { to: { kind: 'step', ref: to }, options });
    const told = Object.keys(rows).filter((key) => options.length > 0 || !key.includes(', '));
    expect(told.map((key) => [key, rowOf(report, key)])).toEqual(told.map((key) => [key, rows[key]]));
    expect(report.placements.map(({ unserved }) => unserved)).toEqual([0, 0, 0, 0]);
    // No option but memmap-on-memory changes how much comes back.
    for (const { zoning, piece, option, unplugged } of report.cells) {
      if (option === null || option === 'memmap-on-memory') continue;
      const plain = report.cells.find((c) => c.zoning === zoning && c.piece === piece && c.option === null)!;
      expect([option, unplugged]).toEqual([option, plain.unplugged]);
    }
  });
});
