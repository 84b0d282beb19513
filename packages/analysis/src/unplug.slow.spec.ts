/** What devices of recorded guests give back, beside what the real ones did, on the pages of the step before. */
import { openRecording } from '@replug/trace-import';
import { describe, expect, it } from 'vitest';
import { nameOf, shared } from './captures.spec-kit.ts';
import { unplug } from './unplug.ts';

const MiB = 2 ** 20;
const pathOf = (name: string): string | undefined => shared.find((path) => nameOf(path) === name);

/** [capture, step, MiB asked, MiB reached: doubtful pages are movable | the real device | they are the kernel's]. */
const GUESTS = [
  ['x86_64-6.1-virtio-mem-movable', 'workload-fragmented', 64, [64, 64], [64, 64], [64, 64]],
  ['x86_64-6.1-virtio-mem-movable', 'replugged-big', 0, [0, 0], [0, 0], [0, 0]],
  ['x86_64-6.12-virtio-mem-online', 'workload-fragmented', 64, [64, 64], [64, 64], [64, 64]],
  ['x86_64-6.12-virtio-mem-online', 'replugged-big', 0, [16, 10], [16, 18], [36, 42]],
  ['x86_64-6.12-virtio-mem-online-heavy', 'replugged-big', 0, [16, 14], [20, 16], [24, 40]],
] as const;

describe.skipIf(pathOf(GUESTS[0][0]) === undefined)('virtio-mem devices of recorded guests', () => {
  it.each(GUESTS)('%s at %s, %i MiB', async (name, step, asked, least, real, most) => {
    const recording = await openRecording(pathOf(name)!);
    const reached = (doubtful: 'kernel' | 'movable') => {
      const report = unplug(recording, { at: { kind: 'step', ref: step }, request: asked * MiB, doubtful });
      expect(report.devices.map(({ id }) => id)).toEqual(['virtio1', 'virtio2']);
      expect(report.devices.map(({ before }) => before / MiB)).toEqual([1024, 1024]);
      return report.devices.map((device) => device.reached / MiB);
    };
    const low = reached('movable');
    const high = reached('kernel');
    expect([low, high]).toEqual([least, most]);
    real.forEach((size, i) => {
      expect(size).toBeGreaterThanOrEqual(low[i]);
      expect(size).toBeLessThanOrEqual(high[i]);
    });
  });

  it('names who holds the pages that keep sub-blocks', async () => {
    const recording = await openRecording(pathOf('x86_64-6.12-virtio-mem-online')!);
    const { stayed, ownersFrom } = unplug(recording, { at: { kind: 'step', ref: 'unplugged-zero' } });
    // The guest's device reached 16 and 18 MiB here: 8 and 9 sub-blocks of 2 MiB.
    expect(stayed.map(({ device }) => device).filter((id) => id === 'virtio1')).toHaveLength(8);
    expect(stayed).toHaveLength(17);
    expect(stayed[0]).toMatchObject({ reason: 'slab', pfn: 0x100020, owner: { comm: 'init', pid: 1 } });
    expect(ownersFrom).toMatch(/^\d+ events$/);
  });
});

it.skipIf(pathOf('ppc64le-6.1-offline') === undefined)('refuses the blocks that the real kernel refused', async () => {
  const recording = await openRecording(pathOf('ppc64le-6.1-offline')!);
  const report = unplug(recording, { at: { kind: 'step', ref: 'loaded' } });
  // blocks.log: 7 4 3 2 0 EBUSY, 6 5 1 offline.
  expect(report.devices[0].map).toBe('#.###..#');
  // dmesg: page dumped because: unmovable page.
  expect(report.stayed.map(({ pfn }) => pfn?.toString(16))).toEqual(['0', '2fff', '3fef', '4000', '7fe4']);
});
