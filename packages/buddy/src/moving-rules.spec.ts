import {
  ContiguousRanges,
  Core,
  createKernel,
  ERRNO,
  GFP,
  GFP_MASKS,
  MIGRATE,
  PAGE_CLASS,
  PAGE_STATE,
  PageAllocator,
  PageMigrator,
  Reclaimer,
  type Kernel,
  type KernelProfile,
} from '@replug/core';
import { smallMachine } from '@replug/core/testing';
import { describe, expect, it } from 'vitest';
import { buddy, type BuddyOptions } from './index.ts';

const { GFP_KERNEL, GFP_HIGHUSER_MOVABLE } = GFP_MASKS;
const START = 0x100000;

function small(options: Partial<BuddyOptions> = {}, profile: KernelProfile = '6.12', pages = 4096): Kernel {
  return createKernel({ machine: smallMachine({ pages, profile, cpus: 1 }), subsystems: [buddy(options)] });
}

function fill(kernel: Kernel, gfp: number): number[] {
  const allocator = kernel.get(PageAllocator);
  const rows: number[] = [];
  for (let row = 0; (row = allocator.alloc(gfp, 0, 0)) >= 0;) rows.push(row);
  return rows;
}

describe('classes of what the model allocates', () => {
  it.each([
    ['kernel', GFP_KERNEL, PAGE_CLASS.KERNEL],
    ['movable', GFP_HIGHUSER_MOVABLE, PAGE_CLASS.MOVABLE],
    ['reclaimable', GFP_KERNEL | GFP.RECLAIMABLE, PAGE_CLASS.SLAB],
  ])('%s: every page of a block, of any order, from a list or not, in bulk too', (_, gfp, cls) => {
    using kernel = small();
    const allocator = kernel.get(PageAllocator);
    const { pageClass } = kernel.get(Core.Pages);
    for (const order of [0, 0, 1, 3, 3, 5, 9, 10]) {
      const row = allocator.alloc(gfp, order, 0);
      expect(new Set(pageClass.subarray(row, row + 2 ** order)), `order ${order}`).toEqual(new Set([cls]));
    }
    const rows = new Int32Array(8);
    expect(allocator.allocBulk(gfp, 8, 0, rows)).toBe(8);
    expect([...rows].map((row) => pageClass[row])).toEqual(Array(8).fill(cls));
  });

  it('a frame that is used again gets the class of its new use', () => {
    using kernel = small();
    const allocator = kernel.get(PageAllocator);
    const row = allocator.alloc(GFP_HIGHUSER_MOVABLE, 0, 0);
    kernel.get(Core.Pages).pageClass[row] = PAGE_CLASS.LRU_FILE;
    allocator.free(row, 0, 0);
    expect(allocator.alloc(GFP_HIGHUSER_MOVABLE, 0, 0)).toBe(row);
    expect(kernel.get(Core.Pages).pageClass[row]).toBe(PAGE_CLASS.MOVABLE);
  });
});

describe('reclaim', () => {
  it('drops page cache upwards, goes on where it stopped, leaves pinned pages', () => {
    using kernel = small();
    const rows = fill(kernel, GFP_HIGHUSER_MOVABLE);
    const pages = kernel.get(Core.Pages);
    const files = [10, 20, 30, 40, 50];
    for (const row of files) pages.pageClass[row] = PAGE_CLASS.LRU_FILE;
    kernel.get(PageMigrator).setPinned(20, true);
    const zone = kernel.get(Core.Zones).all.find((z) => z.populated)!.index;
    const freed: number[] = [];
    using _ = kernel.tracepoints.mm_page_free.on((pfn) => freed.push(pfn - START));
    expect(rows.length).toBeGreaterThan(3900);
    expect(kernel.get(Reclaimer).reclaim(zone, 2)).toBe(2);
    expect(freed).toEqual([10, 30]);
    expect(kernel.get(Reclaimer).reclaim(zone, 100)).toBe(2);
    expect(freed).toEqual([10, 30, 40, 50]);
    expect(kernel.get(Reclaimer).reclaim(zone, 100)).toBe(0);
    expect(kernel.get(Reclaimer).reclaim(99, 1)).toBe(0);
    expect(kernel.validate()).toEqual([]);
  });

  it('serves a request that may wait, only when it is switched on', () => {
    for (const reclaim of [false, true]) {
      using kernel = small({ reclaim });
      const rows = fill(kernel, GFP_HIGHUSER_MOVABLE & ~GFP.DIRECT_RECLAIM);
      const { pageClass } = kernel.get(Core.Pages);
      for (const row of rows.slice(0, 200)) pageClass[row] = PAGE_CLASS.LRU_FILE;
      const log: string[] = [];
      using _b = kernel.tracepoints.mm_vmscan_direct_reclaim_begin.on((order) => log.push(`begin ${order}`));
      using _e = kernel.tracepoints.mm_vmscan_direct_reclaim_end.on((pages) => log.push(`end ${pages}`));
      const allocator = kernel.get(PageAllocator);
      expect(allocator.alloc(GFP_KERNEL & ~GFP.DIRECT_RECLAIM, 0, 0)).toBe(-1);
      expect(allocator.alloc(GFP_KERNEL, 0, 0) >= 0).toBe(reclaim);
      expect(log.slice(0, 2)).toEqual(reclaim ? ['begin 0', 'end 32'] : []);
      expect(kernel.validate()).toEqual([]);
    }
  });

  it('drop_slab frees reclaimable slab pages, other slabs stay', () => {
    using kernel = small();
    const allocator = kernel.get(PageAllocator);
    const reclaimable = allocator.alloc(GFP_KERNEL | GFP.RECLAIMABLE, 2, 0);
    const other = allocator.alloc(GFP_KERNEL, 2, 0);
    kernel.get(Core.Pages).pageClass.fill(PAGE_CLASS.SLAB, other, other + 4);
    const reclaimer = kernel.get(Reclaimer);
    expect(reclaimer.dropSlabIn(START + other, START + other + 4)).toBe(0);
    expect(reclaimer.dropSlab()).toBe(4);
    expect(kernel.get(Core.Pages).state[reclaimable]).not.toBe(PAGE_STATE.ALLOCATED | 2);
    expect(kernel.get(Core.Pages).state[other]).toBe(PAGE_STATE.ALLOCATED | 2);
    expect(() => reclaimer.dropSlabIn(NaN, 4)).toThrow('RP2008');
  });
});

describe('contiguous ranges, kernel by kernel', () => {
  it('tells 6.12’s figures where 6.12 puts them; 6.1 has no such event', () => {
    for (const profile of ['6.1', '6.12'] as const) {
      using kernel = small({}, profile);
      const rows = fill(kernel, GFP_HIGHUSER_MOVABLE);
      const { pageClass } = kernel.get(Core.Pages);
      for (const row of rows) if (row >= 512 && row < 1024) pageClass[row] = PAGE_CLASS.LRU_ANON;
      for (let row = 512; row < 522; row++) pageClass[row] = PAGE_CLASS.LRU_FILE;
      const allocator = kernel.get(PageAllocator);
      for (const row of rows) if (row >= 2048) allocator.free(row, 0, 0);
      const log: string[] = [];
      using _ = kernel.tracepoints.mm_alloc_contig_migrate_range_info.on((...args) => log.push(args.join(' ')));
      const outcome = kernel.get(ContiguousRanges).alloc(START + 512, START + 1024, MIGRATE.MOVABLE);
      expect(outcome).toEqual({ errno: 0, migrated: 502, reclaimed: 10 });
      // start end migratetype=mapped nr_migrated=migratetype nr_reclaimed=migrated nr_mapped=reclaimed
      expect(log).toEqual(profile === '6.1' ? [] : [`${START + 512} ${START + 1024} 502 1 502 10`]);
    }
  });

  it('a movable block across an end: 6.12 refuses, 6.1 moves it away', () => {
    for (const profile of ['6.1', '6.12'] as const) {
      using kernel = small({}, profile);
      const row = kernel.get(PageAllocator).alloc(GFP_HIGHUSER_MOVABLE, 10, 0);
      const start = START + row + 512;
      const outcome = kernel.get(ContiguousRanges).isolate(start, start + 512, { migratetype: MIGRATE.MOVABLE });
      if (profile === '6.12') {
        expect(outcome.errno).toBe(-ERRNO.EBUSY);
        expect(outcome.blocker).toEqual({ pfn: START + row, pageClass: PAGE_CLASS.MOVABLE, why: 'straddles' });
        expect(kernel.get(PageMigrator).currentRow(row)).toBe(row);
      } else {
        expect(outcome.errno).toBe(0);
        expect(kernel.get(PageMigrator).currentRow(row)).not.toBe(row);
        expect(kernel.get(ContiguousRanges).testIsolated(start, start + 512, false)).toBe(0);
      }
      expect(kernel.validate()).toEqual([]);
    }
  });

  it('memory offlining steps over pages that are offline and let go of, and over poisoned ones', () => {
    using kernel = small();
    const ranges = kernel.get(ContiguousRanges);
    const { state, pageClass } = kernel.get(Core.Pages);
    const options = { migratetype: MIGRATE.MOVABLE, memoryOffline: true };
    expect(ranges.alloc(START, START + 512, MIGRATE.MOVABLE).errno).toBe(0);
    pageClass.fill(PAGE_CLASS.OFFLINE, 0, 512);
    pageClass[7] = PAGE_CLASS.HWPOISON;
    expect(ranges.isolate(START, START + 1024, { migratetype: MIGRATE.MOVABLE }).blocker?.why).toBe('offline');
    expect(ranges.isolate(START, START + 1024, options).errno).toBe(0);
    expect(ranges.testIsolated(START, START + 1024, true)).toBe(-ERRNO.EBUSY);
    for (let row = 0; row < 512; row++) if (row !== 7) state[row] = PAGE_STATE.UNTOUCHED;
    expect(ranges.testIsolated(START, START + 1024, false)).toBe(-ERRNO.EBUSY);
    expect(ranges.testIsolated(START, START + 1024, true)).toBe(0);
    // 512 free pages and the poisoned one; 511 offline pages were not managed any more.
    expect(ranges.removeIsolated(START, START + 1024)).toBe(513);
  });
});
