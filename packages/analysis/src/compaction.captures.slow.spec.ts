/** Every scan of compaction in all captures that have some: the table of docs/compaction.md. */
import type { CompactionReport } from '@replug/replay';
import { openRecording } from '@replug/trace-import';
import { describe, expect, it } from 'vitest';
import { nameOf, shared } from './captures.spec-kit.ts';
import { replayRecording } from './replay.ts';

async function compactionOf(name: string): Promise<CompactionReport> {
  const recording = await openRecording(shared.find((path) => nameOf(path) === name)!);
  const from = { kind: 'step', ref: 'fragmented' } as const;
  return replayRecording(recording, { from, to: { kind: 'step', ref: 'compacted' } }).compaction as CompactionReport;
}

describe.skipIf(shared.length === 0)('compaction of the captures', () => {
  // Of each capture: scans for sources, scans for free pages, those of them where the kernel passed pageblocks over whose type
  // nothing tells, pages moved. Lines of the trace, and of its mm_compaction_migratepages.
  it.each([
    ['ppc64le-6.1-exact-anonhog', 181, 283, 3, 927],
    ['s390x-6.1-exact-anonhog', 183, 294, 3, 8015],
    ['x86_64-6.12-exact-anonhog', 154, 214, 4, 12138],
    ['s390x-6.1-anonhog', 288, 269, 2, 11627],
    ['x86_64-6.12-anonhog', 316, 241, 2, 18434],
  ])('%s: every scan, but for pageblocks of unknown type', async (name, sources, free, passed, moved) => {
    const { scans, byCause, moved: pages, released, sources: stray } = await compactionOf(name);
    expect(scans['migrate.sync']).toEqual({
      total: sources,
      exact: sources,
      start: sources,
      scanned: sources,
      taken: sources,
    });
    expect([scans['free.sync'].total, scans['free.sync'].exact, scans['free.sync'].taken]).toEqual([
      free,
      free - passed,
      free,
    ]);
    expect(byCause).toEqual({ 'free.pageblock-unknown': passed });
    expect(pages).toEqual({ told: moved, named: moved, unnamed: 0 });
    expect(stray.unpredicted).toEqual({});
    expect(released.inOrder).toBe(released.blocks);
  });
});
