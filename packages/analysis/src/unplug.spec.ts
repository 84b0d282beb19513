/** What devices give back, on small captures and machines of a spec. */
import { parseMachineShorthand, ReplugError } from '@replug/core';
import { openRecording } from '@replug/trace-import';
import type { UnplugReport } from '@replug/report';
import { beforeAll, describe, expect, it } from 'vitest';
import { nameOf, shipped } from './captures.spec-kit.ts';
import { parseUnplugDevice } from './unplug-devices.ts';
import { futureOf } from './unplug-options.ts';
import { unplug } from './unplug.ts';
import type { UnplugOptions } from './unplug-scene.ts';
import type { Recording } from '@replug/workload';

const MiB = 2 ** 20;
const captures = new Map<string, Recording>();
beforeAll(async () => {
  for (const path of shipped) captures.set(nameOf(path).split('-')[0], await openRecording(path));
});
const sizes = ({ devices }: UnplugReport) =>
  devices.map((d) => [d.id, d.before / MiB, d.requested / MiB, d.reached / MiB]);
const codeOf = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    if (error instanceof ReplugError) return error.code;
    throw error;
  }
  return '';
};

describe('a recorded machine', () => {
  const s390x = (options: UnplugOptions = {}) =>
    unplug(captures.get('s390x')!, { devices: [parseUnplugDevice('vm0,addr=256M,size=256M')], ...options });

  it('the upper half of s390x as a device: pages that boot reserved keep eleven sub-blocks', () => {
    const report = s390x();
    expect(sizes(report)).toEqual([['vm0', 256, 0, 11]]);
    expect(report.devices[0]).toMatchObject({ kind: 'virtio-mem', node: 0, addr: 256 * MiB, unit: MiB });
    // 0x1ee00000-0x1f3fffff and 0x1fb00000-0x1fffffff.
    expect(report.devices[0].map).toBe(`${'.'.repeat(238)}${'#'.repeat(6)}${'.'.repeat(7)}${'#'.repeat(5)}`);
    expect(report.stayed.map(({ range, reason }) => [range.start / MiB, range.end / MiB, reason])).toEqual(
      [238, 239, 240, 241, 242, 243, 251, 252, 253, 254, 255].map((at) => [256 + at, 257 + at, 'reserved']),
    );
    expect(report.at).toMatchObject({ step: '04-after' });
    expect(report.migrated).toBeGreaterThan(0);
    expect(report.virtualTime).toBeGreaterThan(0);
    expect(Object.values(report.costs).reduce((sum, ns) => sum + ns, 0)).toBeCloseTo(report.virtualTime, 0);
  });

  it('stops where it was told to, and says what was not needed', () => {
    const report = s390x({ request: 128 * MiB });
    expect(sizes(report)).toEqual([['vm0', 256, 128, 128]]);
    expect(report.devices[0].map.slice(0, 117)).toBe('+'.repeat(117));
    expect(report.devices[0].map.slice(117, 238)).toBe('.'.repeat(121));
    expect(report.stayed).toHaveLength(11);
  });

  it('sensing tries nothing that cannot succeed', () => {
    const plain = s390x();
    const sensed = s390x({ future: futureOf(['sense', 'bigger-chunks']) });
    expect(sizes(sensed)).toEqual(sizes(plain));
    expect(plain.tries).toBe(257);
    expect(sensed.tries).toBeLessThan(20);
    expect(sensed.stayed.map(({ range }) => range)).toEqual(plain.stayed.map(({ range }) => range));
  });

  it('memory blocks where nothing is a device, at an instant that is replayed', () => {
    const report = unplug(captures.get('x86_64')!, { at: { kind: 'seconds', seconds: 9 }, request: 256 * MiB });
    expect(sizes(report)).toEqual([['memory', 768, 256, 512]]);
    expect(report.devices[0].map).toBe('#.##.#');
    expect(report.at).toMatchObject({ step: null, time: 9 });
    expect(report.stayed.map(({ reason, pfn }) => [reason, pfn?.toString(16)])).toEqual([
      ['several zones or nodes', undefined],
      ['reserved', '17fd2'],
      ['slab', '18000'],
      ['memory holes', undefined],
    ]);
  });

  it('refuses what cannot be', () => {
    const device = (text: string) => [parseUnplugDevice(text)];
    expect(codeOf(() => s390x({ devices: device('vm0,addr=8G,size=1G') }))).toBe('RP6042');
    expect(codeOf(() => s390x({ devices: device('vm0,addr=256M,size=256M,plugged=1M') }))).toBe('RP6043');
    expect(codeOf(() => s390x({ request: 512 * MiB }))).toBe('RP6044');
    expect(codeOf(() => s390x({ request: MiB / 2 }))).toBe('RP6045');
    // The host's own sentences.
    for (const text of ['vm0,addr=3M,size=256M', 'vm0,addr=256M,size=256M,node=7', 'vm0,addr=256M,size=256M,block=3M'])
      expect(codeOf(() => s390x({ devices: device(text) }))).toBe('RP6040');
    for (const text of ['', '7,size=1G', 'vm0', 'vm0,size=x', 'vm0,size=1G,colour=2', 'd,kind=dimm,size=1G,block=2M'])
      expect(codeOf(() => parseUnplugDevice(text))).toBe('RP6040');
    expect(codeOf(() => futureOf(['sense,magic']))).toBe('RP6041');
    expect(codeOf(() => futureOf(['constructor']))).toBe('RP6041');
  });
});

describe('a machine of a spec', () => {
  const machine = parseMachineShorthand('x86-64,1G,nodes=2,cpus=2');

  it('plugs what was said, and gives it back', () => {
    const devices = [parseUnplugDevice('vm0,size=1G,plugged=512M'), parseUnplugDevice('vm1,size=1G,node=1')];
    const report = unplug(machine, { devices, request: 128 * MiB, name: 'mine' });
    expect(sizes(report)).toEqual([
      ['vm0', 512, 128, 128],
      ['vm1', 1024, 128, 128],
    ]);
    expect(report.devices.map(({ addr, node }) => [addr / 2 ** 30, node])).toEqual([
      [4, 0],
      [5, 1],
    ]);
    expect(report).toMatchObject({ name: 'mine', path: null, stayed: [], ownersFrom: null });
  });

  it('a device that has less than is asked for is left alone', () => {
    const devices = [parseUnplugDevice('vm0,size=1G,plugged=64M'), parseUnplugDevice('vm1,size=1G,node=1')];
    const report = unplug(machine, { devices, request: 256 * MiB });
    expect(sizes(report)).toEqual([
      ['vm0', 64, 64, 64],
      ['vm1', 1024, 256, 256],
    ]);
    expect(report.notes).toEqual(['vm0 has less than was asked for and is left alone']);
  });

  it('a DIMM of boot memory', () => {
    const report = unplug(parseMachineShorthand('s390x,1G'), {
      devices: [parseUnplugDevice('dimm1,kind=dimm,addr=256M,size=512M')],
    });
    expect(sizes(report)).toEqual([['dimm1', 512, 0, 0]]);
    expect(report.devices[0].map).toBe('..');
  });
});
