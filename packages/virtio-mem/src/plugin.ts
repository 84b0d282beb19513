/** virtio-mem as a subsystem: devices of a host, and the driver that the kernel binds to each. */
import {
  ContiguousRanges,
  Core,
  defineSubsystem,
  GrowZone,
  MemoryHotplug,
  OnlinePage,
  PageAllocator,
  Reclaimer,
  ZoneSizing,
  type Machine,
} from '@replug/core';
import { publishCommands } from './commands.ts';
import { VirtioMemHost, type HostFacts } from './device/host.ts';
import { deviceMemoryBase } from './device/placement.ts';
import type { DriverDeps } from './driver/deps.ts';
import { oomHandler } from './driver/oom.ts';
import { PageOffline } from './driver/page-offline.ts';
import { badParameter, noPreferMovable } from './errors.ts';
import { DRIVER_DEFAULTS, type DeviceOptions, type VirtioMemOptions } from './options.ts';
import { publish } from './views.ts';
import { bytesOf, VirtioMem, VirtioMemToken } from './virtio-mem.ts';

const MiB = 2 ** 20;

/**
 * Devices and driver. Takes the slot OnlinePage; with `future.oomPlugs` GrowZone as well. The driver's first run happens
 * when the clock first advances (`kernel.clock.advance(0)`, a write to a file, or a command of the monitor).
 */
export const virtioMem = (options: VirtioMemOptions = {}) =>
  defineSubsystem({
    id: 'virtio-mem',
    needs: {
      machine: Core.Machine,
      clock: Core.Clock,
      log: Core.Log,
      notifiers: Core.MemoryNotifiers,
      hotplug: MemoryHotplug,
      ranges: ContiguousRanges,
      sizing: ZoneSizing,
      allocator: PageAllocator,
      reclaimer: Reclaimer,
    },
    provides: { virtioMem: VirtioMemToken },
    create: (needs, scope) => {
      const { machine } = needs;
      const parameters = { ...DRIVER_DEFAULTS, ...options.driver };
      if (!(Number.isSafeInteger(parameters.bbmBlockSize) && parameters.bbmBlockSize >= 0))
        throw badParameter('bbmBlockSize', parameters.bbmBlockSize, 'a number of bytes');
      const future = options.future ?? {};
      if (future.preferMovable === true && machine.zones.all.every((zone) => zone.name !== 'PreferMovable'))
        throw noPreferMovable();
      const deps: DriverDeps = { ...needs, parameters, future };
      const host = new VirtioMemHost(hostFacts(machine, options));
      const mem = new VirtioMem(host, deps, options.host?.epoch ?? 0);
      scope.takeSlot(OnlinePage, (row, order) => mem.onlinePage(machine.pages.rowToPfn(row), order));
      if (future.oomPlugs !== undefined) {
        const step = bytesOf('oomPlugs.step', future.oomPlugs.step, 0);
        const limit = bytesOf('oomPlugs.limit', future.oomPlugs.limit, 0);
        scope.takeSlot(GrowZone, oomHandler(mem, needs.allocator, machine, step, limit));
      }
      publish(scope, machine, deps, mem);
      publishCommands(scope, mem);
      scope.onBoot(() => (options.devices ?? []).forEach((device, index) => addAtBoot(mem, device, index)));
      scope.onDispose(() => PageOffline.drop(machine));
      return { virtioMem: mem };
    },
  });

function hostFacts(machine: Machine, { host = {}, devices = [] }: VirtioMemOptions): HostFacts {
  const { arch, memory } = machine.description;
  const ram = memory.reduce((pages, range) => pages + (range.end - range.start), 0) * 2 ** arch.pageShift;
  const maxMemory = host.maxMemory === undefined ? Infinity : bytesOf('host.maxMemory', host.maxMemory, 0);
  return {
    nodes: machine.zones.nodes.length,
    memory: {
      // What an adopted device has plugged is part of the recorded machine's memory: the area begins below it.
      base: Math.min(deviceMemoryBase(machine), ...devices.flatMap(adoptedAddr)),
      space: Math.max(0, maxMemory - ram),
      end: 2 ** arch.maxPhysmemBits,
    },
    usableExtent: 2 * (arch.machine === 'aarch64' ? 512 : 128) * MiB,
    pageSize: bytesOf('host.pageSize', host.pageSize, 4096),
    defaultBlockSize: (arch.machine === 's390x' ? 1 : 2) * MiB,
    persistentSuspend: host.persistentSuspend ?? true,
  };
}

const adoptedAddr = (device: DeviceOptions): number[] =>
  device.adopt === true && device.addr !== undefined ? [bytesOf('addr', device.addr, 0)] : [];

function addAtBoot(mem: VirtioMem, options: DeviceOptions, index: number): void {
  const memdev = options.memdev ?? `mem${index}`;
  if (!mem.host.backends.has(memdev)) mem.host.addBackend(memdev, bytesOf('size', options.size, 0));
  const requestedSize = bytesOf('requestedSize', options.requestedSize, 0);
  const pluggedAtBoot = bytesOf('pluggedAtBoot', options.pluggedAtBoot, 0);
  const request = {
    id: options.id,
    memdev,
    node: options.node,
    blockSize: bytesOf('blockSize', options.blockSize, 0),
    requestedSize,
    addr: bytesOf('addr', options.addr, 0),
  };
  if (options.adopt === true) mem.realize(request, options.name);
  else mem.addDevice(request, options.name, pluggedAtBoot);
}
