/**
 * All of virtio-mem in one machine: the host with its devices, and the guest's driver bound to each. What the subsystem
 * provides, as a token of its own: `kernel.get(VirtioMem)`.
 */
import { parseSize, token, type VirtualClock } from '@replug/core';
import type { DeviceRequest, VirtioMemHost } from './device/host.ts';
import type { VirtioMemDevice } from './device/device.ts';
import type { DriverDeps } from './driver/deps.ts';
import { VirtioMemDriver } from './driver/driver.ts';
import { badSize, deviceNotFound, noSuchDriver } from './errors.ts';
import { SizeEvents } from './size-events.ts';

/** Why a device is there without a driver. */
export interface BindFailure {
  readonly id: string;
  readonly errno: number;
}

export class VirtioMem {
  readonly host: VirtioMemHost;
  readonly events: SizeEvents;
  /** Wall-clock second of virtual time 0. */
  readonly epoch: number;
  readonly bindFailures: BindFailure[] = [];
  readonly clock: VirtualClock;
  private readonly deps: DriverDeps;
  private readonly drivers = new Map<string, VirtioMemDriver>();
  private readonly names = new Map<string, string>();
  private nextName = 0;

  constructor(host: VirtioMemHost, deps: DriverDeps, epoch: number) {
    this.host = host;
    this.deps = deps;
    this.epoch = epoch;
    this.clock = deps.clock;
    this.events = new SizeEvents(deps.clock);
    host.onSizeChange = (device) => this.events.changed(device.id, device.size);
  }

  /** Bound drivers, in the order they were bound. */
  get bound(): readonly VirtioMemDriver[] {
    return [...this.drivers.values()];
  }

  driver(id: string): VirtioMemDriver | undefined {
    return this.drivers.get(id);
  }

  /** Adds a device while the guest runs; its driver probes at once and works when time next advances. */
  addDevice(request: DeviceRequest, name?: string, pluggedAlready = 0): VirtioMemDevice {
    const device = this.realize(request, name);
    device.plugAlready(pluggedAlready);
    this.bind(device.id);
    return device;
  }

  /** Adds a device without a driver. */
  realize(request: DeviceRequest, name?: string): VirtioMemDevice {
    const device = this.host.addDevice(request);
    const number = this.nextName++;
    this.names.set(device.id, name ?? `virtio${number}`);
    return device;
  }

  /** Binds the driver (again). 0 or a negative errno. */
  bind(id: string): number {
    const device = this.host.device(id);
    if (device === undefined) throw deviceNotFound(id);
    if (this.drivers.has(id)) return 0;
    const driver = new VirtioMemDriver(device, this.names.get(id) ?? id, this.deps);
    const rc = driver.bind();
    if (rc !== 0) {
      this.bindFailures.push({ id, errno: rc });
      return rc;
    }
    this.drivers.set(id, driver);
    return 0;
  }

  /**
   * Binds the driver to a device (option `adopt`) that was in use when the machine was recorded, once its pages are placed.
   */
  adopt(id: string): void {
    const device = this.host.device(id);
    if (device === undefined) throw deviceNotFound(id);
    const driver = new VirtioMemDriver(device, this.names.get(id) ?? id, this.deps);
    driver.adopt();
    this.drivers.set(id, driver);
  }

  /** Unbinds the driver. False when memory was left behind. */
  unbind(id: string): boolean {
    const driver = this.drivers.get(id);
    if (driver === undefined) throw noSuchDriver(id);
    this.drivers.delete(id);
    return driver.unbind();
  }

  /** device_del: QEMU checks, the guest lets go, the device is gone. */
  removeDevice(id: string): void {
    this.host.checkUnplug(id);
    if (this.drivers.has(id)) this.unbind(id);
    this.host.removeDevice(id);
    this.names.delete(id);
  }

  /** The online callback of the page allocator. */
  onlinePage(pfn: number, order: number): boolean {
    for (const driver of this.drivers.values()) if (driver.onlinePage(pfn, order)) return true;
    return false;
  }

  /** What is overdue happens: workers that were queued run. */
  settle(): void {
    this.clock.advance(0);
  }
}

export const VirtioMemToken = token<VirtioMem>()('virtio-mem.VirtioMem', {
  provider: 'virtioMem() from @replug/virtio-mem',
});

/** Bytes of an option; throws RP2203. */
export function bytesOf(option: string, value: number | string | undefined, fallback: number): number {
  if (value === undefined) return fallback;
  const bytes = typeof value === 'number' ? value : parseSize(value);
  if (bytes === undefined || !Number.isSafeInteger(bytes) || bytes < 0) throw badSize(option, value);
  return bytes;
}
