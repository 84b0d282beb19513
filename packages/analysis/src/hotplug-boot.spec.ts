import { describe, expect, it } from 'vitest';
import { nameOf, shared, shipped } from './captures.spec-kit.ts';
import { bootZonesOfCaptures } from './hotplug-boot.spec-kit.ts';

/** Boot options, holes below 4 GiB, several nodes. */
const telling = /kernelcore|movablecore|movable_node|static-4G|static-6G-3n/;

describe('zones at boot', () => {
  it('has captures to look at', () => expect(shipped.length).toBeGreaterThan(0));
  bootZonesOfCaptures([...shipped.slice(0, 1), ...shared.filter((path) => telling.test(nameOf(path)))]);
});
