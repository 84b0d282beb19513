/** A twentieth of hostile.slow.spec.ts: every layout, one architecture each. */
import { describe, expect, it } from 'vitest';
import { captureNames, layoutNames, survive } from './hostile.spec-kit.ts';

describe('damaged text', () => {
  it.each(layoutNames.map((layout, i) => [layout, captureNames[i % captureNames.length]] as const))(
    '%s, %s',
    async (layout, capture) => {
      expect(await survive(capture, layout, 10, 100)).toBeGreaterThan(0);
    },
  );
});
