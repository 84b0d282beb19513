/** A start state from counts alone: how far the free blocks are from the real ones once events have taught their places. */
import { openRecording } from '@replug/trace-import';
import { findSpan, replayRecorded } from '@replug/replay';
import type { CheckpointReport } from '@replug/report';
import { describe, expect, it } from 'vitest';
import { nameOf, shipped } from './captures.spec-kit.ts';
import { recordedKernel, replayRecording } from './replay.ts';

/** Percent of the free memory that may be in blocks that the other side does not have, at the last step. */
const MOST: Readonly<Record<string, number>> = {
  'ppc64le-6.1-exact-anonhog': 4,
  's390x-6.1-exact-anonhog': 8,
  'x86_64-6.12-exact-fileio': 7,
};

function wrongShare({ buddyinfo }: CheckpointReport): number {
  let wrong = 0;
  let free = 0;
  for (const { real, model } of buddyinfo) {
    real.forEach((blocks, order) => {
      wrong += Math.abs(model[order] - blocks) * 2 ** order;
      free += blocks * 2 ** order;
    });
  }
  return (100 * wrong) / free;
}

describe('a start state from counts, nothing known before it happens', () => {
  it.each(shipped)('%s: as many blocks as counted, and events teach their places', async (path) => {
    const recording = await openRecording(path);
    const report = replayRecording(recording, { baseline: 'counts', lookAhead: false });
    expect(report.baseline.source).toBe('counts');
    const free = recording.steps[0].buddyinfo!.flatMap((z) => z.counts.map((blocks, order) => blocks * 2 ** order));
    expect(report.baseline.free).toBe(free.reduce((sum, pages) => sum + pages, 0));
    expect(wrongShare(report.checkpoints.at(-1)!)).toBeLessThan(MOST[nameOf(path)]);
  });

  it('leaves lists that are sound', async () => {
    const recording = await openRecording(shipped.find((path) => path.includes('ppc64le'))!);
    const span = findSpan(recording, { kind: 'start' }, { kind: 'end' });
    using kernel = recordedKernel(recording, span);
    replayRecorded(kernel, span, { baseline: 'counts', lookAhead: false });
    expect(kernel.validate()).toEqual([]);
  });
});
