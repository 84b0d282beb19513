import { describe, it } from 'vitest';
import { previewProperty } from './preview.spec-kit.ts';

describe.each(['6.1', '6.12'] as const)('profile %s, thousands of sequences', (profile) => {
  it('what the preview says before a request is what the request gets (20,000)', () => {
    previewProperty(profile, 20_000);
  }, 600_000);
});
