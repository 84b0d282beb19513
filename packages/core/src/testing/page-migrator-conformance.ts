/** What every provider of PageMigrator must do. The provider boots with all memory free. */
import { PageAllocator } from '../contracts/page-allocator.ts';
import { MIGRATE_FAILURE, PageMigrator } from '../contracts/page-migrator.ts';
import { Core } from '../contracts/services.ts';
import { ERRNO } from '../host/errno.ts';
import type { Kernel } from '../host/kernel.ts';
import { GFP_MASKS } from '../machine/gfp.ts';
import { MOVABILITY, PAGE_CLASS, PAGE_STATE } from '../machine/page-state.ts';
import { equal, sound, type ConformanceCase } from './conformance.ts';
import { smallMachine, twoNodeMachine } from './small-machines.ts';

const { GFP_KERNEL, GFP_HIGHUSER_MOVABLE, GFP_TRANSHUGE } = GFP_MASKS;
const EAGAIN = -ERRNO.EAGAIN;

function parts(kernel: Kernel) {
  return {
    allocator: kernel.get(PageAllocator),
    migrator: kernel.get(PageMigrator),
    pages: kernel.get(Core.Pages),
    zones: kernel.get(Core.Zones),
  };
}

/** Moves one allocated block and returns where its contents are then. */
function moveOne(kernel: Kernel, row: number): number {
  const { migrator } = parts(kernel);
  const outcome = migrator.migratePages(Int32Array.of(row), 1, { reason: 'syscall_or_cpuset' });
  equal(outcome.errno, 0, 'errno of a move');
  return migrator.currentRow(row);
}

export const pageMigratorCases: readonly ConformanceCase[] = [
  {
    name: 'moves contents: class and name go along, the old place is free, the contract hash stays',
    run(make) {
      using kernel = make(smallMachine());
      const { allocator, migrator, pages } = parts(kernel);
      const row = allocator.alloc(GFP_HIGHUSER_MOVABLE, 0, 0);
      pages.pageClass[row] = PAGE_CLASS.LRU_ANON;
      const before = kernel.contractHash();
      const target = moveOne(kernel, row);
      if (target < 0 || target === row) throw new Error(`contents of row ${row} are at ${target}`);
      equal(pages.pageClass[target], PAGE_CLASS.LRU_ANON, 'class at the new place');
      equal(pages.state[target], PAGE_STATE.ALLOCATED, 'state of the new place');
      equal(kernel.contractHash(), before, 'contractHash after the move');
      sound(kernel);
      allocator.drainAllPages(-1);
      equal(allocator.isFree(row), true, 'the old place is free');
      allocator.free(target, 0, 0);
      equal(migrator.currentRow(row), -1, 'contents that were freed');
      allocator.drainAllPages(-1);
      sound(kernel);
      equal(allocator.freePages(kernel.get(Core.Zones).all.find((z) => z.populated)!.index), 4096, 'free pages');
    },
  },
  {
    name: 'follows contents over several moves, and home again',
    run(make) {
      using kernel = make(smallMachine());
      const { allocator, migrator } = parts(kernel);
      const row = allocator.alloc(GFP_HIGHUSER_MOVABLE, 2, 0);
      equal(migrator.currentRow(row), row, 'contents that never moved');
      const told: string[] = [];
      using _ = migrator.onMove((from, to, order) => told.push(`${from}>${to}/${order}`));
      const hash = kernel.contractHash();
      const second = moveOne(kernel, row);
      const third = migrator.migratePages(Int32Array.of(second), 1, { reason: 'syscall_or_cpuset' });
      equal(third.migrated, 4, 'pages of the second move');
      const now = migrator.currentRow(row);
      equal(migrator.currentRow(row + 3), now + 3, 'the last page of the block');
      equal(told.join(' '), `${row}>${second}/2 ${second}>${now}/2`, 'moves told');
      equal(kernel.contractHash(), hash, 'contractHash');
      sound(kernel);
      allocator.free(now, 2, 0);
      for (const at of [row, second, now]) equal(migrator.currentRow(at), -1, `currentRow(${at}) when all is freed`);
      sound(kernel);
    },
  },
  {
    name: 'leaves what cannot move: kernel pages, pins; nothing changes',
    run(make) {
      using kernel = make(smallMachine());
      const { allocator, migrator, pages } = parts(kernel);
      const kernelRow = allocator.alloc(GFP_KERNEL, 1, 0);
      const pinned = allocator.alloc(GFP_HIGHUSER_MOVABLE, 1, 0);
      migrator.setPinned(pinned + 1, true);
      equal(migrator.movability(kernelRow), MOVABILITY.UNMOVABLE, 'movability of a kernel page');
      equal(migrator.movability(pinned), MOVABILITY.UNMOVABLE, 'movability of a pinned page');
      const before = kernel.stateHash();
      const rows = Int32Array.of(kernelRow, pinned);
      const outcome = migrator.migratePages(rows, 2, { reason: 'syscall_or_cpuset' });
      equal(outcome.errno, EAGAIN, 'errno');
      equal(outcome.migrated, 0, 'pages migrated');
      equal(
        outcome.failed.map(({ pfn, pages: n, why }) => `${pages.pfnToRow(pfn)} ${n} ${why}`).join(', '),
        `${kernelRow} 2 ${MIGRATE_FAILURE.UNMOVABLE}, ${pinned} 2 ${MIGRATE_FAILURE.PINNED}`,
        'what stayed',
      );
      equal(kernel.stateHash(), before, 'stateHash');
      migrator.setPinned(pinned + 1, false);
      equal(migrator.movability(pinned), MOVABILITY.MOVABLE, 'movability without the pin');
      equal(
        migrator.migratePages(Int32Array.of(pinned), 1, { reason: 'demotion' }).migrated,
        2,
        'pages without the pin',
      );
      sound(kernel);
    },
  },
  {
    name: 'a pin ends with the page',
    run(make) {
      using kernel = make(smallMachine());
      const { allocator, migrator } = parts(kernel);
      const row = allocator.alloc(GFP_HIGHUSER_MOVABLE, 0, 0);
      migrator.setPinned(row, true);
      allocator.free(row, 0, 0);
      equal(allocator.alloc(GFP_HIGHUSER_MOVABLE, 0, 0), row, 'the page that comes back first');
      equal(migrator.movability(row), MOVABILITY.MOVABLE, 'movability of the new page');
      sound(kernel);
    },
  },
  {
    name: 'memory offlining takes targets from another node, from its own only when there is no other',
    run(make) {
      using two = make(twoNodeMachine());
      using one = make(smallMachine());
      for (const [kernel, nid] of [
        [two, 1],
        [one, 0],
      ] as const) {
        const { allocator, migrator, pages, zones } = parts(kernel);
        const rows = Array.from({ length: 40 }, () => allocator.alloc(GFP_HIGHUSER_MOVABLE, 0, 0, 0));
        const pfns = rows.map((row) => pages.rowToPfn(row));
        const start = Math.min(...pfns);
        const outcome = migrator.migrateRange(start, Math.max(...pfns) + 1, { reason: 'memory_hotplug' });
        equal(outcome.migrated, 40, 'pages migrated');
        equal(outcome.errno, 0, 'errno');
        for (const row of rows) {
          const at = migrator.currentRow(row);
          equal(zones.all[pages.zoneOf(at)].nid, nid, `node of the contents of row ${row}`);
        }
        sound(kernel);
      }
    },
  },
  {
    name: 'tells the kernel’s tracepoints: targets allocated, sources freed, one pair around',
    run(make) {
      using kernel = make(smallMachine({ cpus: 1 }));
      const { allocator, migrator, pages } = parts(kernel);
      const { tracepoints } = kernel;
      const row = allocator.alloc(GFP_HIGHUSER_MOVABLE, 0, 0);
      const log: string[] = [];
      using _a = tracepoints.mm_page_alloc.on((pfn, order) => log.push(`alloc ${pfn} ${order}`));
      using _f = tracepoints.mm_page_free.on((pfn, order) => log.push(`free ${pfn} ${order}`));
      using _s = tracepoints.mm_migrate_pages_start.on((mode, reason) => log.push(`start ${mode} ${reason}`));
      using _e = tracepoints.mm_migrate_pages.on((ok, failed, thp, thpFailed, thpSplit, split, mode, reason) =>
        log.push(`end ${ok} ${failed} ${thp} ${thpFailed} ${thpSplit} ${split} ${mode} ${reason}`),
      );
      const target = moveOne(kernel, row);
      equal(
        log.join('; '),
        [
          'start MIGRATE_SYNC syscall_or_cpuset',
          `alloc ${pages.rowToPfn(target)} 0`,
          `free ${pages.rowToPfn(row)} 0`,
          'end 1 0 0 0 0 0 MIGRATE_SYNC syscall_or_cpuset',
        ].join('; '),
        'events',
      );
      equal(migrator.currentRow(row), target, 'the contents');
    },
  },
  {
    name: 'a huge page moves whole, and in pieces when there is no block for it',
    run(make) {
      using kernel = make(smallMachine({ pages: 4096, cpus: 1 }));
      const { allocator, migrator, pages } = parts(kernel);
      const huge = allocator.alloc(GFP_TRANSHUGE, 9, 0);
      pages.pageClass.fill(PAGE_CLASS.THP, huge, huge + 512);
      const hash = kernel.contractHash();
      const target = moveOne(kernel, huge);
      equal(pages.state[target], PAGE_STATE.ALLOCATED | 9, 'state at the new place');
      equal(migrator.currentRow(huge + 511), target + 511, 'its last page');
      equal(kernel.contractHash(), hash, 'contractHash of a whole move');
      // Every pageblock but the huge page's gets a kernel page: no block of order 9 is left, memory is.
      const single: number[] = [];
      for (;;) {
        const row = allocator.alloc(GFP_KERNEL, 0, 0);
        if (row < 0) break;
        single.push(row);
      }
      for (const row of single) if (row % 512 !== 0) allocator.free(row, 0, 0);
      allocator.drainAllPages(-1);
      const before = kernel.contractHash();
      const outcome = migrator.migratePages(Int32Array.of(target), 1, { reason: 'syscall_or_cpuset' });
      equal(outcome.migrated, 512, 'pages migrated one by one');
      equal(outcome.errno, 0, 'errno');
      equal(kernel.contractHash(), before, 'contractHash of a split move');
      equal(pages.pageClass[migrator.currentRow(huge + 7)], PAGE_CLASS.LRU_ANON, 'class of a piece');
      sound(kernel);
    },
  },
  {
    name: 'says -ENOMEM when targets run out and leaves the rest',
    run(make) {
      using kernel = make(smallMachine({ pages: 1024, cpus: 1 }));
      const { allocator, migrator } = parts(kernel);
      const rows: number[] = [];
      for (let row = 0; (row = allocator.alloc(GFP_HIGHUSER_MOVABLE, 0, 0)) >= 0;) rows.push(row);
      const before = kernel.contractHash();
      const outcome = migrator.migratePages(Int32Array.from(rows), rows.length, { reason: 'syscall_or_cpuset' });
      equal(outcome.errno, -ERRNO.ENOMEM, 'errno');
      equal(outcome.migrated, 0, 'pages migrated');
      equal(outcome.failed.length, rows.length, 'blocks that stayed');
      equal(
        outcome.failed.every(({ why }) => why === MIGRATE_FAILURE.NO_MEMORY),
        true,
        'all for want of memory',
      );
      equal(kernel.contractHash(), before, 'contractHash');
      sound(kernel);
    },
  },
  {
    name: 'finds the next page that migration would take, and a page that is offline and still held',
    run(make) {
      using kernel = make(smallMachine({ cpus: 1 }));
      const { allocator, migrator, pages } = parts(kernel);
      const kernelRow = allocator.alloc(GFP_KERNEL, 0, 0);
      const offline = allocator.alloc(GFP_KERNEL, 0, 0);
      const movable = allocator.alloc(GFP_HIGHUSER_MOVABLE, 0, 0);
      const zone = kernel.get(Core.Zones).all.find((z) => z.populated)!;
      equal(
        migrator.nextMovable(zone.startPfn, zone.endPfn),
        pages.rowToPfn(movable),
        'kernel pages and free ones are passed',
      );
      pages.pageClass[offline] = PAGE_CLASS.OFFLINE;
      const at = pages.rowToPfn(offline);
      const found = migrator.nextMovable(at, at + 1);
      equal(typeof found === 'object' ? found.blocked : found, at, 'an offline page that is held');
      pages.state[offline] = PAGE_STATE.UNTOUCHED;
      equal(migrator.nextMovable(at, at + 1), -1, 'an offline page that was let go of');
      pages.state[offline] = PAGE_STATE.ALLOCATED;
      equal(migrator.movability(offline), MOVABILITY.NOTHING, 'movability of an offline page');
      equal(migrator.movability(kernelRow), MOVABILITY.UNMOVABLE, 'movability of a kernel page');
      allocator.drainAllPages(-1);
      equal(migrator.movability(pages.pfnToRow(zone.endPfn - 1)), MOVABILITY.NOTHING, 'movability of a free page');
    },
  },
];
