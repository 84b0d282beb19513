import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mulDiv, SIZING_PROFILES, type SizingZoneKind } from './sizing-zone.ts';
import { ANONHOG, ANONHOG_BACK, before, MOVABLECORE, S390_BACK, zonesOf } from './captured-machines.ts';
import { boostWatermark, reduceBoost, setupZoneMarks } from './watermarks.ts';

const NEW = { watermarkScaleFactor: 10, pageShift: 12, profile: SIZING_PROFILES['6.12'] };
const OLD = { ...NEW, profile: SIZING_PROFILES['6.1'] };
const marks = (min: number, low: number, high: number, promo: number) => ({ min, low, high, promo });

describe('marks of captured machines', () => {
  it('x86_64-6.12-exact-anonhog: boot marks, from the pages of that moment', () => {
    const found = setupZoneMarks(before(ANONHOG, ANONHOG_BACK), { ...NEW, minFreeKbytes: 35656 });
    expect(found[0]).toEqual(marks(190, 237, 284, 331));
    expect(found[1]).toEqual(marks(4035, 5043, 6051, 7059));
    expect(found[6]).toEqual(marks(4687, 5858, 7029, 8200));
    // Empty zones: nothing, but the Movable one has its least min.
    expect(found[2]).toEqual(marks(0, 0, 0, 0));
    expect(found[3]).toEqual(marks(32, 32, 32, 32));
  });

  it('s390x-6.1-static-2G-movablecore512M: Movable shares in 6.1', () => {
    const boot = setupZoneMarks(before(MOVABLECORE, [[0, S390_BACK]]), { ...OLD, minFreeKbytes: 4976 });
    expect(boot[0]).toMatchObject({ min: 947, low: 1333, high: 1719 });
    expect(boot[2]).toMatchObject({ min: 296, low: 417, high: 538 });
    const written = setupZoneMarks(MOVABLECORE, { ...OLD, minFreeKbytes: 4976, watermarkScaleFactor: 1000 });
    expect(written[0]).toMatchObject({ min: 949, low: 39879, high: 78809 });
    expect(written[2]).toMatchObject({ min: 294, low: 12394, high: 24494 });
    expect(setupZoneMarks(zonesOf([0, 'Normal', 9], [0, 'Movable', 0]), { ...OLD, minFreeKbytes: 128 })[1].min).toBe(0);
  });

  it('x86_64-6.12-static-2G-2n-movablecore512M step 11: Movable is capped in 6.12, its distance is not', () => {
    const zones = zonesOf(
      [0, 'DMA', 3840],
      [0, 'DMA32', 183982],
      [0, 'Movable', 60304],
      [1, 'DMA32', 196608],
      [1, 'Movable', 61280],
    );
    expect(setupZoneMarks(zones, { ...NEW, minFreeKbytes: 20000, watermarkScaleFactor: 50 })).toEqual([
      marks(49, 68, 87, 106),
      marks(2392, 3311, 4230, 5149),
      marks(58, 359, 660, 961),
      marks(2557, 3540, 4523, 5506),
      marks(59, 365, 671, 977),
    ]);
  });
});

describe('marks in general', () => {
  const kinds: SizingZoneKind[] = ['DMA', 'DMA32', 'Normal', 'Movable', 'Device'];
  // 1 TiB a zone: a huge Movable zone beside a few pages of others would have marks beyond whole numbers.
  const machine = fc.array(fc.integer({ min: 0, max: 2 ** 28 }), { minLength: 5, maxLength: 5 });

  it('rise in equal distances, and the shares never exceed min_free_kbytes', () => {
    fc.assert(
      fc.property(machine, fc.nat(2 ** 26), fc.integer({ min: 1, max: 3000 }), (sizes, minFreeKbytes, scale) => {
        const zones = zonesOf(...kinds.map((kind, i) => [0, kind, sizes[i]] as const));
        const found = setupZoneMarks(zones, { ...NEW, minFreeKbytes, watermarkScaleFactor: scale });
        for (const { min, low, high, promo } of found) {
          expect(low - min).toBe(high - low);
          expect(high - low).toBe(promo - high);
          expect(low).toBeGreaterThanOrEqual(min);
        }
        const shares = found.reduce((sum, m, i) => sum + (kinds[i] === 'Movable' ? 0 : m.min), 0);
        expect(shares).toBeLessThanOrEqual(Math.floor(minFreeKbytes / 4));
      }),
    );
  });

  it('equal the formula in whole numbers of any size', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 31), fc.nat(2 ** 36), fc.integer({ min: 1, max: 2 ** 37 }), (a, b, c) => {
        expect(mulDiv(a, b, c)).toBe(Number((BigInt(a) * BigInt(b)) / BigInt(c)));
      }),
    );
  });

  it('6.1 divides by the low 32 bits of the lowmem pages: 20 TiB look like 4', () => {
    const zones = zonesOf([0, 'Normal', 5 * 2 ** 30]);
    expect(setupZoneMarks(zones, { ...NEW, minFreeKbytes: 262144 })[0].min).toBe(65536);
    expect(setupZoneMarks(zones, { ...OLD, minFreeKbytes: 262144 })[0].min).toBe(65536 * 5);
  });

  it('HighMem is capped, and Movable with it where it lies in HighMem', () => {
    const zones = zonesOf([0, 'Normal', 200_000], [0, 'HighMem', 50_000], [0, 'Movable', 500_000]);
    const found = setupZoneMarks(zones, { ...OLD, minFreeKbytes: 4000 });
    expect(found.map((m) => m.min)).toEqual([1000, 48, 128]);
  });
});

describe('boost', () => {
  const zone = { boost: 0, high: 1000, managed: 100_000, pageblockPages: 512, factor: 15000 };

  it('grows by a pageblock up to one and a half high marks', () => {
    expect(boostWatermark(zone)).toBe(512);
    expect(boostWatermark({ ...zone, boost: 1024 })).toBe(1500);
    expect(boostWatermark({ ...zone, high: 100 })).toBe(512);
  });

  it('does not apply to small zones, without marks, or when switched off', () => {
    expect(boostWatermark({ ...zone, managed: 2047 })).toBe(0);
    expect(boostWatermark({ ...zone, high: 0 })).toBe(0);
    expect(boostWatermark({ ...zone, factor: 0, boost: 7 })).toBe(7);
  });

  it('is reduced by what kswapd saw, not below 0', () => {
    expect(reduceBoost(1024, 512)).toBe(512);
    expect(reduceBoost(300, 512)).toBe(0);
  });
});
