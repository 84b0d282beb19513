import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lowmemReserve, totalreservePages } from './lowmem-reserve.ts';
import { zonesOf } from './captured-machines.ts';

const managed = (...pages: number[]) => pages.map((p) => ({ managed: p }));

describe('protection arrays of captured machines', () => {
  it('x86_64-6.12-dimm step 03: DMA, DMA32, Normal, Movable, Device', () => {
    expect(lowmemReserve(managed(3840, 124816, 131072, 131072, 0), [256, 256, 32, 0, 0])).toEqual([
      [0, 487, 999, 1511, 1511],
      [0, 0, 512, 1024, 1024],
      [0, 0, 0, 4096, 4096],
      [0, 0, 0, 0, 0],
      [0, 0, 0, 0, 0],
    ]);
  });

  it('x86_64-6.12-static-2G-2n-movablecore512M step 11: all ratios 64', () => {
    const [dma, dma32] = lowmemReserve(managed(3840, 183982, 0, 60304, 0), [64, 64, 64, 64, 64]);
    expect(dma).toEqual([0, 2874, 2874, 3816, 3816]);
    expect(dma32).toEqual([0, 0, 0, 942, 942]);
  });

  it('s390x-6.1-offline step 04: DMA, Normal, Movable', () => {
    expect(lowmemReserve(managed(313701, 0, 196608), [256, 32, 0])[0]).toEqual([0, 0, 768]);
  });
});

describe('protection in general', () => {
  it('is 0 for a ratio of 0 and for a zone without pages', () => {
    expect(lowmemReserve(managed(100, 5000), [0, 0])[0]).toEqual([0, 0]);
    expect(lowmemReserve(managed(0, 5000), [32, 0])[0]).toEqual([0, 0]);
  });

  it('never falls towards higher zones', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(2 ** 34), { minLength: 2, maxLength: 5 }),
        fc.integer({ min: 1, max: 512 }),
        (m, ratio) => {
          lowmemReserve(
            managed(...m),
            m.map(() => ratio),
          ).forEach((row, i) => {
            for (let j = 1; j < row.length; j++) expect(row[j]).toBeGreaterThanOrEqual(row[j - 1]);
            expect(row[i]).toBe(0);
          });
        },
      ),
    );
  });
});

describe('totalreserve', () => {
  it('adds the largest reserve and the high mark of each zone, at most its pages', () => {
    const zones = zonesOf([0, 'DMA', 500], [0, 'Normal', 10_000]);
    const marks = [
      { min: 0, low: 0, high: 265, promo: 0 },
      { min: 0, low: 0, high: 2000, promo: 0 },
    ];
    expect(
      totalreservePages(zones, marks, [
        [0, 39],
        [0, 0],
      ]),
    ).toBe(304 + 2000);
    expect(
      totalreservePages(
        zones,
        marks,
        [
          [0, 390],
          [0, 0],
        ],
        [0, 512],
      ),
    ).toBe(500 + 2512);
  });
});
