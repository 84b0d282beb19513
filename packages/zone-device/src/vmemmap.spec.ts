import { ARCH_PROFILES } from '@replug/core';
import { describe, expect, it } from 'vitest';
import { canOptimize, initialisedPerCompound, plainVmemmapPages, vmemmapPages } from './vmemmap.ts';

const x86 = ARCH_PROFILES['x86-64'];
const ppc = ARCH_PROFILES['ppc64-64k-radix'];
const TiB = 2 ** 40;

describe('what a memmap costs', () => {
  it('1/64 of memory: 16 GiB for 1 TiB of 4 KiB pages, 32 MiB for 2 GiB', () => {
    expect(plainVmemmapPages(x86, TiB / 4096) * 4096).toBe(16 * 2 ** 30);
    expect(plainVmemmapPages(x86, 2 ** 31 / 4096)).toBe(8192);
  });

  it('deduplicated: 2 MiB keeps 2 of 8 pages, 1 GiB 2 of 4096', () => {
    expect([plainVmemmapPages(x86, 512), vmemmapPages(x86, 512, 9, false)]).toEqual([8, 2]);
    expect([plainVmemmapPages(x86, 2 ** 18), vmemmapPages(x86, 2 ** 18, 18, false)]).toEqual([4096, 2]);
    // 1 TiB in 2 MiB pages: 4 GiB; in 1 GiB pages: 8 MiB.
    expect(vmemmapPages(x86, TiB / 4096, 9, false) * 4096).toBe(4 * 2 ** 30);
    expect(vmemmapPages(x86, TiB / 4096, 18, false) * 4096).toBe(8 * 2 ** 20);
    expect(initialisedPerCompound(x86, 9, false, false)).toBe(128);
    expect(initialisedPerCompound(x86, 9, false, true)).toBe(512);
  });

  it('not with an altmap, not for small compounds, not where the kernel is built without', () => {
    expect([canOptimize(x86, 9, true), canOptimize(x86, 7, false), canOptimize(x86, 8, false)]).toEqual([
      false,
      false,
      true,
    ]);
    expect([canOptimize(ppc, 5, false), canOptimize(ppc, 14, false)]).toEqual([false, true]);
    expect(canOptimize(ARCH_PROFILES['arm64-4k'], 9, false)).toBe(false);
    expect(canOptimize({ ...x86, structPageSize: 56 }, 9, false)).toBe(false);
    expect(vmemmapPages(x86, 512, 9, true)).toBe(8);
  });

  // Overhead of 1 TiB, bytes of memmap: plain, 2 MiB compound, 1 GiB compound.
  it.each([
    ['4 KiB pages', x86, [17179869184, 4294967296, 8388608]],
    // 2 MiB is 32 pages of 64 KiB: their struct pages fill 2 KiB, there is nothing to share.
    ['64 KiB pages', ppc, [1073741824, 1073741824, 134217728]],
  ] as const)('1 TiB of %s', (_, arch, expected) => {
    const page = 2 ** arch.pageShift;
    const pages = TiB / page;
    const bytes = [0, 21 - arch.pageShift, 30 - arch.pageShift].map(
      (shift) => vmemmapPages(arch, pages, shift, false) * page,
    );
    expect(bytes).toEqual(expected);
  });
});
