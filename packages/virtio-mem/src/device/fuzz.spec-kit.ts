/**
 * Any bytes against a device, beside the plainest model of it: a set of plugged blocks. Requests are aimed so that about
 * half of them pass the first checks; the rest are garbage of every kind.
 */
import type { Random } from '@replug/core';
import { REQUEST, REQUEST_BYTES, RESPONSE, RESPONSE_BYTES, responseState, responseType } from '../protocol.ts';
import { VirtioMemDevice } from './device.ts';

const MiB = 2 ** 20;
const BLOCK = 2 * MiB;
const EXTENT = 256 * MiB;

export interface FuzzCounts {
  requests: number;
  acks: number;
  nacks: number;
  busy: number;
  errors: number;
}

/** One naive device: blocks as a set, every rule spelled out. */
class NaiveDevice {
  readonly plugged = new Set<number>();
  requested = 0;
  usable = 0;
  readonly addr: number;
  readonly region: number;

  constructor(addr: number, region: number) {
    this.addr = addr;
    this.region = region;
  }

  ask(bytes: number): void {
    if (bytes === this.requested) return;
    this.requested = bytes;
    const usable = bytes === 0 ? 0 : Math.min(this.region, bytes + EXTENT);
    if (usable > this.usable) this.usable = usable;
  }

  answer(type: number, addr: number, blocks: number, busy: boolean): { type: number; state: number } {
    const say = (answer: number, state = 0): { type: number; state: number } => ({ type: answer, state });
    if (type === REQUEST.UNPLUG_ALL) {
      if (this.plugged.size > 0 && busy) return say(RESPONSE.BUSY);
      this.plugged.clear();
      this.usable = this.requested === 0 ? 0 : Math.min(this.region, this.requested + EXTENT);
      return say(RESPONSE.ACK);
    }
    const inside =
      addr % BLOCK === 0 && blocks > 0 && addr >= this.addr && addr + blocks * BLOCK <= this.addr + this.usable;
    if (!inside) return say(RESPONSE.ERROR);
    const first = (addr - this.addr) / BLOCK;
    const range = Array.from({ length: blocks }, (_, i) => first + i);
    const plugged = range.filter((block) => this.plugged.has(block)).length;
    if (type === REQUEST.STATE) return say(RESPONSE.ACK, plugged === blocks ? 0 : plugged === 0 ? 1 : 2);
    if (type === REQUEST.PLUG && (this.plugged.size + blocks) * BLOCK > this.requested) return say(RESPONSE.NACK);
    if (plugged !== (type === REQUEST.PLUG ? 0 : blocks)) return say(RESPONSE.ERROR);
    if (busy) return say(RESPONSE.BUSY);
    for (const block of range) {
      if (type === REQUEST.PLUG) this.plugged.add(block);
      else this.plugged.delete(block);
    }
    return say(RESPONSE.ACK);
  }
}

/** Sends `count` requests to two neighbouring devices; throws at the first difference. */
export function fuzzDevices(random: Random, count: number): FuzzCounts {
  const host = { busy: false };
  const region = 512 * MiB;
  const addrs = [4096 * MiB, 4096 * MiB + region];
  const devices = addrs.map(
    (addr, i) =>
      new VirtioMemDevice(
        {
          id: `vm${i}`,
          memdev: `mem${i}`,
          node: 0,
          blockSize: BLOCK,
          addr,
          regionSize: region,
          requestedSize: 0,
          usableExtent: EXTENT,
          features: 0,
        },
        host,
      ),
  );
  const naive = addrs.map((addr) => new NaiveDevice(addr, region));
  const counts: FuzzCounts = { requests: 0, acks: 0, nacks: 0, busy: 0, errors: 0 };
  const request = new DataView(new ArrayBuffer(REQUEST_BYTES));
  const response = new DataView(new ArrayBuffer(RESPONSE_BYTES));
  const below = (n: number): number => random.uint32() % n;
  for (let i = 0; i < count; i++) {
    const one = below(2);
    if (below(64) === 0) host.busy = !host.busy;
    if (below(32) === 0) {
      const bytes = below(region / BLOCK + 1) * BLOCK;
      devices[one].setRequestedSize(bytes);
      naive[one].ask(bytes);
    }
    for (let at = 0; at < REQUEST_BYTES; at += 4) request.setUint32(at, random.uint32(), true);
    const type = below(50) === 0 ? REQUEST.UNPLUG_ALL : [REQUEST.PLUG, REQUEST.UNPLUG, REQUEST.STATE][below(3)];
    request.setUint16(0, type, true);
    if (below(8) !== 0) {
      const addr = addrs[below(2)] + below(region / BLOCK) * BLOCK + (below(16) === 0 ? below(BLOCK) : 0);
      request.setUint32(8, addr % 2 ** 32, true);
      request.setUint32(12, Math.floor(addr / 2 ** 32), true);
      request.setUint16(16, below(8) === 0 ? below(0x10000) : below(6), true);
    }
    const addr = request.getUint32(12, true) * 2 ** 32 + request.getUint32(8, true);
    const blocks = request.getUint16(16, true);
    const other = devices[1 - one].plugged.join('');
    const before = devices[one].size;
    if (!devices[one].handle(request, response)) throw new Error(`request ${i}: no answer`);
    const wanted = naive[one].answer(type, addr, blocks, host.busy);
    const got = { type: responseType(response), state: responseState(response) };
    const where = `request ${i}: type ${type}, 0x${addr.toString(16)}, ${blocks} blocks`;
    if (got.type !== wanted.type || got.state !== wanted.state)
      throw new Error(`${where}: answered ${JSON.stringify(got)}, not ${JSON.stringify(wanted)}`);
    const { size, requestedSize, usableRegionSize, regionSize } = devices[one];
    if (size !== naive[one].plugged.size * BLOCK) throw new Error(`${where}: ${size} bytes plugged`);
    if (size > before && size > requestedSize) throw new Error(`${where}: more is plugged than requested`);
    if (size > usableRegionSize || usableRegionSize > regionSize) throw new Error(`${where}: beyond the usable region`);
    if (devices[1 - one].plugged.join('') !== other) throw new Error(`${where}: the other device changed`);
    counts.requests++;
    counts[(['acks', 'nacks', 'busy', 'errors'] as const)[got.type]]++;
  }
  return counts;
}
