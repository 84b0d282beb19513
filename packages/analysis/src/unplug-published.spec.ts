/** What predictions of published figures are made of: no checked figure is in them. */
import { COSTS } from '@replug/core';
import { expect, it } from 'vitest';
import { costsOf } from './unplug-published.ts';

it('the measured wholes are not in the costs', () => {
  // 20 µs for 64 pieces of 2 MiB; eight walks over 512 struct pages of 10 ns.
  expect(costsOf(true).virtioMemPlug2M.ns).toBe(312.5);
  expect(costsOf(false).virtioMemUnplug2M.ns).toBe(312.5 + 8 * 512 * 10);
  expect(costsOf(true).virtioMemUnplug2M.ns - costsOf(false).virtioMemUnplug2M.ns).toBe(8553);
  // The raw data: medians of ten runs each, ns.
  expect(COSTS.hostDiscard2M.ns).toBe(Math.round((148_357_000 - 69_536_500) / 9216));
});
