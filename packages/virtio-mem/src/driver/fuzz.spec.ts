/** Random lives of a driver, and a device that cannot be trusted; the long runs are in fuzz.slow.spec.ts. */
import { seededRandom } from '@replug/core';
import { describe, expect, it } from 'vitest';
import { fuzzDriver, makeHostile, smallKernel } from './fuzz.spec-kit.ts';

describe('a driver among users, hosts and failures', () => {
  it.each(['online', 'offline', 'online_movable'] as const)('%s: 300 steps, every invariant after each', (online) => {
    const at = smallKernel({}, online);
    fuzzDriver(at, seededRandom(7), 300);
    expect(at.mem.bound.every(({ state }) => !state.broken)).toBe(true);
    at.kernel.dispose();
  });
  it('big blocks', () => {
    const at = smallKernel({ driver: { forceBbm: true } }, 'online');
    fuzzDriver(at, seededRandom(8), 300);
    expect(at.mem.bound.every(({ state }) => state.bbm !== undefined && !state.broken)).toBe(true);
    at.kernel.dispose();
  });
});

describe('a device that answers anything', () => {
  it('neither hangs nor crashes the driver', () => {
    const random = seededRandom(9);
    for (let life = 0; life < 20; life++) {
      const at = smallKernel({}, 'online');
      makeHostile(at, random);
      for (let step = 0; step < 20; step++) {
        const [device] = at.mem.host.devices;
        device.setRequestedSize((random.uint32() % 65) * device.blockSize);
        at.kernel.clock.advance(100e9);
        for (const { state } of at.mem.bound) expect(state.wqActive || state.mutexHeld).toBe(false);
      }
      at.kernel.dispose();
    }
  });
});
