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

interface Time {
  readonly wall: number;
  readonly cpu: number;
}

const cpuMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};
const text = ({ wall, cpu }: Time): string => `${wall.toFixed(1)} ms (${cpu.toFixed(1)} ms of CPU time)`;
const figures: { gib: number; plug: Time; unplug: Time }[] = [];
for (const gib of [1, 16, 256, 1024]) {
  const kernel = createKernel({
    machine: parseMachineShorthand(`x86-64,2G,spare=${gib}G,block=128M`),
    subsystems: [nothing(), virtioMem({ devices: [{ id: 'vm0', size: gib * GiB, requestedSize: 0 }] })],
  });
  const mem = kernel.get(VirtioMemToken);
  const device = mem.host.device('vm0')!;
  const run = (bytes: number): Time => {
    const since = performance.now();
    const cpuSince = cpuMs();
    device.setRequestedSize(bytes);
    kernel.clock.advance(0);
    const time = { wall: performance.now() - since, cpu: cpuMs() - cpuSince };
    if (device.size !== bytes) throw new Error(`${device.size} of ${bytes} bytes`);
    return time;
  };
  kernel.clock.advance(0);
  const plug = run(gib * GiB);
  const unplug = run(0);
  figures.push({ gib, plug, unplug });
  console.log(`${gib} GiB: plugged in ${text(plug)}, unplugged in ${text(unplug)} by ${gib * 512} requests`);
  kernel.dispose();
}
const total = ({ plug, unplug }: (typeof figures)[number], of: keyof Time): number => plug[of] + unplug[of];
const first = figures[0];
const last = figures.at(-1)!;
console.log(
  JSON.stringify({
    bench: 'virtio-mem 1 TiB in 2 MiB sub-blocks',
    'plug ms': last.plug.wall,
    'unplug ms': last.unplug.wall,
    'CPU ms': total(last, 'cpu'),
    'goal ms': 10_000,
    'ns a sub-block': (total(last, 'wall') * 1e6) / (1024 * 512),
    'growth over linear': total(last, 'wall') / total(first, 'wall') / 1024,
  }),
);
