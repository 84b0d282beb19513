import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  pagesetBatch,
  pagesetHigh,
  pagesetSize,
  percpuDriftMark,
  pressureThreshold,
  splitCpus,
  statThreshold,
} from './pageset-sizing.ts';
import { SIZING_PROFILES } from './sizing-zone.ts';

describe('batch', () => {
  // zoneinfo of x86_64-6.12-exact-anonhog, -dimm, -static-1G, s390x-6.1-static-2G-movablecore512M.
  it.each([
    [3840, 1],
    [32768, 7],
    [60304, 15],
    [83006, 15],
    [96609, 31],
    [121009, 31],
    [243785, 63],
    [2 ** 34, 63],
    [0, 1],
  ])('%i pages of 4 KiB: %i', (managed, batch) => expect(pagesetBatch(managed, 12)).toBe(batch));

  it('64 KiB pages: 1 for half a GiB, at most 3', () => {
    expect(pagesetBatch(7568, 16)).toBe(1);
    expect(pagesetBatch(2 ** 20, 16)).toBe(3);
  });
});

describe('limits', () => {
  const x86 = { pageShift: 12, highFraction: 0, profile: SIZING_PROFILES['6.12'] };

  it('6.1: the low mark over the CPUs (ppc64le-6.1-static-1G-2n, s390x-6.1-offline)', () => {
    const profile = SIZING_PROFILES['6.1'];
    expect(pagesetSize({ managed: 7568, low: 423, pageShift: 16, cpus: 1, highFraction: 0, profile })).toEqual({
      batch: 1,
      highMin: 423,
      highMax: 423,
    });
    expect(pagesetSize({ ...x86, managed: 182629, low: 1063, cpus: 1, profile }).highMin).toBe(1063);
  });

  it('6.12: between the low mark and an eighth of the zone, or one value by the fraction', () => {
    expect(pagesetSize({ ...x86, managed: 83006, low: 5043, cpus: 1 })).toEqual({
      batch: 15,
      highMin: 5043,
      highMax: 10375,
    });
    expect(pagesetSize({ ...x86, managed: 183982, low: 3311, cpus: 1, highFraction: 16 })).toEqual({
      batch: 63,
      highMin: 11498,
      highMax: 11498,
    });
  });

  it('6.12: a large scale factor puts the lower limit above the upper one (x86_64-6.12-static-1G step 05)', () => {
    expect(pagesetSize({ ...x86, managed: 243785, low: 35467, cpus: 2 })).toMatchObject({
      highMin: 17733,
      highMax: 15236,
    });
  });

  it('are at least four batches', () => {
    expect(pagesetHigh(10, 4000, 63, 4, 0)).toBe(252);
    fc.assert(
      fc.property(fc.nat(2 ** 34), fc.nat(2 ** 24), fc.integer({ min: 1, max: 512 }), (managed, low, cpus) => {
        const { batch, highMin, highMax } = pagesetSize({ ...x86, managed, low, cpus });
        expect(highMin).toBeGreaterThanOrEqual(4 * batch);
        expect(highMax).toBeGreaterThanOrEqual(4 * batch);
      }),
    );
  });

  it('are split over the CPUs of the node, or over all where it has none', () => {
    expect(splitCpus(4, 16)).toBe(4);
    expect(splitCpus(0, 16)).toBe(16);
    expect(splitCpus(0, 16, true)).toBe(1);
  });
});

describe('counter thresholds', () => {
  it.each([
    [3840, 2, 12, 4],
    [83006, 2, 12, 12],
    [243785, 2, 12, 16],
    [389300, 1, 12, 10],
    [121009, 1, 12, 6],
    [7568, 2, 16, 12],
    [2 ** 34, 4096, 12, 125],
  ])('%i pages, %i CPUs, page shift %i: %i', (managed, cpus, shift, threshold) =>
    expect(statThreshold(managed, cpus, shift)).toBe(threshold),
  );

  it('under pressure keep the sum of all CPUs within low − min', () => {
    expect(pressureThreshold({ min: 100, low: 125, high: 150, promo: 175 }, 4)).toBe(6);
    expect(pressureThreshold({ min: 100, low: 101, high: 102, promo: 103 }, 4)).toBe(1);
    expect(pressureThreshold({ min: 0, low: 4000, high: 8000, promo: 12000 }, 4)).toBe(125);
  });

  it('set a drift mark only where the drift could reach min', () => {
    const marks = { min: 100, low: 125, high: 150, promo: 175 };
    expect(percpuDriftMark(marks, 0, 12, 2)).toBe(0);
    expect(percpuDriftMark(marks, 10, 13, 2)).toBe(150 + 10 + 26);
  });
});
