/**
 * The worked scenarios of sub-block mode: x86-64, memory blocks of 128 MiB, device blocks and sub-blocks of 2 MiB, 64 a
 * memory block, at most 1 GiB offline. The region begins at 4 GiB: memory block 32.
 */
import { ERRNO } from '@replug/core';
import { describe, expect, it } from 'vitest';
import { fakeKernel, GiB, MiB, PAGE, type FakeKernel } from '../fake-memory.spec-kit.ts';
import { encodeResponse, REQUEST, RESPONSE } from '../protocol.ts';
import type { DriverState } from './state.ts';
import { MB, MB_NAMES } from './sub-blocks.ts';

const SB = 512;
const PER_BLOCK = 32768;
const FIRST = 32;
const S = 1e9;

const vmOf = ({ mem }: FakeKernel): DriverState => mem.driver('vm0')!.state;
const states = (at: FakeKernel): Record<string, number> => {
  const counts = vmOf(at).sbm!.histogram();
  return Object.fromEntries(MB_NAMES.map((name, i) => [name, counts[i]]).filter(([, count]) => count !== 0));
};
function request(at: FakeKernel, bytes: number): void {
  at.mem.host.device('vm0')!.setRequestedSize(bytes);
  at.kernel.clock.advance(0);
  expect(at.kernel.validate()).toEqual([]);
}
const make = (requestedSize: number | string, online: 'online' | 'offline' | 'online_movable' = 'online'): FakeKernel =>
  fakeKernel({ devices: [{ id: 'vm0', size: '2G', requestedSize }] }, {}, { online });
const lastRun = (at: FakeKernel): { rc: number; timerMs: number } => {
  const { rc, timerMs } = vmOf(at).runs.at(-1)!;
  return { rc, timerMs };
};

describe('1. growing to 1 GiB', () => {
  it('with auto-online: eight blocks, all of them full, nothing offline', () => {
    const at = make(0);
    request(at, GiB);
    expect(states(at)).toEqual({ KERNEL: 8 });
    expect(vmOf(at).offlineSize).toBe(0);
    expect(vmOf(at).requests.map(({ type, addr, blocks }) => [type, addr, blocks])).toEqual(
      Array.from({ length: 8 }, (_, i) => [REQUEST.PLUG, 4 * GiB + i * 128 * MiB, 64]),
    );
    expect(lastRun(at)).toEqual({ rc: 0, timerMs: 0 });
    at.kernel.dispose();
  });
  it('without: stops at 1 GiB offline, goes on when half of it came online', () => {
    const at = make('2G', 'offline');
    expect(states(at)).toEqual({ OFFLINE: 8 });
    expect(lastRun(at)).toEqual({ rc: -ERRNO.ENOSPC, timerMs: 0 });
    for (let id = FIRST; id < FIRST + 3; id++) expect(at.fake.online(id, 'online')).toBe(0);
    at.kernel.clock.advance(0);
    expect(states(at)).toEqual({ OFFLINE: 5, KERNEL: 3 });
    at.fake.online(FIRST + 3, 'online_movable');
    at.kernel.clock.advance(0);
    expect(states(at)).toEqual({ OFFLINE: 8, KERNEL: 3, MOVABLE: 1 });
    expect(at.kernel.validate()).toEqual([]);
    at.kernel.dispose();
  });
});

describe('2. shrinking to 100 MiB while everything is offline', () => {
  it('takes 462 sub-blocks from the last block down and removes what is empty', () => {
    const at = make('1G', 'offline');
    request(at, 100 * MiB);
    expect(states(at)).toEqual({ UNUSED: 7, OFFLINE_PARTIAL: 1 });
    expect(vmOf(at).pluggedSize).toBe(100 * MiB);
    expect(vmOf(at).offlineSize).toBe(128 * MiB);
    const unplugs = vmOf(at).requests.filter(({ type }) => type === REQUEST.UNPLUG);
    expect(unplugs.map(({ addr, blocks }) => [(addr - 4 * GiB) / MiB, blocks])).toEqual([
      [896, 64],
      [768, 64],
      [640, 64],
      [512, 64],
      [384, 64],
      [256, 64],
      [128, 64],
      [100, 14],
    ]);
    expect(vmOf(at).sbm!.bitmap(FIRST)).toBe('1'.repeat(50) + '0'.repeat(14));
    at.kernel.dispose();
  });
});

describe('3. growing by 100 MiB', () => {
  it('adds a block with 50 of 64 sub-blocks; online it is partial, and 7168 pages are kept back', () => {
    const at = make('100M', 'offline');
    expect(states(at)).toEqual({ OFFLINE_PARTIAL: 1 });
    at.fake.online(FIRST, 'online');
    expect(states(at)).toEqual({ KERNEL_PARTIAL: 1 });
    const zone = at.mem.driver('vm0')!.state.deps.machine.zones.find(0, 'Normal')!;
    expect([zone.presentPages, zone.managedPages]).toEqual([32768, 25600]);
    const pages = vmOf(at).pages;
    expect(pages.offline(FIRST * PER_BLOCK, PER_BLOCK)).toBe(14 * SB);
    expect(pages.isDirty(FIRST * PER_BLOCK + 50 * SB)).toBe(true);
    expect(pages.isDirty(FIRST * PER_BLOCK + 49 * SB)).toBe(false);
    expect(at.kernel.validate()).toEqual([]);
    // The holes are filled before anything else; their pages are exposed for the first time.
    request(at, 128 * MiB);
    expect(states(at)).toEqual({ KERNEL: 1 });
    expect(zone.managedPages).toBe(32768);
    expect(pages.isDirty(FIRST * PER_BLOCK + 50 * SB)).toBe(false);
    at.kernel.dispose();
  });
});

describe('a hole of both kinds', () => {
  it('goes back: a sub-block that was in use and its neighbours that were kept back', () => {
    const at = make('102M');
    request(at, 100 * MiB);
    const { pages } = vmOf(at);
    // Sub-block 50 was taken from the allocator, 51 never reached it; both lie in one 4 MiB chunk.
    expect([50, 51].map((sb) => pages.isDirty(FIRST * PER_BLOCK + sb * SB))).toEqual([false, true]);
    request(at, 128 * MiB);
    expect(states(at)).toEqual({ KERNEL: 1 });
    at.kernel.dispose();
  });
  it('a sub-block that is plugged while its block is offline comes online as new', () => {
    const at = make('128M');
    request(at, 100 * MiB);
    at.kernel.write('/sys/module/virtio_mem/parameters/unplug_online', 'N');
    expect(at.fake.offline(FIRST).errno).toBe(0);
    request(at, 110 * MiB);
    expect(states(at)).toEqual({ OFFLINE_PARTIAL: 1 });
    expect(at.fake.online(FIRST, 'online')).toBe(0);
    expect(at.kernel.validate()).toEqual([]);
    at.kernel.dispose();
  });
});

describe('4. shrinking by 6 MiB while a kernel block is busy', () => {
  it('tries each sub-block once, five times in ZONE_MOVABLE, and waits 50, 100, 200, 300, 300 s', () => {
    const at = make('256M');
    for (let sb = 0; sb < 128; sb++) at.fake.use(FIRST * PER_BLOCK + sb * SB, 1, PAGE.KERNEL);
    request(at, 250 * MiB);
    expect(at.fake.tries).toHaveLength(128);
    expect(at.fake.tries[0]).toEqual({ pfn: (FIRST + 1) * PER_BLOCK + 63 * SB, pages: SB });
    const waits: number[] = [];
    for (let i = 0; i < 5; i++) {
      const vm = vmOf(at);
      expect(vm.runs.at(-1)!.rc).toBe(-ERRNO.EBUSY);
      waits.push((vm.timerDue - at.kernel.clock.now) / S);
      const runs = vm.runs.length;
      at.kernel.clock.advanceTo(vm.timerDue - 1);
      expect(vm.runs).toHaveLength(runs);
      at.kernel.clock.advance(1);
      expect(vm.runs).toHaveLength(runs + 1);
    }
    expect(waits).toEqual([50, 100, 200, 300, 300]);
    // A run that ends well makes the next wait the shortest again.
    at.fake.give(FIRST * PER_BLOCK + 5 * SB, 1);
    at.fake.give(FIRST * PER_BLOCK + 6 * SB, 1);
    at.fake.give(FIRST * PER_BLOCK + 9 * SB, 1);
    at.kernel.clock.advanceTo(vmOf(at).timerDue);
    expect(lastRun(at)).toEqual({ rc: 0, timerMs: 0 });
    expect(vmOf(at).retryMs).toBe(50_000);
    expect(vmOf(at).pluggedSize).toBe(250 * MiB);
    at.kernel.dispose();
  });
  it('five tries in ZONE_MOVABLE', () => {
    const at = make('128M', 'online_movable');
    for (let sb = 0; sb < 64; sb++) at.fake.use(FIRST * PER_BLOCK + sb * SB, 1, PAGE.KERNEL);
    request(at, 126 * MiB);
    expect(at.fake.tries).toHaveLength(64 * 5);
    at.kernel.dispose();
  });
});

describe('5. the request is lowered while the driver plugs', () => {
  it('reads the new one and unplugs instead', () => {
    const at = make('128M');
    const device = at.mem.host.device('vm0')!;
    let lowered = false;
    device.onSizeChange = () => {
      if (lowered || device.size < 512 * MiB) return;
      lowered = true;
      device.setRequestedSize(256 * MiB);
    };
    request(at, GiB);
    expect(device.size).toBe(256 * MiB);
    // Two were removed; a fifth was prepared when the change was noticed.
    expect(states(at)).toEqual({ KERNEL: 2, UNUSED: 3 });
    at.kernel.dispose();
  });
  it('a device that refuses what it asks for does not hang the model', () => {
    const at = make(0);
    const device = at.mem.host.device('vm0')!;
    device.handle = (_, response) => {
      encodeResponse(response, RESPONSE.NACK, 0);
      return true;
    };
    request(at, 128 * MiB);
    const vm = vmOf(at);
    expect(vm.counts.spins).toBe(1);
    expect(vm.requests.at(-1)!.response).toBe(RESPONSE.NACK);
    at.kernel.dispose();
  });
});

describe('6. migration runs', () => {
  it('everything is BUSY; the timer tries again', () => {
    const at = make(0);
    at.mem.host.migrating = true;
    request(at, 128 * MiB);
    expect(lastRun(at)).toEqual({ rc: -26, timerMs: 50_000 });
    expect(vmOf(at).requests.at(-1)!.response).toBe(RESPONSE.BUSY);
    at.mem.host.migrating = false;
    at.kernel.clock.advance(50 * S);
    expect(states(at)).toEqual({ KERNEL: 1 });
    at.kernel.dispose();
  });
});

describe('7. and 8. offlining a block with three unplugged sub-blocks', () => {
  const setup = (): FakeKernel => {
    const at = make('128M');
    for (let sb = 0; sb < 61; sb++) at.fake.use(FIRST * PER_BLOCK + sb * SB, 1, PAGE.MOVABLE);
    request(at, 122 * MiB);
    expect(states(at)).toEqual({ KERNEL_PARTIAL: 1 });
    return at;
  };
  it('7. the references are dropped, and the block goes', () => {
    const at = setup();
    const zone = vmOf(at).deps.machine.zones.find(0, 'Normal')!;
    expect(zone.managedPages).toBe(32768 - 1536);
    expect(at.fake.offline(FIRST)).toEqual({ errno: 0 });
    expect([zone.managedPages, zone.presentPages]).toEqual([0, 0]);
    expect(states(at)).toEqual({ OFFLINE_PARTIAL: 1 });
    expect(vmOf(at).counts.warnings).toBe(0);
    expect(at.kernel.validate()).toEqual([]);
    at.kernel.dispose();
  });
  it('8. refused by another notifier: the references come back', () => {
    const at = setup();
    const refuse = vmOf(at).deps.notifiers.register(
      (action) => (action === 'MEM_GOING_OFFLINE' ? 0x8002 : 0),
      -1,
      'no',
    );
    expect(at.fake.offline(FIRST).errno).toBe(-ERRNO.EPERM);
    expect(states(at)).toEqual({ KERNEL_PARTIAL: 1 });
    expect(at.kernel.validate()).toEqual([]);
    refuse[Symbol.dispose]();
    // Refused before the driver was asked: it has nothing to give back, and does not.
    const first = vmOf(at).deps.notifiers.register((action) => (action === 'MEM_GOING_OFFLINE' ? 0x8002 : 0), 9, 'no');
    expect(at.fake.offline(FIRST).errno).toBe(-ERRNO.EPERM);
    expect(at.kernel.validate()).toEqual([]);
    first[Symbol.dispose]();
    expect(at.fake.offline(FIRST).errno).toBe(0);
    expect(vmOf(at).counts.warnings).toBe(0);
    at.kernel.dispose();
  });
});

describe('9. the driver goes while a kernel block is there', () => {
  it('warns, keeps the region, and cannot be loaded again', () => {
    const at = make('192M');
    expect(at.mem.unbind('vm0')).toBe(false);
    expect(at.mem.bind('vm0')).toBe(-ERRNO.EBUSY);
    expect(
      at.kernel.log
        .lines()
        .map(({ text }) => text)
        .slice(-2),
    ).toEqual([
      'virtio_mem virtio0: could not reserve device region',
      'virtio_mem virtio0: reloading the driver is not supported',
    ]);
    expect(at.kernel.log.lines().some(({ text }) => text.endsWith('device still has system memory added'))).toBe(true);
    at.kernel.dispose();
  });
  it('removes partly plugged offline blocks, and comes back when nothing is left', () => {
    const at = make('64M', 'offline');
    expect(states(at)).toEqual({ OFFLINE_PARTIAL: 1 });
    expect(at.mem.unbind('vm0')).toBe(true);
    expect(at.fake.blocks.size).toBe(0);
    expect(at.mem.bind('vm0')).toBe(0);
    at.kernel.clock.advance(0);
    // What is plugged still is unplugged at once, and plugged anew.
    expect(vmOf(at).requests.map(({ type }) => type)).toEqual([REQUEST.UNPLUG_ALL, REQUEST.PLUG]);
    expect(states(at)).toEqual({ OFFLINE_PARTIAL: 1 });
    expect(MB.OFFLINE_PARTIAL).toBe(3);
    at.kernel.dispose();
  });
});
