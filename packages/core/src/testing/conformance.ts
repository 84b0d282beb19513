/**
 * Conformance suites: what every provider of a contract must do, as plain cases. A provider's spec runs each of them:
 *
 *   for (const { name, run } of pageAllocatorCases) it(name, () => run((machine) => createKernel({ machine, subsystems: [mine()] })));
 */
import { PageAllocator } from '../contracts/page-allocator.ts';
import { Core } from '../contracts/services.ts';
import { FOUND, ZoneFreeLists } from '../contracts/zone-free-lists.ts';
import type { Kernel } from '../host/kernel.ts';
import { GFP_MASKS } from '../machine/gfp.ts';
import type { MachineDescription } from '../machine/machine-description.ts';
import { MIGRATE } from '../machine/migratetypes.ts';
import { borderMachine, smallMachine } from './small-machines.ts';

export type KernelMaker = (machine: MachineDescription) => Kernel;
export interface ConformanceCase {
  readonly name: string;
  run(make: KernelMaker): void;
}

const { GFP_KERNEL, GFP_HIGHUSER_MOVABLE } = GFP_MASKS;

export function equal(actual: unknown, expected: unknown, what: string): void {
  if (!Object.is(actual, expected)) throw new Error(`${what}: expected ${String(expected)}, got ${String(actual)}`);
}

export function sound(kernel: Kernel): void {
  const [failure] = kernel.validate();
  if (failure !== undefined) throw new Error(`${failure.owner}, ${failure.name}: ${failure.problem}`);
}

/** Fixes what the per-CPU lists take and hold, in pages: `batch` at once, `high` at most. No mark is in the way. */
export function sizeLists(kernel: Kernel, batch: number, high = 1000): void {
  for (const zone of kernel.get(Core.Zones).all) {
    Object.assign(zone.watermark, { min: 0, low: 0, high: 0, promo: 0 });
    Object.assign(zone, { pcpBatch: batch, pcpHighMin: high, pcpHighMax: high });
  }
  kernel.get(PageAllocator).refresh();
}

/** A provider that boots with all memory free. */
export const pageAllocatorCases: readonly ConformanceCase[] = [
  {
    name: 'gives distinct aligned blocks and takes them back',
    run(make) {
      using kernel = make(smallMachine());
      const allocator = kernel.get(PageAllocator);
      const seen = new Set<number>();
      const blocks: [number, number][] = [];
      for (let i = 0; i < 200; i++) {
        const order = i % 5;
        const row = allocator.alloc(GFP_KERNEL, order, i % 2);
        if (row < 0) throw new Error(`allocation ${i} failed with memory left`);
        equal(row % 2 ** order, 0, `alignment of order ${order}`);
        for (let at = row; at < row + 2 ** order; at++) {
          if (seen.has(at)) throw new Error(`row ${at} was given twice`);
          seen.add(at);
        }
        blocks.push([row, order]);
      }
      sound(kernel);
      for (const [row, order] of blocks) allocator.free(row, order, 0);
      allocator.drainAllPages(-1);
      sound(kernel);
      const zone = kernel.get(Core.Zones).all.find((z) => z.populated)!;
      equal(allocator.freePages(zone.index), 4096, 'free pages after everything came back');
    },
  },
  {
    name: 'splitting then freeing all pieces restores the largest blocks',
    run(make) {
      using kernel = make(smallMachine());
      const allocator = kernel.get(PageAllocator);
      const row = allocator.alloc(GFP_KERNEL, 10, 0);
      allocator.splitPage(row, 10);
      for (let at = row; at < row + 1024; at++) allocator.free(at, 0, 0);
      allocator.drainAllPages(-1);
      sound(kernel);
      const lists = kernel.get(ZoneFreeLists);
      equal(lists.freeOrder(lists.freeHead(row)), 10, 'order of the block that the pieces merged into');
    },
  },
  {
    name: 'never merges across a zone or node border',
    run(make) {
      using kernel = make(borderMachine());
      const allocator = kernel.get(PageAllocator);
      const lists = kernel.get(ZoneFreeLists);
      const pages = kernel.get(Core.Pages);
      allocator.drainAllPages(-1);
      sound(kernel);
      for (const border of [0x1000, 0x1900]) {
        const below = pages.pfnToRow(border - 1);
        const above = pages.pfnToRow(border);
        if (lists.freeHead(below) === lists.freeHead(above))
          throw new Error(`one block covers the border at pfn ${border.toString(16)}`);
      }
    },
  },
  {
    name: 'refuses what cannot be served, without side effects on the contract hash',
    run(make) {
      using kernel = make(smallMachine({ pages: 1024 }));
      const allocator = kernel.get(PageAllocator);
      while (allocator.alloc(GFP_HIGHUSER_MOVABLE, 0, 0) >= 0);
      const before = kernel.contractHash();
      equal(allocator.alloc(GFP_HIGHUSER_MOVABLE, 9, 0), -1, 'order 9 from an exhausted zone');
      equal(kernel.contractHash(), before, 'contract hash');
      sound(kernel);
    },
  },
  {
    name: 'a page freed twice, or never allocated, is an error',
    run(make) {
      using kernel = make(smallMachine());
      const allocator = kernel.get(PageAllocator);
      const row = allocator.alloc(GFP_KERNEL, 0, 0);
      allocator.free(row, 0, 0);
      let refused = false;
      try {
        allocator.free(row, 0, 0);
      } catch {
        refused = true;
      }
      equal(refused, true, 'second free refused');
      sound(kernel);
    },
  },
  {
    name: 'part of a block may be given back',
    run(make) {
      using kernel = make(smallMachine());
      const allocator = kernel.get(PageAllocator);
      const row = allocator.alloc(GFP_KERNEL, 3, 0);
      allocator.free(row + 5, 0, 0);
      sound(kernel);
      for (const [at, order] of [
        [row, 2],
        [row + 4, 0],
        [row + 6, 1],
      ] as const)
        allocator.free(at, order, 0);
      allocator.drainAllPages(-1);
      sound(kernel);
    },
  },
  {
    name: 'a bulk allocation gives distinct pages, tells nobody, and takes what single requests would get',
    run(make) {
      using bulk = make(smallMachine());
      using single = make(smallMachine());
      sizeLists(bulk, 8);
      sizeLists(single, 8);
      let told = 0;
      bulk.get(Core.Tracepoints).mm_page_alloc.on(() => told++);
      const rows = new Int32Array(32).fill(-1);
      const allocator = bulk.get(PageAllocator);
      equal(allocator.allocBulk(GFP_KERNEL, 20, 1, rows), 20, 'pages got');
      equal(told, 0, 'mm_page_alloc events');
      equal(rows[20], -1, 'the entry behind the last page');
      equal(new Set(rows.subarray(0, 20)).size, 20, 'distinct pages');
      for (let i = 0; i < 20; i++)
        equal(rows[i], single.get(PageAllocator).alloc(GFP_KERNEL, 0, 1), `page ${i}, against a request of its own`);
      sound(bulk);
      for (let i = 0; i < 20; i++) allocator.free(rows[i], 0, i % 2);
      allocator.drainAllPages(-1);
      sound(bulk);
      const zone = bulk.get(Core.Zones).all.find((z) => z.populated)!;
      equal(allocator.freePages(zone.index), 4096, 'free pages after everything came back');
    },
  },
  {
    name: 'a bulk allocation gives fewer pages than wanted where the zone has no more to give',
    run(make) {
      using kernel = make(smallMachine({ pages: 1024 }));
      sizeLists(kernel, 8);
      const allocator = kernel.get(PageAllocator);
      const rows = new Int32Array(4096);
      // The wanted pages count as if they stood above the low mark: 2000 of 1024 never do.
      equal(allocator.allocBulk(GFP_HIGHUSER_MOVABLE, 2000, 0, rows), 0, 'pages got of 2000');
      let left = 1024;
      for (; allocator.alloc(GFP_HIGHUSER_MOVABLE, 0, 0) >= 0; left--);
      // Seven of the last eight stay on the list: no request passes the marks of a zone without free pages.
      equal(left, 7, 'pages left after single requests took what they could');
      equal(allocator.allocBulk(GFP_HIGHUSER_MOVABLE, 4, 0, rows), 0, 'pages got from an empty zone');
      sound(kernel);
    },
  },
  {
    name: 'memory that is released for the first time adds to managed and goes to the tail',
    run(make) {
      const machine = smallMachine();
      const [{ start }] = machine.memory;
      using kernel = make({ ...machine, reserved: [{ start, end: start + 16 }] });
      sizeLists(kernel, 1);
      const allocator = kernel.get(PageAllocator);
      const row = kernel.get(Core.Pages).pfnToRow(start);
      const zone = kernel.get(Core.Zones).all.find((z) => z.populated)!;
      equal(zone.managedPages, 4080, 'managed pages without the reserved ones');
      allocator.release(row, 2);
      allocator.release(row + 8, 2);
      equal(zone.managedPages, 4088, 'managed pages');
      equal(allocator.freePages(zone.index), 4088, 'free pages');
      sound(kernel);
      equal(allocator.alloc(GFP_HIGHUSER_MOVABLE, 2, 0), row, 'the block released first');
      // Batches of larger blocks are of two at least where a batch is not one.
      equal(allocator.alloc(GFP_HIGHUSER_MOVABLE, 2, 0), row + 8, 'the block released last');
    },
  },
];

/** A provider that starts with nothing; the machine's pages are unknown to it. */
export const zoneFreeListsCases: readonly ConformanceCase[] = [
  {
    name: 'a block goes free → CPU list → owner → CPU list → free',
    run(make) {
      using kernel = make(smallMachine({ pages: 2048 }));
      const lists = kernel.get(ZoneFreeLists);
      lists.placeFree(0, 10, MIGRATE.MOVABLE);
      equal(lists.takeToCpu(0, 0, MIGRATE.MOVABLE, 1), FOUND.EXPECTED, 'take');
      sound(kernel);
      equal(lists.freeHead(0), -1, 'no longer free');
      equal(lists.freeOrder(512), 9, 'upper half left over');
      equal(lists.handOut(0, 0), FOUND.EXPECTED, 'hand out');
      equal(lists.freeToCpu(0, 0, 0), FOUND.EXPECTED, 'free');
      equal(lists.drain(0, 0, MIGRATE.MOVABLE), FOUND.EXPECTED, 'drain');
      equal(lists.freeOrder(0), 10, 'merged back');
      sound(kernel);
    },
  },
  {
    name: 'says what it found where a trace is wrong, and stays sound',
    run(make) {
      using kernel = make(smallMachine({ pages: 2048 }));
      const lists = kernel.get(ZoneFreeLists);
      lists.placeFree(0, 10, MIGRATE.MOVABLE);
      equal(lists.takeToCpu(3, 0, MIGRATE.MOVABLE, 0), FOUND.INSIDE, 'take from the middle');
      sound(kernel);
      equal(lists.handOut(256, 8), FOUND.ON_FREE_LIST, 'hand out of a free block');
      equal(lists.handOut(256, 8), FOUND.ALLOCATED, 'hand out twice');
      equal(lists.freeToCpu(260, 0, 0), FOUND.PART, 'free of a part');
      equal(lists.drain(1024, 0, MIGRATE.MOVABLE), FOUND.UNKNOWN, 'drain of a page never seen');
      equal(lists.freeDirect(3, 0, false), FOUND.ON_PCP, 'direct free of a listed page');
      sound(kernel);
    },
  },
  {
    name: 'holding takes exactly the free pages of a range',
    run(make) {
      using kernel = make(smallMachine({ pages: 2048 }));
      const lists = kernel.get(ZoneFreeLists);
      lists.placeFree(0, 10, MIGRATE.MOVABLE);
      lists.takeToCpu(0, 0, MIGRATE.MOVABLE, 0);
      equal(lists.hold(0, 100), 99, 'pages held');
      equal(lists.freeHead(99), -1, 'last page of the range');
      if (lists.freeHead(100) < 0) throw new Error('the page behind the range was taken too');
      sound(kernel);
    },
  },
  {
    name: 'counts free blocks by order as they split and merge',
    run(make) {
      using kernel = make(smallMachine({ pages: 2048 }));
      const lists = kernel.get(ZoneFreeLists);
      const zone = kernel.get(Core.Zones).all.find((z) => z.populated)!.index;
      const counts = (): string => Array.from({ length: 11 }, (_, order) => lists.freeBlocks(zone, order)).join(' ');
      equal(counts(), '0 0 0 0 0 0 0 0 0 0 0', 'blocks at the start');
      lists.placeFree(0, 10, MIGRATE.MOVABLE);
      lists.placeFree(1024, 3, MIGRATE.UNMOVABLE);
      equal(counts(), '0 0 0 1 0 0 0 0 0 0 1', 'blocks placed');
      lists.takeToCpu(0, 0, MIGRATE.MOVABLE, 1);
      equal(counts(), '1 1 1 2 1 1 1 1 1 1 0', 'blocks after a split');
      lists.drain(0, 0, MIGRATE.MOVABLE);
      equal(counts(), '0 0 0 1 0 0 0 0 0 0 1', 'blocks after merging');
    },
  },
  {
    name: 'a request brings its block to the CPU list by a refill as the allocator makes it',
    run(make) {
      using kernel = make(smallMachine({ pages: 2048 }));
      sizeLists(kernel, 4);
      const lists = kernel.get(ZoneFreeLists);
      const zone = kernel.get(Core.Zones).all.find((z) => z.populated)!.index;
      lists.placeFree(0, 10, MIGRATE.MOVABLE);
      equal(lists.handOutWithRefill(2, 0, MIGRATE.MOVABLE, 0), FOUND.EXPECTED, 'a page of the refill');
      equal(lists.cpuCount(zone, 0), 3, 'pages 0, 1 and 3 left on the list');
      equal(lists.freeHead(3), -1, 'page 3 taken by the refill');
      equal(lists.freeOrder(4), 2, 'pages 4 to 7 left alone');
      equal(lists.handOutWithRefill(9, 0, MIGRATE.MOVABLE, 0), FOUND.EXPECTED, 'a page that the model would not take');
      equal(lists.cpuCount(zone, 0), 3, 'no second refill while the list has blocks');
      equal(lists.freeOrder(8), 0, 'its buddy stays free');
      equal(lists.handOutWithRefill(9, 0, MIGRATE.MOVABLE, 0), FOUND.ALLOCATED, 'the same page again');
      equal(lists.handOutWithRefill(16, 4, MIGRATE.MOVABLE, 0), FOUND.ON_FREE_LIST, 'an order without a list');
      equal(lists.cpuCount(zone, 0), 3, 'pages on the list');
      sound(kernel);
    },
  },
  {
    name: 'a free drains the list of its oldest blocks when the limit is reached',
    run(make) {
      using kernel = make(smallMachine({ pages: 2048 }));
      sizeLists(kernel, 4, 8);
      const lists = kernel.get(ZoneFreeLists);
      const zone = kernel.get(Core.Zones).all.find((z) => z.populated)!.index;
      for (let row = 0; row < 16; row++) lists.placeAllocated(row, 0);
      for (let row = 0; row < 7; row++) equal(lists.freeWithDrain(row, 0, 1), FOUND.EXPECTED, `free of ${row}`);
      equal(lists.cpuCount(zone, 1), 7, 'pages below the limit');
      equal(lists.freeWithDrain(7, 0, 1), FOUND.EXPECTED, 'free that reaches the limit');
      equal(lists.cpuCount(zone, 1), 4, 'pages after a batch of four went');
      equal(lists.freeOrder(0), 2, 'the four freed first, merged');
      equal(lists.freeHead(4), -1, 'the fifth');
      // Without the limit's say the list only grows.
      for (let row = 8; row < 16; row++) lists.freeToCpu(row, 0, 1);
      equal(lists.cpuCount(zone, 1), 12, 'pages on the list');
      sound(kernel);
    },
  },
  {
    name: 'knows a block when some page of it is free, listed, held or owned',
    run(make) {
      using kernel = make(smallMachine({ pages: 2048 }));
      const lists = kernel.get(ZoneFreeLists);
      const known = (): string =>
        [0, 8, 16, 24, 32].map((row) => (lists.knows(row, 3) ? 1 : 0)).join('') + (lists.knows(0, 10) ? '+' : '-');
      equal(known(), '00000-', 'at the start');
      lists.placeFree(4, 2, MIGRATE.MOVABLE);
      lists.placeAllocated(15, 0);
      lists.placeOnCpu(16, 0, MIGRATE.MOVABLE, 0);
      lists.placeFree(24, 0, MIGRATE.MOVABLE);
      lists.hold(24, 1);
      equal(known(), '11110+', 'with one page each');
      equal(lists.knows(0, 2), false, 'the half that nobody has');
      equal(lists.knows(5, 0), true, 'a page inside a free block');
      lists.placeAllocated(32, 3);
      equal(lists.knows(34, 1), true, 'a part of an owned block');
    },
  },
  {
    name: 'forgets a block, whoever has it',
    run(make) {
      using kernel = make(smallMachine({ pages: 2048 }));
      const lists = kernel.get(ZoneFreeLists);
      const zone = kernel.get(Core.Zones).all.find((z) => z.populated)!.index;
      lists.placeFree(0, 3, MIGRATE.MOVABLE);
      lists.placeOnCpu(8, 1, MIGRATE.MOVABLE, 1);
      lists.placeAllocated(16, 2);
      lists.forget(2, 1);
      equal(lists.knows(2, 1), false, 'a part of a free block');
      equal(lists.freeOrder(4), 2, 'its other half');
      lists.forget(8, 1);
      equal(lists.cpuCount(zone, 1), 0, 'pages on the CPU list');
      lists.forget(16, 2);
      lists.forget(1024, 3);
      equal(lists.knows(8, 4), false, 'blocks that were listed and owned');
      sound(kernel);
    },
  },
];
