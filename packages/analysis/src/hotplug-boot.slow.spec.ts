import { describe, expect, it } from 'vitest';
import { shared, shipped } from './captures.spec-kit.ts';
import { bootZonesOfCaptures } from './hotplug-boot.spec-kit.ts';

describe('zones at boot, of every capture', () => {
  it('has captures to look at', () => expect(shipped.length).toBeGreaterThan(0));
  bootZonesOfCaptures([...shipped, ...shared]);
});
