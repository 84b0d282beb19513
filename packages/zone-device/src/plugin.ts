/** Device memory as a subsystem: ZONE_DEVICE, pagemaps, namespaces of persistent memory. */
import { Core, defineSubsystem, DeviceMemory, PageAllocator, token } from '@replug/core';
import type { PagemapConfig } from './dev-pagemap.ts';
import { MemmapEngine } from './init/engine.ts';
import { SERIES_V2 } from './init/piece-layout.ts';
import { BUS_BYTES_PER_BYTE, powerOf } from './init/power.ts';
import type { NodePower } from './init/work-pool.ts';
import { PmemBus } from './kmem.ts';
import { DeviceMap, type InitMode } from './memremap.ts';
import { publishMetrics } from './metrics.ts';
import type { NamespaceOptions } from './namespaces.ts';
import { NdBus } from './nd-bus.ts';
import { PageRecords, type PreparedRecords } from './page-records.ts';

/** The memremap() of a kernel: what drivers of devices call. */
export const PageMaps = token<DeviceMap>()('zone-device.PageMaps', {
  provider: 'zoneDevice() from @replug/zone-device',
});

export interface ZoneDeviceOptions extends PagemapConfig {
  /** How struct pages are initialised. Default: sync, as mainline. `async` is the 2018 series: 8 threads × 128 pieces. */
  readonly init?: Partial<InitMode>;
  /** Namespaces that are there; `enable` binds them at boot. */
  readonly namespaces?: readonly (NamespaceOptions & { readonly enable?: boolean })[];
  /** CPUs and memory bandwidth of the nodes. Default: powerOf(the machine). */
  readonly power?: readonly NodePower[];
  /** Keeps a record of 64 bytes for each page; those that prepareMachine() has written are taken over. */
  readonly records?: boolean | readonly PreparedRecords[];
}

/**
 * ZONE_DEVICE. Provides DeviceMemory to whoever follows pfns, PageMaps to drivers, PmemBus with the namespaces.
 * The machine needs spare rows for the sections of its devices.
 */
export const zoneDevice = (options: ZoneDeviceOptions = {}) =>
  defineSubsystem({
    id: 'zone-device',
    needs: { machine: Core.Machine, clock: Core.Clock, log: Core.Log, allocator: PageAllocator },
    provides: { memory: DeviceMemory, maps: PageMaps, bus: PmemBus },
    create: ({ machine, clock, log, allocator }, scope) => {
      const { init, namespaces = [], power = powerOf(machine.description), records = false } = options;
      const { arch } = machine.description;
      const engine = new MemmapEngine(clock, power);
      const maps = new DeviceMap({
        machine,
        allocator,
        clock,
        log,
        engine,
        config: options,
        init: { mode: 'sync', ...SERIES_V2, ...init },
        bytesPerPage: arch.structPageSize * BUS_BYTES_PER_BYTE,
        records: records === false ? undefined : new PageRecords(records === true ? [] : records),
      });
      const bus = new NdBus(machine, maps);
      for (const namespace of namespaces) bus.add(namespace);
      bus.publish(scope);
      publishMetrics(scope, maps, engine);
      scope.invariant('device memory', () => maps.validate());
      scope.hash('state', (hasher) => maps.hash(hasher));
      scope.onBoot(() => {
        for (const { name, enable } of namespaces) if (enable === true) bus.enable(name);
      });
      scope.onDispose(() => {
        for (const name of machine.pages.columnNames())
          if (name.startsWith('zone-device.')) machine.pages.dropExtra(name);
      });
      return { memory: maps, maps, bus };
    },
  });
