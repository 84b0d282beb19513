import { join } from 'node:path';
import { expect, it } from 'vitest';
import {
  dumpsFolder,
  filesBelow,
  hasDumps,
  hasShared,
  readFileWith,
  readWith,
  sharedCaptures,
  unaccounted,
  x86,
} from '../captures.spec-kit.ts';
import { readPagetypeinfo } from './pagetypeinfo.ts';

it('reads both tables of both nodes', () => {
  const { value, account } = readFileWith(readPagetypeinfo, join(x86, 'steps/01-before/pagetypeinfo'));
  expect(value.pageblockOrder).toBe(9);
  expect(value.migratetypes).toEqual(['Unmovable', 'Movable', 'Reclaimable', 'HighAtomic', 'Isolate']);
  expect(value.free).toHaveLength(15);
  expect(value.blocks.map((b) => `${b.node} ${b.name}`)).toEqual(['0 DMA', '0 DMA32', '1 DMA32']);
  expect(value.blocks[0].counts).toEqual([1, 7, 0, 0, 0]);
  expect(account.skipped).toEqual({});
  expect(unaccounted(account)).toBe(0);
});

const long = `Page block order: 8
Pages per block:  256

Free pages count per migrate type at order       0      1
Node    0, zone   Normal, type    Unmovable >100000      3
Node    0, zone   Normal, type          CMA      0      1

Number of blocks type     Unmovable          CMA
Node 0, zone   Normal           12            4

Number of mixed blocks    Unmovable          CMA
Node 0, zone   Normal            0            0
`;

it('marks lists that were too long to count', () => {
  const { value, account } = readWith(readPagetypeinfo, long);
  expect(value.free[0]).toEqual({ node: 0, name: 'Normal', type: 'Unmovable', counts: [100000, 3], saturated: [0] });
  expect(value.free[1].saturated).toEqual([]);
  expect(value.blocks).toEqual([{ node: 0, name: 'Normal', counts: [12, 4] }]);
  expect(account.skipped).toEqual({ 'mixed-blocks': 1 });
});

it('takes the types from the rows where the second table is missing', () => {
  const { value } = readWith(readPagetypeinfo, long.slice(0, long.indexOf('Number of blocks')));
  expect(value).toMatchObject({ migratetypes: ['Unmovable', 'CMA'], blocks: [] });
});

it.skipIf(!hasShared)('reads every pagetypeinfo of the shared captures', () => {
  for (const path of sharedCaptures.flatMap((capture) => filesBelow(join(capture, 'steps'), /^pagetypeinfo$/))) {
    const { value, account } = readFileWith(readPagetypeinfo, path);
    expect(
      Object.keys(account.skipped).filter((reason) => reason !== 'mixed-blocks'),
      path,
    ).toEqual([]);
    expect(value.blocks.length, path).toBeGreaterThan(0);
    for (const row of value.blocks) expect(row.counts, path).toHaveLength(value.migratetypes.length);
  }
});

it.skipIf(!hasDumps)('reads every pagetypeinfo of the third-party dumps', () => {
  for (const path of filesBelow(dumpsFolder, /pagetypeinfo$/)) {
    const { value, account } = readFileWith(readPagetypeinfo, path);
    expect(unaccounted(account), path).toBe(0);
    expect(value.free.length, path).toBeGreaterThan(0);
  }
});
