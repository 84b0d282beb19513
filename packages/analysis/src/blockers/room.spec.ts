import type { ZoneinfoZone } from '@replug/workload';
import { expect, it } from 'vitest';
import { roomFor } from './room.ts';

const zone = (node: number, name: string, free: number, more: Partial<ZoneinfoZone> = {}): ZoneinfoZone => ({
  ...{ node, name, free, min: 100, low: 150, high: 200, spanned: 10000, present: 10000, startPfn: 0 },
  ...{ protection: [0, 0, 0, 0, 0], pagesets: [], stats: {} },
  ...more,
});

it('is the node itself where no other has memory, without what is free in the block', () => {
  const zones = [zone(0, 'DMA32', 1000), zone(0, 'Normal', 5000), zone(0, 'Movable', 7000)];
  expect(roomFor(zones, { zone: 'Normal', node: 0 }, 3000, 0)).toEqual({ free: 900 + 1900, reclaimable: 0 });
  // Only what comes from ZONE_MOVABLE may go there.
  expect(roomFor(zones, { zone: 'Movable', node: 0 }, 3000, 0)).toEqual({ free: 900 + 4900 + 3900, reclaimable: 0 });
});

it('is the other nodes where one of them has memory, Device and empty zones apart', () => {
  const zones = [
    zone(0, 'Normal', 5000),
    zone(1, 'Normal', 2000),
    zone(1, 'Device', 4000),
    zone(2, 'Normal', 0, { present: 0 }),
  ];
  expect(roomFor(zones, { zone: 'Normal', node: 0 }, 5000, 0).free).toBe(1900);
  expect(roomFor(zones, { zone: 'Normal', node: 1 }, 0, 0).free).toBe(4900);
});

it('keeps the marks and the reserve of lower zones, and adds what the lists of CPUs hold', () => {
  const pagesets = [{ cpu: 0, count: 30, high: 40, batch: 10 }];
  const zones = [
    zone(0, 'DMA', 500, { protection: [0, 0, 600, 700, 700] }),
    zone(0, 'DMA32', 1000, { protection: [0, 0, 250, 400, 400], pagesets }),
    zone(0, 'Normal', 50),
    zone(0, 'Movable', 0, { present: 0 }),
  ];
  // Zone indices are those of the node: DMA 0, DMA32 1, Normal 2, Movable 3.
  expect(roomFor(zones, { zone: 'Normal', node: 0 }, 0, 0).free).toBe(1000 + 30 - 100 - 250);
  expect(roomFor(zones, { zone: 'Movable', node: 0 }, 0, 0).free).toBe(1000 + 30 - 100 - 400);
});

it('can be made by reclaim: page cache, and anonymous pages as far as there is swap', () => {
  const stats = {
    nr_zone_active_file: 10,
    nr_zone_inactive_file: 20,
    nr_zone_active_anon: 400,
    nr_zone_inactive_anon: 0,
  };
  const zones = [zone(0, 'Normal', 0), zone(1, 'Normal', 0, { stats })];
  expect(roomFor(zones, { zone: 'Normal', node: 0 }, 0, 0).reclaimable).toBe(30);
  expect(roomFor(zones, { zone: 'Normal', node: 0 }, 0, 250).reclaimable).toBe(280);
});
