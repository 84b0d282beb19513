/**
 * What the preview says before each step of a random run, held against what the step then does. The normal suite runs a
 * hundred sequences, the slow one thousands.
 */
import {
  AllocatorPreview,
  Core,
  createKernel,
  GFP,
  GFP_MASKS,
  gfpMigratetype,
  PageAllocator,
  ZoneFreeLists,
  type Kernel,
  type KernelProfile,
} from '@replug/core';
import { sizeLists, smallMachine } from '@replug/core/testing';
import fc from 'fast-check';
import { buddy } from './plugin.ts';

const GFPS = [GFP_MASKS.GFP_KERNEL, GFP_MASKS.GFP_HIGHUSER_MOVABLE, GFP_MASKS.GFP_KERNEL | GFP.RECLAIMABLE];

type Step =
  | { readonly kind: 'alloc'; readonly gfp: number; readonly order: number; readonly cpu: number }
  | { readonly kind: 'free'; readonly pick: number; readonly cpu: number };

const cpu = fc.nat(1);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('alloc' as const),
      gfp: fc.constantFrom(...GFPS),
      order: fc.constantFrom(0, 0, 0, 0, 1, 2, 3, 5, 8, 9),
      cpu,
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('free' as const), pick: fc.nat(1 << 20), cpu }) },
);

/** Events of one request: first pages of blocks taken with zone_locked, of blocks chosen by fallbacks. */
function watch(kernel: Kernel) {
  const taken: number[] = [];
  const chosen: number[] = [];
  const pages = kernel.get(Core.Pages);
  kernel.tracepoints.mm_page_alloc_zone_locked.on((pfn) => taken.push(pages.pfnToRow(pfn)));
  kernel.tracepoints.mm_page_alloc_extfrag.on((pfn) => chosen.push(pages.pfnToRow(pfn)));
  return { taken, chosen };
}

function same(actual: number, expected: number, what: string): void {
  if (actual !== expected) throw new Error(`${what}: the preview said ${expected}, the allocator took ${actual}`);
}

/** How often each answer was held against something. */
export interface Asked {
  listed: number;
  refills: number;
  own: number;
  fallbacks: number;
}

/** Random requests and frees: each request is served as the preview says. Returns how often each answer was tried. */
export function previewProperty(profile: KernelProfile, runs: number): Asked {
  const asked: Asked = { listed: 0, refills: 0, own: 0, fallbacks: 0 };
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 160 }), fc.constantFrom(1, 3, 8), (steps, batch) => {
      using kernel = createKernel({
        // A maximal block and a pageblock: soon there are only small blocks to fall back to.
        machine: smallMachine({ profile, pages: 1536 }),
        subsystems: [buddy()],
      });
      sizeLists(kernel, batch, 4 * batch);
      const allocator = kernel.get(PageAllocator);
      const blocks: { row: number; order: number }[] = [];
      const events = watch(kernel);
      for (const s of steps) {
        if (s.kind === 'alloc') {
          const row = request(kernel, s, events, asked);
          if (row >= 0) blocks.push({ row, order: s.order });
        } else if (blocks.length > 0) {
          const [{ row, order }] = blocks.splice(s.pick % blocks.length, 1);
          allocator.free(row, order, s.cpu);
        }
      }
    }),
    { numRuns: runs, seed: 20230215, endOnFailure: true },
  );
  return asked;
}

function request(
  kernel: Kernel,
  { gfp, order, cpu: on }: Extract<Step, { kind: 'alloc' }>,
  { taken, chosen }: ReturnType<typeof watch>,
  asked: Asked,
): number {
  const preview = kernel.get(AllocatorPreview);
  const lists = kernel.get(ZoneFreeLists);
  const zone = kernel.get(Core.Zones).all.find((z) => z.populated)!.index;
  const type = gfpMigratetype(gfp);
  const listed = preview.hasCpuList(order, type);
  const first = listed ? preview.firstOnCpu(zone, on, order, type) : -1;
  const own = preview.firstFree(zone, order, type);
  const foreign = preview.fallbackBlock(zone, order, type);
  const most = listed ? preview.refillBlocks(zone, on, order) : 1;
  const before = lists.cpuCount(zone, on);
  taken.length = chosen.length = 0;
  const row = kernel.get(PageAllocator).alloc(gfp, order, on);
  if (row < 0) return row;
  if (first >= 0) {
    asked.listed++;
    same(row, first, 'first of the list');
    return row;
  }
  if (own >= 0) {
    asked.own++;
    same(taken[0] ?? row, own, 'first free block');
    if (!listed) same(row, own, 'block got');
  } else {
    asked.fallbacks++;
    same(chosen[0], foreign, 'block to fall back to');
  }
  if (!listed) return row;
  const blocks = (lists.cpuCount(zone, on) - before) / (1 << order) + 1;
  // A refill without blocks of its own type may end early, and is tried twice where the first try must not fall back.
  const ranOut = chosen.length > 0 || preview.firstFree(zone, order, type) < 0;
  if (!ranOut) {
    asked.refills++;
    same(blocks, most, 'blocks of a refill');
  }
  return row;
}
