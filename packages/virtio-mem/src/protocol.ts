/**
 * The request and the response as bytes on the wire, little-endian whatever the guest is.
 *
 *   request   24 bytes  le16 type, 6 bytes padding, le64 address, le16 blocks, 6 bytes padding (UNPLUG_ALL: zeroes)
 *   response  10 bytes  le16 type, 6 bytes padding, le16 state (of STATE; else 0)
 *
 * Addresses are doubles: exact below 2^53, beyond every region above it, so that a hostile one is refused all the same.
 *
 * Models: include/uapi/linux/virtio_mem.h struct virtio_mem_req, struct virtio_mem_resp, 6.12.
 * HOT: called once a request; scalars in and out.
 */
export const REQUEST = { PLUG: 0, UNPLUG: 1, UNPLUG_ALL: 2, STATE: 3 } as const;
export const RESPONSE = { ACK: 0, NACK: 1, BUSY: 2, ERROR: 3 } as const;
/** Answer to STATE. */
export const BLOCK_STATE = { PLUGGED: 0, UNPLUGGED: 1, MIXED: 2 } as const;

export const REQUEST_NAMES: readonly string[] = Object.keys(REQUEST);
export const RESPONSE_NAMES: readonly string[] = Object.keys(RESPONSE);

export const REQUEST_BYTES = 24;
export const RESPONSE_BYTES = 10;
/** Most blocks of one request: a le16. */
export const MAX_REQUEST_BLOCKS = 0xffff;

/** Feature bits. */
export const FEATURE = { ACPI_PXM: 1 << 0, UNPLUGGED_INACCESSIBLE: 1 << 1, PERSISTENT_SUSPEND: 1 << 2 } as const;

const HIGH = 2 ** 32;

/** Reads a le64 as a double. */
export const readLe64 = (view: DataView, at: number): number =>
  view.getUint32(at + 4, true) * HIGH + view.getUint32(at, true);

/** Writes a whole number below 2^53 as le64. */
export function writeLe64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value % HIGH, true);
  view.setUint32(at + 4, Math.floor(value / HIGH), true);
}

export function encodeRequest(into: DataView, type: number, addr: number, blocks: number): void {
  into.setUint32(0, type & 0xffff, true);
  into.setUint32(4, 0, true);
  writeLe64(into, 8, addr);
  into.setUint32(16, blocks & 0xffff, true);
  into.setUint32(20, 0, true);
}

export const requestType = (view: DataView): number => view.getUint16(0, true);
export const requestAddr = (view: DataView): number => readLe64(view, 8);
export const requestBlocks = (view: DataView): number => view.getUint16(16, true);

export function encodeResponse(into: DataView, type: number, state: number): void {
  into.setUint32(0, type & 0xffff, true);
  into.setUint32(4, 0, true);
  into.setUint16(8, state, true);
}

export const responseType = (view: DataView): number => view.getUint16(0, true);
export const responseState = (view: DataView): number => view.getUint16(8, true);
