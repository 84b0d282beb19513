import { describe, it } from 'vitest';
import { movingProperty } from './moving.spec-kit.ts';

describe.each(['6.1', '6.12'] as const)('profile %s, thousands of sequences', (profile) => {
  it(
    'moving pages agrees with the naive page map (5,000)',
    () => movingProperty('ppc64-64k-radix', profile, 5000, 30, 20130227),
    1_200_000,
  );
  it(
    'moving pages agrees with the naive page map, x86-64 (100)',
    () => movingProperty('x86-64', profile, 100, 40, 20130227),
    1_200_000,
  );
});
