/** More than a million requests of any bytes. */
import { seededRandom } from '@replug/core';
import { expect, it } from 'vitest';
import { fuzzDevices } from './fuzz.spec-kit.ts';

it('answers 1,200,000 requests as the naive device does', () => {
  let acks = 0;
  for (let seed = 1; seed <= 12; seed++) acks += fuzzDevices(seededRandom(seed), 100_000).acks;
  expect(acks).toBeGreaterThan(100_000);
});
