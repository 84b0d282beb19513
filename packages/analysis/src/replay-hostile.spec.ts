import { seededRandom } from '@replug/core';
import { findSpan, replayRecorded } from '@replug/replay';
import { openRecording } from '@replug/trace-import';
import type { EventColumns, Recording } from '@replug/workload';
import { describe, expect, it } from 'vitest';
import { shipped } from './captures.spec-kit.ts';
import { recordedKernel } from './replay.ts';

/** The same events with `count` values of their columns replaced by anything that fits the column. */
function spoil(events: EventColumns, seed: number, count: number): EventColumns {
  const random = seededRandom(seed);
  const copy = {
    ...events,
    pfnLow: events.pfnLow.slice(),
    pfnHigh: events.pfnHigh.slice(),
    unit: events.unit.slice(),
    cpu: events.cpu.slice(),
    args: events.args.slice(),
  };
  for (let i = 0; i < count; i++) {
    const at = random.below(events.length);
    const page = copy.kind[at] <= 4;
    switch (random.below(page ? 4 : 1)) {
      case 0:
        if (copy.args.length > 0)
          copy.args[random.below(copy.args.length)] =
            (random.uint32() - 2 ** 31) * (random.below(3) === 0 ? 2 ** 20 : 1);
        break;
      case 1:
        // pfns of this machine and beyond; only page events keep a pfn here.
        copy.pfnLow[at] = random.below(20000);
        break;
      case 2:
        copy.unit[at] = random.below(256);
        break;
      case 3:
        copy.cpu[at] = random.below(65536);
        copy.pfnHigh[at] = random.below(8) === 0 ? random.below(256) : 0;
    }
  }
  return copy;
}

describe('a trace with wrong values', () => {
  it('never breaks the state, and every event is accounted for', async () => {
    const recording = await openRecording(shipped.find((p) => p.includes('ppc64le'))!);
    for (let seed = 1; seed <= 40; seed++) {
      const spoiled: Recording = {
        ...recording,
        trace: { ...recording.trace!, events: spoil(recording.trace!.events, seed, 50 * seed) },
      };
      const span = findSpan(spoiled, { kind: 'start' }, { kind: 'step', ref: 'after' });
      const kernel = recordedKernel(spoiled, span);
      const { counts } = replayRecorded(kernel, span);
      expect(kernel.validate(), `seed ${seed}`).toEqual([]);
      const { events, applied, informative, failed, outside, impossible } = counts;
      expect(applied + informative + failed + outside + impossible, `seed ${seed}`).toBe(events);
      kernel.dispose();
    }
  });
});
