/** virtio-mem: devices as QEMU has them, the Linux driver, both monitors, and the future work of the 2019 cover letter. */
export { VirtioMemDevice, type DeviceProperties } from './device/device.ts';
export { VirtioMemHost, type DeviceRequest, type HostFacts, type MemoryBackend } from './device/host.ts';
export { deviceMemoryBase } from './device/placement.ts';
export { BB, BB_NAMES } from './driver/big-blocks.ts';
export { VirtioMemDriver } from './driver/driver.ts';
export type { RequestRecord, WorkerRun } from './driver/state.ts';
export { MB, MB_NAMES } from './driver/sub-blocks.ts';
export { CONFIG, CONFIG_BYTES, decodeConfig, encodeConfig, type VirtioMemConfig } from './config-space.ts';
export { Monitor, type MonitorAnswer } from './monitor.ts';
export type { DeviceOptions, DriverParameters, FutureWork, HostOptions, VirtioMemOptions } from './options.ts';
export { virtioMem } from './plugin.ts';
export { BLOCK_STATE, FEATURE, REQUEST, REQUEST_BYTES, RESPONSE, RESPONSE_BYTES } from './protocol.ts';
export { QmpSession } from './qmp.ts';
export type { SizeChange } from './size-events.ts';
export { VirtioMem, VirtioMemToken } from './virtio-mem.ts';
