import { ARCH_PROFILES } from '@replug/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { VmemAltmap } from './altmap.ts';
import { layoutNamespace } from './namespaces.ts';

const MiB = 2 ** 20;
const GiB = 2 ** 30;

describe('pages set aside for the memmap', () => {
  it('are given out from the front, aligned to the lowest set bit of the size', () => {
    const altmap = new VmemAltmap({ basePfn: 0x40000, reserve: 2, free: 1534 });
    expect([altmap.offset, altmap.nextPfn, altmap.nrFree]).toEqual([1536, 0x40002, 1534]);
    expect(altmap.allocate(512)).toBe(0x40200);
    expect([altmap.alloc, altmap.align]).toEqual([512, 510]);
    expect(altmap.allocate(3)).toBe(0x40400);
    expect(altmap.allocate(6)).toBe(0x40404);
    expect([altmap.alloc, altmap.align, altmap.nrFree]).toEqual([521, 511, 502]);
    expect(altmap.allocate(512)).toBe(-1);
    altmap.release(6);
    expect([altmap.alloc, altmap.align]).toEqual([515, 511]);
  });

  it('of 2 GiB take 8192 pages for 524288, and need slack: 8192 alone fail at the last block', () => {
    const exact = new VmemAltmap({ basePfn: 0x100000, reserve: 2, free: 8192 });
    const blocks = Array.from({ length: 16 }, () => exact.allocate(512));
    expect(blocks.slice(0, 2)).toEqual([0x100200, 0x100400]);
    expect(blocks[15]).toBe(-1);
    expect([exact.alloc, exact.align, exact.nrFree]).toEqual([7680, 510, 2]);
  });

  it('the driver leaves that slack: info block, memmap, then data at the next 2 MiB', () => {
    const { altmap, data, mapped } = layoutNamespace(
      { name: 'namespace0.0', nid: 0, start: 4 * GiB, size: 2 * GiB, mode: 'fsdax', map: 'dev' },
      ARCH_PROFILES['x86-64'],
    );
    // 8 KiB + 524286 struct pages = 33562496 bytes, rounded up to 34 MiB.
    expect([altmap!.reserve, altmap!.free, data - mapped.start]).toEqual([2, 8702, 8704]);
    const blocks = Array.from({ length: 16 }, () => altmap!.allocate(512));
    expect(blocks.at(-1)).toBe(0x100000 + 16 * 512);
    // Not a page too many: 8192 for the memmap, 510 for the alignment of the first block.
    expect([altmap!.alloc, altmap!.align, altmap!.nrFree]).toEqual([8192, 510, 0]);
  });

  it('never overlap, never leave their room, never give more than there is', () => {
    const steps = fc.array(fc.integer({ min: 0, max: 1100 }), { maxLength: 40 });
    fc.assert(
      fc.property(fc.nat(5000), fc.nat(600), fc.nat(4000), steps, (basePfn, reserve, free, sizes) => {
        const altmap = new VmemAltmap({ basePfn, reserve, free });
        const taken = new Set<number>();
        for (const size of sizes) {
          const at = altmap.allocate(size);
          // Naive: the first aligned place behind everything that was given.
          const from = Math.max(basePfn + reserve, ...[...taken].map((pfn) => pfn + 1));
          let bit = 1;
          while (size > 0 && size % (bit * 2) === 0) bit *= 2;
          let expected = from;
          while (expected % bit !== 0) expected++;
          if (size === 0 || expected + size > basePfn + reserve + free) expected = -1;
          expect(at).toBe(expected);
          for (let pfn = at; at >= 0 && pfn < at + size; pfn++) taken.add(pfn);
          expect(altmap.alloc + altmap.align).toBeLessThanOrEqual(free);
        }
        expect(altmap.alloc).toBe(taken.size);
      }),
      { numRuns: 300 },
    );
  });

  it('is refused where it makes no sense', () => {
    expect(() => new VmemAltmap({ basePfn: 0, reserve: -1, free: 1 })).toThrow(/RP2412/);
    expect(() => new VmemAltmap({ basePfn: 10, reserve: 5, free: 10, endPfn: 20 })).toThrow(/RP2412/);
  });
});

describe('layout of namespaces', () => {
  const layout = (mode: 'fsdax' | 'devdax', size: number, align: number, map: 'mem' | 'dev') =>
    layoutNamespace({ name: 'n', nid: 0, start: 4 * GiB, size, mode, align, map }, ARCH_PROFILES['x86-64']);

  it('memmap in memory: an info block only, the rest by the alignment', () => {
    expect(layout('fsdax', 2 * GiB, 2 * MiB, 'mem')).toMatchObject({ data: 0x100200, shift: 0, endTrunc: 0 });
    expect(layout('devdax', 4 * GiB, GiB, 'mem')).toMatchObject({ data: 0x140000, shift: 18 });
    expect(layout('devdax', 4 * GiB + 5 * MiB, GiB, 'mem').endTrunc).toBe(5 * MiB);
  });

  it('refuses what a driver cannot set up', () => {
    for (const [size, align] of [
      [GiB, GiB],
      [4 * MiB, 3],
      [2 * MiB, 2 * MiB],
    ])
      expect(() => layout('devdax', size, align, 'dev')).toThrow(/RP2450/);
    const options = { name: 'n', nid: 0, start: 4096, size: GiB, mode: 'fsdax' } as const;
    expect(() => layoutNamespace(options, ARCH_PROFILES['x86-64'])).toThrow(/RP2450.*2 MiB/);
  });
});
