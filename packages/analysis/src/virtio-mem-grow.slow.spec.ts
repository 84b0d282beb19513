/**
 * Recorded virtio-mem guests as scenarios. Growing must come out exactly as the real kernel's: plugged sizes, state and zone
 * of every memory block, spanned, present and managed pages of every zone, the listing of QEMU's monitor.
 *
 * Shrinking is in virtio-mem-shrink.slow.spec.ts.
 */
import { Monitor } from '@replug/virtio-mem';
import { describe, expect, it } from 'vitest';
import { nameOf, shared } from './captures.spec-kit.ts';
import {
  blocksOf,
  listedSizes,
  listing,
  onlineTypeOf,
  openSteps,
  pluggedMiB,
  recordedBlocks,
  recordedZones,
  request,
  scenarioAt,
  scenarioBefore,
  zonesOf,
  type Scenario,
} from './virtio-mem.spec-kit.ts';
import type { Step } from '@replug/workload';

const MiB = 2 ** 20;
const captures = shared.filter((path) => nameOf(path).includes('virtio-mem'));

/** The model beside a step; `listed`: number of the monitor's listing that was made then. */
function expectStep(scenario: Scenario, path: string, step: Step, listed: number): void {
  expect(pluggedMiB(scenario)).toEqual(listedSizes(path)[listed]);
  expect(new Monitor(scenario.mem).execute('info memory-devices')).toBe(listing(path, listed));
  expect(zonesOf(scenario)).toEqual(recordedZones(step));
  expect(blocksOf(scenario)).toEqual(recordedBlocks(path, step));
  expect(scenario.kernel.validate()).toEqual([]);
}

describe.each(captures)('%s', (path) => {
  it('grows to 128 MiB and to 1 GiB from the machine before', async () => {
    const recording = await openSteps(path);
    const { steps } = recording;
    const scenario = scenarioBefore(recording, steps[0], onlineTypeOf(path), 128 * MiB);
    expectStep(scenario, path, steps[1], 0);
    request(scenario, 1024 * MiB);
    expectStep(scenario, path, steps[2], 1);
    scenario.kernel.dispose();
  });
  it.each([
    [5, 64, 1024, 4],
    [7, 0, 256, 6],
  ])('grows from the recorded state of step %i (%i MiB asked) to %i MiB', async (index, asked, wanted, listed) => {
    const recording = await openSteps(path);
    const { steps } = recording;
    const scenario = scenarioAt(recording, steps[index], onlineTypeOf(path), asked * MiB);
    expect(pluggedMiB(scenario)).toEqual(listedSizes(path)[listed - 1]);
    request(scenario, wanted * MiB);
    expectStep(scenario, path, steps[index + 1], listed);
    scenario.kernel.dispose();
  });
});
