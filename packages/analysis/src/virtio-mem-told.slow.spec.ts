/**
 * Shrinking, from the page flags of the step before and the trace up to the host's request: what each page of the devices is
 * then known (virtio-mem-trace.spec-kit.ts), and everything must come out as it did, sub-block by sub-block. Only captures whose
 * trace lost nothing can tell; of the third one the trace of these steps is not kept.
 */
import { openRecording } from '@replug/trace-import';
import { describe, expect, it } from 'vitest';
import { nameOf, shared } from './captures.spec-kit.ts';
import {
  blocksOf,
  listedSizes,
  pluggedMiB,
  pluggedSubBlocks,
  recordedBlocks,
  recordedSubBlocks,
  recordedZones,
  request,
  zonesOf,
} from './virtio-mem.spec-kit.ts';
import { scenarioTold } from './virtio-mem-trace.spec-kit.ts';

const MiB = 2 ** 20;
const WHOLE = ['x86_64-6.1-virtio-mem-movable', 'x86_64-6.12-virtio-mem-online'];

describe.each(shared.filter((path) => WHOLE.includes(nameOf(path))))('%s', (path) => {
  it.each([
    [3, 64, 2],
    [6, 0, 5],
  ])('from step %i (1024 MiB) to %i MiB', async (index, wanted, listed) => {
    const recording = await openRecording(path);
    expect(recording.trace!.lost).toBe(0);
    const after = recording.steps[index + 1];
    const scenario = scenarioTold(recording, path, recording.steps[index], 1024 * MiB);
    expect(scenario.kernel.validate()).toEqual([]);
    request(scenario, wanted * MiB);
    expect(pluggedMiB(scenario)).toEqual(listedSizes(path)[listed]);
    expect(pluggedSubBlocks(scenario)).toEqual(recordedSubBlocks(after.pageFlags()!));
    expect(blocksOf(scenario)).toEqual(recordedBlocks(path, after));
    expect(zonesOf(scenario)).toEqual(recordedZones(after));
    expect(scenario.kernel.validate()).toEqual([]);
    scenario.kernel.dispose();
  });
});
