import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { painted } from './layout-paint.ts';
import { differences, layoutOf, MAX_RANGES, MemLayout, striped, type LayoutRange } from './layout.ts';
import { LayoutLookup } from './lookup.ts';

const range = (start: number, end: number, nid: number): LayoutRange => ({ start, end, nid });

describe('a layout', () => {
  const layout = layoutOf([range(200, 300, 1), range(0, 100, 0), range(300, 400, 1)]);

  it('knows the node of each page, and none in a hole', () => {
    expect([0, 99, 100, 199, 200, 299, 300, 399, 400].map((pfn) => layout.nidOf(pfn))).toEqual([
      0, 0, -1, -1, 1, 1, 1, 1, -1,
    ]);
  });

  it('joins neighbours of one node', () => {
    expect([...layout.ranges()]).toEqual([range(0, 100, 0), range(200, 400, 1)]);
    expect(layout.nodes()).toEqual([0, 1]);
  });

  it('has no holes once it is stretched', () => {
    expect([
      ...layoutOf([range(50, 100, 0), range(200, 300, 1)])
        .stretched(1000)
        .ranges(),
    ]).toEqual([range(0, 200, 0), range(200, 1000, 1)]);
  });

  it('takes ranges that touch, and no others', () => {
    const old = range(100, 200, 0);
    expect(layoutOf([old, range(50, 100, 1), range(200, 251, 1)]).length).toBe(4);
    for (const other of [range(50, 101, 1), range(150, 161, 1), range(199, 251, 1), range(0, 999, 1), old])
      expect(() => layoutOf([old, other])).toThrow(/RP2302.*\[0x64, 0xc8\) node 0/);
  });

  it.each([
    [range(10, 10, 0), /RP2301.*empty/],
    [range(11, 10, 0), /RP2301/],
    [range(-1, 10, 0), /RP2301/],
    [range(0.5, 10, 0), /RP2301/],
    [range(0, 2 ** 53, 0), /RP2301/],
    [range(0, 2 ** 52 + 2, 0), /RP2301.*after pfn/],
    [range(0, 10, -1), /RP2301.*node id/],
    [range(0, 10, 40000), /RP2301.*node id/],
  ])('refuses %j', (bad, error) => {
    expect(() => layoutOf([bad])).toThrow(error);
  });

  it('refuses to be empty or to have more ranges than it can hold', () => {
    expect(() => layoutOf([])).toThrow(/RP2305/);
    expect(() => striped(0, 2 ** 40, 1, [0])).toThrow(/RP2309/);
    expect(() => striped(0, 100, 0, [0])).toThrow(/RP2301/);
    expect(() => striped(0, 100, 10, [])).toThrow(/RP2305/);
    expect(MAX_RANGES).toBe(16777216);
  });
});

describe('stripes', () => {
  it('of 256 pages over 3 nodes give 32768 pages as 43, 43 and 42 of them', () => {
    const pages = [0, 0, 0];
    for (const { start, end, nid } of striped(0, 32768, 256, [0, 1, 2]).ranges()) pages[nid] += end - start;
    expect(pages).toEqual([11008, 11008, 10752]);
  });

  it('of 1 MiB over 8 TiB are 8 Mi pieces of ten bytes, found in 23 steps', () => {
    const layout = striped(0, 2 ** 31, 256, [0, 1, 2, 3]);
    expect([layout.length, layout.borders.byteLength + layout.nids.byteLength]).toEqual([8388609, 83886090]);
    expect([0, 255, 256, 1024, 2 ** 31 - 1, 2 ** 31].map((pfn) => layout.nidOf(pfn))).toEqual([0, 0, 1, 0, 3, -1]);
  });
});

/** A layout as one node id a page, the way nobody would keep it. */
const LENGTH = 200;
const anyRanges = fc.array(
  fc.tuple(fc.nat(LENGTH - 1), fc.integer({ min: 1, max: 40 }), fc.nat(3)).map(([start, size, nid]) => ({
    start,
    end: Math.min(LENGTH, start + size),
    nid,
  })),
  { maxLength: 12 },
);
const naive = (base: readonly number[], ranges: readonly LayoutRange[]): number[] => {
  const nids = [...base];
  for (const { start, end, nid } of ranges) nids.fill(nid, start, end);
  return nids;
};
const spread = (layout: MemLayout): number[] => Array.from({ length: LENGTH }, (_, pfn) => layout.nidOf(pfn));
const EMPTY = new MemLayout(new Float64Array(0), new Int16Array(0));
const NONE = new Array<number>(LENGTH).fill(-1);

describe('layouts against one number a page', () => {
  it('ranges painted over a layout, in their order', () => {
    fc.assert(
      fc.property(anyRanges, anyRanges, (first, second) => {
        const base = painted(EMPTY, first);
        expect(spread(base)).toEqual(naive(NONE, first));
        expect(spread(painted(base, second))).toEqual(naive(naive(NONE, first), second));
        let one = base;
        for (const { start, end, nid } of second) one = one.with(start, end, nid);
        expect(spread(one)).toEqual(naive(naive(NONE, first), second));
      }),
    );
  });

  it('differences are the pages that get another node', () => {
    fc.assert(
      fc.property(anyRanges, anyRanges, (first, second) => {
        const from = painted(EMPTY, first);
        const to = painted(EMPTY, second);
        const expected = spread(to).map((nid, pfn) => (nid >= 0 && nid !== from.nidOf(pfn) ? nid : -1));
        const found = differences(from, to);
        expect(naive(NONE, found)).toEqual(expected);
        expect(found.reduce((sum, { start, end }) => sum + end - start, 0)).toBe(
          expected.filter((nid) => nid >= 0).length,
        );
      }),
    );
  });

  it('lookups by any CPU, hits and misses counted', () => {
    fc.assert(
      fc.property(anyRanges, fc.array(fc.tuple(fc.nat(LENGTH - 1), fc.nat(1))), (ranges, asked) => {
        const layout = painted(EMPTY, ranges);
        const lookup = new LayoutLookup(2);
        lookup.use(layout);
        for (const [pfn, cpu] of asked) {
          expect(lookup.nid(pfn, cpu)).toBe(layout.nidOf(pfn));
          expect(lookup.end).toBe(layout.endOf(layout.find(pfn)));
        }
        expect(lookup.hits + lookup.misses).toBe(asked.length);
      }),
    );
  });
});

it('a CPU remembers its own last range, until another layout comes', () => {
  const lookup = new LayoutLookup(2);
  lookup.use(striped(0, 100, 10, [0, 1]));
  for (const [pfn, cpu] of [
    [3, 0],
    [4, 0],
    [15, 1],
    [9, 0],
    [10, 0],
    [19, 1],
  ])
    lookup.nid(pfn, cpu);
  expect([lookup.hits, lookup.misses]).toEqual([3, 3]);
  lookup.use(striped(0, 100, 50, [1]));
  lookup.nid(10, 0);
  expect([lookup.hits, lookup.misses]).toEqual([3, 4]);
});
