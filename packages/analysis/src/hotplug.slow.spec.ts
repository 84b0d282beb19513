import { describe, it } from 'vitest';
import { hotplugProperty } from './hotplug.spec-kit.ts';

describe('random sequences of hotplug over the buddy allocator, many', () => {
  it.each(['6.1', '6.12'] as const)('%s', (profile) => hotplugProperty(profile, 5000));
});
