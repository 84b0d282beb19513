import { PAGE_CLASS } from '@replug/core';
import { DOUBT } from '@replug/workload';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ACTION, actionTables, BlockScan, firstBit, metFirst } from './block-scan.ts';

const { normal, movable } = actionTables(true);
const { LRU_ANON, LRU_FILE, FREE, RESERVED, SLAB, KERNEL, HUGETLB, OFFLINE, HWPOISON, THP, PAGE_TABLE } = PAGE_CLASS;

describe('what offlining does with a page', () => {
  it.each([
    ['free', FREE, ACTION.NOTHING, ACTION.NOTHING],
    ['poisoned', HWPOISON, ACTION.NOTHING, ACTION.NOTHING],
    ['unplugged by virtio-mem', OFFLINE, ACTION.NOTHING, ACTION.NOTHING],
    ['anonymous', LRU_ANON, ACTION.MOVE, ACTION.MOVE],
    ['page cache in a CPU batch', LRU_FILE | DOUBT.OFF_LRU, ACTION.MOVE, ACTION.MOVE],
    ['THP', THP, ACTION.MOVE, ACTION.MOVE],
    ['hugetlb', HUGETLB, ACTION.MOVE, ACTION.MOVE],
    ['reserved', RESERVED, ACTION.BLOCKS, ACTION.BLOCKS],
    ['slab', SLAB, ACTION.BLOCKS, ACTION.STAYS],
    ['page table', PAGE_TABLE, ACTION.BLOCKS, ACTION.STAYS],
    ['kernel memory without a type', KERNEL, ACTION.BLOCKS, ACTION.NOTHING],
    ['no flags', KERNEL | DOUBT.NO_FLAGS, ACTION.MAY_BLOCK, ACTION.NOTHING],
  ] as const)('%s', (_, byte, inNormal, inMovable) => {
    expect([normal[byte], movable[byte]]).toEqual([inNormal, inMovable]);
  });

  it('refuses hugetlb where the architecture cannot migrate it, but in ZONE_MOVABLE', () => {
    const tables = actionTables(false);
    expect([tables.normal[HUGETLB], tables.movable[HUGETLB]]).toEqual([ACTION.BLOCKS, ACTION.MOVE]);
  });
});

it('meets the pageblock at the start first, then the one at the end, then the rest', () => {
  const bits = (...offsets: number[]) => {
    const set = new Uint8Array(8);
    for (const at of offsets) set[at >>> 3] |= 1 << (at & 7);
    return set;
  };
  expect(metFirst(bits(20, 50, 63), 64, 16)).toBe(50);
  expect(metFirst(bits(20, 15, 50), 64, 16)).toBe(15);
  expect(metFirst(bits(20, 40), 64, 16)).toBe(20);
  expect(metFirst(bits(), 64, 16)).toBe(-1);
  expect(metFirst(undefined, 64, 16)).toBe(-1);
  expect(firstBit(bits(9), 0, 9)).toBe(-1);
});

it('counts the same as page by page, in pieces of any length, with gaps and blocks that are not asked for', () => {
  const byte = fc.constantFrom<number>(FREE, LRU_ANON, SLAB, RESERVED, KERNEL | DOUBT.NO_FLAGS);
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(40), fc.array(byte, { maxLength: 60 })), { maxLength: 12 }),
      fc.uniqueArray(fc.nat(20), { maxLength: 4 }),
      (pieces, skipped) => {
        const blockPages = 32;
        const told = new Map<number, number>();
        const scan = new BlockScan(blockPages, (id) => (skipped.includes(id) ? undefined : normal), true);
        let pfn = 0;
        for (const [gap, bytes] of pieces) {
          pfn += gap;
          scan.add(pfn, Uint8Array.from(bytes), bytes.length);
          bytes.forEach((b, i) => told.set(pfn + i, b));
          pfn += bytes.length;
        }
        scan.finish();
        const ids = [...new Set([...told.keys()].map((at) => Math.floor(at / blockPages)))].filter(
          (id) => !skipped.includes(id),
        );
        expect(scan.tallies.map(({ id }) => id)).toEqual(ids);
        for (const { id, counts, actions, blocking, mayBlock, blockingClasses, bytes } of scan.tallies) {
          const here = Array.from({ length: blockPages }, (_, i) => told.get(id * blockPages + i));
          const count = (wanted: number) => here.filter((b) => b !== undefined && normal[b] === wanted).length;
          expect([FREE, SLAB, RESERVED].map((use) => counts[use])).toEqual(
            [FREE, SLAB, RESERVED].map((use) => here.filter((b) => b === use).length),
          );
          expect([...actions]).toEqual([0, 1, 2, 3, 4].map(count));
          expect(blockingClasses[SLAB] + blockingClasses[RESERVED]).toBe(count(ACTION.BLOCKS));
          here.forEach((b, i) => {
            expect(firstBit(blocking, i, i + 1) >= 0).toBe(b !== undefined && normal[b] === ACTION.BLOCKS);
            expect(firstBit(mayBlock, i, i + 1) >= 0).toBe(b !== undefined && normal[b] === ACTION.MAY_BLOCK);
            if (b !== undefined) expect(bytes![i]).toBe(b);
          });
        }
      },
    ),
  );
});
