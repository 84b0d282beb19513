import type { PageMap, ZoneFreeLists } from '@replug/core';
import { describe, expect, it } from 'vitest';
import { explainedWith, explainIsolation } from './isolation.ts';

/** Free blocks and blocks in use by first row: all that a scan looks at. */
function memory(free: Readonly<Record<number, number>>, used: Readonly<Record<number, number>> = {}) {
  const state = new Uint8Array(2048);
  for (const [row, order] of Object.entries(used)) state[Number(row)] = 0x30 | order;
  const lists = { freeOrder: (row: number) => free[row] ?? -1 } as unknown as ZoneFreeLists;
  return [lists, { state } as unknown as PageMap] as const;
}

describe('what a compaction scan took', () => {
  it('stride 1: every free block of the range', () => {
    const [lists, pages] = memory({ 4: 2, 16: 4 });
    expect(explainIsolation(lists, pages, { start: 0, end: 32, scanned: 32, taken: 20 })).toEqual([4, 16]);
  });

  it('stride 32: only the blocks it lands on', () => {
    // range=(0x1f800 ~ 0x1f840) nr_scanned=33 nr_taken=32 of a real trace: one miss, then a block of 32 pages.
    const [lists, pages] = memory({ 2: 1, 8: 3, 32: 5 });
    expect(explainIsolation(lists, pages, { start: 0, end: 64, scanned: 33, taken: 32 })).toEqual([32]);
  });

  it('steps over compound pages', () => {
    const [lists, pages] = memory({ 8: 0, 12: 0 }, { 0: 3, 9: 0 });
    expect(explainIsolation(lists, pages, { start: 0, end: 16, scanned: 16, taken: 2 })).toEqual([8, 12]);
  });

  it('says so when no stride fits', () => {
    const [lists, pages] = memory({ 4: 2 });
    expect(explainIsolation(lists, pages, { start: 0, end: 32, scanned: 32, taken: 7 })).toBeUndefined();
  });

  it('tries a block that would have to be free', () => {
    const [lists, pages] = memory({ 32: 4 });
    const scan = { start: 0, end: 64, scanned: 33, taken: 32 };
    expect(explainedWith(lists, pages, scan, 32, 5)).toBe(true);
    expect(explainedWith(lists, pages, scan, 16, 4)).toBe(false);
  });
});
