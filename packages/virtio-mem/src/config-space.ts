/**
 * The device's configuration space: 56 bytes, little-endian. The driver reads fields from these bytes, never from the
 * device object.
 *
 * Models: include/uapi/linux/virtio_mem.h struct virtio_mem_config, 6.12; hw/virtio/virtio-mem.c virtio_mem_get_config().
 */
import { readLe64, writeLe64 } from './protocol.ts';

export const CONFIG_BYTES = 56;

/** Offsets of the fields. */
export const CONFIG = {
  BLOCK_SIZE: 0,
  NODE_ID: 8,
  ADDR: 16,
  REGION_SIZE: 24,
  USABLE_REGION_SIZE: 32,
  PLUGGED_SIZE: 40,
  REQUESTED_SIZE: 48,
} as const;

/** All sizes in bytes. */
export interface VirtioMemConfig {
  readonly blockSize: number;
  readonly nodeId: number;
  readonly addr: number;
  readonly regionSize: number;
  readonly usableRegionSize: number;
  readonly pluggedSize: number;
  readonly requestedSize: number;
}

export function encodeConfig(into: DataView, config: VirtioMemConfig): void {
  writeLe64(into, CONFIG.BLOCK_SIZE, config.blockSize);
  into.setUint16(CONFIG.NODE_ID, config.nodeId, true);
  for (let at = CONFIG.NODE_ID + 2; at < CONFIG.ADDR; at++) into.setUint8(at, 0);
  writeLe64(into, CONFIG.ADDR, config.addr);
  writeLe64(into, CONFIG.REGION_SIZE, config.regionSize);
  writeLe64(into, CONFIG.USABLE_REGION_SIZE, config.usableRegionSize);
  writeLe64(into, CONFIG.PLUGGED_SIZE, config.pluggedSize);
  writeLe64(into, CONFIG.REQUESTED_SIZE, config.requestedSize);
}

export const decodeConfig = (view: DataView): VirtioMemConfig => ({
  blockSize: readLe64(view, CONFIG.BLOCK_SIZE),
  nodeId: view.getUint16(CONFIG.NODE_ID, true),
  addr: readLe64(view, CONFIG.ADDR),
  regionSize: readLe64(view, CONFIG.REGION_SIZE),
  usableRegionSize: readLe64(view, CONFIG.USABLE_REGION_SIZE),
  pluggedSize: readLe64(view, CONFIG.PLUGGED_SIZE),
  requestedSize: readLe64(view, CONFIG.REQUESTED_SIZE),
});
