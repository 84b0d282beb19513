/**
 * The host's side of all devices of a machine: memory backends, devices at their addresses, migration, reset, and who is
 * told when a device's size changes.
 *
 * Models: hw/virtio/virtio-mem.c virtio_mem_device_realize(), virtio_mem_unplug_request_check(), virtio_mem_is_busy(),
 * virtio_mem_set_block_size(), QEMU 10 (unplugged-inaccessible is on unless said otherwise).
 */
import { deviceNotFound, refused } from '../errors.ts';
import { FEATURE } from '../protocol.ts';
import { VirtioMemDevice, type DeviceHost } from './device.ts';
import { placeRegion, type DeviceMemory } from './placement.ts';

const MiB = 2 ** 20;
/** VIRTIO_MEM_MIN_BLOCK_SIZE. */
export const MIN_BLOCK_SIZE = MiB;

export interface HostFacts {
  /** Nodes that the guest's firmware tables name. */
  readonly nodes: number;
  readonly memory: DeviceMemory;
  /** VIRTIO_MEM_USABLE_EXTENT of the target. */
  readonly usableExtent: number;
  /** Page size of the backends, bytes. */
  readonly pageSize: number;
  /** Default block size: a transparent huge page of the host. */
  readonly defaultBlockSize: number;
  /** QEMU offers PERSISTENT_SUSPEND (9.1 and later, machines that can wake up). */
  readonly persistentSuspend: boolean;
}

/** A memory backend. */
export interface MemoryBackend {
  readonly id: string;
  readonly size: number;
  /** Id of the device that maps it. */
  mappedBy: string | undefined;
}

export interface DeviceRequest {
  readonly id: string;
  readonly memdev: string;
  readonly node?: number;
  readonly requestedSize?: number;
  /** 0 or none: the default. */
  readonly blockSize?: number;
  /** 0 or none: first fit. */
  readonly addr?: number;
  readonly unpluggedInaccessible?: boolean;
}

export class VirtioMemHost implements DeviceHost {
  readonly facts: HostFacts;
  readonly backends = new Map<string, MemoryBackend>();
  /** Outgoing migration, or incoming postcopy, runs. */
  migrating = false;
  /** Told of each change of a device's size, after it. */
  onSizeChange: ((device: VirtioMemDevice) => void) | undefined;
  private readonly byId = new Map<string, VirtioMemDevice>();

  constructor(facts: HostFacts) {
    this.facts = facts;
  }

  get busy(): boolean {
    return this.migrating;
  }

  /** By address, as QEMU lists them. */
  get devices(): VirtioMemDevice[] {
    return [...this.byId.values()].sort((a, b) => a.addr - b.addr);
  }

  device(id: string): VirtioMemDevice | undefined {
    return this.byId.get(id);
  }

  /** object_add memory-backend-ram. */
  addBackend(id: string, size: number): void {
    if (this.backends.has(id)) throw refused(`attempt to add duplicate property '${id}' to object (type 'container')`);
    if (!(size > 0)) throw refused("property 'size' of memory-backend-ram doesn't take value '0'");
    this.backends.set(id, {
      id,
      size: Math.ceil(size / this.facts.pageSize) * this.facts.pageSize,
      mappedBy: undefined,
    });
  }

  /** object_del. */
  removeBackend(id: string): void {
    const backend = this.backends.get(id);
    if (backend === undefined) throw refused(`object '${id}' not found`);
    if (backend.mappedBy !== undefined) throw refused(`object '${id}' is in use, can not be deleted`);
    this.backends.delete(id);
  }

  /** device_add virtio-mem-pci: realizes a device or refuses with QEMU's sentence. */
  addDevice(request: DeviceRequest): VirtioMemDevice {
    const { facts } = this;
    if (this.byId.has(request.id)) throw refused(`Duplicate device ID '${request.id}'`);
    const blockSize = blockSizeOf(request.blockSize ?? 0, facts.defaultBlockSize);
    const backend = this.backendFor(request.memdev);
    const node = request.node ?? 0;
    if (node >= facts.nodes)
      throw refused(`'node' property has value '${node}', which exceedsthe number of numa nodes: ${facts.nodes}`);
    const block = `'block-size' (0x${blockSize.toString(16)})`;
    if (blockSize < facts.pageSize)
      throw refused(`'block-size' property has to be at least the page size (0x${facts.pageSize.toString(16)})`);
    const requestedSize = request.requestedSize ?? 0;
    if (requestedSize % blockSize !== 0) throw refused(`'requested-size' property has to be multiples of ${block}`);
    if ((request.addr ?? 0) % blockSize !== 0) throw refused(`'memaddr' property has to be multiples of ${block}`);
    if (backend.size % blockSize !== 0) throw refused(`'memdev' property memdev size has to be multiples of${block}`);
    const addr = placeRegion(facts.memory, this.devices, backend.size, blockSize, request.addr ?? 0);
    const device = new VirtioMemDevice(
      {
        id: request.id,
        memdev: backend.id,
        node,
        blockSize,
        addr,
        regionSize: backend.size,
        requestedSize,
        usableExtent: facts.usableExtent,
        features:
          FEATURE.ACPI_PXM |
          (request.unpluggedInaccessible === false ? 0 : FEATURE.UNPLUGGED_INACCESSIBLE) |
          (facts.persistentSuspend ? FEATURE.PERSISTENT_SUSPEND : 0),
      },
      this,
    );
    device.onSizeChange = (changed) => this.onSizeChange?.(changed);
    backend.mappedBy = device.id;
    this.byId.set(device.id, device);
    return device;
  }

  /** What device_del checks before it asks the guest. */
  checkUnplug(id: string): VirtioMemDevice {
    const device = this.byId.get(id);
    if (device === undefined) throw deviceNotFound(id);
    const cannot = 'virtio-mem device cannot get unplugged while';
    if ((device.features & FEATURE.UNPLUGGED_INACCESSIBLE) === 0)
      throw refused(`${cannot} 'unplugged-inaccessible' != 'on'`);
    if (device.size > 0) throw refused(`${cannot} some of its memory is still plugged`);
    if (device.requestedSize > 0) throw refused(`${cannot} 'requested-size' != '0'`);
    return device;
  }

  /** The guest has let go of a device: it is gone. */
  removeDevice(id: string): void {
    const device = this.checkUnplug(id);
    this.backends.get(device.memdev)!.mappedBy = undefined;
    this.byId.delete(id);
  }

  /** System reset: every device unplugs everything, unless the host is busy. */
  reset(): void {
    for (const device of this.devices) device.unplugAll();
  }

  private backendFor(memdev: string): MemoryBackend {
    if (memdev === '') throw refused("'memdev' property is not set");
    const backend = this.backends.get(memdev);
    if (backend === undefined) throw refused(`Device '${memdev}' not found`);
    if (backend.mappedBy !== undefined) throw refused(`'memdev' property specifies a busy memdev: ${memdev}`);
    return backend;
  }
}

function blockSizeOf(wanted: number, fallback: number): number {
  if (wanted === 0) return fallback;
  if (wanted < MIN_BLOCK_SIZE)
    throw refused(`'block-size' property has to be at least 0x${MIN_BLOCK_SIZE.toString(16)}`);
  if (2 ** Math.round(Math.log2(wanted)) !== wanted) throw refused("'block-size' property has to be a power of two");
  return wanted;
}
