/** Bytes on the wire, as written down in the virtio specification: literal hexadecimal, both ways. */
import { describe, expect, it } from 'vitest';
import { CONFIG_BYTES, decodeConfig, encodeConfig } from './config-space.ts';
import {
  encodeRequest,
  encodeResponse,
  REQUEST,
  REQUEST_BYTES,
  requestAddr,
  requestBlocks,
  requestType,
  RESPONSE,
  RESPONSE_BYTES,
  responseState,
  responseType,
} from './protocol.ts';

const hex = (view: DataView): string =>
  Buffer.from(view.buffer, view.byteOffset, view.byteLength)
    .toString('hex')
    .replace(/(..)(?=.)/g, '$1 ');
const bytes = (text: string): DataView => {
  const buffer = Uint8Array.from(text.split(' '), (byte) => Number.parseInt(byte, 16));
  return new DataView(buffer.buffer);
};

describe('requests', () => {
  const view = new DataView(new ArrayBuffer(REQUEST_BYTES));
  it('PLUG of 64 blocks at 4 GiB', () => {
    encodeRequest(view, REQUEST.PLUG, 0x1_0000_0000, 64);
    expect(hex(view)).toBe('00 00 00 00 00 00 00 00 00 00 00 00 01 00 00 00 40 00 00 00 00 00 00 00');
  });
  it('UNPLUG of one block at 0x140200000', () => {
    encodeRequest(view, REQUEST.UNPLUG, 0x1_4020_0000, 1);
    expect(hex(view)).toBe('01 00 00 00 00 00 00 00 00 00 20 40 01 00 00 00 01 00 00 00 00 00 00 00');
  });
  it('UNPLUG_ALL', () => {
    encodeRequest(view, REQUEST.UNPLUG_ALL, 0, 0);
    expect(hex(view)).toBe('02 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00');
  });
  it('STATE of 0xabcd blocks at 64 TiB − 2 MiB', () => {
    encodeRequest(view, REQUEST.STATE, 2 ** 46 - 2 ** 21, 0xabcd);
    expect(hex(view)).toBe('03 00 00 00 00 00 00 00 00 00 e0 ff ff 3f 00 00 cd ab 00 00 00 00 00 00');
  });
  it('are read back', () => {
    const request = bytes('03 00 aa bb cc dd ee ff 00 00 e0 ff ff 3f 00 00 cd ab 11 22 33 44 55 66');
    expect([requestType(request), requestAddr(request), requestBlocks(request)]).toEqual([
      3,
      2 ** 46 - 2 ** 21,
      0xabcd,
    ]);
  });
});

describe('responses', () => {
  const view = new DataView(new ArrayBuffer(RESPONSE_BYTES));
  it('of each type', () => {
    const lines = Object.values(RESPONSE).map((type) => {
      encodeResponse(view, type, 0);
      return hex(view);
    });
    expect(lines).toEqual([
      '00 00 00 00 00 00 00 00 00 00',
      '01 00 00 00 00 00 00 00 00 00',
      '02 00 00 00 00 00 00 00 00 00',
      '03 00 00 00 00 00 00 00 00 00',
    ]);
  });
  it('STATE is MIXED', () => {
    encodeResponse(view, RESPONSE.ACK, 2);
    expect(hex(view)).toBe('00 00 00 00 00 00 00 00 02 00');
    expect([responseType(view), responseState(view)]).toEqual([0, 2]);
  });
});

describe('config space', () => {
  const text =
    '00 00 20 00 00 00 00 00 01 00 00 00 00 00 00 00 00 00 00 40 01 00 00 00 00 00 00 40 00 00 00 00 ' +
    '00 00 00 18 00 00 00 00 00 00 00 08 00 00 00 00 00 00 00 10 00 00 00 00';
  const config = {
    blockSize: 0x20_0000,
    nodeId: 1,
    addr: 0x1_4000_0000,
    regionSize: 0x4000_0000,
    usableRegionSize: 0x1800_0000,
    pluggedSize: 0x800_0000,
    requestedSize: 0x1000_0000,
  };
  it('is laid out as the header says', () => {
    const view = new DataView(new ArrayBuffer(CONFIG_BYTES));
    encodeConfig(view, config);
    expect(hex(view)).toBe(text);
    expect(decodeConfig(bytes(text))).toEqual(config);
  });
});
