import { openRecording } from '@replug/trace-import';
import { describe, expect, it } from 'vitest';
import { census, stateOf } from './contig.spec-kit.ts';
import { nameOf, shipped } from './captures.spec-kit.ts';

describe('contiguous ranges on recorded states', () => {
  it.each(shipped.map((path) => [nameOf(path), path]))(
    '%s: every pageblock is granted or refused as its pages say',
    async (_, path) => {
      const recording = await openRecording(path);
      const step = recording.steps.find((s) => s.hasPageFlags)!;
      using kernel = stateOf(recording, step);
      const { pageblocks, allocated, refused } = census(kernel, 200);
      expect(pageblocks).toBeGreaterThan(100);
      expect(allocated).toBeGreaterThan(0);
      expect(allocated + Object.values(refused).reduce((sum, n) => sum + n, 0)).toBe(pageblocks);
    },
  );
});
