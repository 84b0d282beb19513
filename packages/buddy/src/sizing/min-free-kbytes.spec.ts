import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  calculateMinFreeKbytes,
  freeBufferPages,
  recommendedMinFreeKbytes,
  squareRootMinFreeKbytes,
} from './min-free-kbytes.ts';
import { zonesOf } from './captured-machines.ts';

const MiB = 2 ** 20;

describe('square-root default', () => {
  it.each([
    [16, 512],
    [32, 724],
    [64, 1024],
    [128, 1448],
    [256, 2048],
    [512, 2896],
    [1024, 4096],
    [2048, 5792],
    [4096, 8192],
    [8192, 11585],
    [16384, 16384],
  ])('%i MiB: %i kB', (size, kB) => {
    expect(squareRootMinFreeKbytes((size * MiB) / 4096, 12)).toBe(kB);
    expect(squareRootMinFreeKbytes((size * MiB) / 65536, 16)).toBe(kB);
  });

  it('is limited to 128 kB and 256 MiB', () => {
    expect(calculateMinFreeKbytes(100, 12, 1024)).toBe(128);
    expect(calculateMinFreeKbytes((64 * 2 ** 40) / 4096, 12, 1024)).toBe(262144);
  });

  it('yields to a written value that is not smaller', () => {
    const pages = (1024 * MiB) / 4096;
    expect(calculateMinFreeKbytes(pages, 12, 20000, 20000)).toBe(20000);
    expect(calculateMinFreeKbytes(pages, 12, 4096, 4096)).toBe(4096);
    expect(calculateMinFreeKbytes(pages, 12, 1024, 1024)).toBe(4096);
    // What khugepaged had raised stays, although the written value is lower.
    expect(calculateMinFreeKbytes(pages, 12, 67584, 8000)).toBe(67584);
  });

  it('is the exact integer root up to 64 TiB', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 34 }), (pages) => {
        const root = BigInt(squareRootMinFreeKbytes(pages, 12));
        const square = BigInt(pages) * 64n;
        expect(root * root <= square && (root + 1n) * (root + 1n) > square).toBe(true);
      }),
    );
  });
});

describe('memory above the high marks', () => {
  it('counts zones that GFP_USER reaches, none below zero', () => {
    const zones = zonesOf(
      [0, 'DMA', 100],
      [0, 'DMA32', 1000],
      [0, 'Normal', 5000],
      [0, 'Movable', 7000],
      [0, 'Device', 0],
    );
    expect(freeBufferPages(zones, [200, 100, 1000, 0, 0])).toBe(4900);
    expect(freeBufferPages(zonesOf([0, 'Normal', 10], [0, 'HighMem', 1000]), [0, 0])).toBe(10);
  });
});

describe('what khugepaged asks for', () => {
  it('is 11 pageblocks a populated user zone: 67584 kB for three zones', () => {
    const zones = zonesOf([0, 'DMA', 3840], [0, 'DMA32', 700000], [0, 'Normal', 2 ** 20], [0, 'Movable', 2 ** 20]);
    expect(recommendedMinFreeKbytes(zones, 2 ** 22, 512, 12)).toBe(67584);
  });

  it('is 22528 kB a zone on ppc64le with radix (ppc64le-6.1-static-1G-2n: 45056)', () => {
    const zones = zonesOf([0, 'Normal', 7568, 8192], [0, 'Movable', 0], [1, 'Normal', 7910, 8192], [1, 'Movable', 0]);
    expect(recommendedMinFreeKbytes(zones, 15000, 32, 16)).toBe(45056);
  });

  it('is at most a twentieth of the memory above the high marks', () => {
    const zones = zonesOf([0, 'DMA', 3840], [0, 'DMA32', 180000]);
    expect(recommendedMinFreeKbytes(zones, 100_019, 512, 12)).toBe(5000 * 4);
  });
});
