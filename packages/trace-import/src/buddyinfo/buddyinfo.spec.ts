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
import { readBuddyinfo } from './buddyinfo.ts';

it('reads blocks by order', () => {
  const { value, account } = readFileWith(readBuddyinfo, join(x86, 'steps/01-before/buddyinfo'));
  expect(value).toEqual([
    { node: 0, name: 'DMA', counts: [0, 0, 0, 0, 0, 1, 1, 1, 0, 1, 3] },
    { node: 0, name: 'DMA32', counts: [1, 2, 1, 3, 4, 3, 2, 4, 3, 1, 69] },
    { node: 1, name: 'DMA32', counts: [2, 0, 1, 1, 1, 0, 2, 0, 1, 3, 80] },
  ]);
  expect(account).toMatchObject({ lines: 3, events: 3, skipped: {} });
});

it('takes any spacing', () => {
  const { value } = readWith(readBuddyinfo, 'Node 0, zone DMA 0 0 2\nNode 3, zone Normal 7 8 9000\r\n');
  expect(value[1]).toEqual({ node: 3, name: 'Normal', counts: [7, 8, 9000] });
});

it('counts lines that are none', () => {
  const { value, account } = readWith(readBuddyinfo, 'Node 0, zone DMA\nNode 0, zone DMA 1 x\n');
  expect(value).toEqual([]);
  expect(account.skipped).toEqual({ 'not-a-buddyinfo-line': 2 });
});

it.skipIf(!hasShared)('reads every buddyinfo of the shared captures', () => {
  for (const path of sharedCaptures.flatMap((capture) => filesBelow(join(capture, 'steps'), /^buddyinfo(\.2)?$/))) {
    const { value, account } = readFileWith(readBuddyinfo, path);
    expect(account.skipped, path).toEqual({});
    expect(value.length, path).toBeGreaterThan(0);
  }
});

it.skipIf(!hasDumps)('reads every buddyinfo of the third-party dumps', () => {
  for (const path of filesBelow(dumpsFolder, /buddyinfo$/)) {
    const { value, account } = readFileWith(readBuddyinfo, path);
    expect(unaccounted(account), path).toBe(0);
    expect(value.length, path).toBeGreaterThan(0);
  }
});
