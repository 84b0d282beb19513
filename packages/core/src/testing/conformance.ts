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

function equal(actual: unknown, expected: unknown, what: string): void {
  if (!Object.is(actual, expected)) throw new Error(`${what}: expected ${String(expected)}, got ${String(actual)}`);
}

function sound(kernel: Kernel): void {
  const [failure] = kernel.validate();
  if (failure !== undefined) throw new Error(`${failure.owner}, ${failure.name}: ${failure.problem}`);
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
];
