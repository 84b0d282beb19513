import { describe, it } from 'vitest';
import { allocatorProperty, verbsProperty } from './model.spec-kit.ts';

describe.each(['6.1', '6.12'] as const)('profile %s, thousands of sequences', (profile) => {
  it(
    'alloc, free, split and drain agree with the naive model (2,000)',
    () => allocatorProperty(profile, 2000),
    1_200_000,
  );
  it('zone-level verbs agree with the naive model (4,000)', () => verbsProperty(profile, 4000), 1_200_000);
});
