/**
 * The letter's future work on the real allocator and the real hotplug: each option does what it says, beside a guest without it.
 * How they compare on a recorded guest is in virtio-mem-future.slow.spec.ts, driver alone in virtio-mem/src/driver/future.spec.ts.
 */
import { buddy } from '@replug/buddy';
import {
  Core,
  createKernel,
  GFP,
  GFP_MASKS,
  PAGE_CLASS,
  PageAllocator,
  parseMachineShorthand,
  type Kernel,
} from '@replug/core';
import { hotplug, type HotplugOptions } from '@replug/hotplug';
import { virtioMem, VirtioMemToken, type FutureWork } from '@replug/virtio-mem';
import { describe, expect, it } from 'vitest';

const MiB = 2 ** 20;
const PAGE = 4096;

interface Guest extends Partial<HotplugOptions> {
  readonly machine?: string;
  readonly requested?: string;
  readonly future?: FutureWork;
}

/** 1 GiB and a device of 2 GiB at 4 GiB. */
function make({ machine = 'x86-64,1G', requested = '256M', future, ...settings }: Guest): Kernel {
  const kernel = createKernel({
    machine: parseMachineShorthand(`${machine},spare=4G`),
    subsystems: [
      buddy(),
      hotplug({ defaultOnlineType: 'online', ...settings }),
      virtioMem({ devices: [{ id: 'vm0', size: '2G', requestedSize: requested }], future }),
    ],
  });
  kernel.clock.advance(0);
  expect(kernel.validate()).toEqual([]);
  return kernel;
}

function request(kernel: Kernel, mib: number): number {
  const device = kernel.get(VirtioMemToken).host.device('vm0')!;
  device.setRequestedSize(mib * MiB);
  kernel.clock.advance(0);
  expect(kernel.validate()).toEqual([]);
  return device.size / MiB;
}

const resources = (kernel: Kernel): string[] =>
  kernel
    .read('/proc/iomem')
    .split('\n')
    .filter((line) => line.includes('System RAM (virtio_mem)'))
    .map((line) => line.trim());
const zonesOfBlocks = (kernel: Kernel, first: number, count: number): string[] =>
  Array.from({ length: count }, (_, i) =>
    kernel.read(`/sys/devices/system/memory/memory${first + i}/valid_zones`).trim(),
  );

describe('fewer resources', () => {
  it('one entry for the device, or one for each memory block', () => {
    using merged = make({});
    using plain = make({ future: { mergeResources: false } });
    expect(resources(merged)).toEqual(['100000000-10fffffff : System RAM (virtio_mem)']);
    expect(resources(plain)).toEqual([
      '100000000-107ffffff : System RAM (virtio_mem)',
      '108000000-10fffffff : System RAM (virtio_mem)',
    ]);
  });
});

describe('memmap from the added memory', () => {
  it('takes nothing from the node when memory is added', () => {
    const taken = (future: FutureWork): number => {
      using kernel = make({ requested: '0', memmapOnMemory: 'enable', future });
      const zone = kernel.get(Core.Zones).find(0, 'DMA32')!.index;
      const allocator = kernel.get(PageAllocator);
      const before = allocator.freePages(zone);
      request(kernel, 128);
      return before - allocator.freePages(zone);
    };
    // 32768 pages of 64 bytes are 512 pages.
    expect(taken({})).toBeGreaterThanOrEqual(512);
    expect(taken({ memmapOnMemory: true })).toBeLessThan(64);
  });
});

describe('ZONE_PREFER_MOVABLE', () => {
  const prefer = { machine: 'x86-64,1G,prefer_movable', requested: '640M', preferMovableRatio: 4 } as const;

  it('gets four blocks for each of Normal', () => {
    using kernel = make({ ...prefer, future: { preferMovable: true } });
    expect(zonesOfBlocks(kernel, 32, 5)).toEqual(['Normal', ...Array.from({ length: 4 }, () => 'PreferMovable')]);
  });

  it('keeps kernel memory together, so that most memory blocks can be removed', () => {
    /** Memory blocks that stay of five when the host asks for nothing: an eighth of the device's memory is the kernel's. */
    const staying = (guest: Guest): number => {
      using kernel = make(guest);
      const allocator = kernel.get(PageAllocator);
      const { pages } = kernel.get(Core.Machine);
      const movable: number[] = [];
      for (let i = 0; i < 280; i++) {
        const isKernel = i % 8 === 0;
        const row = allocator.alloc(isKernel ? GFP_MASKS.GFP_KERNEL : GFP_MASKS.GFP_HIGHUSER_MOVABLE, 9, 0, 0);
        pages.pageClass.fill(isKernel ? PAGE_CLASS.KERNEL : PAGE_CLASS.THP, row, row + 512);
        if (!isKernel) movable.push(row);
      }
      for (const row of movable) allocator.free(row, 9, 0);
      request(kernel, 0);
      return kernel.list('/sys/devices/system/memory').filter((name) => /^memory3[2-6]$/.test(name)).length;
    };
    expect(staying({ requested: '640M' })).toBe(5);
    expect(staying({ ...prefer, future: { preferMovable: true } })).toBe(1);
  });
});

describe('drop_slab before unplug', () => {
  it.each([
    ['not', undefined],
    ['once', 'once'],
    ['for each range', 'range'],
  ] as const)('%s', (_, dropSlab) => {
    using kernel = make({ requested: '128M', future: { dropSlab } });
    const allocator = kernel.get(PageAllocator);
    const { pages } = kernel.get(Core.Machine);
    const normal = kernel.get(Core.Zones).find(0, 'Normal')!.index;
    // A reclaimable slab page in each 2 MiB: every page of the zone, of which one in 512 is kept.
    const rows: number[] = [];
    for (;;) {
      const row = allocator.alloc(GFP_MASKS.GFP_KERNEL | GFP.RECLAIMABLE, 0, 0, 0);
      if (row < 0 || pages.zoneOf(row) !== normal) {
        if (row >= 0) allocator.free(row, 0, 0);
        break;
      }
      rows.push(row);
    }
    const kept = new Set<number>();
    for (const row of rows) {
      const sb = Math.floor(pages.rowToPfn(row) / 512);
      if (kept.has(sb)) allocator.free(row, 0, 0);
      else {
        kept.add(sb);
        pages.pageClass[row] = PAGE_CLASS.SLAB;
      }
    }
    expect(kept.size).toBeGreaterThanOrEqual(60);
    expect(request(kernel, 0)).toBe(dropSlab === undefined ? 2 * kept.size : 0);
  });
});

describe('an OOM handler that plugs', () => {
  it('an allocation that finds nothing makes the device grow, up to the limit', () => {
    const served = (future: FutureWork): { mib: number; plugged: number } => {
      using kernel = make({ requested: '128M', future });
      const allocator = kernel.get(PageAllocator);
      let pages = 0;
      while (allocator.alloc(GFP_MASKS.GFP_HIGHUSER_MOVABLE, 9, 0, 0) >= 0) pages += 512;
      expect(kernel.validate()).toEqual([]);
      return {
        mib: (pages * PAGE) / MiB,
        plugged: kernel.get(VirtioMemToken).host.device('vm0')!.size / MiB,
      };
    };
    const plain = served({});
    const growing = served({ oomPlugs: { step: '128M', limit: '512M' } });
    expect(plain.plugged).toBe(128);
    expect(growing.plugged).toBe(512);
    // Three blocks more, without their memmaps and marks.
    expect(growing.mib - plain.mib).toBeGreaterThan(350);
    expect(growing.mib - plain.mib).toBeLessThanOrEqual(384);
  });

  it.each([
    ['x86-64,1G', true, [128, 128, 128, 128]],
    ['x86-64,2G', true, [128, 128, 128, 128]],
    // The node is below its min marks when it is asked again: there is no room for another block's memmap.
    ['x86-64,2G', false, [128]],
  ])('%s, memmap on memory %s: %j MiB, step by step', (machine, memmapOnMemory, expected) => {
    const oomPlugs = { step: '128M', limit: '512M' };
    using kernel = make({
      machine,
      requested: '0',
      memmapOnMemory: 'enable',
      future: { oomPlugs, memmapOnMemory },
    });
    const allocator = kernel.get(PageAllocator);
    const device = kernel.get(VirtioMemToken).host.device('vm0')!;
    const steps: number[] = [];
    // An allocation whose zonelist had no such zone yet may fail; the next one finds it.
    for (let failed = 0; failed < 2;) {
      const before = device.size;
      failed = allocator.alloc(GFP_MASKS.GFP_HIGHUSER_MOVABLE, 9, 0, 0) >= 0 ? 0 : failed + 1;
      if (device.size !== before) steps.push((device.size - before) / MiB);
    }
    expect(steps).toEqual(expected);
    expect(kernel.validate()).toEqual([]);
  });
});
