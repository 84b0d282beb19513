/**
 * What every provider of AllocatorPreview must do: each answer equals what the allocator then does, and asking changes
 * nothing. Run as the suites of conformance.ts, with a provider that starts with nothing.
 */
import { AllocatorPreview } from '../contracts/allocator-preview.ts';
import { PageAllocator } from '../contracts/page-allocator.ts';
import { Core } from '../contracts/services.ts';
import { ZoneFreeLists } from '../contracts/zone-free-lists.ts';
import type { Kernel } from '../host/kernel.ts';
import { GFP, GFP_MASKS } from '../machine/gfp.ts';
import { MIGRATE } from '../machine/migratetypes.ts';
import { PAGE_CLASS } from '../machine/page-state.ts';
import { equal, sizeLists, sound, type ConformanceCase, type KernelMaker } from './conformance.ts';
import { smallMachine } from './small-machines.ts';

const { GFP_KERNEL, GFP_HIGHUSER_MOVABLE } = GFP_MASKS;
const GFP_RECLAIMABLE = GFP_KERNEL | GFP.RECLAIMABLE;
const { UNMOVABLE, MOVABLE, RECLAIMABLE } = MIGRATE;

/** A machine of which only `free` blocks [row, order, type] are known; lists take four pages at once. */
function withFree(make: KernelMaker, free: readonly (readonly [number, number, number])[]) {
  const kernel = make(smallMachine());
  sizeLists(kernel, 4);
  const lists = kernel.get(ZoneFreeLists);
  for (const [row, order, type] of free) {
    lists.setPageblockType(row, type);
    lists.placeFree(row, order, type);
  }
  const zone = kernel.get(Core.Zones).all.find((z) => z.populated)!.index;
  return { kernel, lists, zone, allocator: kernel.get(PageAllocator), preview: kernel.get(AllocatorPreview) };
}

/** First pages of the blocks that left the free lists with an event, and of the blocks that fallbacks chose. */
function watch(kernel: Kernel) {
  const taken: number[] = [];
  const chosen: number[] = [];
  const pages = kernel.get(Core.Pages);
  kernel.get(Core.Tracepoints).mm_page_alloc_zone_locked.on((pfn) => taken.push(pages.pfnToRow(pfn)));
  kernel.get(Core.Tracepoints).mm_page_alloc_extfrag.on((pfn) => chosen.push(pages.pfnToRow(pfn)));
  return { taken, chosen };
}

export const allocatorPreviewCases: readonly ConformanceCase[] = [
  {
    name: 'only the orders and types of per-CPU lists have them',
    run(make) {
      using kernel = make(smallMachine());
      const preview = kernel.get(AllocatorPreview);
      const { thpOrder } = kernel.get(Core.Machine).description.arch;
      for (let order = 0; order <= 10; order++)
        equal(preview.hasCpuList(order, MOVABLE), order <= 3 || order === thpOrder, `order ${order}`);
      equal(preview.hasCpuList(0, MIGRATE.HIGHATOMIC), false, 'HIGHATOMIC');
      equal(preview.hasCpuList(0, MIGRATE.ISOLATE), false, 'ISOLATE');
    },
  },
  {
    name: 'an empty list is refilled from where it says, by as many blocks as it says',
    run(make) {
      const { kernel, preview, allocator, zone } = withFree(make, [[0, 10, MOVABLE]]);
      using alive = kernel;
      const { taken } = watch(alive);
      equal(preview.firstOnCpu(zone, 1, 0, MOVABLE), -1, 'first of an empty list');
      equal(preview.refillBlocks(zone, 1, 0), 4, 'blocks of a refill');
      equal(preview.firstFree(zone, 0, MOVABLE), 0, 'block that a refill starts with');
      equal(allocator.alloc(GFP_HIGHUSER_MOVABLE, 0, 1), 0, 'page got');
      equal(taken.join(), '0,1,2,3', 'blocks taken');
      // A batch counts pages, but larger blocks come two at a time at least.
      equal(preview.refillBlocks(zone, 1, 1), 2, 'blocks of order 1');
      equal(preview.refillBlocks(zone, 1, 3), 2, 'blocks of order 3');
      taken.length = 0;
      equal(preview.firstFree(zone, 3, MOVABLE), 8, 'block of order 3');
      equal(allocator.alloc(GFP_HIGHUSER_MOVABLE, 3, 1), 8, 'block got');
      equal(taken.join(), '8,16', 'blocks of order 3 taken');
    },
  },
  {
    name: 'the first of a list is what the next request gets, the freed last before all',
    run(make) {
      const { kernel, preview, allocator, zone } = withFree(make, [[0, 10, MOVABLE]]);
      using alive = kernel;
      const got: number[] = [];
      for (let i = 0; i < 3; i++) got.push(allocator.alloc(GFP_HIGHUSER_MOVABLE, 0, 0));
      equal(got.join(), '0,1,2', 'pages got');
      equal(preview.firstOnCpu(zone, 0, 0, MOVABLE), 3, 'first');
      equal(preview.firstOnCpu(zone, 1, 0, MOVABLE), -1, 'first of another CPU');
      equal(preview.firstOnCpu(zone, 0, 0, UNMOVABLE), -1, 'first of another type');
      equal(preview.firstOnCpu(zone, 0, 1, MOVABLE), -1, 'first of another order');
      allocator.free(1, 0, 0);
      allocator.free(0, 0, 0);
      const listed: number[] = [];
      for (let row = preview.firstOnCpu(zone, 0, 0, MOVABLE); row >= 0; row = preview.nextOnCpu(row)) listed.push(row);
      equal(listed.join(), '0,1,3', 'the list');
      for (const row of listed) equal(allocator.alloc(GFP_HIGHUSER_MOVABLE, 0, 0), row, 'page got');
      sound(alive);
    },
  },
  {
    name: 'tells the CPU and the type of the list that a block is on',
    run(make) {
      const { kernel, preview, lists } = withFree(make, [[0, 10, MOVABLE]]);
      using alive = kernel;
      lists.takeToCpu(8, 1, UNMOVABLE, 1);
      equal(preview.cpuOf(8), 1, 'CPU');
      equal(preview.listTypeOf(8), UNMOVABLE, "type, which is not the pageblock's");
      lists.handOut(8, 1);
      lists.freeToCpu(8, 1, 0);
      equal(preview.cpuOf(8), 0, 'CPU after a free');
      equal(preview.listTypeOf(8), MOVABLE, 'type after a free');
      sound(alive);
    },
  },
  {
    name: "a listed block becomes its list's first, others stay in order",
    run(make) {
      const { kernel, preview, lists, zone } = withFree(make, [[0, 10, MOVABLE]]);
      using alive = kernel;
      for (const row of [0, 1, 2, 3]) lists.takeToCpu(row, 0, MOVABLE, 0);
      const listed = (): string => {
        const rows: number[] = [];
        for (let row = preview.firstOnCpu(zone, 0, 0, MOVABLE); row >= 0; row = preview.nextOnCpu(row)) rows.push(row);
        return rows.join();
      };
      lists.moveToHead(2);
      equal(listed(), '2,0,1,3', 'the third moved');
      lists.moveToHead(3);
      lists.moveToHead(3);
      equal(listed(), '3,2,0,1', 'the last moved, twice');
      lists.moveToHead(500);
      equal(listed(), '3,2,0,1', 'after a page that is not listed');
      equal(lists.cpuCount(zone, 0), 4, 'pages on the list');
      lists.handOut(2, 0);
      equal(listed(), '3,0,1', 'one taken out of the middle');
      sound(alive);
    },
  },
  {
    name: "the smallest block that serves comes first, of the type's own lists only",
    run(make) {
      const { kernel, preview, allocator, zone } = withFree(make, [
        [0, 9, MOVABLE],
        [512, 3, MOVABLE],
        [528, 3, MOVABLE],
        [1024, 5, UNMOVABLE],
      ]);
      using alive = kernel;
      equal(preview.firstFree(zone, 0, MOVABLE), 512, 'for a page: the first of order 3');
      equal(preview.firstFree(zone, 4, MOVABLE), 0, 'for order 4');
      equal(preview.firstFree(zone, 10, MOVABLE), -1, 'for order 10');
      equal(preview.firstFree(zone, 4, UNMOVABLE), 1024, 'for order 4, unmovable');
      equal(preview.firstFree(zone, 0, RECLAIMABLE), -1, 'for a page, reclaimable');
      equal(preview.freeTypeOf(1024), UNMOVABLE, 'type of a free block');
      equal(preview.freeTypeOf(528), MOVABLE, 'type of another');
      equal(allocator.alloc(GFP_HIGHUSER_MOVABLE, 4, 0), 0, 'block of order 4 got');
      equal(allocator.alloc(GFP_KERNEL, 4, 0), 1024, 'unmovable block of order 4 got');
      equal(allocator.alloc(GFP_HIGHUSER_MOVABLE, 0, 0), 512, 'page got');
      sound(alive);
    },
  },
  {
    name: "falls back to the largest foreign block, of the first type in the kernel's order",
    run(make) {
      const { kernel, preview, allocator, zone } = withFree(make, [
        [0, 5, MOVABLE],
        [512, 9, MOVABLE],
        [1024, 9, RECLAIMABLE],
      ]);
      using alive = kernel;
      const { chosen } = watch(alive);
      equal(preview.firstFree(zone, 0, UNMOVABLE), -1, 'own block');
      equal(preview.fallbackBlock(zone, 0, UNMOVABLE), 1024, 'foreign block: reclaimable before movable');
      equal(preview.fallbackBlock(zone, 10, UNMOVABLE), -1, 'foreign block of order 10');
      equal(allocator.alloc(GFP_KERNEL, 0, 0), 1024, 'page got');
      equal(chosen[0], 1024, 'block that the fallback told of');
    },
  },
  {
    name: 'a movable request that cannot take a pageblock over breaks up the smallest foreign block',
    run(make) {
      const { kernel, preview, allocator, lists, zone } = withFree(make, [
        [512, 3, UNMOVABLE],
        [528, 1, UNMOVABLE],
        [544, 2, UNMOVABLE],
        [1040, 0, UNMOVABLE],
      ]);
      using alive = kernel;
      const { chosen } = watch(alive);
      // Most of the first pageblock is in movable use: it would be worth taking over.
      for (let row = 560; row < 1024; row++) {
        lists.placeAllocated(row, 0);
        alive.get(Core.Pages).pageClass[row] = PAGE_CLASS.LRU_ANON;
      }
      equal(preview.fallbackBlock(zone, 0, MOVABLE), 1040, 'foreign block for a page');
      equal(preview.fallbackBlock(zone, 2, MOVABLE), 544, 'foreign block for order 2');
      equal(allocator.alloc(GFP_HIGHUSER_MOVABLE, 0, 0), 1040, 'page got');
      equal(chosen[0], 1040, 'block that the fallback told of');
    },
  },
  {
    name: 'below a pageblock, a claim gives the smallest block of a pageblock that is mostly free',
    run(make) {
      const { kernel, preview, allocator, zone } = withFree(make, [
        [512, 8, MOVABLE],
        [832, 4, MOVABLE],
      ]);
      using alive = kernel;
      const { chosen } = watch(alive);
      // 6.1 tells of the block that it found, 6.12 of the one that it took: 256 + 16 of 512 pages are free.
      const told = alive.get(Core.Machine).description.profile === '6.1' ? 512 : 832;
      equal(preview.fallbackBlock(zone, 0, UNMOVABLE), told, 'foreign block');
      equal(allocator.alloc(GFP_KERNEL, 0, 0), 832, 'page got');
      equal(chosen[0], told, 'block that the fallback told of');
      equal(allocator.pageblockType(512), UNMOVABLE, 'type of the pageblock');
    },
  },
  {
    name: 'a pageblock in movable use is not claimed for a small block',
    run(make) {
      const { kernel, preview, allocator, lists, zone } = withFree(make, [
        [512, 6, MOVABLE],
        [640, 1, MOVABLE],
      ]);
      using alive = kernel;
      const { chosen } = watch(alive);
      for (let row = 642; row < 1024; row++) {
        lists.placeAllocated(row, 0);
        alive.get(Core.Pages).pageClass[row] = PAGE_CLASS.LRU_ANON;
      }
      // 66 free pages and 64 of unknown use are no half of 512. 6.1 takes the free ones, largest first; 6.12 steals the smallest block.
      const told = alive.get(Core.Machine).description.profile === '6.1' ? 512 : 640;
      equal(preview.fallbackBlock(zone, 0, RECLAIMABLE), told, 'foreign block');
      equal(allocator.alloc(GFP_RECLAIMABLE, 0, 0), 640, 'page got');
      equal(chosen[0], told, 'block that the fallback told of');
      equal(allocator.pageblockType(512), MOVABLE, 'type of the pageblock');
    },
  },
  {
    name: 'asking changes neither the state nor the contract hash',
    run(make) {
      const { kernel, preview, lists, zone } = withFree(make, [
        [0, 9, MOVABLE],
        [512, 3, UNMOVABLE],
        [1024, 6, RECLAIMABLE],
      ]);
      using alive = kernel;
      for (const row of [0, 1, 2, 3]) lists.takeToCpu(row, 0, MOVABLE, 0);
      // Blocks that left the list from its middle and its head leave traces in some implementations.
      lists.handOut(1, 0);
      lists.handOut(0, 0);
      const before = `${alive.stateHash()} ${alive.contractHash()}`;
      for (const order of [0, 1, 2, 3, 5, 9, 10]) {
        for (const type of [UNMOVABLE, MOVABLE, RECLAIMABLE]) {
          preview.hasCpuList(order, type);
          preview.firstFree(zone, order, type);
          preview.fallbackBlock(zone, order, type);
          if (!preview.hasCpuList(order, type)) continue;
          preview.firstOnCpu(zone, 0, order, type);
          for (let i = 0; i < 8; i++) preview.refillBlocks(zone, 0, order);
        }
      }
      for (const row of [2, 3]) equal(preview.cpuOf(row) + preview.listTypeOf(row), MOVABLE, 'CPU and type');
      equal(preview.nextOnCpu(2), 3, 'block after the first');
      preview.freeTypeOf(512);
      equal(`${alive.stateHash()} ${alive.contractHash()}`, before, 'hashes');
      sound(alive);
    },
  },
];
