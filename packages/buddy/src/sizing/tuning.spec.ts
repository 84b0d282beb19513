import { describe, expect, it } from 'vitest';
import { ANONHOG, ANONHOG_BACK, before, DIMM, MOVABLECORE, OFFLINE, S390_BACK, zonesOf } from './captured-machines.ts';
import { MemoryTuning, type TuningOptions } from './tuning.ts';

const TWO_CPUS = [
  { cpu: 0, nid: 0 },
  { cpu: 1, nid: 1 },
];
const X86 = { profile: '6.12', pageShift: 12, pageblockPages: 512, cpus: TWO_CPUS, thp: 'enabled' } as const;
const S390 = {
  profile: '6.1',
  pageShift: 12,
  pageblockPages: 256,
  cpus: [{ cpu: 0, nid: 0 }],
  thp: 'absent',
} as const;

function booted(options: TuningOptions, back: readonly (readonly [number, number])[] = []): MemoryTuning {
  const tuning = new MemoryTuning({ ...options, zones: before(options.zones, back) });
  tuning.boot();
  for (const [index, pages] of back) tuning.adjustManaged(index, pages);
  return tuning;
}

describe('boot', () => {
  it('x86_64-6.12-exact-anonhog: khugepaged raises, capped by a twentieth', () => {
    const tuning = booted({ ...X86, zones: ANONHOG }, ANONHOG_BACK);
    expect(tuning.sysctl.min_free_kbytes).toBe(35656);
    expect(tuning.zones[1]).toMatchObject({
      managed: 83006,
      marks: { min: 4035, low: 5043, high: 6051, promo: 7059 },
      pageset: { batch: 15, highMin: 5043 },
      statThreshold: 12,
    });
    expect(tuning.zones[0].reserve).toEqual([0, 317, 317, 317, 317]);
    expect(tuning.zones[6].pageset).toMatchObject({ batch: 31, highMin: 5858 });
  });

  it('s390x-6.1-static-2G-movablecore512M: no huge pages, the plain default', () => {
    const tuning = booted({ ...S390, zones: MOVABLECORE }, [[0, S390_BACK]]);
    expect(tuning.sysctl.min_free_kbytes).toBe(4976);
    expect(tuning.zones[2].marks).toMatchObject({ min: 296, low: 417, high: 538 });
    tuning.writeSysctl('watermark_scale_factor', 1000);
    expect(tuning.zones[0].marks).toMatchObject({ min: 949, low: 39879, high: 78809 });
    expect(tuning.zones[0].pageset.highMin).toBe(39879);
  });

  it('leaves a machine below 512 MiB at the plain default', () => {
    const zones = zonesOf([0, 'DMA', 3840], [0, 'DMA32', 120_000], [0, 'Movable', 0]);
    expect(booted({ ...X86, zones }).khugepaged).toBe(false);
    expect(booted({ ...X86, zones }).sysctl.min_free_kbytes).toBe(2815);
  });

  it('with huge pages switched off on the command line redoes the default above the first marks', () => {
    const zones = zonesOf([0, 'DMA', 3840], [0, 'DMA32', 240_000], [0, 'Movable', 0]);
    const plain = booted({ ...X86, zones, thp: 'absent' }).sysctl.min_free_kbytes;
    expect(booted({ ...X86, zones, thp: 'never' }).sysctl.min_free_kbytes).toBeLessThan(plain);
  });
});

describe('blocks', () => {
  const DMA = 0;
  const MOVABLE = 2;

  it('s390x-6.1-offline: 5701 → 3404 → 4473 → 4469 → 5702, event by event', () => {
    const tuning = booted({ ...S390, zones: OFFLINE }, [[0, S390_BACK]]);
    expect(tuning.sysctl.min_free_kbytes).toBe(5701);
    expect(tuning.zones[DMA].marks).toMatchObject({ min: 1425, low: 1932, high: 2439 });
    tuning.offlineAttempted(DMA);
    for (let i = 0; i < 5; i++) tuning.blockOfflined(DMA, 65536);
    expect(tuning.sysctl.min_free_kbytes).toBe(3404);
    expect(tuning.zones[DMA]).toMatchObject({
      marks: { min: 851, low: 1063, high: 1275 },
      pageset: { highMin: 1063 },
      statThreshold: 8,
    });
    for (let i = 0; i < 3; i++) tuning.blockOnlined(MOVABLE, 65536);
    for (let i = 0; i < 2; i++) tuning.blockOnlined(DMA, 65536);
    expect(tuning.sysctl.min_free_kbytes).toBe(4473);
    expect(tuning.zones[MOVABLE]).toMatchObject({
      marks: { min: 430, low: 626, high: 822 },
      pageset: { highMin: 626 },
    });
    expect(tuning.zones[DMA].reserve).toEqual([0, 0, 768]);
    for (let i = 0; i < 3; i++) tuning.blockOfflined(MOVABLE, 65536);
    expect(tuning.sysctl.min_free_kbytes).toBe(4469);
    expect(tuning.zones[MOVABLE].pageset).toEqual({ batch: 1, highMin: 0, highMax: 0 });
    for (let i = 0; i < 3; i++) tuning.blockOnlined(DMA, 65536);
    expect(tuning.sysctl.min_free_kbytes).toBe(5702);
    expect(tuning.zones[DMA].marks).toMatchObject({ min: 1425, low: 1935, high: 2445 });
  });

  it('x86_64-6.12-dimm: 45248 → 72116 → 52528', () => {
    const [NORMAL, HIGH_MOVABLE, FAR_MOVABLE] = [2, 3, 8];
    // The kernel image was placed on node 1, as was the initrd.
    const tuning = booted({ ...X86, zones: DIMM }, [[6, (8020 + 2028 + 4256 + 584) / 4]]);
    expect(tuning.sysctl.min_free_kbytes).toBe(45248);
    expect(tuning.zones[1].marks).toEqual({ min: 6201, low: 7751, high: 9301, promo: 10851 });
    for (let i = 0; i < 4; i++) tuning.blockOnlined(NORMAL, 32768);
    for (let i = 0; i < 4; i++) tuning.blockOnlined(HIGH_MOVABLE, 32768);
    expect(tuning.sysctl.min_free_kbytes).toBe(72116);
    expect(tuning.zones[NORMAL].marks).toEqual({ min: 6519, low: 8148, high: 9777, promo: 11406 });
    expect(tuning.zones[HIGH_MOVABLE].marks).toEqual({ min: 128, low: 1757, high: 3386, promo: 5015 });
    expect(tuning.zones[0].reserve).toEqual([0, 487, 999, 1511, 1511]);
    for (let i = 0; i < 8; i++) tuning.blockOnlined(FAR_MOVABLE, 32768);
    expect(tuning.sysctl.min_free_kbytes).toBe(72116);
    for (let i = 0; i < 8; i++) tuning.blockOfflined(FAR_MOVABLE, 32768);
    for (let i = 0; i < 3; i++) tuning.blockOfflined(HIGH_MOVABLE, 32768);
    for (let i = 0; i < 3; i++) tuning.blockOfflined(NORMAL, 32768);
    tuning.blockOfflined(HIGH_MOVABLE, 32768);
    expect(tuning.sysctl.min_free_kbytes).toBe(52528);
    expect(tuning.zones[NORMAL].marks).toEqual({ min: 1628, low: 2035, high: 2442, promo: 2849 });
    expect(tuning.zones[NORMAL].pageset).toMatchObject({ batch: 7, highMin: 2035 });
  });

  it('lists made anew keep the boot sizes while the wanted ones stay equal', () => {
    const tuning = booted({ ...S390, pageShift: 16, zones: zonesOf([0, 'Normal', 60_000], [0, 'Movable', 0]) });
    tuning.blockOnlined(1, 256);
    expect(tuning.zones[1].marks.low).toBeLessThanOrEqual(4);
    expect(tuning.zones[1]).toMatchObject({
      pageset: { batch: 1, highMin: 0 },
      pagesetWanted: { batch: 1, highMin: 4 },
    });
    // An offline attempt, even a failed one, writes the wanted sizes.
    tuning.offlineAttempted(1);
    expect(tuning.zones[1].pageset).toEqual({ batch: 1, highMin: 4, highMax: 4 });
  });

  it('a node may come and go; nodes stay in order', () => {
    const tuning = booted({ ...S390, zones: zonesOf([0, 'Normal', 60_000], [2, 'Normal', 60_000]) });
    expect(tuning.addNode(zonesOf([1, 'Normal', 0]))).toBe(1);
    tuning.blockOnlined(1, 65536);
    expect(tuning.zones.map((z) => z.nid)).toEqual([0, 1, 2]);
    expect(tuning.zones[1].marks.min).toBeGreaterThan(0);
    tuning.blockOfflined(1, 65536);
    tuning.removeNode(1);
    expect(tuning.zones.map((z) => z.nid)).toEqual([0, 2]);
  });
});

describe('what follows nothing by itself', () => {
  it('pages that move without a recomputation change no size', () => {
    const tuning = booted({ ...S390, zones: OFFLINE });
    const sizes = JSON.stringify(tuning.zones.map((z) => [z.marks, z.reserve, z.pageset, z.statThreshold]));
    tuning.adjustManaged(0, -100_000);
    expect(JSON.stringify(tuning.zones.map((z) => [z.marks, z.reserve, z.pageset, z.statThreshold]))).toBe(sizes);
  });

  it('reading lowmem_reserve_ratio recomputes the reserves', () => {
    const tuning = booted({ ...S390, zones: MOVABLECORE });
    tuning.adjustManaged(2, -50_000);
    expect(tuning.zones[0].reserve[2]).toBe(472);
    expect(tuning.readSysctl('min_free_kbytes')).toBe(tuning.sysctl.min_free_kbytes);
    expect(tuning.zones[0].reserve[2]).toBe(472);
    expect(tuning.readSysctl('lowmem_reserve_ratio')).toEqual([256, 32, 0]);
    expect(tuning.zones[0].reserve[2]).toBe(277);
  });
});

describe('sysctl writes', () => {
  const tuned = () => booted({ ...X86, zones: ANONHOG });

  it('min_free_kbytes: marks and list sizes, and the boost ends', () => {
    const tuning = tuned();
    tuning.zones[1].boost = 512;
    expect(tuning.writeSysctl('min_free_kbytes', 16384)).toBe(true);
    expect(tuning.zones[1]).toMatchObject({ boost: 0, marks: { min: 1853 } });
    expect(tuning.zones[1].pageset.highMin).toBe(tuning.zones[1].marks.low);
  });

  it('a written value holds against smaller defaults when a block comes online', () => {
    const tuning = booted({ ...S390, zones: OFFLINE });
    tuning.writeSysctl('min_free_kbytes', 9000);
    tuning.blockOnlined(2, 65536);
    expect(tuning.sysctl.min_free_kbytes).toBe(9000);
    tuning.writeSysctl('min_free_kbytes', 1000);
    tuning.blockOnlined(2, 65536);
    expect(tuning.sysctl.min_free_kbytes).toBeGreaterThan(5000);
  });

  it('percpu_pagelist_high_fraction: list sizes only, of populated zones; below 8 refused', () => {
    const tuning = tuned();
    const marks = tuning.zones[1].marks;
    expect(tuning.writeSysctl('percpu_pagelist_high_fraction', 7)).toBe(false);
    expect(tuning.writeSysctl('percpu_pagelist_high_fraction', 8)).toBe(true);
    expect(tuning.zones[1].pageset).toEqual({ batch: 15, highMin: 10375, highMax: 10375 });
    expect(tuning.zones[1].marks).toBe(marks);
    expect(tuning.zones[3].pagesetWanted.highMin).not.toBe(0);
  });

  it('values out of range are refused', () => {
    const tuning = tuned();
    expect(tuning.writeSysctl('watermark_scale_factor', 0)).toBe(false);
    expect(tuning.writeSysctl('watermark_scale_factor', 3001)).toBe(false);
    expect(tuning.writeSysctl('min_free_kbytes', -1)).toBe(false);
    expect(tuning.writeSysctl('watermark_boost_factor', 0)).toBe(true);
    expect(tuning.sysctl).toMatchObject({ watermark_scale_factor: 10, watermark_boost_factor: 0 });
  });

  it('lowmem_reserve_ratio: as many values as given, below 1 is off', () => {
    const tuning = tuned();
    tuning.writeSysctl('lowmem_reserve_ratio', [64, -5]);
    expect(tuning.sysctl.lowmem_reserve_ratio).toEqual([64, 0, 32, 0, 0]);
    expect(tuning.zones[0].reserve[1]).toBe(Math.floor(83006 / 64));
  });
});

describe('CPUs', () => {
  it('a CPU that comes up counts for every zone; the next computation counts it on its node only', () => {
    const tuning = booted({ ...X86, zones: ANONHOG, cpus: [{ cpu: 0, nid: 0 }] });
    const [near, far] = [tuning.zones[1], tuning.zones[6]];
    expect([near.pageset.highMin, far.pageset.highMin]).toEqual([near.marks.low, far.marks.low]);
    tuning.cpuOnline(1, 1);
    // Node 0: its CPU and the new one; node 1: the new one, which is not in its mask yet.
    expect([near.pageset.highMin, far.pageset.highMin]).toEqual([Math.floor(near.marks.low / 2), far.marks.low]);
    expect(near.statThreshold).toBe(12);
    tuning.writeSysctl('watermark_scale_factor', 10);
    expect(near.pageset.highMin).toBe(near.marks.low);
    tuning.cpuOffline(1);
    expect([near.statThreshold, far.pageset.highMin]).toEqual([6, far.marks.low]);
  });
});
