/** What every provider of ContiguousRanges must do. The provider boots with all memory free. */
import { ContiguousRanges } from '../contracts/contiguous-ranges.ts';
import { PageAllocator } from '../contracts/page-allocator.ts';
import { PageMigrator } from '../contracts/page-migrator.ts';
import { Core } from '../contracts/services.ts';
import { ZoneFreeLists } from '../contracts/zone-free-lists.ts';
import { ERRNO } from '../host/errno.ts';
import type { Kernel } from '../host/kernel.ts';
import { GFP_MASKS } from '../machine/gfp.ts';
import { MIGRATE } from '../machine/migratetypes.ts';
import { PAGE_CLASS, PAGE_STATE } from '../machine/page-state.ts';
import { equal, sound, type ConformanceCase } from './conformance.ts';
import { smallMachine } from './small-machines.ts';

const { GFP_KERNEL, GFP_HIGHUSER_MOVABLE } = GFP_MASKS;
const MOVABLE = { migratetype: MIGRATE.MOVABLE };
const START = 0x100000;
const BLOCK = 512;

function parts(kernel: Kernel) {
  return {
    allocator: kernel.get(PageAllocator),
    lists: kernel.get(ZoneFreeLists),
    ranges: kernel.get(ContiguousRanges),
    migrator: kernel.get(PageMigrator),
    pages: kernel.get(Core.Pages),
    zone: kernel.get(Core.Zones).all.find((z) => z.populated)!,
  };
}

/** Pageblock types of the machine, as one word a pageblock. */
function types(kernel: Kernel): string {
  const { lists, pages, zone } = parts(kernel);
  let text = '';
  for (let pfn = zone.startPfn; pfn < zone.endPfn; pfn += BLOCK) text += lists.pageblockType(pages.pfnToRow(pfn));
  return text;
}

/** Fills memory up with movable single pages; then frees those of one pageblock in two, and every second page there. */
function mixed(kernel: Kernel): number[] {
  const { allocator } = parts(kernel);
  const rows: number[] = [];
  for (let row = 0; (row = allocator.alloc(GFP_HIGHUSER_MOVABLE, 0, 0)) >= 0;) rows.push(row);
  const kept = rows.filter((row) => Math.floor(row / BLOCK) % 2 === 0 || row % 2 === 0);
  const keep = new Set(kept);
  for (const row of rows) if (!keep.has(row)) allocator.free(row, 0, 0);
  allocator.drainAllPages(-1);
  return kept;
}

export const contiguousRangesCases: readonly ConformanceCase[] = [
  {
    name: 'isolated pageblocks give nothing and are not counted as free; undo brings back the largest blocks',
    run(make) {
      using kernel = make(smallMachine());
      const { allocator, lists, ranges, pages, zone } = parts(kernel);
      const before = kernel.contractHash();
      equal(ranges.isolate(START + BLOCK, START + 3 * BLOCK, MOVABLE).errno, 0, 'errno');
      equal(allocator.freePages(zone.index), 4096 - 2 * BLOCK, 'NR_FREE_PAGES');
      equal(types(kernel), '15511111', 'pageblock types');
      equal(ranges.testIsolated(START + BLOCK, START + 3 * BLOCK, false), 0, 'test of an empty range');
      sound(kernel);
      const rows: number[] = [];
      for (let row = 0; (row = allocator.alloc(GFP_HIGHUSER_MOVABLE, 0, 0)) >= 0;) rows.push(row);
      const inside = rows.filter((row) => row >= BLOCK && row < 3 * BLOCK);
      equal(inside.length, 0, 'pages handed out of the isolated range');
      for (const row of rows) allocator.free(row, 0, 0);
      allocator.drainAllPages(-1);
      ranges.undoIsolation(START + BLOCK, START + 3 * BLOCK, MIGRATE.MOVABLE);
      equal(kernel.contractHash(), before, 'contractHash after undo');
      equal(allocator.freePages(zone.index), 4096, 'NR_FREE_PAGES after undo');
      for (let at = 0; at < 4096; at += 1024) equal(lists.freeOrder(pages.pfnToRow(START + at)), 10, `block at ${at}`);
      sound(kernel);
    },
  },
  {
    name: 'names the page that stops an isolation and its rule; no pageblock stays isolated',
    run(make) {
      using kernel = make(smallMachine());
      const { ranges, pages } = parts(kernel);
      const rules: readonly [number, string, number | undefined][] = [
        [PAGE_CLASS.KERNEL, 'kernel', undefined],
        [PAGE_CLASS.SLAB, 'slab', undefined],
        [PAGE_CLASS.PAGE_TABLE, 'page-table', undefined],
        [PAGE_CLASS.DEVICE, 'device', undefined],
        [PAGE_CLASS.RESERVED, 'reserved', undefined],
        [PAGE_CLASS.UNKNOWN, 'unknown', undefined],
        [PAGE_CLASS.OFFLINE, 'offline', 0],
        [PAGE_CLASS.HWPOISON, 'hwpoison', 0],
      ];
      const { allocator } = parts(kernel);
      // A page in the third pageblock of four that are asked for.
      const rows: number[] = [];
      for (let row = -1; row !== 2 * BLOCK + 77;) {
        row = allocator.alloc(GFP_HIGHUSER_MOVABLE, 0, 0);
        rows.push(row);
      }
      const row = rows.pop()!;
      for (const other of rows) allocator.free(other, 0, 0);
      allocator.drainAllPages(-1);
      const before = kernel.contractHash();
      for (const [pageClass, why, offlining] of rules) {
        pages.pageClass[row] = pageClass;
        const outcome = ranges.isolate(START, START + 4 * BLOCK, MOVABLE);
        equal(outcome.errno, -ERRNO.EBUSY, `errno for ${why}`);
        equal(outcome.blocker?.pfn, START + row, `pfn for ${why}`);
        equal(outcome.blocker?.why, why, 'rule');
        equal(outcome.blocker?.pageClass, pageClass, `class for ${why}`);
        equal(ranges.unmovable(START, START + 4 * BLOCK, MOVABLE)?.pfn, START + row, `unmovable() for ${why}`);
        equal(types(kernel).includes('5'), false, `an isolated pageblock is left after ${why}`);
        equal(kernel.contractHash(), before, `contractHash after ${why}`);
        sound(kernel);
        const lenient = ranges.unmovable(START, START + 4 * BLOCK, { ...MOVABLE, memoryOffline: true });
        equal(lenient === undefined, offlining === 0, `memory offlining lets ${why} pass`);
      }
      for (const pageClass of ['LRU_ANON', 'LRU_FILE', 'THP', 'MOVABLE_OPS', 'HUGETLB', 'MOVABLE', 'PINNED'] as const) {
        pages.pageClass[row] = PAGE_CLASS[pageClass];
        equal(ranges.unmovable(START, START + 4 * BLOCK, MOVABLE), undefined, `${pageClass} passes`);
      }
    },
  },
  {
    name: 'refuses a range of which a pageblock is isolated already, and leaves that one',
    run(make) {
      using kernel = make(smallMachine());
      const { ranges } = parts(kernel);
      equal(ranges.isolate(START + BLOCK, START + 2 * BLOCK, MOVABLE).errno, 0, 'errno of the first');
      const outcome = ranges.isolate(START, START + 4 * BLOCK, MOVABLE);
      equal(outcome.errno, -ERRNO.EBUSY, 'errno of the second');
      equal(outcome.blocker?.why, 'isolated', 'rule');
      equal(types(kernel), '15111111', 'pageblock types');
      sound(kernel);
    },
  },
  {
    name: 'CMA pageblocks are for CMA alone',
    run(make) {
      using kernel = make(smallMachine());
      const { ranges, lists, pages } = parts(kernel);
      lists.setPageblockType(pages.pfnToRow(START), MIGRATE.CMA);
      lists.setPageblockType(pages.pfnToRow(START + BLOCK), MIGRATE.CMA);
      equal(ranges.isolate(START, START + BLOCK, MOVABLE).blocker?.why, 'cma', 'rule');
      const hash = kernel.contractHash();
      equal(ranges.alloc(START + 16, START + 48, MIGRATE.CMA).errno, 0, 'errno of an allocation from the area');
      ranges.free(START + 16, START + 48);
      equal(kernel.contractHash(), hash, 'contractHash after it was given back');
      equal(types(kernel), '44111111', 'pageblock types');
    },
  },
  {
    name: 'what is freed into an isolated pageblock stays there',
    run(make) {
      using kernel = make(smallMachine());
      const { allocator, ranges, zone } = parts(kernel);
      const rows: number[] = [];
      for (let row = 0; (row = allocator.alloc(GFP_HIGHUSER_MOVABLE, 0, 0)) >= 0;) rows.push(row);
      equal(ranges.isolate(START, START + BLOCK, MOVABLE).errno, 0, 'errno');
      const free = allocator.freePages(zone.index);
      for (const row of rows) if (row < BLOCK) allocator.free(row, 0, 1);
      equal(allocator.freePages(zone.index), free, 'NR_FREE_PAGES');
      equal(ranges.testIsolated(START, START + BLOCK, false), 0, 'all of it is free');
      equal(allocator.alloc(GFP_HIGHUSER_MOVABLE, 0, 1), -1, 'and nothing to be had');
      sound(kernel);
      ranges.undoIsolation(START, START + BLOCK, MIGRATE.MOVABLE);
      equal(allocator.freePages(zone.index), free + BLOCK, 'NR_FREE_PAGES after undo');
      sound(kernel);
    },
  },
  {
    name: 'allocates a range that is in use by moving it out, and gives it back page by page',
    run(make) {
      using kernel = make(smallMachine());
      const { allocator, ranges, migrator, pages } = parts(kernel);
      const rows = mixed(kernel);
      const before = kernel.contractHash();
      const inside = rows.filter((row) => row >= BLOCK && row < 2 * BLOCK);
      const outcome = ranges.alloc(START + BLOCK, START + 2 * BLOCK, MIGRATE.MOVABLE);
      equal(outcome.errno, 0, 'errno');
      equal(outcome.migrated, inside.length, 'pages migrated');
      for (let row = BLOCK; row < 2 * BLOCK; row++)
        equal(pages.state[row], PAGE_STATE.ALLOCATED, `state of row ${row}`);
      for (const row of inside) {
        const now = migrator.currentRow(row);
        if (now < 0 || (now >= BLOCK && now < 2 * BLOCK)) throw new Error(`contents of row ${row} are at ${now}`);
      }
      equal(types(kernel), '11111111', 'pageblock types');
      sound(kernel);
      ranges.free(START + BLOCK, START + 2 * BLOCK);
      equal(kernel.contractHash(), before, 'contractHash after it was given back');
      allocator.drainAllPages(-1);
      sound(kernel);
    },
  },
  {
    name: 'takes a range that is not aligned to anything, and no page beside it',
    run(make) {
      using kernel = make(smallMachine());
      const { allocator, ranges, pages, zone } = parts(kernel);
      const [from, to] = [START + 333, START + 1501];
      equal(ranges.alloc(from, to, MIGRATE.MOVABLE).errno, 0, 'errno');
      allocator.drainAllPages(-1);
      for (let pfn = START; pfn < START + 4096; pfn++)
        equal(allocator.isFree(pages.pfnToRow(pfn)), pfn < from || pfn >= to, `pfn ${pfn} is free`);
      equal(allocator.freePages(zone.index), 4096 - (to - from), 'NR_FREE_PAGES');
      sound(kernel);
      ranges.free(from, to);
      allocator.drainAllPages(-1);
      equal(allocator.freePages(zone.index), 4096, 'NR_FREE_PAGES afterwards');
      sound(kernel);
    },
  },
  {
    name: 'a range with a pinned page is refused; contents may have moved, nobody lost any',
    run(make) {
      using kernel = make(smallMachine());
      const { ranges, migrator, pages, allocator } = parts(kernel);
      const rows = mixed(kernel);
      const pinned = rows.find((row) => row > BLOCK + 100)!;
      migrator.setPinned(pinned, true);
      const before = kernel.contractHash();
      const outcome = ranges.alloc(START + BLOCK, START + 2 * BLOCK, MIGRATE.MOVABLE);
      equal(outcome.errno, -ERRNO.EBUSY, 'errno');
      equal(outcome.blocker?.why, 'pinned', 'rule');
      equal(outcome.blocker?.pfn, pages.rowToPfn(pinned), 'pfn');
      equal(kernel.contractHash(), before, 'contractHash');
      equal(types(kernel), '11111111', 'pageblock types');
      sound(kernel);
      migrator.setPinned(pinned, false);
      for (const row of rows) allocator.free(migrator.currentRow(row), 0, 0);
      allocator.drainAllPages(-1);
      equal(allocator.freePages(parts(kernel).zone.index), 4096, 'NR_FREE_PAGES when all is freed');
      sound(kernel);
    },
  },
  {
    name: 'drops clean page cache instead of moving it',
    run(make) {
      using kernel = make(smallMachine());
      const { ranges, migrator, pages } = parts(kernel);
      const rows = mixed(kernel);
      const inside = rows.filter((row) => row >= BLOCK && row < 2 * BLOCK);
      for (const row of inside.slice(0, 100)) pages.pageClass[row] = PAGE_CLASS.LRU_FILE;
      const outcome = ranges.alloc(START + BLOCK, START + 2 * BLOCK, MIGRATE.MOVABLE);
      equal(outcome.errno, 0, 'errno');
      equal(outcome.reclaimed, 100, 'pages dropped');
      equal(outcome.migrated, inside.length - 100, 'pages migrated');
      // Their frames belong to whoever asked for the range; the contents are nowhere.
      for (const row of inside.slice(100)) equal(migrator.currentRow(row) >= 0, true, `contents of row ${row} live`);
      sound(kernel);
    },
  },
  {
    name: 'says how a test ended: the first page in use',
    run(make) {
      using kernel = make(smallMachine({ cpus: 1 }));
      const { allocator, ranges, pages } = parts(kernel);
      const row = allocator.alloc(GFP_HIGHUSER_MOVABLE, 0, 0);
      allocator.drainAllPages(-1);
      const start = START + Math.floor(row / BLOCK) * BLOCK;
      const log: string[] = [];
      using _ = kernel.tracepoints.test_pages_isolated.on((from, to, fin, ret) =>
        log.push(`${from - start} ${to - start} ${fin - start} ${ret}`),
      );
      equal(ranges.testIsolated(start, start + BLOCK, false), -ERRNO.EBUSY, 'a range that is not isolated');
      ranges.isolate(start, start + BLOCK, MOVABLE);
      equal(ranges.testIsolated(start, start + BLOCK, false), -ERRNO.EBUSY, 'a range in use');
      allocator.free(row, 0, 0);
      equal(ranges.testIsolated(start, start + BLOCK, false), 0, 'an empty range');
      const offset = pages.rowToPfn(row) - start;
      equal(log.join('; '), `0 512 0 fail; 0 512 ${offset} fail; 0 512 512 success`, 'events');
    },
  },
  {
    name: 'takes isolated pages out for good, and puts new ones in isolated',
    run(make) {
      using kernel = make(smallMachine());
      const { allocator, ranges, lists, pages, zone } = parts(kernel);
      const [from, to] = [START + 1024, START + 2048];
      equal(ranges.isolate(from, to, { ...MOVABLE, memoryOffline: true }).errno, 0, 'errno');
      equal(ranges.removeIsolated(from, to), 1024, 'pages taken out');
      zone.managedPages -= 1024;
      sound(kernel);
      for (let pfn = from; pfn < to; pfn += 64)
        equal(lists.knows(pages.pfnToRow(pfn), 6), false, `the allocator knows pfn ${pfn}`);
      ranges.markIsolated(from, to);
      equal(types(kernel), '11551111', 'pageblock types');
      const managed = zone.managedPages;
      ranges.releaseIsolated(from, to);
      equal(zone.managedPages, managed + 1024, 'managed pages');
      equal(allocator.freePages(zone.index), 3072, 'NR_FREE_PAGES while isolated');
      sound(kernel);
      ranges.undoIsolation(from, to, MIGRATE.MOVABLE);
      equal(allocator.freePages(zone.index), 4096, 'NR_FREE_PAGES');
      equal(lists.freeOrder(pages.pfnToRow(from)), 10, 'order of the block');
      sound(kernel);
    },
  },
  {
    name: 'per-CPU lists that are disabled hold nothing until all who disabled them are done',
    run(make) {
      using kernel = make(smallMachine());
      const { allocator, lists, ranges, zone } = parts(kernel);
      const rows = Array.from({ length: 64 }, (_, i) => allocator.alloc(GFP_KERNEL, 0, i % 2));
      const onLists = (): number => lists.cpuCount(zone.index, 0) + lists.cpuCount(zone.index, 1);
      ranges.disablePcp(zone.index);
      ranges.disablePcp(zone.index);
      equal(onLists(), 0, 'pages on the lists');
      for (const row of rows.slice(0, 30)) allocator.free(row, 0, row % 2);
      allocator.refresh();
      equal(onLists(), 0, 'pages on the lists after frees');
      ranges.enablePcp(zone.index);
      for (const row of rows.slice(30, 40)) allocator.free(row, 0, 0);
      equal(onLists(), 0, 'pages on the lists while one is not done');
      ranges.enablePcp(zone.index);
      for (const row of rows.slice(40)) allocator.free(row, 0, 0);
      equal(onLists() > 0, true, 'pages stay on the lists again');
      sound(kernel);
    },
  },
  {
    name: 'refuses ranges that are none',
    run(make) {
      using kernel = make(smallMachine());
      const { ranges } = parts(kernel);
      const bad: readonly [number, number][] = [
        [START, START],
        [START + 10, START],
        [0, 512],
        [START + 3584, START + 8192],
        [NaN, START],
        [START + 0.5, START + 600],
      ];
      const before = kernel.stateHash();
      for (const [start, end] of bad) {
        equal(ranges.isolate(start, end, MOVABLE).errno, -ERRNO.EINVAL, `isolate(${start}, ${end})`);
        equal(ranges.alloc(start, end, MIGRATE.MOVABLE).errno, -ERRNO.EINVAL, `alloc(${start}, ${end})`);
        equal(ranges.unmovable(start, end, MOVABLE)?.why, 'no-zone', `unmovable(${start}, ${end})`);
      }
      equal(ranges.alloc(START, START + 512, MIGRATE.ISOLATE).errno, -ERRNO.EINVAL, 'a migratetype that is none');
      equal(kernel.stateHash(), before, 'stateHash');
    },
  },
];
