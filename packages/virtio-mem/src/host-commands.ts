/**
 * What a user of QEMU asks of virtio-mem devices, whichever of the two monitors it comes through: properties of objects,
 * adding and deleting. Refusals are ReplugErrors with QEMU's sentence in `what` (RP2201; RP2202 is DeviceNotFound).
 *
 * Models: qom/qom-qmp-cmds.c, system/qdev-monitor.c, hw/virtio/virtio-mem-pci.c, hw/core/qdev-properties.c, QEMU 10.
 */
import type { DeviceRequest, MemoryBackend } from './device/host.ts';
import type { VirtioMemDevice } from './device/device.ts';
import { deviceNotFound, refused } from './errors.ts';
import type { VirtioMem } from './virtio-mem.ts';

export const DEVICE_TYPE = 'virtio-mem-pci';
export const BACKEND_TYPE = 'memory-backend-ram';

/** One row of query-memory-devices. */
export interface MemoryDeviceInfo {
  readonly id: string;
  readonly memaddr: number;
  readonly node: number;
  readonly 'requested-size': number;
  readonly size: number;
  readonly 'max-size': number;
  readonly 'block-size': number;
  readonly memdev: string;
}

export const infoOf = (device: VirtioMemDevice): MemoryDeviceInfo => ({
  id: device.id,
  memaddr: device.addr,
  node: device.node,
  'requested-size': device.requestedSize,
  size: device.size,
  'max-size': device.regionSize,
  'block-size': device.blockSize,
  memdev: `/objects/${device.memdev}`,
});

type PropertyValue = number | string;

const DEVICE_GETTERS: Readonly<Record<string, (device: VirtioMemDevice) => PropertyValue>> = {
  'requested-size': (device) => device.requestedSize,
  size: (device) => device.size,
  'block-size': (device) => device.blockSize,
  memaddr: (device) => device.addr,
  node: (device) => device.node,
  memdev: (device) => `/objects/${device.memdev}`,
  type: () => DEVICE_TYPE,
};

/** qom-get. */
export function getProperty(mem: VirtioMem, path: string, property: string): PropertyValue {
  const object = resolve(mem, path);
  if ('addr' in object) {
    if (!Object.hasOwn(DEVICE_GETTERS, property)) throw refused(`Property '${DEVICE_TYPE}.${property}' not found`);
    return DEVICE_GETTERS[property](object);
  }
  if (property === 'size') return object.size;
  if (property === 'type') return BACKEND_TYPE;
  throw refused(`Property '${BACKEND_TYPE}.${property}' not found`);
}

/** qom-set; the value is bytes. */
export function setProperty(mem: VirtioMem, path: string, property: string, value: number): void {
  const object = resolve(mem, path);
  if (!('addr' in object)) {
    if (property !== 'size') throw refused(`Property '${BACKEND_TYPE}.${property}' not found`);
    throw refused("cannot change property 'size' of memory-backend-ram ");
  }
  switch (property) {
    case 'requested-size':
      return object.setRequestedSize(value);
    case 'block-size':
      throw refused("'block-size' cannot be changed");
    case 'size':
    case 'type':
      throw refused(`Property '${DEVICE_TYPE}.${property}' is not writable`);
    case 'memaddr':
    case 'node':
    case 'memdev':
      throw refused(
        `Attempt to set property '${property}' on device '${object.id}' (type '${DEVICE_TYPE}') after it was realized`,
      );
    default:
      throw refused(`Property '${DEVICE_TYPE}.${property}' not found`);
  }
}

/** True for a property whose value is a size. */
export const isSize = (property: string): boolean => ['requested-size', 'block-size', 'size'].includes(property);

const DEVICE_KEYS = ['driver', 'id', 'memdev', 'node', 'requested-size', 'block-size', 'memaddr'];
const BOOLEAN_KEYS = ['unplugged-inaccessible', 'prealloc', 'dynamic-memslots', 'bus'];

/** device_add: `values` as given, sizes as bytes already or as text. */
export function addDevice(mem: VirtioMem, values: Readonly<Record<string, unknown>>): void {
  const driver = text(values, 'driver');
  if (driver !== DEVICE_TYPE) throw refused(`'${driver}' is not a valid device model name`);
  for (const key of Object.keys(values))
    if (!DEVICE_KEYS.includes(key) && !BOOLEAN_KEYS.includes(key))
      throw refused(`Property '${DEVICE_TYPE}.${key}' not found`);
  if (values.memdev === undefined) throw refused("'memdev' property is not set");
  const request: DeviceRequest = {
    id: text(values, 'id'),
    memdev: text(values, 'memdev'),
    node: size(values, 'node'),
    requestedSize: size(values, 'requested-size'),
    blockSize: size(values, 'block-size'),
    addr: size(values, 'memaddr'),
    unpluggedInaccessible: values['unplugged-inaccessible'] !== 'off',
  };
  mem.addDevice(request);
}

/** object_add: memory-backend-ram alone. */
export function addObject(mem: VirtioMem, values: Readonly<Record<string, unknown>>): void {
  const type = text(values, 'qom-type');
  if (type !== BACKEND_TYPE) throw refused(`Parameter 'qom-type' does not accept value '${type}'`);
  for (const key of Object.keys(values))
    if (!['qom-type', 'id', 'size'].includes(key)) throw refused(`Parameter '${key}' is unexpected`);
  const bytes = size(values, 'size');
  if (bytes === undefined) throw refused("Parameter 'size' is missing");
  mem.host.addBackend(text(values, 'id'), bytes);
}

/** QEMU's sentence for text that is no size. */
export const notASize = (name: string): string => `Parameter '${name}' expects a non-negative number below 2^64`;

/**
 * Bytes of a size as QEMU reads it: decimal with a fraction, or hexadecimal, and a suffix of one letter. undefined: none.
 *
 * Models: util/cutils.c do_strtosz(), QEMU 10.
 */
export function parseQemuSize(value: string): number | undefined {
  const match = /^\s*(0[xX][0-9a-fA-F]+|\d+(?:\.\d*)?|\.\d+)([bBkKmMgGtTpPeE]?)$/.exec(value);
  if (match === null) return undefined;
  const [, digits, suffix] = match;
  if (/^0x/i.test(digits) && suffix !== '') return undefined;
  const unit = suffix === '' ? 1 : 1024 ** 'BKMGTPE'.indexOf(suffix.toUpperCase());
  const bytes = Math.floor(Number(digits) * unit);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

function resolve(mem: VirtioMem, path: string): VirtioMemDevice | MemoryBackend {
  const id = /^(?:\/machine\/peripheral\/)?([^/]+)$/.exec(path)?.[1];
  const device = id === undefined ? undefined : mem.host.device(id);
  if (device !== undefined) return device;
  const name = /^(?:\/objects\/)?([^/]+)$/.exec(path)?.[1];
  const backend = name === undefined ? undefined : mem.host.backends.get(name);
  if (backend === undefined) throw deviceNotFound(path);
  return backend;
}

function text(values: Readonly<Record<string, unknown>>, key: string): string {
  const value = values[key];
  if (value === undefined) throw refused(`Parameter '${key}' is missing`);
  if (typeof value !== 'string' || value === '') throw refused(`Invalid parameter type for '${key}', expected: string`);
  return value;
}

function size(values: Readonly<Record<string, unknown>>, key: string): number | undefined {
  const value = values[key];
  if (value === undefined) return undefined;
  const bytes = typeof value === 'string' ? parseQemuSize(value) : value;
  if (typeof bytes !== 'number' || !Number.isSafeInteger(bytes) || bytes < 0) throw refused(notASize(key));
  return bytes;
}
