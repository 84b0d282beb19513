/**
 * The driver that turns a DAX device into ordinary memory. A subsystem of its own, as in the kernel a module of its own:
 * without it a namespace in system-ram mode is an error by name, and zoneDevice() needs no hotplug core.
 *
 * Models: drivers/dax/kmem.c, 6.12.
 */
import { defineSubsystem, MemoryHotplug, token } from '@replug/core';
import type { NdBus } from './nd-bus.ts';

/** Namespaces of the machine: what zoneDevice() provides to drivers of DAX devices. */
export const PmemBus = token<NdBus>()('zone-device.PmemBus', { provider: 'zoneDevice() from @replug/zone-device' });

/** Lets namespaces be enabled in system-ram mode. */
export const daxKmem = () =>
  defineSubsystem({
    id: 'dax-kmem',
    needs: { bus: PmemBus, hotplug: MemoryHotplug },
    create: ({ bus, hotplug }, scope) => {
      bus.kmem = hotplug;
      scope.onDispose(() => void (bus.kmem = undefined));
      return {};
    },
  });
