/** Every layout and architecture under 200 truncations and 2,000 flipped bytes. */
import { describe, expect, it } from 'vitest';
import { captureNames, layoutNames, survive } from './hostile.spec-kit.ts';

describe.each(layoutNames)('damaged text: %s', (layout) => {
  it.each(captureNames)('%s', async (capture) => {
    expect(await survive(capture, layout, 200, 2000)).toBeGreaterThan(0);
  });
});
