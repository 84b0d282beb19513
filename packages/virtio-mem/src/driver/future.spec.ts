/** The letter's future work, each beside what 6.12 does, on the same pages. */
import { ARCH_PROFILES, ERRNO } from '@replug/core';
import { describe, expect, it } from 'vitest';
import { fakeKernel, MiB, PAGE, type FakeKernel } from '../fake-memory.spec-kit.ts';
import type { FutureWork } from '../options.ts';
import type { DriverState } from './state.ts';

const SB = 512;
const PER_BLOCK = 32768;
const FIRST = 32;
const vmOf = ({ mem }: FakeKernel): DriverState => mem.driver('vm0')!.state;
const make = (future: FutureWork, online: 'online' | 'online_movable' = 'online'): FakeKernel =>
  fakeKernel({ future, devices: [{ id: 'vm0', size: '2G', requestedSize: '256M' }] }, {}, { online });
function request(at: FakeKernel, bytes: number): void {
  at.mem.host.device('vm0')!.setRequestedSize(bytes);
  at.kernel.clock.advance(0);
  expect(at.kernel.validate()).toEqual([]);
}
/** A kernel page in each of some sub-blocks of the first block. */
function block(at: FakeKernel, sbs: readonly number[], kind: number = PAGE.KERNEL): void {
  for (const sb of sbs) at.fake.use(FIRST * PER_BLOCK + sb * SB + 3, 1, kind);
}
const sizes = (at: FakeKernel): number[] => at.fake.tries.map(({ pages }) => pages / SB);

describe('sensing', () => {
  it('asks before it isolates: the same result, without the tries that fail', () => {
    const plain = make({});
    const sensing = make({ sense: true });
    for (const at of [plain, sensing]) {
      block(at, [1, 5, 60]);
      request(at, 0);
    }
    expect([plain, sensing].map((at) => vmOf(at).pluggedSize / MiB)).toEqual([6, 6]);
    // The free block, the other as a whole, its sub-blocks; and once more, since the removal of a block asks for a run.
    expect(plain.fake.tries).toHaveLength(1 + 1 + 64 + 3);
    expect(sensing.fake.tries).toHaveLength(1 + 61);
    expect(vmOf(sensing).counts.triesSaved).toBe(1 + 3 + 3);
    for (const at of [plain, sensing]) at.kernel.dispose();
  });
});

describe('bigger chunks', () => {
  it('a blocked block goes in halves, quarters … instead of 63 single sub-blocks', () => {
    const at = make({ biggerChunks: true });
    block(at, [0]);
    request(at, 0);
    expect(vmOf(at).pluggedSize).toBe(2 * MiB);
    // The free block in one; of the other 64, then its halves, quarters … and the last sub-block, which stays, twice.
    expect(sizes(at)).toEqual([64, 64, 32, 32, 16, 16, 8, 8, 4, 4, 2, 2, 1, 1, 1]);
    at.kernel.dispose();
  });
});

describe('free areas first', () => {
  it('takes what is free anywhere before it evacuates', () => {
    const plain = make({});
    const free = make({ freeAreasFirst: true });
    for (const at of [plain, free]) {
      for (let sb = 0; sb < 64; sb++) at.fake.use((FIRST + 1) * PER_BLOCK + sb * SB, 1, PAGE.MOVABLE);
      request(at, 192 * MiB);
    }
    expect(plain.fake.tries[0].pfn).toBe((FIRST + 1) * PER_BLOCK + 63 * SB);
    expect(free.fake.tries).toEqual([{ pfn: FIRST * PER_BLOCK + 32 * SB, pages: 32 * SB }]);
    expect(vmOf(free).sbm!.bitmap(FIRST)).toBe('1'.repeat(32) + '0'.repeat(32));
    for (const at of [plain, free]) at.kernel.dispose();
  });
});

describe('drop_slab', () => {
  it.each([
    ['once', 1],
    ['range', 2],
  ] as const)('%s', (dropSlab, drops) => {
    const at = make({ dropSlab });
    block(at, [1, 5]);
    request(at, 0);
    expect(vmOf(at).pluggedSize).toBe(0);
    expect(at.fake.slabDrops).toBeGreaterThanOrEqual(drops);
    at.kernel.dispose();
  });
});

describe('better retry', () => {
  it('waits as told, and skips ranges whose blocker stands still', () => {
    const at = make({ retry: { firstMs: 1000, maxMs: 4000, rememberBlockers: true } }, 'online_movable');
    block(at, [10]);
    request(at, 0);
    const vm = vmOf(at);
    const waits: number[] = [];
    const tries = at.fake.tries.length;
    for (let i = 0; i < 4; i++) {
      waits.push((vm.timerDue - at.kernel.clock.now) / 1e6);
      at.kernel.clock.advanceTo(vm.timerDue);
    }
    expect(waits).toEqual([1000, 2000, 4000, 4000]);
    expect(at.fake.tries).toHaveLength(tries);
    at.fake.give(FIRST * PER_BLOCK + 10 * SB + 3, 1);
    at.kernel.clock.advanceTo(vm.timerDue);
    expect(vm.pluggedSize).toBe(0);
    at.kernel.dispose();
  });
});

describe('fewer resources, memmap', () => {
  it('says to the hotplug core what it wants', () => {
    const at = make({ mergeResources: false, memmapOnMemory: true });
    const { hotplug } = vmOf(at).deps;
    const asked: unknown[] = [];
    const { addMemory } = hotplug;
    hotplug.addMemory = (nid, start, pages, options) => {
      asked.push(options);
      return addMemory(nid, start, pages, options);
    };
    at.mem.host.device('vm0')!.setRequestedSize(384 * MiB);
    at.kernel.clock.advance(0);
    expect(asked).toEqual([
      { resourceName: 'System RAM (virtio_mem)', mergeResource: false, memmapOnMemory: true, groupId: 1 },
    ]);
    at.kernel.dispose();
  });
  it('a block that holds its own memmap keeps that part until it goes as a whole', () => {
    const at = make({ memmapOnMemory: true });
    at.mem.host.device('vm0')!.setRequestedSize(130 * MiB);
    at.kernel.clock.advance(0);
    expect(vmOf(at).sbm!.bitmap(FIRST + 1)).toBe(`1${'0'.repeat(63)}`);
    at.mem.host.device('vm0')!.setRequestedSize(128 * MiB);
    at.kernel.clock.advance(0);
    expect(at.fake.blocks.has(FIRST + 1)).toBe(false);
    expect(vmOf(at).pluggedSize).toBe(128 * MiB);
    at.kernel.dispose();
  });
});

describe('ZONE_PREFER_MOVABLE', () => {
  it('needs the zone in the machine', () => {
    expect(() => make({ preferMovable: true })).toThrow('RP2208');
  });
  it('is treated as ZONE_MOVABLE where it is', () => {
    const arch = ARCH_PROFILES['x86-64'];
    const kinds = [...arch.zoneKinds.slice(0, 3), 'PreferMovable', ...arch.zoneKinds.slice(3)] as typeof arch.zoneKinds;
    const at = fakeKernel(
      { future: { preferMovable: true }, devices: [{ id: 'vm0', size: '2G', requestedSize: '128M' }] },
      { arch: { ...arch, zoneKinds: kinds } },
    );
    // The fake onlines to Normal; the block's pages are moved to the other zone behind the driver's back.
    const { machine } = vmOf(at).deps;
    const prefer = machine.zones.find(0, 'PreferMovable')!;
    machine.pages.setZone(FIRST * PER_BLOCK, (FIRST + 1) * PER_BLOCK, prefer.index);
    block(at, [3]);
    at.mem.host.device('vm0')!.setRequestedSize(126 * MiB);
    at.kernel.clock.advance(0);
    expect(at.fake.tries.filter(({ pfn }) => pfn === FIRST * PER_BLOCK + 63 * SB)).toHaveLength(1);
    at.mem.host.device('vm0')!.setRequestedSize(0);
    at.kernel.clock.advance(0);
    expect(at.fake.tries.filter(({ pfn, pages }) => pfn === FIRST * PER_BLOCK + 3 * SB && pages === SB)).toHaveLength(
      5,
    );
    at.kernel.dispose();
  });
});

describe('out of memory', () => {
  it('plugs what is pending, then asks the host for a step, up to a limit', () => {
    const at = make({ oomPlugs: { step: '128M', limit: '512M' } });
    const { grow } = growZoneOf(at);
    const zone = vmOf(at).deps.machine.zones.find(0, 'Normal')!.index;
    const device = at.mem.host.device('vm0')!;
    expect([grow(zone, 0), device.size / MiB]).toEqual([true, 384]);
    expect([grow(zone, 0), device.size / MiB]).toEqual([true, 512]);
    expect([grow(zone, 0), device.size / MiB]).toEqual([false, 512]);
    expect(vmOf(at).counts.oomPlugs).toBe(2);
    expect(ERRNO.ENOMEM).toBe(12);
    at.kernel.dispose();
  });
});

/** The slot's taker, as an allocator would get it. */
function growZoneOf(at: FakeKernel): { grow: (zone: number, order: number) => boolean } {
  if (at.fake.growZone === null) throw new Error('nobody took the slot');
  return { grow: at.fake.growZone };
}
