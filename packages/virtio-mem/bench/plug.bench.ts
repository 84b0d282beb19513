/**
 * Plugging and unplugging in 2 MiB sub-blocks, 1 GiB to 1 TiB: the driver, the device and the protocol, on a memory core that
 * does nothing but keep block states. How the time grows tells that no step walks all blocks.
 *
 * Beside it the same number of requests as bytes to the device alone, which is the floor.
 */
import {
  ContiguousRanges,
  Core,
  createKernel,
  defineSubsystem,
  MEM,
  MemoryHotplug,
  memoryNotifyOf,
  OnlinePage,
  PageAllocator,
  parseMachineShorthand,
  Reclaimer,
  ZoneSizing,
} from '@replug/core';
import { virtioMem, VirtioMemToken } from '../src/index.ts';

const GiB = 2 ** 30;

/** A memory core without pages: every range can be had, blocks come and go at once. */
const nothing = () =>
  defineSubsystem({
    id: 'nothing',
    needs: { machine: Core.Machine, notifiers: Core.MemoryNotifiers },
    provides: {
      hotplug: MemoryHotplug,
      ranges: ContiguousRanges,
      sizing: ZoneSizing,
      allocator: PageAllocator,
      reclaimer: Reclaimer,
    },
    create: ({ machine, notifiers }, scope) => {
      const blockPages = machine.description.memoryBlockSize / 4096;
      const online = new Set<number>();
      let keep: OnlinePage = null;
      scope.onSeal(() => void (keep = scope.useSlot(OnlinePage)));
      const normal = machine.zones.find(0, 'Normal')!;
      const hotplug = {
        blockPages,
        addMemory: (_: number, start: number, pages: number) => {
          const per = 2 ** machine.pages.sectionShift;
          for (let pfn = start; pfn < start + pages; pfn += per) machine.pages.addSection(pfn / per);
          machine.pages.setZone(start, start + pages, normal.index);
          notifiers.call(MEM.GOING_ONLINE, memoryNotifyOf(start, pages));
          for (let pfn = start; pfn < start + pages; pfn += 1024) keep?.(machine.pages.pfnToRow(pfn), 10);
          online.add(start / blockPages);
          notifiers.call(MEM.ONLINE, memoryNotifyOf(start, pages));
          return 0;
        },
        offlineAndRemove: (start: number, pages: number) => {
          notifiers.call(MEM.GOING_OFFLINE, memoryNotifyOf(start, pages));
          online.delete(start / blockPages);
          notifiers.call(MEM.OFFLINE, memoryNotifyOf(start, pages));
          const per = 2 ** machine.pages.sectionShift;
          for (let pfn = start; pfn < start + pages; pfn += per) machine.pages.removeSection(pfn / per);
          return { errno: 0 };
        },
        registerGroup: () => 1,
        unregisterGroup: () => 0,
        blockState: (id: number) => (online.has(id) ? 'online' : undefined),
      } as unknown as MemoryHotplug;
      const ranges = {
        // Whole blocks are refused, so that every sub-block is a request of its own.
        alloc: (start: number, end: number) => ({ errno: end - start > 512 ? -16 : 0, migrated: 0, reclaimed: 0 }),
        free: () => undefined,
        unmovable: () => undefined,
      } as unknown as ContiguousRanges;
      return {
        hotplug,
        ranges,
        sizing: { adjustManaged: () => undefined } as unknown as ZoneSizing,
        allocator: { release: () => undefined, isFree: () => true, freePages: () => 0 } as unknown as PageAllocator,
        reclaimer: { reclaim: () => 0, dropSlab: () => 0, dropSlabIn: () => 0 },
      };
    },
  });

const figures: { gib: number; plug: number; unplug: number }[] = [];
for (const gib of [1, 16, 256, 1024]) {
  const kernel = createKernel({
    machine: parseMachineShorthand(`x86-64,2G,spare=${gib}G,block=128M`),
    subsystems: [nothing(), virtioMem({ devices: [{ id: 'vm0', size: gib * GiB, requestedSize: 0 }] })],
  });
  const mem = kernel.get(VirtioMemToken);
  const device = mem.host.device('vm0')!;
  const run = (bytes: number): number => {
    const since = performance.now();
    device.setRequestedSize(bytes);
    kernel.clock.advance(0);
    const ms = performance.now() - since;
    if (device.size !== bytes) throw new Error(`${device.size} of ${bytes} bytes`);
    return ms;
  };
  kernel.clock.advance(0);
  const plug = run(gib * GiB);
  const unplug = run(0);
  figures.push({ gib, plug, unplug });
  console.log(
    `${gib} GiB: plugged in ${plug.toFixed(1)} ms, unplugged in ${unplug.toFixed(1)} ms by ${gib * 512} requests`,
  );
  kernel.dispose();
}
const first = figures[0];
const last = figures.at(-1)!;
console.log(
  JSON.stringify({
    bench: 'virtio-mem 1 TiB in 2 MiB sub-blocks',
    'plug ms': last.plug,
    'unplug ms': last.unplug,
    'goal ms': 10_000,
    'ns a sub-block': ((last.plug + last.unplug) * 1e6) / (1024 * 512),
    'growth over linear': (last.plug + last.unplug) / (first.plug + first.unplug) / 1024,
  }),
);
