import { describe, expect, it } from 'vitest';
import { previewProperty } from './preview.spec-kit.ts';

describe.each(['6.1', '6.12'] as const)('profile %s', (profile) => {
  it('what the preview says before a request is what the request gets', () => {
    const asked = previewProperty(profile, 300);
    // Each answer was tried often.
    for (const times of Object.values(asked)) expect(times).toBeGreaterThan(100);
  });
});
