/**
 * The letter's future work on the real pages of a guest (6.12, kernel zones, after a load that is gone): 1 GiB a device, and
 * the host asks for nothing. What stays plugged, how many contiguous ranges were tried, and how long it took on the
 * virtual clock, beside what 6.12 does. The pages are as the trace tells them at the request, from where 6.12's way comes to
 * what the real guest came to.
 */
import type { FutureWork } from '@replug/virtio-mem';
import { openRecording } from '@replug/trace-import';
import type { Recording } from '@replug/workload';
import { afterAll, describe, expect, it } from 'vitest';
import { nameOf, shared } from './captures.spec-kit.ts';
import { pluggedMiB, request } from './virtio-mem.spec-kit.ts';
import { scenarioTold } from './virtio-mem-trace.spec-kit.ts';

const PLANS: readonly (readonly [string, FutureWork])[] = [
  ['6.12', {}],
  ['sense', { sense: true }],
  ['biggerChunks', { biggerChunks: true }],
  ['freeAreasFirst', { freeAreasFirst: true }],
  ['dropSlab once', { dropSlab: 'once' }],
  ['sense + biggerChunks', { sense: true, biggerChunks: true }],
];
const rows: string[] = [];
afterAll(() => console.log(['plan  plugged MiB  tries  saved  virtual ms', ...rows].join('\n')));

const path = shared.find((folder) => nameOf(folder) === 'x86_64-6.12-virtio-mem-online');
describe.skipIf(path === undefined)('x86_64-6.12-virtio-mem-online, from step replugged-big to 0', () => {
  let recording: Recording;
  it.each(PLANS)('%s', async (name, future) => {
    recording ??= await openRecording(path!);
    const scenario = scenarioTold(recording, path!, recording.steps[6], 2 ** 30, future);
    const { clock } = scenario.kernel;
    const since = clock.now;
    request(scenario, 0);
    const sum = (of: 'fakeOfflineTries' | 'triesSaved'): number =>
      scenario.mem.bound.reduce((total, { state }) => total + state.counts[of], 0);
    const plugged = pluggedMiB(scenario);
    rows.push(
      `${name}  ${plugged.join(' ')}  ${sum('fakeOfflineTries')}  ${sum('triesSaved')}  ${((clock.now - since) / 1e6).toFixed(1)}`,
    );
    expect(scenario.kernel.validate()).toEqual([]);
    // What cannot go by 6.12's way cannot go by these either; dropping slab can only help.
    if (name.startsWith('dropSlab')) expect(plugged[0] + plugged[1]).toBeLessThanOrEqual(16 + 18);
    else expect(plugged).toEqual([16, 18]);
    scenario.kernel.dispose();
  });
});
