import {
  Core,
  createKernel,
  defineSubsystem,
  KernfsError,
  MemoryHotplug,
  type MachineDescription,
  type OfflineOutcome,
} from '@replug/core';
import { describe, expect, it } from 'vitest';
import { bumpAllocator, GiB, machineWithRoom, MiB } from './device.spec-kit.ts';
import { daxKmem, PmemBus } from './kmem.ts';
import type { NamespaceOptions } from './namespaces.ts';
import { PageMaps, zoneDevice, type ZoneDeviceOptions } from './plugin.ts';

const NAMESPACE: NamespaceOptions = {
  name: 'namespace0.0',
  nid: 0,
  start: 8 * GiB,
  size: GiB,
  mode: 'fsdax',
  map: 'dev',
};

function kernelWith(options: ZoneDeviceOptions = {}, machine: MachineDescription = machineWithRoom(4 * GiB)) {
  const namespaces = options.namespaces ?? [NAMESPACE];
  return createKernel({ machine, subsystems: [bumpAllocator(), zoneDevice({ ...options, namespaces })] });
}

/** A hotplug core that takes notes. */
const fakeHotplug = (calls: string[], answer: { add: number; offline: OfflineOutcome }) =>
  defineSubsystem({
    id: 'fake-hotplug',
    needs: { machine: Core.Machine },
    provides: { hotplug: MemoryHotplug },
    create: () => ({
      hotplug: {
        blockPages: 32768,
        defaultOnlineType: 'online',
        addMemory: (nid, start, pages, given) => {
          calls.push(`add ${nid} 0x${start.toString(16)} ${pages} ${given?.resourceName}`);
          return answer.add;
        },
        offlineAndRemove: (start, pages) => {
          calls.push(`remove 0x${start.toString(16)} ${pages}`);
          return answer.offline;
        },
        online: () => 0,
        offline: () => ({ errno: 0 }),
        removeMemory: () => 0,
        registerGroup: () => 0,
        unregisterGroup: () => 0,
        blockState: () => undefined,
        blockZone: () => -1,
      } satisfies MemoryHotplug,
    }),
  });

describe('a namespace', () => {
  it('is laid out, mapped, faulted on and taken away', () => {
    using kernel = kernelWith();
    const bus = kernel.get(PmemBus);
    const before = kernel.stateHash();
    bus.enable('namespace0.0');
    const { data, altmap } = bus.layoutOf('namespace0.0')!;
    // 1 GiB: 8 KiB and 262142 struct pages, 16785280 bytes, to the next 2 MiB: 18 MiB.
    expect(data).toBe(2 ** 21 + 18 * 256);
    expect([altmap!.alloc, altmap!.align]).toEqual([4096, 510]);
    expect(kernel.read('/proc/iomem')).toContain('  200000000-23fffffff : namespace0.0\n');
    const pfn = bus.fault('namespace0.0', 5 * MiB);
    expect(pfn).toBe(data + 1280);
    expect(() => bus.disable('namespace0.0')).toThrow(/RP2431/);
    expect(() => bus.enable('namespace0.0')).toThrow(/RP2456/);
    kernel.get(PageMaps).putPage(pfn);
    bus.disable('namespace0.0');
    Object.assign(kernel.get(Core.Zones).find(0, 'Device')!, { startPfn: 0, spannedPages: 0 });
    expect(kernel.stateHash()).toBe(before);
    expect(kernel.validate()).toEqual([]);
  });

  it('is initialised in the background: memmap_state tells, and `sync` waits for all of it', () => {
    using kernel = kernelWith({ init: { mode: 'async' }, namespaces: [{ ...NAMESPACE, map: 'mem', enable: true }] });
    const state = '/sys/bus/nd/devices/namespace0.0/memmap_state';
    expect(kernel.read(state)).toBe('active\n');
    const bus = kernel.get(PmemBus);
    expect(() => kernel.get(PageMaps).getPage(2 ** 21 + 200_000)).toThrow(/RP2437/);
    const since = kernel.clock.now;
    bus.fault('namespace0.0', 700 * MiB);
    // One piece of 256 pages at 43.5 ns, two CPUs shared by nine workers, behind 8 µs of mapping.
    expect(kernel.clock.now - since).toBeLessThan(100_000);
    expect([kernel.read(state), kernel.gauges()['zone-device.pieces.stolen']]).toEqual(['active\n', 1]);
    expect(kernel.validate()).toEqual([]);
    expect(refused(() => kernel.write(state, 'now')).errno).toBe('EINVAL');
    kernel.write(state, 'sync');
    expect([kernel.read(state), kernel.gauges()['zone-device.pieces.left']]).toEqual(['idle\n', 0]);
    expect(kernel.gauges()['zone-device.initialised']).toBe(2 ** 18);
    expect(kernel.validate()).toEqual([]);
  });

  it('ends in the same state, whether at once or in the background', () => {
    const hashes = (['sync', 'async'] as const).map((mode) => {
      using kernel = kernelWith({ init: { mode }, namespaces: [{ ...NAMESPACE, map: 'mem', enable: true }] });
      kernel.write('/sys/bus/nd/devices/namespace0.0/memmap_state', 'sync');
      return kernel.stateHash();
    });
    expect(hashes[0]).toBe(hashes[1]);
  });

  it('goes while its pages are still being initialised: what is under way is waited for', () => {
    using kernel = kernelWith({ init: { mode: 'async' } });
    kernel.get(PmemBus).enable('namespace0.0');
    kernel.get(PmemBus).disable('namespace0.0');
    expect(kernel.clock.now).toBeGreaterThan(0);
    expect(kernel.gauges()['zone-device.pages']).toBe(0);
  });

  it('devdax shares its memmap, fsdax does not', () => {
    using kernel = kernelWith({ namespaces: [{ ...NAMESPACE, map: 'mem', mode: 'devdax', enable: true }] });
    // 1 GiB in 2 MiB pages: 512 × 2 pages of memmap instead of 4096.
    expect(kernel.gauges()['zone-device.memmap_pages.memory']).toBe(1024);
    const bus = kernel.get(PmemBus);
    bus.disable('namespace0.0');
    bus.setMode('namespace0.0', 'fsdax');
    bus.enable('namespace0.0');
    expect(kernel.gauges()['zone-device.memmap_pages.memory']).toBe(4096);
    expect(() => bus.setMode('namespace0.0', 'raw')).toThrow(/RP2456/);
  });

  it('errors by name', () => {
    using kernel = kernelWith();
    const bus = kernel.get(PmemBus);
    expect(() => bus.enable('namespace9.9')).toThrow(/RP2452.*namespace0\.0/);
    expect(() => bus.add(NAMESPACE)).toThrow(/RP2451/);
    expect(refused(() => bus.fault('namespace0.0', 0)).errno).toBe('ENXIO');
    expect(() => kernelWith({ namespaces: [{ ...NAMESPACE, start: 3 }] })).toThrow(/RP2450/);
  });
});

describe('system-ram mode', () => {
  const ram: NamespaceOptions = { ...NAMESPACE, mode: 'system-ram' };

  it('is an error by name without the driver', () => {
    using kernel = kernelWith({ namespaces: [ram] });
    expect(() => kernel.get(PmemBus).enable('namespace0.0')).toThrow(/RP2453.*daxKmem\(\)/);
  });

  it('is added and removed by the hotplug core, whose refusals are told', () => {
    const calls: string[] = [];
    const answer = { add: 0, offline: { errno: -16, reason: 'unmovable page' } as OfflineOutcome };
    using kernel = createKernel({
      machine: machineWithRoom(4 * GiB),
      subsystems: [bumpAllocator(), zoneDevice({ namespaces: [ram] }), fakeHotplug(calls, answer), daxKmem()],
    });
    const bus = kernel.get(PmemBus);
    bus.enable('namespace0.0');
    expect(calls).toEqual(['add 0 0x200000 262144 System RAM (kmem)']);
    expect(() => bus.enable('namespace0.0')).toThrow(/RP2456/);
    expect(() => bus.disable('namespace0.0')).toThrow(/RP2455.*unmovable page/);
    answer.offline = { errno: 0 };
    bus.disable('namespace0.0');
    expect(calls.at(-1)).toBe('remove 0x200000 262144');
    answer.add = -17;
    expect(() => bus.enable('namespace0.0')).toThrow(/RP2454.*EEXIST/);
  });
});

function refused(fn: () => void): KernfsError {
  try {
    fn();
  } catch (error) {
    expect(error).toBeInstanceOf(KernfsError);
    return error as KernfsError;
  }
  throw new Error('it was not refused');
}
