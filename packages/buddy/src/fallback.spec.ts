import {
  Core,
  createKernel,
  GFP_MASKS,
  MIGRATE,
  PAGE_CLASS,
  PageAllocator,
  ZoneFreeLists,
  type KernelProfile,
} from '@replug/core';
import { smallMachine } from '@replug/core/testing';
import { describe, expect, it } from 'vitest';
import { buddy } from './plugin.ts';

/** A fresh machine of 4096 movable pages at pfn 0x100000, with a log of the events that tell who took what. */
function watched(profile: KernelProfile) {
  const kernel = createKernel({ machine: smallMachine({ profile }), subsystems: [buddy()] });
  const log: string[] = [];
  const hex = (pfn: number) => `0x${pfn.toString(16)}`;
  const { mm_page_alloc_extfrag, mm_page_alloc_zone_locked, mm_page_alloc, mm_page_pcpu_drain, mm_page_free } =
    kernel.tracepoints;
  mm_page_alloc_extfrag.on((pfn, order, fallback, block, type, from, fragmenting, owner) =>
    log.push(
      `extfrag ${hex(pfn)} ${order} from ${fallback}/${block} type ${type}<-${from} fragmenting ${fragmenting} owner ${owner}`,
    ),
  );
  mm_page_alloc_zone_locked.on((pfn, order, type, refill) =>
    log.push(`locked ${hex(pfn)} ${order} type ${type} refill ${refill}`),
  );
  mm_page_alloc.on((pfn, order, type) => log.push(`alloc ${hex(pfn)} ${order} type ${type}`));
  mm_page_pcpu_drain.on((pfn, order, type) => log.push(`drain ${hex(pfn)} ${order} type ${type}`));
  mm_page_free.on((pfn, order) => log.push(`free ${hex(pfn)} ${order}`));
  return { kernel, log, allocator: kernel.get(PageAllocator) };
}

describe('fallback to another type', () => {
  it('6.12: a claim of pageblocks fires extfrag and no zone_locked for its block', () => {
    const { kernel, log, allocator } = watched('6.12');
    const row = allocator.alloc(GFP_MASKS.GFP_KERNEL, 4, 0);
    expect(log).toEqual(['extfrag 0x100000 4 from 10/9 type 0<-1 fragmenting 0 owner 1', 'alloc 0x100000 4 type 0']);
    // Both pageblocks of the claimed block changed hands, the rest is on the new type's lists.
    expect([
      allocator.pageblockType(row),
      allocator.pageblockType(row + 512),
      allocator.pageblockType(row + 1024),
    ]).toEqual([0, 0, 1]);
    expect(kernel.read('/proc/pagetypeinfo')).toContain(
      'Node    0, zone   Normal, type    Unmovable      0      0      0      0      1      1      1      1      1      1      0 ',
    );
    expect(kernel.validate()).toEqual([]);
  });

  it('6.1: extfrag comes first, zone_locked takes the block from the new lists', () => {
    const { log, allocator } = watched('6.1');
    allocator.alloc(GFP_MASKS.GFP_KERNEL, 4, 0);
    expect(log).toEqual([
      'extfrag 0x100000 4 from 10/9 type 0<-1 fragmenting 0 owner 1',
      'locked 0x100000 4 type 0 refill 0',
      'alloc 0x100000 4 type 0',
    ]);
  });

  it('a refill takes ascending blocks under one lock and hands out the first', () => {
    const { log, allocator } = watched('6.12');
    kernelWarm(allocator);
    log.length = 0;
    allocator.alloc(GFP_MASKS.GFP_HIGHUSER_MOVABLE, 2, 0);
    expect(log.slice(0, 2)).toEqual([
      'locked 0x100000 2 type 1 refill 1',
      expect.stringMatching(/locked 0x100004 2|alloc 0x100000 2/),
    ]);
    expect(log.at(-1)).toBe('alloc 0x100000 2 type 1');
  });

  it('6.12 steals below a pageblock: the rest of the block stays foreign', () => {
    const { kernel, log, allocator } = watched('6.12');
    // All memory movable and in use but for one order-2 block per pageblock: nothing is worth claiming.
    const rows: number[] = [];
    for (;;) {
      const row = allocator.alloc(GFP_MASKS.GFP_HIGHUSER_MOVABLE, 2, 0);
      if (row < 0) break;
      rows.push(row);
    }
    allocator.drainAllPages(-1);
    const { pageClass } = kernel.get(Core.Pages);
    for (const row of rows) pageClass.fill(PAGE_CLASS.LRU_ANON, row, row + 4);
    for (const row of rows.filter((r) => r % 512 === 256)) allocator.free(row, 2, 0);
    allocator.drainAllPages(-1);
    log.length = 0;
    const row = allocator.alloc(GFP_MASKS.GFP_ATOMIC, 0, 0);
    const [first] = log;
    expect(first).toMatch(/^extfrag 0x100[0-9a-f]+ 0 from 2\/9 type 0<-1 fragmenting 1 owner 0$/);
    expect(allocator.pageblockType(row)).toBe(MIGRATE.MOVABLE);
    expect(kernel.validate()).toEqual([]);
  });
});

describe('per-CPU lists', () => {
  it('a block freed last is handed out first', () => {
    const { allocator } = watched('6.12');
    const a = allocator.alloc(GFP_MASKS.GFP_HIGHUSER_MOVABLE, 0, 0);
    const b = allocator.alloc(GFP_MASKS.GFP_HIGHUSER_MOVABLE, 0, 0);
    allocator.free(a, 0, 0);
    allocator.free(b, 0, 0);
    expect(allocator.alloc(GFP_MASKS.GFP_HIGHUSER_MOVABLE, 0, 0)).toBe(b);
  });

  it('drains fire free first, then the drained blocks, oldest first', () => {
    const { kernel, log, allocator } = watched('6.1');
    const rows = Array.from({ length: 200 }, () => allocator.alloc(GFP_MASKS.GFP_HIGHUSER_MOVABLE, 0, 0));
    kernel.write('/proc/sys/vm/percpu_pagelist_high_fraction', '512');
    log.length = 0;
    for (const row of rows) allocator.free(row, 0, 0);
    const first = log.findIndex((line) => line.startsWith('drain'));
    expect(log[first - 1]).toMatch(/^free/);
    expect(kernel.validate()).toEqual([]);
  });

  it('6.12: idle lists shrink with time', () => {
    const { kernel, allocator } = watched('6.12');
    const rows = Array.from({ length: 3000 }, () => allocator.alloc(GFP_MASKS.GFP_HIGHUSER_MOVABLE, 0, 0));
    for (const row of rows) allocator.free(row, 0, 0);
    const lists = kernel.get(ZoneFreeLists);
    const zone = kernel.get(Core.Zones).all.find((z) => z.populated)!;
    const before = lists.cpuCount(zone.index, 0);
    kernel.clock.advance(1e9);
    const after = lists.cpuCount(zone.index, 0);
    kernel.clock.advance(60e9);
    expect(after).toBeLessThanOrEqual(before);
    expect(lists.cpuCount(zone.index, 0)).toBeLessThanOrEqual(zone.pcpHighMin);
    expect(kernel.validate()).toEqual([]);
  });

  it('orders without a list go straight to the free lists', () => {
    const { log, allocator } = watched('6.12');
    const row = allocator.alloc(GFP_MASKS.GFP_HIGHUSER_MOVABLE, 5, 0);
    expect(log[0]).toBe('locked 0x100000 5 type 1 refill 0');
    allocator.free(row, 5, 0);
    expect(allocator.isFree(row)).toBe(true);
  });
});

function kernelWarm(allocator: PageAllocator): void {
  allocator.drainAllPages(-1);
}
