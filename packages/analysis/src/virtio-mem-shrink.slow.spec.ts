/**
 * Shrinking, from the page flags of the step before alone. They leave doubts about some pages (virtio-mem.spec-kit.ts), so the
 * model gives an interval: what stays plugged if none, and if all of them stand in the way. The real figure must be in it,
 * and it must not be wider than a tenth of what was plugged. With the trace as well: virtio-mem-told.slow.spec.ts.
 */
import { afterAll, describe, expect, it } from 'vitest';
import { nameOf, shared } from './captures.spec-kit.ts';
import {
  listedSizes,
  onlineTypeOf,
  openSteps,
  pluggedMiB,
  request,
  scenarioAt,
  settle,
  type Doubts,
} from './virtio-mem.spec-kit.ts';

const MiB = 2 ** 20;
/** [step before, MiB asked then, MiB wanted, number of the listing after]. */
const SHRINKS = [
  [3, 1024, 64, 2],
  [6, 1024, 0, 5],
] as const;

/** MiB that stay plugged (vm0, vm1) when doubtful pages are free, and when they are used; for each of SHRINKS. */
const EXPECTED: Readonly<Record<string, readonly (readonly [readonly number[], readonly number[]])[]>> = {
  'x86_64-6.1-virtio-mem-movable': [
    [
      [64, 64],
      [64, 64],
    ],
    [
      [0, 0],
      [14, 8],
    ],
  ],
  'x86_64-6.12-virtio-mem-online': [
    [
      [64, 64],
      [64, 66],
    ],
    [
      [16, 14],
      [36, 48],
    ],
  ],
  'x86_64-6.12-virtio-mem-online-heavy': [
    [
      [64, 204],
      [64, 224],
    ],
    [
      [16, 14],
      [28, 40],
    ],
  ],
};
/**
 * The one figure that the pages of the step before cannot give: the load of this guest gave anonymous memory back while the
 * devices shrank. With all of it there is no room, and migration ends with -ENOMEM (virtio-mem-miss.slow.spec.ts).
 */
const MISS = { capture: 'x86_64-6.12-virtio-mem-online-heavy', index: 3, device: 1 } as const;

const rows: string[] = [];
afterAll(() => console.log(['capture  wanted  least  real  most  width', ...rows].join('\n')));

describe.each(shared.filter((path) => nameOf(path).includes('virtio-mem')))('%s', (path) => {
  it.each(SHRINKS)('from step %i (%i MiB) to %i MiB', async (index, asked, wanted, listed) => {
    const recording = await openSteps(path);
    const step = recording.steps[index];
    const run = (doubts: Doubts): number[] => {
      const scenario = scenarioAt(recording, step, onlineTypeOf(path), asked * MiB);
      settle(scenario, step, doubts);
      request(scenario, wanted * MiB);
      expect(scenario.kernel.validate()).toEqual([]);
      const sizes = pluggedMiB(scenario);
      scenario.kernel.dispose();
      return sizes;
    };
    const least = run('free');
    const most = run('used');
    const real = listedSizes(path)[listed];
    real.forEach((size, i) => {
      rows.push(`${nameOf(path)}  vm${i}  ${wanted}  ${least[i]}  ${size}  ${most[i]}  ${most[i] - least[i]}`);
      if (nameOf(path) === MISS.capture && index === MISS.index && i === MISS.device) return;
      expect.soft(size).toBeGreaterThanOrEqual(least[i]);
      expect.soft(size).toBeLessThanOrEqual(most[i]);
      expect.soft(most[i] - least[i]).toBeLessThanOrEqual(asked / 10);
    });
    expect.soft([least, most]).toEqual(EXPECTED[nameOf(path)]?.[SHRINKS.findIndex(([at]) => at === index)]);
  });
});
