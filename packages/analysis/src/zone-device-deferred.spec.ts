/** Boot memory whose struct pages come late: the engine of zone-device with the real allocator. */
import { buddy } from '@replug/buddy';
import { Core, createKernel, GFP_MASKS, PageAllocator, parseMachineShorthand, type Kernel } from '@replug/core';
import { deferredInit, DeferredMemory } from '@replug/zone-device';
import { describe, expect, it } from 'vitest';

const MACHINE = () => parseMachineShorthand('x86-64,4G,nodes=2,cpus=8');
const SECTION = 32768;

const late = (barrier: boolean): Kernel =>
  createKernel({ machine: MACHINE(), subsystems: [buddy({ start: 'nothing' }), deferredInit({ barrier })] });
const counts = (kernel: Kernel) =>
  kernel.get(Core.Zones).all.map((z) => [z.name, z.managedPages, kernel.get(PageAllocator).freePages(z.index)]);

describe('deferred struct page init', () => {
  it('ends where a boot that hands everything over ends', () => {
    using deferred = late(true);
    using plain = createKernel({ machine: MACHINE(), subsystems: [buddy()] });
    expect(counts(deferred)).toEqual(counts(plain));
    expect(deferred.read('/proc/buddyinfo')).toBe(plain.read('/proc/buddyinfo'));
    expect(deferred.read('/proc/zoneinfo')).toBe(plain.read('/proc/zoneinfo'));
    expect(deferred.validate()).toEqual([]);
    const said = deferred.log.lines().map((l) => l.text);
    expect(said).toHaveLength(2);
    expect(said[0]).toMatch(/^node 0 deferred pages initialised in \d+ms$/);
  });

  it('begins with low zones and one section of the highest zone of each node', () => {
    using kernel = late(false);
    const zones = kernel.get(Core.Zones).all.filter((z) => z.spannedPages > 0);
    const managed = new Map(zones.map((z) => [`${z.nid} ${z.name}`, z.managedPages]));
    // Node 0 ends in DMA32, node 1 in Normal: all but the first section of these waits.
    const { early } = kernel.get(DeferredMemory).handedOver;
    expect(early).toBe([...managed.values()].reduce((a, b) => a + b, 0));
    expect(managed.get('1 Normal')).toBeLessThanOrEqual(SECTION);
    expect(kernel.get(DeferredMemory).pending).toBe(true);
  });

  it('grows a zone on demand, section by section, before the threads are there', () => {
    using kernel = late(false);
    const allocator = kernel.get(PageAllocator);
    const zone = kernel.get(Core.Zones).find(1, 'Normal')!;
    const before = zone.managedPages;
    let got = 0;
    while (got < 2 * SECTION && allocator.alloc(GFP_MASKS.GFP_HIGHUSER_MOVABLE, 10, 4, 1) >= 0) got += 1024;
    expect(got).toBe(2 * SECTION);
    expect(zone.managedPages).toBeGreaterThan(before);
    expect((zone.managedPages - before) % SECTION).toBe(0);
    const { grown } = kernel.get(DeferredMemory).handedOver;
    expect(grown).toBe(zone.managedPages - before);
    expect(kernel.clock.now).toBeGreaterThan(0);
    expect(kernel.validate()).toEqual([]);
    kernel.get(DeferredMemory).startThreads();
    kernel.get(DeferredMemory).finish();
    using plain = createKernel({ machine: MACHINE(), subsystems: [buddy()] });
    expect(counts(kernel).map(([, m]) => m)).toEqual(counts(plain).map(([, m]) => m));
    expect(kernel.get(DeferredMemory).grow(zone.index, 0)).toBe(false);
  });

  it('while threads are at it, an allocation that finds too little waits for a piece', () => {
    using kernel = late(false);
    const deferred = kernel.get(DeferredMemory);
    const zone = kernel.get(Core.Zones).find(1, 'Normal')!;
    deferred.startThreads();
    const since = kernel.clock.now;
    const before = zone.managedPages;
    expect(deferred.grow(zone.index, 10)).toBe(true);
    expect(kernel.clock.now).toBeGreaterThan(since);
    expect(zone.managedPages).toBeGreaterThan(before);
    deferred.finish();
    expect(kernel.validate()).toEqual([]);
  });

  it('a node of less than a section has nothing late', () => {
    using kernel = createKernel({
      machine: parseMachineShorthand('x86-64,64M'),
      subsystems: [buddy({ start: 'nothing' }), deferredInit()],
    });
    expect(kernel.gauges()['deferred-init.late']).toBe(0);
    expect(kernel.log.lines()).toEqual([]);
  });
});
