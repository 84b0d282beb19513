/** Any bytes against a device, quickly; the long run is in fuzz.slow.spec.ts. */
import { seededRandom } from '@replug/core';
import { expect, it } from 'vitest';
import { fuzzDevices } from './fuzz.spec-kit.ts';

it('answers 20,000 requests as the naive device does, and touches no other', () => {
  const counts = fuzzDevices(seededRandom(1), 20_000);
  expect(counts.requests).toBe(20_000);
  for (const kind of ['acks', 'nacks', 'busy', 'errors'] as const) expect(counts[kind]).toBeGreaterThan(50);
});
