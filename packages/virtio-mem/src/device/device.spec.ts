/** QEMU's device: the order of checks, the usable region, and its own words. */
import { describe, expect, it } from 'vitest';
import {
  BLOCK_STATE,
  encodeRequest,
  FEATURE,
  REQUEST,
  REQUEST_BYTES,
  RESPONSE,
  RESPONSE_BYTES,
  responseState,
  responseType,
} from '../protocol.ts';
import { VirtioMemDevice, type DeviceHost } from './device.ts';

const MiB = 2 ** 20;
const GiB = 2 ** 30;
const ADDR = 4 * GiB;

function make(requestedSize: number, host: DeviceHost = { busy: false }): VirtioMemDevice {
  return new VirtioMemDevice(
    {
      id: 'vm0',
      memdev: 'mem0',
      node: 0,
      blockSize: 2 * MiB,
      addr: ADDR,
      regionSize: GiB,
      requestedSize,
      usableExtent: 256 * MiB,
      features: FEATURE.ACPI_PXM,
    },
    host,
  );
}

const request = new DataView(new ArrayBuffer(REQUEST_BYTES));
const response = new DataView(new ArrayBuffer(RESPONSE_BYTES));
function ask(device: VirtioMemDevice, type: number, addr = 0, blocks = 0): number {
  encodeRequest(request, type, addr, blocks);
  return device.handle(request, response) ? responseType(response) : -1;
}
const { PLUG, UNPLUG, UNPLUG_ALL, STATE } = REQUEST;
const { ACK, NACK, BUSY, ERROR } = RESPONSE;

describe('PLUG', () => {
  it('checks the range before the request, and the request before the blocks', () => {
    const device = make(4 * MiB);
    expect(ask(device, PLUG, ADDR, 1)).toBe(ACK);
    expect(ask(device, PLUG, ADDR + 1, 99)).toBe(ERROR);
    expect(ask(device, PLUG, ADDR - 2 * MiB, 99)).toBe(ERROR);
    expect(ask(device, PLUG, ADDR, 0)).toBe(ERROR);
    expect(ask(device, PLUG, ADDR + 258 * MiB, 2)).toBe(ERROR);
    expect(ask(device, PLUG, ADDR, 2)).toBe(NACK);
    expect(ask(device, PLUG, ADDR, 1)).toBe(ERROR);
    expect(ask(device, PLUG, ADDR + 2 * MiB, 1)).toBe(ACK);
    expect(ask(device, PLUG, ADDR + 4 * MiB, 1)).toBe(NACK);
    expect(device.size).toBe(4 * MiB);
  });
  it('is busy only where it could succeed', () => {
    const host = { busy: true };
    const device = make(4 * MiB, host);
    expect(ask(device, PLUG, ADDR, 3)).toBe(NACK);
    expect(ask(device, PLUG, ADDR, 1)).toBe(BUSY);
    expect(device.size).toBe(0);
    host.busy = false;
    expect(ask(device, PLUG, ADDR, 1)).toBe(ACK);
  });
  it('refuses addresses beyond every region', () => {
    const device = make(4 * MiB);
    request.setBigUint64(8, 0xffff_ffff_ffe0_0000n, true);
    request.setUint16(0, PLUG, true);
    request.setUint16(16, 1, true);
    expect(device.handle(request, response)).toBe(true);
    expect(responseType(response)).toBe(ERROR);
  });
});

describe('UNPLUG, UNPLUG_ALL and STATE', () => {
  it('unplugs only what is plugged throughout', () => {
    const device = make(8 * MiB);
    ask(device, PLUG, ADDR + 2 * MiB, 2);
    expect(ask(device, UNPLUG, ADDR, 2)).toBe(ERROR);
    expect(ask(device, STATE, ADDR, 2)).toBe(ACK);
    expect(responseState(response)).toBe(BLOCK_STATE.MIXED);
    expect(ask(device, STATE, ADDR + 2 * MiB, 2)).toBe(ACK);
    expect(responseState(response)).toBe(BLOCK_STATE.PLUGGED);
    expect(ask(device, STATE, ADDR, 1)).toBe(ACK);
    expect(responseState(response)).toBe(BLOCK_STATE.UNPLUGGED);
    expect(ask(device, STATE, ADDR + 512 * MiB, 1)).toBe(ERROR);
    expect(ask(device, UNPLUG, ADDR + 2 * MiB, 2)).toBe(ACK);
    expect(device.size).toBe(0);
  });
  it('UNPLUG_ALL is not busy when there is nothing to unplug', () => {
    const host = { busy: false };
    const device = make(8 * MiB, host);
    ask(device, PLUG, ADDR, 1);
    host.busy = true;
    expect(ask(device, UNPLUG_ALL)).toBe(BUSY);
    expect(device.size).toBe(2 * MiB);
    host.busy = false;
    expect(ask(device, UNPLUG_ALL)).toBe(ACK);
    host.busy = true;
    expect(ask(device, UNPLUG_ALL)).toBe(ACK);
    expect(device.size).toBe(0);
  });
  it('a request that breaks the protocol breaks the device', () => {
    const device = make(8 * MiB);
    expect(ask(device, 4)).toBe(-1);
    expect(device.broken).toBe('virtio-mem protocol violation: unknown request type: 4');
    expect(ask(device, PLUG, ADDR, 1)).toBe(-1);
    const short = make(8 * MiB);
    expect(short.handle(new DataView(new ArrayBuffer(23)), response)).toBe(false);
    expect(short.broken).toBe('virtio-mem protocol violation: invalid request size: 24');
    const cramped = make(8 * MiB);
    expect(cramped.handle(request, new DataView(new ArrayBuffer(9)))).toBe(false);
    expect(cramped.broken).toBe('virtio-mem protocol violation: not enough space for response: 9');
  });
});

describe('sizes', () => {
  it('the usable region grows with the request, and shrinks with UNPLUG_ALL alone', () => {
    const device = make(0);
    expect(device.usableRegionSize).toBe(0);
    device.setRequestedSize(2 * MiB);
    expect(device.usableRegionSize).toBe(258 * MiB);
    device.setRequestedSize(900 * MiB);
    expect(device.usableRegionSize).toBe(GiB);
    device.setRequestedSize(0);
    expect(device.usableRegionSize).toBe(GiB);
    ask(device, UNPLUG_ALL);
    expect(device.usableRegionSize).toBe(0);
  });
  it('tells the guest of every request, and refuses with its own words', () => {
    const device = make(0);
    let told = 0;
    device.onConfigChange = () => void told++;
    device.setRequestedSize(2 * MiB);
    device.setRequestedSize(2 * MiB);
    expect(told).toBe(2);
    expect(() => device.setRequestedSize(MiB)).toThrow(
      "'requested-size' has to be multiples of 'block-size' (0x200000)",
    );
    expect(() => device.setRequestedSize(2 * GiB)).toThrow(
      "'requested-size' cannot exceed the memory backend size(0x40000000)",
    );
    expect(told).toBe(2);
  });
});
