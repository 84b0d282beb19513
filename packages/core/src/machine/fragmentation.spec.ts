import { describe, expect, it } from 'vitest';
import { contigPageInfo, fragmentationIndex, unusableFreeIndex } from './fragmentation.ts';

describe('indices', () => {
  it('of one free page are negative between 0 and -1', () => {
    const indices = [0, 1, 2, 3, 4].map((order) => fragmentationIndex(order, contigPageInfo([1], order)));
    expect(indices).toEqual([-1000, -500, -250, -125, -62]);
  });

  it('of a zone without free pages', () => {
    const none = contigPageInfo([0, 0, 0], 1);
    expect(fragmentationIndex(1, none)).toBe(0);
    expect(unusableFreeIndex(1, none)).toBe(1000);
  });

  it('count what a larger block could serve', () => {
    // 3 pages, 2 pairs, 1 block of 8: 15 pages; an order 1 request can be served by 6 blocks, order 3 by one.
    expect(contigPageInfo([3, 2, 0, 1], 1)).toEqual({ freePages: 15, freeBlocksTotal: 6, freeBlocksSuitable: 6 });
    expect(unusableFreeIndex(1, contigPageInfo([3, 2, 0, 1], 1))).toBe(200);
    expect(unusableFreeIndex(3, contigPageInfo([3, 2, 0, 1], 3))).toBe(466);
    expect(fragmentationIndex(3, contigPageInfo([3, 2, 0, 1], 3))).toBe(-1000);
    // Nothing serves order 4: 1000 - (1000 + 15 * 1000 / 16) / 6.
    expect(fragmentationIndex(4, contigPageInfo([3, 2, 0, 1], 4))).toBe(678);
  });
});
