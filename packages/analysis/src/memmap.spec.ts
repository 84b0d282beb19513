import { parseMachineShorthand } from '@replug/core';
import { renderMemmap, renderPublished, timeline } from '@replug/report';
import { describe, expect, it } from 'vitest';
import { memmapReport } from './memmap.ts';
import { publishedFigures } from './memmap-published.ts';

const EIGHT = parseMachineShorthand('x86-64,3T,nodes=8,cpus=448');
const three = (nid: number) => ({ nid, bytes: 3 * 2 ** 40 });
const report = memmapReport(
  EIGHT,
  EIGHT.nodes.map(({ nid }) => three(nid)),
);
const way = (name: string) => report.variants.find((v) => v.name === name)!;

describe('eight sockets with persistent memory', () => {
  it('about four minutes one after the other, about four seconds in the background', () => {
    // 8 × 805306368 pages × 43.5 ns, and 1 µs for each 2 MiB of memmap; a 64th of it with 8 threads on 8 nodes.
    expect(way('serial').times.complete).toBeCloseTo(280_443, 0);
    expect(way('async+steal').times.complete).toBeCloseTo(4_403, 0);
    expect(way('serial').times.complete / 240_000).toBeLessThan(1.2);
    expect(way('async+steal').times.complete / 4_000).toBeLessThan(1.2);
  });

  it('devices are there at once, and the first fault is served while the rest goes on', () => {
    const { times, fault } = way('async+steal');
    expect([times.visible, times.mounted]).toEqual([0, 50]);
    expect([fault.taken, fault.waited]).toEqual([1, 0]);
    // 786432 pages at 43.5 ns: a 1024th of the device.
    expect(fault.ns).toBeCloseTo(786432 * 43.5 + 1500, 0);
    expect(way('async').fault).toMatchObject({ taken: 0, waited: 1 });
    expect(way('async').times.firstFault).toBeGreaterThan(2000);
    expect(way('per-node').fault.ns).toBe(1500);
  });

  it('memory that each way costs', () => {
    const GiB = 2 ** 30;
    expect(report.variants.map((v) => [v.name, v.memory / GiB, v.device / GiB])).toEqual([
      ['serial', 384, 0],
      ['per-node', 384, 0],
      ['async', 384, 0],
      ['async+steal', 384, 0],
      ['deduplicated', 96, 0],
      ['altmap', 0, 384],
    ]);
  });

  it('prints a line a way, the later mark on top', () => {
    expect(renderMemmap(report)).toMatch(/\nasync\+steal +0\.0 µs +50\.0 ms +84\.2 ms +4\.4 s +34\.2 ms/);
    const chart = timeline([{ name: 'way', times: { visible: 1, mounted: 10, firstFault: 100, complete: 1000 } }]);
    expect(chart.split('\n')[1]).toBe(`way  V${'-'.repeat(19)}M${'-'.repeat(19)}F${'-'.repeat(19)}C`);
  });
});

describe('published figures', () => {
  const figures = publishedFigures();
  it('each within a fifth, or with the reason', () => {
    for (const { machine, what, model, published, reason } of figures) {
      const off = Math.abs(model / published - 1);
      expect(off <= 0.2 || reason !== '', `${machine}, ${what}: ${(off * 100).toFixed(1)} %`).toBe(true);
    }
    expect(figures.filter(({ model, published }) => Math.abs(model / published - 1) <= 0.2)).toHaveLength(10);
  });

  it('as they were when they were last looked at', () => {
    expect(figures.map(({ published, model }) => [published, Math.round(model)])).toEqual([
      [240000, 280443],
      [4000, 4403],
      [138, 134],
      [125.7, 112],
      [90, 84],
      [47, 25],
      [22, 21],
      [53.3, 51],
      [36, 32],
      [120000, 105166],
      [1272, 1318],
      [1486, 1140],
      [273, 1140],
    ]);
    expect(renderPublished(figures)).toContain('-46.6 %');
  });
});

it('refuses devices and costs that are none', () => {
  expect(() => memmapReport(EIGHT, [])).toThrow(/RP6022/);
  expect(() => memmapReport(EIGHT, [three(8)])).toThrow(/RP6020.*node/);
  expect(() => memmapReport(EIGHT, [{ nid: 0, bytes: 4096 }])).toThrow(/RP6020/);
  expect(() => memmapReport(EIGHT, [three(0)], { nsPerPage: 0 })).toThrow(/RP6021/);
  expect(() => memmapReport(EIGHT, [three(0)], { nodeBytesPerSecond: Infinity })).toThrow(/RP6021/);
});

it('several devices of a node queue behind each other, in the background they share it', () => {
  const machine = parseMachineShorthand('x86-64,64G,nodes=2,cpus=16');
  const devices = [0, 0, 1].map((nid) => ({ nid, bytes: 2 ** 38 }));
  const { variants } = memmapReport(machine, devices);
  const complete = Object.fromEntries(variants.map((v) => [v.name, v.times.complete]));
  expect(complete.serial).toBeCloseTo(3 * 2921.284, -1);
  expect(complete['per-node']).toBeCloseTo(2 * 2921.284, -1);
  // Eight CPUs of the node for 16 threads of two devices.
  expect(complete['async+steal']).toBeCloseTo((2 * 2921.284) / 8, -1);
});
