/** Every way in which a step of the driver fails, and what it makes of it. */
import { ERRNO } from '@replug/core';
import { describe, expect, it } from 'vitest';
import { fakeKernel, GiB, MiB, PAGE, type FakeKernel, type FakeMachineOptions } from '../fake-memory.spec-kit.ts';
import type { VirtioMemOptions } from '../options.ts';
import { encodeResponse, REQUEST, requestType, RESPONSE } from '../protocol.ts';
import type { DriverState } from './state.ts';
import { MB } from './sub-blocks.ts';

const S = 1e9;
const PER_BLOCK = 32768;
const FIRST = 32;
const vmOf = ({ mem }: FakeKernel): DriverState => mem.driver('vm0')!.state;
const make = (
  requestedSize: number | string,
  options: VirtioMemOptions = {},
  machine: FakeMachineOptions = {},
  online: 'online' | 'offline' | 'online_movable' = 'online',
): FakeKernel => fakeKernel({ ...options, devices: [{ id: 'vm0', size: '2G', requestedSize }] }, machine, { online });
function request(at: FakeKernel, bytes: number): number {
  at.mem.host.device('vm0')!.setRequestedSize(bytes);
  at.kernel.clock.advance(0);
  expect(at.kernel.validate()).toEqual([]);
  return vmOf(at).runs.at(-1)!.rc;
}
/** The device answers a type of request with something else. */
function answer(at: FakeKernel, type: number, response: number): Disposable {
  const device = at.mem.host.device('vm0')!;
  const handle = device.handle.bind(device);
  device.handle = (bytes, into) => {
    if (requestType(bytes) !== type) return handle(bytes, into);
    encodeResponse(into, response, 0);
    return true;
  };
  return { [Symbol.dispose]: () => void (device.handle = handle) };
}

describe('adding fails', () => {
  it('the block is unplugged again and stays unused; it is taken first the next time', () => {
    const at = make(0);
    at.fake.failAdds = 1;
    expect(request(at, 256 * MiB)).toBe(-ERRNO.ENOMEM);
    const { sbm } = vmOf(at);
    expect([sbm!.count(MB.UNUSED), sbm!.nextId - sbm!.firstId]).toEqual([1, 1]);
    expect(at.kernel.log.lines().at(-1)!.text).toBe('virtio_mem virtio0: adding memory failed: -12');
    at.kernel.clock.advance(50 * S);
    expect(vmOf(at).pluggedSize).toBe(256 * MiB);
    expect(sbm!.count(MB.KERNEL)).toBe(2);
    at.kernel.dispose();
  });
  it('unplugging fails as well: PLUGGED, returned by the next run, never added as it is', () => {
    const at = make(0);
    at.fake.failAdds = 1;
    {
      using _ = answer(at, REQUEST.UNPLUG, RESPONSE.BUSY);
      expect(request(at, 128 * MiB)).toBe(-ERRNO.ENOMEM);
      expect(vmOf(at).sbm!.count(MB.PLUGGED)).toBe(1);
      at.kernel.clock.advance(50 * S);
      expect(vmOf(at).runs.at(-1)!.rc).toBe(-26);
    }
    at.kernel.clock.advance(100 * S);
    expect(vmOf(at).sbm!.count(MB.KERNEL)).toBe(1);
    const types = vmOf(at).requests.map(({ type }) => type);
    expect(types.slice(-2)).toEqual([REQUEST.UNPLUG, REQUEST.PLUG]);
    expect(at.kernel.validate()).toEqual([]);
    at.kernel.dispose();
  });
});

describe('unplugging fails', () => {
  it('the device is busy: the range goes back to the allocator', () => {
    const at = make('128M');
    using _ = answer(at, REQUEST.UNPLUG, RESPONSE.BUSY);
    expect(request(at, 0)).toBe(-26);
    expect(at.fake.managed(vmOf(at).deps.machine.zones.find(0, 'Normal')!)).toBe(32768);
    expect(vmOf(at).sbm!.count(MB.KERNEL)).toBe(1);
    at.kernel.dispose();
  });
  it('an error of the device breaks the driver for good', () => {
    const at = make('128M');
    {
      using _ = answer(at, REQUEST.UNPLUG, RESPONSE.ERROR);
      request(at, 64 * MiB);
    }
    expect(at.kernel.log.lines().at(-1)!.text).toBe('virtio_mem virtio0: unknown error, marking device broken: -22');
    const { length } = vmOf(at).runs;
    request(at, 0);
    at.kernel.clock.advance(1000 * S);
    expect(vmOf(at).runs).toHaveLength(length);
    expect(at.mem.host.device('vm0')!.size).toBe(128 * MiB);
    at.kernel.dispose();
  });
  it('an answer that the protocol does not know is -ENOMEM: the timer', () => {
    const at = make(0);
    using _ = answer(at, REQUEST.PLUG, 77);
    expect(request(at, 128 * MiB)).toBe(-ERRNO.ENOMEM);
    expect(vmOf(at).timerDue).toBeGreaterThan(0);
    at.kernel.dispose();
  });
  it('no memory for migration stops the run', () => {
    const at = make('256M');
    at.fake.noMemory = 1;
    expect(request(at, 0)).toBe(-ERRNO.ENOMEM);
    expect(at.fake.tries).toHaveLength(1);
    at.kernel.dispose();
  });
  it('a config change stops the tries of a range', () => {
    const at = make('128M', {}, {}, 'online_movable');
    const device = at.mem.host.device('vm0')!;
    for (let sb = 0; sb < 64; sb++) at.fake.use(FIRST * PER_BLOCK + sb * 512, 1, PAGE.KERNEL);
    const alloc = at.fake.alloc.bind(at.fake);
    at.fake.alloc = (start, end) => {
      if (at.fake.tries.length === 2) device.setRequestedSize(128 * MiB);
      return alloc(start, end);
    };
    expect(request(at, 126 * MiB)).toBe(0);
    expect(at.fake.tries).toHaveLength(3);
    at.kernel.dispose();
  });
  it('a device that answers no more hangs the worker, not the model', () => {
    const at = make(0);
    at.mem.host.device('vm0')!.broken = 'virtio-mem protocol violation';
    at.mem.host.device('vm0')!.setRequestedSize(128 * MiB);
    at.kernel.clock.advance(1000 * S);
    expect([vmOf(at).hung, vmOf(at).runs.length]).toEqual([true, 2]);
    at.kernel.dispose();
  });
});

describe('removing fails', () => {
  it('a block of which nothing is plugged is tried again by the timer', () => {
    const at = make('256M');
    at.fake.offlineFails = 1;
    expect(request(at, 128 * MiB)).toBe(-ERRNO.EBUSY);
    const { sbm } = vmOf(at);
    expect([sbm!.haveUnplugged, sbm!.count(MB.KERNEL_PARTIAL), vmOf(at).pluggedSize]).toEqual([true, 1, 128 * MiB]);
    at.fake.offlineFails = 1;
    at.kernel.clock.advance(50 * S);
    expect(vmOf(at).runs.at(-1)!.rc).toBe(-ERRNO.EBUSY);
    at.kernel.clock.advance(100 * S);
    expect([sbm!.haveUnplugged, sbm!.count(MB.UNUSED)]).toEqual([false, 1]);
    expect(at.fake.blocks.has(FIRST + 1)).toBe(false);
    at.kernel.dispose();
  });
});

describe('module parameters', () => {
  it('unplug_online=N leaves online memory alone, and goes on when it goes offline', () => {
    const at = make('256M');
    at.kernel.write('/sys/module/virtio_mem/parameters/unplug_online', 'N');
    expect(at.kernel.read('/sys/module/virtio_mem/parameters/unplug_online')).toBe('N\n');
    expect(request(at, 0)).toBe(0);
    expect(vmOf(at).pluggedSize).toBe(256 * MiB);
    at.fake.offline(FIRST + 1);
    at.kernel.clock.advance(0);
    expect(vmOf(at).pluggedSize).toBe(128 * MiB);
    expect(() => at.kernel.write('/sys/module/virtio_mem/parameters/unplug_online', 'maybe')).toThrow('EINVAL');
    at.kernel.dispose();
  });
  it('a crash kernel plugs nothing and asks for the state of each block once', () => {
    const at = fakeKernel({
      driver: { kdump: true },
      devices: [{ id: 'vm0', size: '2G', requestedSize: '128M', pluggedAtBoot: '4M' }],
    });
    const driver = at.mem.driver('vm0')!;
    expect(at.kernel.log.lines().at(-1)!.text).toBe('virtio_mem virtio0: memory hot(un)plug disabled in kdump kernel');
    const pfn = (4 * GiB) / 4096;
    expect([0, 511, 512, 1024, 1025].map((page) => driver.isRam(pfn + page))).toEqual([true, true, true, false, false]);
    expect(driver.isRam(pfn - 1)).toBe(true);
    expect(driver.state.requests.map(({ type }) => type)).toEqual([3, 3, 3]);
    at.kernel.dispose();
  });
  it('sleep: suspend-to-idle always, suspend with the feature or nothing plugged, hibernation never', () => {
    const old = fakeKernel({
      host: { persistentSuspend: false },
      devices: [{ id: 'vm0', size: '2G', requestedSize: '128M' }],
    });
    const driver = old.mem.driver('vm0')!;
    expect([driver.suspend('s2idle'), driver.suspend('mem'), driver.suspend('hibernate')]).toEqual([0, -1, -1]);
    expect(old.kernel.log.lines().at(-1)!.text).toBe('virtio_mem virtio0: hibernation is not supported.');
    const today = make('128M');
    expect(today.mem.driver('vm0')!.suspend('mem')).toBe(0);
    old.kernel.dispose();
    today.kernel.dispose();
  });
});

describe('the log', () => {
  it('says what the driver says, in its order', () => {
    const at = make('128M');
    request(at, 256 * MiB);
    expect(at.kernel.log.lines().map(({ text }) => text)).toEqual([
      'virtio_mem virtio0: start address: 0x100000000',
      'virtio_mem virtio0: region size: 0x80000000',
      'virtio_mem virtio0: device block size: 0x200000',
      'virtio_mem virtio0: nid: 0',
      'virtio_mem virtio0: memory block size: 0x8000000',
      'virtio_mem virtio0: subblock size: 0x200000',
      'virtio_mem virtio0: plugged size: 0x0',
      'virtio_mem virtio0: requested size: 0x8000000',
      'virtio_mem virtio0: plugged size: 0x8000000',
      'virtio_mem virtio0: requested size: 0x10000000',
    ]);
    at.kernel.dispose();
  });
  it('warns of ends that are not aligned, and plugs nothing outside whole blocks', () => {
    const at = fakeKernel({
      devices: [{ id: 'vm0', size: '258M', requestedSize: '258M', addr: 4 * GiB + 2 * MiB }],
    });
    expect(
      at.kernel.log
        .lines()
        .slice(4, 6)
        .map(({ text }) => text.slice(20)),
    ).toEqual([
      'The alignment of the physical start address can make some memory unusable.',
      'The alignment of the physical end address can make some memory unusable.',
    ]);
    expect(at.mem.host.device('vm0')!.size).toBe(128 * MiB);
    expect(at.kernel.validate()).toEqual([]);
    at.kernel.dispose();
  });
});
