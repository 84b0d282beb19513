import { PAGE_CLASS } from '@replug/core';
import { describe, expect, it } from 'vitest';
import { classOfFlags, compoundOrder, isBuddy, isNoPage } from './page-flags.ts';

const bits = (...positions: number[]): number => positions.reduce((word, n) => (word | (1 << n)) >>> 0, 0);

describe('kpageflags', () => {
  // Words as real dumps hold them.
  it.each([
    ['a free page', bits(10), 0, PAGE_CLASS.UNKNOWN],
    ['no page', bits(20), 0, PAGE_CLASS.HOLE],
    ['anonymous', bits(3, 5, 11, 12, 14), 0, PAGE_CLASS.LRU_ANON],
    ['page cache', bits(2, 3, 5), 0, PAGE_CLASS.LRU_FILE],
    ['shmem', bits(3, 5, 14), 0, PAGE_CLASS.LRU_ANON],
    ['slab', bits(7, 15), 0, PAGE_CLASS.SLAB],
    ['page table', bits(26), 0, PAGE_CLASS.PAGE_TABLE],
    ['hugetlb', bits(15, 17), 0, PAGE_CLASS.HUGETLB],
    ['THP', bits(5, 12, 15, 22), 0, PAGE_CLASS.THP],
    ['reserved', 0, 1, PAGE_CLASS.RESERVED],
    ['unplugged', bits(23), 0, PAGE_CLASS.OFFLINE],
    ['poisoned', bits(5, 12, 19), 0, PAGE_CLASS.HWPOISON],
    ['kernel memory', 0, 0, PAGE_CLASS.KERNEL],
  ] as const)('%s', (_, low, high, expected) => expect(classOfFlags(low, high)).toBe(expected));

  it('tells free and missing pages', () => {
    expect([isBuddy(bits(10)), isBuddy(bits(5)), isNoPage(bits(20)), isNoPage(0)]).toEqual([true, false, true, false]);
  });

  it('finds the order of a compound page, and none where the tails do not add up', () => {
    const head = bits(15);
    const tail = bits(16);
    const dump = (words: number[]) => ({
      length: words.length,
      low: Uint32Array.from(words),
      high: new Uint32Array(words.length),
    });
    expect(compoundOrder(dump([head, tail, tail, tail, 0]), 0, 10)).toBe(2);
    expect(compoundOrder(dump([head, tail, tail, 0]), 0, 10)).toBe(0);
    expect(compoundOrder(dump([0, head, tail]), 1, 10)).toBe(0);
    expect(compoundOrder(dump([0]), 0, 10)).toBe(0);
  });
});
