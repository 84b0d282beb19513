/** A machine that has run and the machines made from its image: the same pages, page by page. */
import { buddy } from '@replug/buddy';
import {
  Core,
  createKernel,
  GFP_MASKS,
  MemoryHotplug,
  PAGE_STATE,
  PageAllocator,
  parseMachineShorthand,
  STATE_HOLDER_MASK,
  STATE_ORDER_MASK,
  ZoneFreeLists,
  type Kernel,
} from '@replug/core';
import { hotplug } from '@replug/hotplug';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { imageOf, kernelOf } from './unplug-image.ts';

const BLOCK = 32768;

/** A machine of 256 MiB that got two memory blocks, one of them movable. */
function grown(): Kernel {
  const kernel = createKernel({
    machine: parseMachineShorthand('x86-64,256M,cpus=2,spare=512M'),
    subsystems: [buddy(), hotplug()],
  });
  const memory = kernel.get(MemoryHotplug);
  memory.addMemory(0, 32 * BLOCK, 2 * BLOCK);
  memory.online(32, 'online_kernel');
  memory.online(33, 'online_movable');
  return kernel;
}

/** By pfn: `f` free or on a CPU's list, a class in hexadecimal where it is in use, ` ` where the allocator knows nothing. */
function pagesOf(kernel: Kernel): Map<number, string> {
  const { pages, zones, memory } = kernel.get(Core.Machine);
  const lists = kernel.get(ZoneFreeLists);
  const found = new Map<number, string>();
  let onCpuUntil = 0;
  for (const { start, end } of memory) {
    for (let pfn = start; pfn < end; pfn++) {
      const row = pages.pfnToRow(pfn);
      const holder = pages.state[row] & STATE_HOLDER_MASK;
      if (holder === PAGE_STATE.PCP) onCpuUntil = pfn + 2 ** (pages.state[row] & STATE_ORDER_MASK);
      const owned = holder === PAGE_STATE.ALLOCATED;
      const free = lists.freeHead(row) >= 0 || pfn < onCpuUntil;
      const use = free ? 'f' : owned ? pages.pageClass[row].toString(16) : ' ';
      found.set(pfn, `${zones.all[pages.zoneOf(row)].name} ${use}`);
    }
  }
  return found;
}

describe('an image', () => {
  it('has every page as the machine has it, whatever was allocated', () => {
    const step = fc.tuple(
      fc.constantFrom(GFP_MASKS.GFP_KERNEL, GFP_MASKS.GFP_HIGHUSER_MOVABLE),
      fc.nat(9),
      fc.boolean(),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        using kernel = grown();
        const allocator = kernel.get(PageAllocator);
        const held: (readonly [row: number, order: number])[] = [];
        for (const [gfp, order, free] of steps) {
          const last = free ? held.shift() : undefined;
          if (last !== undefined) allocator.free(last[0], last[1], 0);
          const row = allocator.alloc(gfp, order, 0);
          if (row >= 0) held.push([row, order]);
        }
        using copy = kernelOf(imageOf(kernel), [hotplug()]);
        expect(copy.validate()).toEqual([]);
        const was = pagesOf(kernel);
        const is = pagesOf(copy);
        expect(is.size).toBe(was.size);
        let differing = 0;
        for (const [pfn, text] of was) if (is.get(pfn) !== text) differing++;
        expect(differing).toBe(0);
      }),
      { numRuns: 3 },
    );
  });

  it('keeps zones, their sizes and the blocks that were added', () => {
    using kernel = grown();
    using copy = kernelOf(imageOf(kernel), [hotplug()]);
    const zonesOf = (one: Kernel) =>
      one
        .get(Core.Zones)
        .all.filter((zone) => zone.presentPages > 0)
        .map((z) => [z.name, z.startPfn, z.spannedPages, z.presentPages, z.managedPages]);
    expect(zonesOf(copy)).toEqual(zonesOf(kernel));
    expect(zonesOf(copy).slice(2)).toEqual([
      ['Normal', 32 * BLOCK, BLOCK, BLOCK, BLOCK],
      ['Movable', 33 * BLOCK, BLOCK, BLOCK, BLOCK],
    ]);
    expect(copy.get(MemoryHotplug).offline(33)).toMatchObject({ errno: 0, migrated: 0 });
    expect(copy.validate()).toEqual([]);
  });
});
