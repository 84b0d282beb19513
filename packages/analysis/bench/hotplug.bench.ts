/**
 * Hotplug over the buddy allocator: onlining 1 GiB to 1 TiB (REPLUG_GIB) in blocks of 128 MiB – time a block must not grow
 * with their number – with and without `batchUpdates`, and offlining one block of 128 MiB full of movable pages, single
 * pages that all migrate. Wall time, and CPU time with the system's part: the first touch of a column's memory is the kernel's.
 */
import { buddy } from '@replug/buddy';
import { Core, createKernel, GFP_MASKS, MemoryHotplug, PageAllocator, parseMachineShorthand } from '@replug/core';
import { hotplug } from '@replug/hotplug';

const BLOCK = 32_768;
/** Behind all boot memory. */
const FIRST = 1024;
const report = (name: string, figures: Readonly<Record<string, number>>): void => {
  const shown = Object.entries(figures).map(([k, v]) => `${k} ${Number.isInteger(v) ? v : v.toFixed(3)}`);
  console.log(`${name}: ${shown.join(', ')}`);
  console.log(JSON.stringify({ bench: name, ...figures }));
};

/** Milliseconds of CPU time so far, user and system. */
const cpu = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

const LARGEST = Number(process.env.REPLUG_GIB ?? 1024);
for (const batchUpdates of [false, true]) {
  for (let gib = 1; gib <= LARGEST; gib *= 32) {
    // The map of 1 TiB takes 16 GiB of what is there.
    const machine = parseMachineShorthand(`x86-64,32G,block=128M,cpus=4,spare=${gib}G`);
    using kernel = createKernel({
      machine,
      subsystems: [buddy(), hotplug({ defaultOnlineType: 'online_movable', batchUpdates })],
    });
    const blocks = gib * 8;
    const [began, cpuBegan] = [performance.now(), cpu()];
    const errno = kernel.get(MemoryHotplug).addMemory(0, FIRST * BLOCK, blocks * BLOCK);
    const [ms, cpuMs] = [performance.now() - began, cpu() - cpuBegan];
    const { presentPages } = kernel.get(Core.Zones).find(0, 'Movable')!;
    if (errno !== 0 || presentPages !== blocks * BLOCK)
      throw new Error(`${gib} GiB: ${errno}, present ${presentPages}`);
    report('hotplug-online', { gib, batch: Number(batchUpdates), ms, cpuMs, cpuUsPerBlock: (cpuMs * 1000) / blocks });
  }
}

{
  const machine = parseMachineShorthand('x86-64,2G,nodes=2,cpus=2,spare=128M');
  const times: number[] = [];
  for (let round = 0; round < 5; round++) {
    using kernel = createKernel({ machine, subsystems: [buddy(), hotplug({ defaultOnlineType: 'online_movable' })] });
    const memory = kernel.get(MemoryHotplug);
    const allocator = kernel.get(PageAllocator);
    memory.addMemory(0, FIRST * BLOCK, BLOCK);
    const zone = memory.blockZone(FIRST);
    const { pages } = kernel.get(Core.Machine);
    let inside = 0;
    while (allocator.freePages(zone) > 1024) {
      const row = allocator.alloc(GFP_MASKS.GFP_HIGHUSER_MOVABLE, 0, 0, 0);
      if (row < 0) break;
      if (pages.zoneOf(row) === zone) inside++;
      else break;
    }
    const began = cpu();
    const outcome = memory.offline(FIRST);
    times.push(cpu() - began);
    if (outcome.errno !== 0 || outcome.migrated !== inside) throw new Error(JSON.stringify({ ...outcome, inside }));
    if (round === 4) {
      const cpuMs = times.sort((a, b) => a - b)[2];
      report('hotplug-offline', { pages: inside, cpuMs, pagesPerSecond: Math.round((inside / cpuMs) * 1000) });
    }
  }
}
