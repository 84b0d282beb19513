/**
 * The bus that namespaces hang on: each is enabled, disabled and read under the kernel's own paths.
 *
 *   /sys/bus/nd/devices/namespace0.0 → …/region0/namespace0.0/{mode,size,resource,numa_node,memmap_state}
 *
 * memmap_state is the 2018 series': active or idle; writing `sync` waits for all of it.
 * Errors: RP2451–RP2456, and those of memremap().
 * Models: drivers/nvdimm/{bus,region_devs,namespace_devs}.c as a reader of sysfs sees them, 6.12.
 */
import {
  ERRNO,
  errnoName,
  type Machine,
  type MemoryHotplug,
  type Pfn,
  type SubsystemScope,
  KernfsError,
} from '@replug/core';
import { addRefused, namespaceBusy, namespaceTwice, noHotplug, noSuchNamespace, offlineRefused } from './errors.ts';
import type { DeviceMap, LivePagemap } from './memremap.ts';
import {
  layoutNamespace,
  pagemapOf,
  type NamespaceLayout,
  type NamespaceMode,
  type NamespaceOptions,
} from './namespaces.ts';

interface Namespace {
  options: NamespaceOptions;
  readonly region: number;
  layout: NamespaceLayout | undefined;
  live: LivePagemap | undefined;
  /** Added as memory. */
  ram: boolean;
}

const BUS = '/sys/bus/nd/devices';

export class NdBus {
  /** The driver of system-ram mode; set by daxKmem(). */
  kmem: MemoryHotplug | undefined;
  private readonly machine: Machine;
  private readonly devices: DeviceMap;
  private readonly namespaces = new Map<string, Namespace>();
  /** The device that the bus belongs to, as in /sys/devices/platform. */
  private readonly platform: string;

  constructor(machine: Machine, devices: DeviceMap, platform = 'e820_pmem') {
    this.machine = machine;
    this.devices = devices;
    this.platform = platform;
  }

  /** Makes a namespace known; it is not enabled yet. */
  add(options: NamespaceOptions): void {
    if (this.namespaces.has(options.name)) throw namespaceTwice(options.name);
    layoutNamespace(options, this.arch);
    this.region(options);
    const region = Number(/^namespace(\d+)\.\d+$/.exec(options.name)?.[1] ?? this.namespaces.size);
    this.namespaces.set(options.name, { options, region, layout: undefined, live: undefined, ram: false });
  }

  /** Binds the driver of its mode to a namespace. */
  enable(name: string): LivePagemap | undefined {
    const namespace = this.find(name);
    const { options, live, ram } = namespace;
    if (live !== undefined || ram) throw namespaceBusy(name);
    const layout = layoutNamespace(options, this.arch);
    if (options.mode === 'system-ram') {
      if (this.kmem === undefined) throw noHotplug(name);
      const { start, end } = layout.mapped;
      const errno = this.kmem.addMemory(options.nid, start, end - start, { resourceName: 'System RAM (kmem)' });
      if (errno !== 0) throw addRefused(name, errnoName(-errno) ?? String(errno));
      namespace.ram = true;
    } else {
      namespace.live = this.devices.memremap(pagemapOf(options.mode, layout), options.nid);
      this.machine.resources.request(options.start, options.start + options.size - 1, name);
    }
    namespace.layout = layout;
    return namespace.live;
  }

  /** Unbinds the driver. Throws RP2431 while pages are in use, RP2455 where memory cannot go offline. */
  disable(name: string): void {
    const namespace = this.find(name);
    const { live, ram, layout } = namespace;
    if (live !== undefined) {
      this.devices.memunmap(live);
      const { start, size } = namespace.options;
      this.machine.resources.release(start, start + size - 1);
    }
    if (ram) {
      const { start, end } = layout!.mapped;
      const { errno, reason } = this.kmem!.offlineAndRemove(start, end - start);
      if (errno !== 0) throw offlineRefused(name, reason ?? errnoName(-errno) ?? String(errno));
    }
    Object.assign(namespace, { live: undefined, ram: false, layout: undefined });
  }

  /** Changes the mode of a namespace that is not enabled. */
  setMode(name: string, mode: NamespaceMode, map?: 'mem' | 'dev'): void {
    const namespace = this.find(name);
    if (namespace.live !== undefined || namespace.ram) throw namespaceBusy(name);
    const options = { ...namespace.options, mode, map: map ?? namespace.options.map };
    layoutNamespace(options, this.arch);
    namespace.options = options;
  }

  /** A DAX fault on a byte of a namespace's data: the page is made usable and taken. Returns its pfn. */
  fault(name: string, offset: number): Pfn {
    const { layout, live } = this.find(name);
    const pfn = (layout?.data ?? 0) + Math.floor(offset / 2 ** this.arch.pageShift);
    if (live === undefined || !(offset >= 0 && pfn < layout!.mapped.end))
      throw new KernfsError('ENXIO', 'no such byte of an enabled namespace', `${name}+${offset}`);
    this.devices.sync(pfn, 1);
    this.devices.getPage(pfn);
    return pfn;
  }

  names(): string[] {
    return [...this.namespaces.keys()];
  }

  layoutOf(name: string): NamespaceLayout | undefined {
    return this.find(name).layout;
  }

  publish(scope: SubsystemScope): void {
    const base = `/sys/devices/platform/${this.platform}/ndbus0`;
    scope.directory(BUS, {
      list: () => this.busNames(),
      entry: (name) => {
        if (!this.busNames().includes(name)) return undefined;
        const region = /^[a-z]+(\d+)/.exec(name)![1];
        const below = name === 'ndbus0' ? '' : name.startsWith('region') ? `/${name}` : `/region${region}/${name}`;
        return { link: `../../../devices/platform/${this.platform}/ndbus0${below}` };
      },
    });
    scope.directory(base, {
      list: () => this.busNames().filter((name) => name.startsWith('region')),
      entry: (region) => {
        const inside = (): string[] => this.busNames().filter((name) => name.includes(`${region.slice(6)}.`));
        return {
          list: inside,
          entry: (name) => (inside().includes(name) ? this.directoryOf(name) : undefined),
        };
      },
    });
  }

  private get arch(): Machine['description']['arch'] {
    return this.machine.description.arch;
  }

  /** The entry of /proc/iomem that the namespace lies in; several may share one. */
  private region({ start, size, legacy }: NamespaceOptions): void {
    const { resources } = this.machine;
    const there = resources.find(start);
    if (there !== undefined && there.end >= start + size - 1) return;
    resources.request(
      start,
      start + size - 1,
      legacy === true ? 'Persistent Memory (legacy)' : 'Persistent Memory',
      false,
    );
  }

  /** Every region has an idle seed device of each kind beside its namespaces. */
  private busNames(): string[] {
    const regions = [...new Set([...this.namespaces.values()].map((n) => n.region))];
    const seeds = regions.flatMap((r) => [`btt${r}.0`, `dax${r}.0`, `pfn${r}.0`, `region${r}`]);
    return this.namespaces.size === 0 ? [] : [...seeds, ...this.namespaces.keys(), 'ndbus0'].sort();
  }

  private directoryOf(name: string) {
    const namespace = this.namespaces.get(name);
    if (namespace === undefined) return { list: () => [], entry: () => undefined };
    const { options } = namespace;
    const files: Readonly<Record<string, { read: () => string; write?: (text: string) => number }>> = {
      mode: { read: () => `${namespace.options.mode}\n` },
      size: { read: () => `${options.size}\n` },
      resource: { read: () => `0x${options.start.toString(16)}\n` },
      numa_node: { read: () => `${options.nid}\n` },
      memmap_state: {
        read: () => `${this.active(namespace) ? 'active' : 'idle'}\n`,
        write: (text) => {
          if (text !== 'sync') return -ERRNO.EINVAL;
          if (namespace.live !== undefined)
            for (const { start, end } of namespace.live.ranges) this.devices.sync(start, end - start);
          return 0;
        },
      },
    };
    return { list: () => Object.keys(files), entry: (file: string) => files[file] };
  }

  private active({ live }: Namespace): boolean {
    return live?.ranges.some(({ job }) => job !== undefined && job.phase !== 'done') ?? false;
  }

  private find(name: string): Namespace {
    const found = this.namespaces.get(name);
    if (found === undefined) throw noSuchNamespace(name, [...this.namespaces.keys()]);
    return found;
  }
}
