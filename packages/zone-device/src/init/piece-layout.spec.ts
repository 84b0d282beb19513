import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PieceLayout, SERIES_V1, SERIES_V2 } from './piece-layout.ts';

const GiB_PAGES = 2 ** 18;
const SECTION = 32768;

describe('pieces of the 2018 series', () => {
  it('1 TiB: 8 threads of 2^25 pages, 1024 pieces of 2^18 pages, 1 GiB each', () => {
    const layout = PieceLayout.partitioned(0, 2 ** 28, SERIES_V2.threads, SERIES_V2.ranges);
    expect([layout.step, layout.piecePages, layout.pieces]).toEqual([2 ** 25, GiB_PAGES, 1024]);
    expect(layout.pieceOf(2 ** 27)).toBe(512);
    expect([layout.pieceStart(513), layout.pieceEnd(513)]).toEqual([2 ** 27 + GiB_PAGES, 2 ** 27 + 2 * GiB_PAGES]);
  });

  it('512 GiB: pieces of 2^17 pages; version 1: 16 pieces, one a thread', () => {
    expect(PieceLayout.partitioned(0, 2 ** 27, 8, 128).piecePages).toBe(2 ** 17);
    const v1 = PieceLayout.partitioned(0, 2 ** 27, SERIES_V1.threads, SERIES_V1.ranges);
    expect([v1.pieces, v1.piecePages]).toEqual([16, 2 ** 23]);
  });
});

describe('pieces of deferred init', () => {
  it('768 GiB, 52 CPUs: pieces of 30 sections, 205 of them', () => {
    const layout = PieceLayout.cursor(SECTION, 6144 * SECTION, 52, SECTION, SECTION);
    expect([layout.threads, layout.piecePages, layout.pieces]).toEqual([52, 983040, 205]);
  });

  it('16 GiB, 8 CPUs: pieces of 4 sections, 32 of them, the first one short', () => {
    const layout = PieceLayout.cursor(SECTION, 128 * SECTION, 8, SECTION, SECTION);
    expect([layout.threads, layout.piecePages, layout.pieces]).toEqual([8, 131072, 32]);
    expect([layout.pieceStart(0), layout.pieceEnd(0), layout.pieceStart(1)]).toEqual([SECTION, 131072, 131072]);
  });

  it('less than a section is one piece', () => {
    const layout = PieceLayout.cursor(100, 20000, 52, SECTION, SECTION);
    expect([layout.threads, layout.pieces, layout.pieceEnd(0)]).toEqual([1, 1, 20000]);
  });
});

it('pieces cover the range without gap or overlap, and every page is in its piece', () => {
  const layouts = fc
    .tuple(
      fc.nat(3000),
      fc.integer({ min: 1, max: 3000 }),
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 1, max: 130 }),
      fc.nat(5),
      fc.boolean(),
    )
    .map(([start, pages, threads, ranges, align, cursor]) =>
      cursor
        ? PieceLayout.cursor(start, start + pages, threads, ranges, 2 ** align)
        : PieceLayout.partitioned(start, start + pages, threads, ranges, 2 ** align),
    );
  fc.assert(
    fc.property(layouts, (layout) => {
      let at = layout.start;
      for (let piece = 0; piece < layout.pieces; piece++) {
        if (layout.pieceStart(piece) !== at) expect(layout.pieceStart(piece)).toBe(at);
        let wrong = 0;
        for (let pfn = at; pfn < layout.pieceEnd(piece); pfn++) if (layout.pieceOf(pfn) !== piece) wrong++;
        if (wrong > 0) expect(`${wrong} pages elsewhere`).toBe('');
        if (layout.pieceEnd(piece) <= at) expect(layout.pieceEnd(piece)).toBeGreaterThan(at);
        at = layout.pieceEnd(piece);
      }
      expect(at).toBe(layout.end);
      let next = 0;
      if (layout.partitioned)
        for (let thread = 0; thread < layout.threads; thread++) {
          expect(layout.runStart(thread)).toBe(next);
          next = layout.runEnd(thread);
        }
      expect(layout.partitioned ? next : layout.pieces).toBe(layout.pieces);
    }),
    { numRuns: 300 },
  );
});

it('refuses what cannot be cut', () => {
  expect(() => PieceLayout.partitioned(5, 5, 1, 1)).toThrow(/RP2435/);
  expect(() => PieceLayout.partitioned(0, 5, 0, 1)).toThrow(/RP2435/);
  expect(() => PieceLayout.partitioned(0, 5, 1, 0)).toThrow(/RP2435/);
  expect(() => PieceLayout.cursor(0, 5, 1, 0, 1)).toThrow(/RP2435/);
  expect(() => PieceLayout.cursor(0, NaN, 1, 1, 1)).toThrow(/RP2435/);
});
