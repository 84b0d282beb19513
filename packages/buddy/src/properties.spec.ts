import { describe, it } from 'vitest';
import { allocatorProperty, verbsProperty } from './model.spec-kit.ts';

describe.each(['6.1', '6.12'] as const)('profile %s', (profile) => {
  it('alloc, free, split and drain agree with the naive model', () => allocatorProperty(profile, 60));
  it('zone-level verbs agree with the naive model', () => verbsProperty(profile, 150));
});
