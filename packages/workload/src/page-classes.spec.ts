import { MOVABILITY, PAGE_CLASS } from '@replug/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  BYTE_MOVABILITY,
  byteOfGfp,
  CLASS_MASK,
  DOUBT,
  MappedPages,
  ownerBytes,
  pageByte,
  PageClassifier,
  pageClassBytes,
} from './page-classes.ts';
import { PageOwnerBuilder } from './page-owner.ts';

const bits = (...positions: number[]): number => positions.reduce((word, n) => (word | (1 << n)) >>> 0, 0);
const HEAD = bits(15);
const TAIL = bits(16);

describe('the byte of a page', () => {
  // Words as real dumps hold them; 6.12 shows bit 21 with every bit 12.
  it.each([
    ['a free page', bits(10), 0, PAGE_CLASS.FREE],
    ['no page', bits(20), 0, PAGE_CLASS.HOLE],
    ['reserved', 0, 1, PAGE_CLASS.RESERVED],
    ['the zero page', bits(24), 1, PAGE_CLASS.RESERVED],
    ['anonymous, 6.1', bits(3, 5, 11, 12, 14), 0, PAGE_CLASS.LRU_ANON],
    ['anonymous, 6.12, mapped to disk', bits(3, 5, 11, 12, 14, 21), 4, PAGE_CLASS.LRU_ANON],
    ['page cache', bits(2, 3, 5), 0, PAGE_CLASS.LRU_FILE],
    ['page cache, private', bits(3, 4, 5), 8, PAGE_CLASS.LRU_FILE],
    ['shmem', bits(3, 5, 14), 0, PAGE_CLASS.LRU_ANON],
    ['THP', bits(3, 5, 11, 12, 14, 15, 21, 22), 0, PAGE_CLASS.THP],
    ['THP tail, 6.1, without its head', bits(11, 12, 16, 22), 0, PAGE_CLASS.THP | DOUBT.OFF_LRU],
    ['slab', bits(7, 15), 0, PAGE_CLASS.SLAB],
    ['slab, 6.12, with bits of another word', bits(7, 12, 15, 21), 0, PAGE_CLASS.SLAB],
    ['page table', bits(26), 0, PAGE_CLASS.PAGE_TABLE],
    ['hugetlb', bits(15, 17), 0, PAGE_CLASS.HUGETLB],
    ['unplugged', bits(23), 0, PAGE_CLASS.OFFLINE],
    ['poisoned', bits(5, 12, 19), 0, PAGE_CLASS.HWPOISON],
    ['a compound page of the kernel', bits(15), 0, PAGE_CLASS.KERNEL],
    ['a kernel page that is mapped', bits(11), 0, PAGE_CLASS.KERNEL],
    ['no flags', 0, 0, PAGE_CLASS.KERNEL | DOUBT.NO_FLAGS],
    ['page cache on its way to the LRU', bits(3, 4), 8, PAGE_CLASS.LRU_FILE | DOUBT.OFF_LRU],
    ['anonymous, taken off the LRU', bits(0, 3, 4, 6, 12, 14, 21), 0, PAGE_CLASS.LRU_ANON | DOUBT.OFF_LRU],
    ['anonymous that nobody maps', bits(3, 5, 12, 14), 0, PAGE_CLASS.LRU_ANON | DOUBT.UNMAPPED],
    ['anonymous in the swap cache', bits(3, 5, 12, 13, 14), 0, PAGE_CLASS.LRU_ANON],
    ['of movable_ops, 6.12', bits(21), 0, PAGE_CLASS.MOVABLE_OPS],
  ] as const)('%s', (_, low, high, expected) => expect(pageByte(low, high, false)).toBe(expected));

  it('believes kpagecount that an anonymous page is mapped after all', () =>
    expect(pageByte(bits(3, 5, 12, 14), 0, true)).toBe(PAGE_CLASS.LRU_ANON));

  it('doubts what only gfp flags tell', () =>
    expect(['GFP_HIGHUSER_MOVABLE', 'GFP_TRANSHUGE_LIGHT', 'GFP_KERNEL|__GFP_ZERO', ''].map(byteOfGfp)).toEqual([
      PAGE_CLASS.MOVABLE | DOUBT.BY_GFP,
      PAGE_CLASS.MOVABLE | DOUBT.BY_GFP,
      PAGE_CLASS.KERNEL,
      PAGE_CLASS.KERNEL,
    ]));

  it('is movable, unmovable or uncertain', () =>
    expect(
      [
        PAGE_CLASS.LRU_FILE,
        PAGE_CLASS.LRU_FILE | DOUBT.OFF_LRU,
        PAGE_CLASS.SLAB,
        PAGE_CLASS.KERNEL,
        PAGE_CLASS.KERNEL | DOUBT.NO_FLAGS,
        PAGE_CLASS.UNKNOWN | DOUBT.NOT_TOLD,
        PAGE_CLASS.FREE,
      ].map((byte) => BYTE_MOVABILITY[byte]),
    ).toEqual([
      MOVABILITY.MOVABLE,
      MOVABILITY.MOVABLE,
      MOVABILITY.UNMOVABLE,
      MOVABILITY.UNMOVABLE,
      MOVABILITY.UNCERTAIN,
      MOVABILITY.UNCERTAIN,
      MOVABILITY.NOTHING,
    ]));
});

describe('pages in order', () => {
  const dump = (low: number[], count?: number[]) => ({
    length: low.length,
    low: Uint32Array.from(low),
    high: new Uint32Array(low.length),
    ...(count === undefined ? {} : { count: Uint32Array.from(count) }),
  });

  it('gives a tail the byte of its head, and one without a head its own', () => {
    const lru = bits(3, 5, 14) | HEAD;
    expect([...pageClassBytes(dump([TAIL, lru >>> 0, TAIL, TAIL, bits(10), TAIL]))]).toEqual([
      PAGE_CLASS.KERNEL,
      PAGE_CLASS.LRU_ANON,
      PAGE_CLASS.LRU_ANON,
      PAGE_CLASS.LRU_ANON,
      PAGE_CLASS.FREE,
      PAGE_CLASS.KERNEL,
    ]);
  });

  it('uses the count of each page, and none beyond the last that was told', () => {
    const anon = bits(3, 5, 12, 14);
    expect([...pageClassBytes(dump([anon, anon, anon, anon], [0, 2, 0]))]).toEqual([
      PAGE_CLASS.LRU_ANON | DOUBT.UNMAPPED,
      PAGE_CLASS.LRU_ANON,
      PAGE_CLASS.LRU_ANON | DOUBT.UNMAPPED,
      PAGE_CLASS.LRU_ANON | DOUBT.UNMAPPED,
    ]);
  });

  const word = fc.constantFrom(
    ...[0, bits(10), bits(3, 5), bits(3, 5, 12, 14), bits(3, 5, 11, 12, 14), bits(7), bits(7) | HEAD, bits(5) | HEAD],
    ...[TAIL, TAIL | bits(7), bits(12, 16, 22), bits(20), bits(3)],
  );

  it('is the same in pieces of any length, and page by page', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(word, fc.constantFrom(0, 0, 1), fc.nat(2)), { maxLength: 300 }),
        fc.integer({ min: 1, max: 70 }),
        (pages, piece) => {
          const low = pages.map(([lo]) => lo >>> 0);
          // Page by page, as the flags and the head say.
          let head = -1;
          const expected = pages.map(([lo, hi, mapped]) => {
            if ((lo & TAIL) !== 0 && head >= 0) return head;
            const byte = pageByte(lo >>> 0, hi, mapped > 0);
            head = (lo & HEAD) !== 0 ? byte : -1;
            return byte;
          });
          const mapped = new MappedPages();
          mapped.add(Uint32Array.from(pages.flatMap(([, , n]) => [n, 0])), 0, 2, pages.length);
          const classifier = new PageClassifier(mapped);
          const bytes: number[] = [];
          for (let at = 0; at < low.length; at += piece) {
            const words = pages.slice(at, at + piece).flatMap(([lo, hi]) => [hi, lo >>> 0]);
            const into = new Uint8Array(words.length / 2);
            const view = Uint32Array.from(words);
            classifier.classify({ low: view, lowAt: 1, high: view, highAt: 0, stride: 2 }, into.length, into);
            bytes.push(...into);
          }
          expect(bytes).toEqual(expected);
        },
      ),
    );
  });
});

it('takes the names of flags before the gfp flags of a page_owner record', () => {
  const builder = new PageOwnerBuilder();
  for (const [flagNames, gfp] of [
    [1, 1],
    [2, 1],
    [3, 0],
    [0, 0],
    [0, 1],
  ]) {
    builder.reserve();
    builder.flagNames[builder.length] = flagNames;
    builder.gfp[builder.length++] = gfp;
  }
  const owner = builder.finish({
    ...{ types: [''], gfpTexts: ['GFP_KERNEL', 'GFP_HIGHUSER_MOVABLE'], gfpMasks: [0, 0], comms: [''] },
    ...{ flagTexts: ['', 'uptodate|lru', 'lru|swapbacked', 'slab'], stacks: [''], reasons: [''], memcgs: [''] },
  });
  expect([...ownerBytes(owner)].map((byte) => byte & CLASS_MASK)).toEqual([
    PAGE_CLASS.LRU_FILE,
    PAGE_CLASS.LRU_ANON,
    PAGE_CLASS.SLAB,
    PAGE_CLASS.KERNEL,
    PAGE_CLASS.MOVABLE,
  ]);
});
