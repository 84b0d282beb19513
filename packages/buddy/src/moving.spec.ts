import { describe, it } from 'vitest';
import { movingProperty } from './moving.spec-kit.ts';

describe.each(['6.1', '6.12'] as const)('profile %s', (profile) => {
  it('moving pages agrees with the naive page map (eight pageblocks a block)', () =>
    movingProperty('ppc64-64k-radix', profile, 150, 25));
  it('moving pages agrees with the naive page map (two pageblocks a block)', () =>
    movingProperty('x86-64', profile, 8, 25));
});
