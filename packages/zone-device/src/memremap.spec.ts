import { Core, PAGE_CLASS, parseMachineShorthand } from '@replug/core';
import { describe, expect, it } from 'vitest';
import { VmemAltmap } from './altmap.ts';
import { MEMORY_DEVICE, type DevPagemap } from './dev-pagemap.ts';
import { deviceKernel, GiB, machineWithRoom, MiB } from './device.spec-kit.ts';
import { MemremapError } from './errors.ts';

/** A device behind the RAM of a small machine (0x100000..0x101000), at a section's start. */
const AT = 0x108000;
const pmem = (pages = 65536, start = AT): DevPagemap => ({
  type: MEMORY_DEVICE.FS_DAX,
  ranges: [{ start, end: start + pages }],
});
const driver = { pageFree: () => undefined, migrateToRam: () => undefined };

describe('a mapped device', () => {
  it('spans ZONE_DEVICE, counts nowhere, and pays 1/64 of its pages as memmap', () => {
    using it = deviceKernel(machineWithRoom(GiB));
    const { kernel, maps } = it;
    const before = kernel.stateHash();
    const live = maps.memremap(pmem(), 0);
    const zone = kernel.get(Core.Zones).find(0, 'Device')!;
    expect([zone.startPfn, zone.spannedPages, zone.presentPages, zone.managedPages]).toEqual([AT, 65536, 0, 0]);
    expect(kernel.gauges()['bump.used']).toBe(1024);
    expect(maps.memmapPages()).toEqual({ memory: 1024, device: 0 });
    const pages = kernel.get(Core.Pages);
    expect(pages.pageClass[pages.pfnToRow(AT + 65535)]).toBe(PAGE_CLASS.DEVICE);
    expect([maps.typeOf(AT), maps.typeOf(AT + 65536), maps.pageCount(AT + 1)]).toEqual([3, 0, 1]);
    expect(live.refs).toBe(1 + 65536);
    expect(kernel.validate()).toEqual([]);
    maps.memunmap(live);
    // 6.12 never shrinks the zone of device memory: its span is all that stays.
    expect([zone.startPfn, zone.spannedPages]).toEqual([AT, 65536]);
    Object.assign(zone, { startPfn: 0, spannedPages: 0 });
    expect(kernel.stateHash()).toBe(before);
  });

  it('costs 65,536 times the price of a struct page and two blocks of memmap', () => {
    using it = deviceKernel(machineWithRoom(GiB));
    it.maps.memremap(pmem(), 0);
    expect(it.kernel.clock.now).toBeCloseTo(65536 * 43.5 + 2 * 1000, 3);
  });

  it('counts users of its pages, tells the owner of the last, and cannot go before', () => {
    using it = deviceKernel(machineWithRoom(GiB));
    const freed: number[] = [];
    const live = it.maps.memremap({ ...pmem(), ops: { pageFree: (pfn) => void freed.push(pfn) } }, 0);
    it.maps.getPage(AT + 7);
    it.maps.getPage(AT + 7);
    expect(it.maps.pageCount(AT + 7)).toBe(3);
    expect(() => it.maps.memunmap(live)).toThrow(/RP2431/);
    it.maps.putPage(AT + 7);
    expect(freed).toEqual([]);
    it.maps.putPage(AT + 7);
    expect(freed).toEqual([AT + 7]);
    expect(() => it.maps.putPage(AT + 7)).toThrow(/RP2433/);
    expect(() => it.maps.getPage(AT - 1)).toThrow(/RP2432/);
    it.maps.memunmap(live);
    expect(() => it.maps.memunmap(live)).toThrow(/RP2430/);
  });

  it('private and coherent pages begin unused, tails of compound pages too', () => {
    using it = deviceKernel(machineWithRoom(GiB));
    const owner = {};
    const live = it.maps.memremap({ ...pmem(), type: MEMORY_DEVICE.PRIVATE, ops: driver, owner }, 0);
    expect([it.maps.pageCount(AT), live.refs]).toEqual([0, 1]);
    const huge = it.maps.memremap({ ...pmem(65536, AT + 65536), type: MEMORY_DEVICE.GENERIC, vmemmapShift: 9 }, 0);
    expect([it.maps.pageCount(AT + 65536), it.maps.pageCount(AT + 65537), huge.refs]).toEqual([1, 0, 1 + 128]);
    // 128 compound pages keep two pages of vmemmap each; the private memory has two blocks of 512.
    expect(it.maps.memmapPages().memory).toBe(1024 + 256);
    expect(it.kernel.validate()).toEqual([]);
  });

  it('shares a section with RAM: the boot memmap is reused, and the section is as it was afterwards', () => {
    using it = deviceKernel(machineWithRoom(GiB));
    const before = it.kernel.stateHash();
    const start = 0x101000; // 2 MiB steps behind the 16 MiB of RAM, the same section
    const live = it.maps.memremap(pmem(1024, start), 0);
    expect(it.kernel.gauges()['bump.used']).toBe(0);
    const other = it.maps.memremap(pmem(512, start + 2048), 0);
    expect(it.kernel.validate()).toEqual([]);
    it.maps.memunmap(live);
    it.maps.memunmap(other);
    Object.assign(it.kernel.get(Core.Zones).find(0, 'Device')!, { startPfn: 0, spannedPages: 0 });
    expect(it.kernel.stateHash()).toBe(before);
  });

  it('puts its memmap on the device where it has set pages aside', () => {
    using it = deviceKernel(machineWithRoom(GiB));
    const altmap = new VmemAltmap({ basePfn: AT, reserve: 2, free: 1534 });
    const live = it.maps.memremap({ ...pmem(), altmap }, 0);
    expect([altmap.alloc, altmap.align, altmap.nrFree]).toEqual([1024, 510, 0]);
    expect(it.kernel.gauges()['bump.used']).toBe(0);
    expect(live.refs).toBe(1 + 65536 - 1536);
    it.maps.memunmap(live);
    expect(altmap.alloc).toBe(0);
  });
});

/** One row of the table of refusals: what is asked, the kernel's errno and the code. */
const REFUSALS: readonly (readonly [string, string, `RP${number}`, DevPagemap])[] = [
  ['no ranges', 'EINVAL', 'RP2401', { ...pmem(), ranges: [] }],
  [
    'private without migrate_to_ram',
    'EINVAL',
    'RP2402',
    { ...pmem(), type: 1, ops: { pageFree: driver.pageFree }, owner: {} },
  ],
  [
    'private without page_free',
    'EINVAL',
    'RP2402',
    { ...pmem(), type: 1, ops: { migrateToRam: driver.migrateToRam }, owner: {} },
  ],
  ['private without owner', 'EINVAL', 'RP2402', { ...pmem(), type: 1, ops: driver }],
  ['coherent without page_free', 'EINVAL', 'RP2403', { ...pmem(), type: 2, owner: {} }],
  ['coherent without owner', 'EINVAL', 'RP2403', { ...pmem(), type: 2, ops: driver }],
  ['an end inside System RAM', 'ENXIO', 'RP2407', pmem(32768, 0x100800)],
  ['all of it System RAM', 'ENXIO', 'RP2407', pmem(512, 0x100000)],
  ['beyond what can be mapped', 'EINVAL', 'RP2408', pmem(32768, 2 ** 34 - 512)],
  ['not at a sub-section', 'EINVAL', 'RP2410', pmem(512, AT + 1)],
  ['half a sub-section', 'EINVAL', 'RP2410', pmem(256)],
  [
    'an altmap of another start',
    'EINVAL',
    'RP2412',
    { ...pmem(), altmap: new VmemAltmap({ basePfn: 0, reserve: 2, free: 1534 }) },
  ],
  [
    'an altmap longer than the device',
    'EINVAL',
    'RP2412',
    { ...pmem(512), altmap: new VmemAltmap({ basePfn: AT, reserve: 2, free: 1534 }) },
  ],
  [
    'an altmap without slack for alignment',
    'ENOMEM',
    'RP2413',
    { ...pmem(), altmap: new VmemAltmap({ basePfn: AT, reserve: 2, free: 1024 }) },
  ],
  ['an empty range', 'EINVAL', 'RP2417', pmem(0)],
  ['a compound order that does not divide it', 'EINVAL', 'RP2418', { ...pmem(512), vmemmapShift: 18 }],
];

describe('what memremap() refuses', () => {
  it.each(REFUSALS)('%s: -%s, %s, and nothing has changed', (_, errno, code, pagemap) => {
    using it = deviceKernel(machineWithRoom(GiB));
    const before = [it.kernel.stateHash(), it.kernel.contractHash()];
    const error = refused(() => it.maps.memremap(pagemap, 0));
    expect([error.errno, error.code]).toEqual([errno, code]);
    expect([it.kernel.stateHash(), it.kernel.contractHash()]).toEqual(before);
    expect(it.maps.mapped).toEqual([]);
    expect(it.kernel.log.lines().at(-1)?.level).toBe('warn');
  });

  it('private memory and file system DAX where the kernel is built without: -EINVAL', () => {
    using it = deviceKernel(machineWithRoom(GiB), { devicePrivate: false, fsDaxLimited: true });
    const before = it.kernel.stateHash();
    expect(refused(() => it.maps.memremap({ ...pmem(), type: 1, ops: driver, owner: {} }, 0)).code).toBe('RP2402');
    expect(refused(() => it.maps.memremap(pmem(), 0)).code).toBe('RP2404');
    expect(it.kernel.stateHash()).toBe(before);
  });

  it('a start or an end inside another pagemap: -ENOMEM', () => {
    using it = deviceKernel(machineWithRoom(GiB));
    it.maps.memremap(pmem(65536, AT + 65536), 0);
    const before = it.kernel.stateHash();
    for (const other of [pmem(512, AT + 131072 - 512), pmem(65536, AT + 32768)]) {
      const error = refused(() => it.maps.memremap(other, 0));
      expect([error.errno, error.code]).toEqual(['ENOMEM', 'RP2406']);
    }
    // One that reaches over a device on both sides passes that check, and is caught by the sub-sections.
    expect(refused(() => it.maps.memremap(pmem(196608, AT + 32768), 0)).code).toBe('RP2411');
    expect(it.kernel.stateHash()).toBe(before);
  });

  it('an altmap with a second range: -EINVAL, and the first range is unwound', () => {
    using it = deviceKernel(machineWithRoom(GiB));
    const altmap = new VmemAltmap({ basePfn: AT, reserve: 2, free: 1534 });
    const error = refused(() =>
      it.maps.memremap({ ...pmem(), ranges: [...pmem().ranges, ...pmem(512, AT + 131072).ranges], altmap }, 0),
    );
    expect([error.errno, error.code]).toEqual(['EINVAL', 'RP2405']);
    expect([it.maps.typeOf(AT), altmap.alloc]).toEqual([0, 0]);
  });

  it('a failure at range k unwinds ranges 0..k-1; only the span stays, as in 6.12', () => {
    using it = deviceKernel(machineWithRoom(2 * GiB));
    const [first] = pmem().ranges;
    const second = { start: AT + 131072, end: AT + 131072 + 65536 };
    const pagemap = { ...pmem(), ranges: [first, second, { start: 0x100000, end: 0x100200 }] };
    const before = it.kernel.stateHash();
    expect(refused(() => it.maps.memremap(pagemap, 0)).errno).toBe('ENXIO');
    const zone = it.kernel.get(Core.Zones).find(0, 'Device')!;
    expect([zone.startPfn, zone.spannedPages]).toEqual([AT, 131072 + 65536]);
    expect(pagemap.ranges).toHaveLength(3);
    expect([it.maps.typeOf(AT), it.maps.typeOf(second.start), it.kernel.gauges()['bump.used']]).toEqual([0, 0, 0]);
    const spanned = it.kernel.stateHash();
    expect(spanned).not.toBe(before);
    // Once spanned, a second failure leaves no trace at all.
    expect(refused(() => it.maps.memremap(pagemap, 0)).errno).toBe('ENXIO');
    expect(it.kernel.stateHash()).toBe(spanned);
    Object.assign(zone, { startPfn: 0, spannedPages: 0 });
    expect(it.kernel.stateHash()).toBe(before);
  });

  it('no memory for the memmap: -ENOMEM, and what was taken is given back', () => {
    using it = deviceKernel(machineWithRoom(GiB), {}, 700);
    const before = it.kernel.stateHash();
    const error = refused(() => it.maps.memremap(pmem(), 0));
    expect([error.errno, error.code]).toEqual(['ENOMEM', 'RP2414']);
    expect(it.kernel.stateHash()).toBe(before);
  });

  it('machines without room, nodes and architectures without the zone', () => {
    using tight = deviceKernel(machineWithRoom(128 * MiB));
    expect(() => tight.maps.memremap(pmem(), 0)).toThrow(/RP2434/);
    expect(refused(() => tight.maps.memremap(pmem(), 7)).code).toBe('RP2416');
    using s390x = deviceKernel(parseMachineShorthand('s390x,512M,spare=1G'));
    expect(refused(() => s390x.maps.memremap(pmem(65536, 0x200000), 0)).errno).toBe('ENODEV');
  });

  it('an unknown type is only warned of', () => {
    using it = deviceKernel(machineWithRoom(GiB));
    it.maps.memremap({ ...pmem(), type: 9 }, -1);
    expect(it.kernel.log.lines().map((l) => l.text)).toContain('Invalid pgmap type 9');
    expect(it.maps.typeOf(AT)).toBe(9);
  });
});

function refused(fn: () => void): MemremapError {
  try {
    fn();
  } catch (error) {
    expect(error).toBeInstanceOf(MemremapError);
    return error as MemremapError;
  }
  throw new Error('it was not refused');
}
