/** More than a million requests between drivers and devices that cannot be trusted, and long random lives. */
import { seededRandom } from '@replug/core';
import { expect, it } from 'vitest';
import { fuzzDriver, makeHostile, smallKernel } from './fuzz.spec-kit.ts';

it('a million answers of a hostile device', () => {
  const random = seededRandom(11);
  let answered = 0;
  let lives = 0;
  while (answered < 1_000_000) {
    const at = smallKernel({}, (['online', 'offline', 'online_movable'] as const)[random.uint32() % 3]);
    const seen = makeHostile(at, random);
    for (let step = 0; step < 40; step++) {
      const devices = at.mem.host.devices;
      const device = devices[random.uint32() % devices.length];
      device.setRequestedSize((random.uint32() % (device.regionSize / device.blockSize + 1)) * device.blockSize);
      at.kernel.clock.advance(100e9);
      if (at.mem.bound.every(({ state }) => state.broken)) break;
    }
    answered += seen.answered;
    lives++;
    at.kernel.dispose();
  }
  console.log(`${answered} requests in ${lives} lives`);
  expect(answered).toBeGreaterThanOrEqual(1_000_000);
});

it('200 lives of 300 steps', () => {
  for (let seed = 0; seed < 200; seed++) {
    const at = smallKernel(
      { driver: { forceBbm: seed % 4 === 3 } },
      (['online', 'offline', 'online_movable'] as const)[seed % 3],
    );
    fuzzDriver(at, seededRandom(seed), 300);
    at.kernel.dispose();
  }
});
