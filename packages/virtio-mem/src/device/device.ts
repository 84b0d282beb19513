/**
 * One virtio-mem device as QEMU implements it: which blocks are plugged, how much is asked for, what of the region is
 * usable, and the answer to each request.
 *
 * The order of checks is QEMU's: a valid range, then what is requested, then the state of every block, then whether the
 * host is busy. A request that breaks the protocol breaks the device, as virtio_error() does: it answers nothing more.
 *
 * Models: hw/virtio/virtio-mem.c virtio_mem_state_change_request(), virtio_mem_unplug_all(), virtio_mem_resize_usable_region(),
 * virtio_mem_set_requested_size(), QEMU 10.
 * HOT: handle() is called once a request; scalars and preallocated views.
 */
import { CONFIG_BYTES, encodeConfig } from '../config-space.ts';
import { refused } from '../errors.ts';
import {
  BLOCK_STATE,
  encodeResponse,
  REQUEST,
  REQUEST_BYTES,
  requestAddr,
  requestBlocks,
  requestType,
  RESPONSE,
  RESPONSE_BYTES,
} from '../protocol.ts';

export interface DeviceProperties {
  readonly id: string;
  /** Id of the memory backend. */
  readonly memdev: string;
  readonly node: number;
  /** Bytes; a power of two. */
  readonly blockSize: number;
  /** First byte of the region. */
  readonly addr: number;
  readonly regionSize: number;
  readonly requestedSize: number;
  /** Bytes that the usable region is larger than the request. */
  readonly usableExtent: number;
  /** FEATURE bits that it offers. */
  readonly features: number;
}

/** What a device asks of its host. */
export interface DeviceHost {
  /** Migration runs, in or out: nothing may be plugged or unplugged. */
  readonly busy: boolean;
}

export class VirtioMemDevice {
  readonly id: string;
  readonly memdev: string;
  readonly node: number;
  readonly blockSize: number;
  readonly addr: number;
  readonly regionSize: number;
  readonly usableExtent: number;
  readonly features: number;
  /** One byte a block; 1: plugged. */
  readonly plugged: Uint8Array;
  /** Bytes plugged. */
  size = 0;
  requestedSize = 0;
  usableRegionSize = 0;
  /** Why the device answers no longer (virtio_error); undefined while it works. */
  broken: string | undefined;
  /** Told that the config space changed (an interrupt). The driver sets it. */
  onConfigChange: (() => void) | undefined;
  /** Told that `size` changed. The host sets it. */
  onSizeChange: ((device: VirtioMemDevice) => void) | undefined;
  private readonly host: DeviceHost;
  private readonly space = new DataView(new ArrayBuffer(CONFIG_BYTES));

  constructor(properties: DeviceProperties, host: DeviceHost) {
    this.id = properties.id;
    this.memdev = properties.memdev;
    this.node = properties.node;
    this.blockSize = properties.blockSize;
    this.addr = properties.addr;
    this.regionSize = properties.regionSize;
    this.usableExtent = properties.usableExtent;
    this.features = properties.features;
    this.host = host;
    this.plugged = new Uint8Array(this.regionSize / this.blockSize);
    this.requestedSize = properties.requestedSize;
    this.resizeUsableRegion(true);
  }

  /** The config space as it is now; the view is the device's own and is written anew at each call. */
  config(): DataView {
    encodeConfig(this.space, {
      blockSize: this.blockSize,
      nodeId: this.node,
      addr: this.addr,
      regionSize: this.regionSize,
      usableRegionSize: this.usableRegionSize,
      pluggedSize: this.size,
      requestedSize: this.requestedSize,
    });
    return this.space;
  }

  /** Answers a request. False: the request broke the protocol, there is no answer, and the device is broken. */
  handle(request: DataView, response: DataView): boolean {
    if (this.broken !== undefined) return false;
    if (request.byteLength < REQUEST_BYTES) return this.break(`invalid request size: ${REQUEST_BYTES}`);
    if (response.byteLength < RESPONSE_BYTES)
      return this.break(`not enough space for response: ${response.byteLength}`);
    const type = requestType(request);
    switch (type) {
      case REQUEST.PLUG:
      case REQUEST.UNPLUG:
        encodeResponse(response, this.change(requestAddr(request), requestBlocks(request), type === REQUEST.PLUG), 0);
        return true;
      case REQUEST.UNPLUG_ALL:
        encodeResponse(response, this.unplugAll() ? RESPONSE.ACK : RESPONSE.BUSY, 0);
        return true;
      case REQUEST.STATE: {
        const state = this.stateOf(requestAddr(request), requestBlocks(request));
        encodeResponse(response, state < 0 ? RESPONSE.ERROR : RESPONSE.ACK, state < 0 ? 0 : state);
        return true;
      }
      default:
        return this.break(`unknown request type: ${type}`);
    }
  }

  /** qom-set requested-size on a realized device. Tells the guest even when the size stays the same. */
  setRequestedSize(bytes: number): void {
    if (bytes % this.blockSize !== 0)
      throw refused(`'requested-size' has to be multiples of 'block-size' (0x${this.blockSize.toString(16)})`);
    if (bytes > this.regionSize)
      throw refused(`'requested-size' cannot exceed the memory backend size(0x${this.regionSize.toString(16)})`);
    if (bytes !== this.requestedSize) {
      this.requestedSize = bytes;
      this.resizeUsableRegion(false);
    }
    this.onConfigChange?.();
  }

  /** Unplugs everything and lets the usable region shrink; false while the host is busy. */
  unplugAll(): boolean {
    if (this.size > 0) {
      if (this.host.busy) return false;
      this.plugged.fill(0);
      this.size = 0;
      this.onSizeChange?.(this);
    }
    this.resizeUsableRegion(true);
    return true;
  }

  /** Blocks that are plugged before any driver asked: a host that was busy when the machine was reset. */
  plugAlready(bytes: number): void {
    const blocks = Math.min(Math.floor(bytes / this.blockSize), this.plugged.length);
    this.plugged.fill(1, 0, blocks);
    this.size = blocks * this.blockSize;
    this.usableRegionSize = Math.max(this.usableRegionSize, this.size);
  }

  /** A range that was plugged when the machine was recorded. */
  adopt(addr: number, bytes: number): void {
    const first = (addr - this.addr) / this.blockSize;
    this.plugged.fill(1, first, first + bytes / this.blockSize);
    this.size += bytes;
    this.usableRegionSize = Math.max(this.usableRegionSize, addr + bytes - this.addr);
  }

  /** True when [addr, addr + bytes) is plugged throughout; for whoever looks from the host's side. */
  isPlugged(addr: number, bytes: number): boolean {
    return this.all((addr - this.addr) / this.blockSize, bytes / this.blockSize, 1);
  }

  /** virtio_mem_state_change_request(). */
  private change(addr: number, blocks: number, plug: boolean): number {
    const bytes = blocks * this.blockSize;
    if (!this.valid(addr, bytes)) return RESPONSE.ERROR;
    if (plug && this.size + bytes > this.requestedSize) return RESPONSE.NACK;
    const first = (addr - this.addr) / this.blockSize;
    if (!this.all(first, blocks, plug ? 0 : 1)) return RESPONSE.ERROR;
    if (this.host.busy) return RESPONSE.BUSY;
    this.plugged.fill(plug ? 1 : 0, first, first + blocks);
    this.size += plug ? bytes : -bytes;
    this.onSizeChange?.(this);
    return RESPONSE.ACK;
  }

  /** BLOCK_STATE of a range; -1 for an invalid one. */
  private stateOf(addr: number, blocks: number): number {
    if (!this.valid(addr, blocks * this.blockSize)) return -1;
    const first = (addr - this.addr) / this.blockSize;
    if (this.all(first, blocks, 1)) return BLOCK_STATE.PLUGGED;
    return this.all(first, blocks, 0) ? BLOCK_STATE.UNPLUGGED : BLOCK_STATE.MIXED;
  }

  private valid(addr: number, bytes: number): boolean {
    if (addr % this.blockSize !== 0 || bytes === 0) return false;
    return addr >= this.addr && addr + bytes <= this.addr + this.usableRegionSize;
  }

  private all(first: number, blocks: number, value: 0 | 1): boolean {
    const { plugged } = this;
    for (let block = first; block < first + blocks; block++) if (plugged[block] !== value) return false;
    return true;
  }

  private resizeUsableRegion(mayShrink: boolean): void {
    const { requestedSize, blockSize } = this;
    const wanted = Math.min(this.regionSize, requestedSize + this.usableExtent);
    const size = requestedSize === 0 ? 0 : Math.ceil(wanted / blockSize) * blockSize;
    if (size < this.usableRegionSize && !mayShrink) return;
    this.usableRegionSize = size;
  }

  private break(text: string): false {
    this.broken = `virtio-mem protocol violation: ${text}`;
    return false;
  }
}
