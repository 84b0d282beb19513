/**
 * What the pages of the step before cannot tell, in the one capture whose trace of these steps is not kept: why the reached size
 * of a device lies outside the interval in one step, and what the sub-blocks are that the lower figure has otherwise in the
 * other.
 */
import { Core, PAGE_CLASS, PAGE_STATE, PageAllocator, STATE_HOLDER_MASK } from '@replug/core';
import { isBuddy, KPF, type PageFlags } from '@replug/workload';
import { describe, expect, it } from 'vitest';
import { nameOf, shared } from './captures.spec-kit.ts';
import {
  blocksOf,
  onlineTypeOf,
  openSteps,
  pluggedMiB,
  pluggedSubBlocks,
  recordedBlocks,
  recordedSubBlocks,
  recordedZones,
  request,
  SB,
  scenarioAt,
  settle,
  zonesOf,
  type Scenario,
} from './virtio-mem.spec-kit.ts';

const MiB = 2 ** 20;

/** Gives pages of anonymous memory back, spread evenly over all of it. */
function giveBack({ kernel }: Scenario, count: number): void {
  const { pages } = kernel.get(Core.Machine);
  const rows: number[] = [];
  for (const section of pages.sections()) {
    const first = pages.pfnToRow(section * 2 ** pages.sectionShift);
    for (let row = first; row < first + 2 ** pages.sectionShift; row++) {
      const allocated = (pages.state[row] & STATE_HOLDER_MASK) === PAGE_STATE.ALLOCATED;
      if (allocated && pages.pageClass[row] === PAGE_CLASS.LRU_ANON) rows.push(row);
    }
  }
  for (let i = 0; i < count; i++) kernel.get(PageAllocator).free(rows[Math.floor((i * rows.length) / count)], 0, 0);
}

/** Free, slab and flagless pages of a sub-block. */
function pagesIn({ low, high }: PageFlags, pfn: number): { free: number; slab: number; none: number } {
  const found = { free: 0, slab: 0, none: 0 };
  for (let at = pfn; at < pfn + SB; at++) {
    if (isBuddy(low[at])) found.free++;
    else if ((low[at] & (2 ** KPF.SLAB)) !== 0) found.slab++;
    else if (low[at] === 0 && high[at] === 0) found.none++;
  }
  return found;
}

const path = shared.find((folder) => nameOf(folder) === 'x86_64-6.12-virtio-mem-online-heavy');
describe.skipIf(path === undefined)('x86_64-6.12-virtio-mem-online-heavy', () => {
  it('to 64 MiB: with what the load gave back meanwhile, sizes, blocks and zones are the real ones', async () => {
    const recording = await openSteps(path!);
    const [step, after] = recording.steps.slice(3, 5);
    expect([step, after].map(({ meminfo }) => meminfo!.AnonPages)).toEqual([890272, 612260]);
    const scenario = scenarioAt(recording, step, onlineTypeOf(path!), 1024 * MiB);
    settle(scenario, step, 'free');
    giveBack(scenario, (890272 - 612260) / 4);
    request(scenario, 64 * MiB);
    expect(pluggedMiB(scenario)).toEqual([64, 64]);
    expect(zonesOf(scenario)).toEqual(recordedZones(after));
    expect(blocksOf(scenario)).toEqual(recordedBlocks(path!, after));
    expect(scenario.kernel.validate()).toEqual([]);
    scenario.kernel.dispose();
  });

  it('to 0: the sub-blocks that differ changed hands after the flags were read, or hold a memmap', async () => {
    const recording = await openSteps(path!);
    const [step, after] = recording.steps.slice(6, 8);
    const scenario = scenarioAt(recording, step, onlineTypeOf(path!), 1024 * MiB);
    settle(scenario, step, 'free');
    request(scenario, 0);
    const model = new Set(pluggedSubBlocks(scenario));
    const flags = [step.pageFlags()!, after.pageFlags()!];
    const real = new Set(recordedSubBlocks(flags[1]));
    const differ = [...new Set([...model, ...real])].sort().filter((pfn) => model.has(pfn) !== real.has(pfn));
    expect(
      differ.map((pfn) => {
        const [then, later] = flags.map((words) => pagesIn(words, pfn));
        return [real.has(pfn) ? 'stays' : 'goes', pfn / SB - 4096 / 2, then, later];
      }),
    ).toEqual([
      // Ten slab pages were freed in time.
      ['goes', 16, { free: 384, slab: 10, none: 12 }, { free: 0, slab: 0, none: 0 }],
      // All free; the kernel took slab pages there before the driver came.
      ['stays', 46, { free: 512, slab: 0, none: 0 }, { free: 480, slab: 1, none: 31 }],
      ['stays', 48, { free: 512, slab: 0, none: 0 }, { free: 499, slab: 8, none: 5 }],
      ['stays', 53, { free: 512, slab: 0, none: 0 }, { free: 416, slab: 2, none: 94 }],
      // One block of 512 pages without flags, as memmaps are; taken for that of memory block 41, which stayed.
      ['stays', 512 + 16, { free: 0, slab: 0, none: 512 }, { free: 0, slab: 0, none: 512 }],
    ]);
    scenario.kernel.dispose();
  });
});
