import { COMPACT_RESULT } from '@replug/core';
import { describe, expect, it } from 'vitest';
import { census, compactable, fill } from './compaction.spec-kit.ts';

/** Pages with an odd number stay, in the lower half of 2048 pages. */
const lowerOdd = (pfn: number) => pfn < 0x100400 && pfn % 2 === 1;

describe('compact_memory', () => {
  it('6.1: moves movable pages from the bottom to free blocks at the top', () => {
    const made = compactable('6.1', {}, { pages: 2048 });
    const kept = fill(made, () => true, lowerOdd);
    expect(kept.length).toBe(512);
    made.log.length = 0;
    made.kernel.write('/proc/sys/vm/compact_memory', '1');
    expect(made.log.slice(0, 5)).toEqual([
      'mm_compaction_suitable: node=0 zone=Normal order=-1 ret=continue',
      'mm_compaction_begin: zone_start=0x100000 migrate_pfn=0x100000 free_pfn=0x100600 zone_end=0x100800 mode=sync',
      'mm_compaction_finished: node=0 zone=Normal order=-1 ret=continue',
      'mm_compaction_isolate_migratepages: range_start=0x100000 range_end=0x100040 nr_scanned=64 nr_taken=32',
      'mm_migrate_pages_start: mode=MIGRATE_SYNC reason=compaction',
    ]);
    // The top 1024 pages are one free block of order 10: its first pageblock is spared, its second has no head to see.
    expect(made.log[5]).toBe(
      'mm_compaction_isolate_freepages: range_start=0x100600 range_end=0x100800 nr_scanned=512 nr_taken=0',
    );
    expect(made.kernel.validate()).toEqual([]);
    expect(census(made)).toMatchObject({ used: 512 });
  });

  it.each(['6.1', '6.12'] as const)('%s: leaves whole pageblocks free where every other page was used', (profile) => {
    const made = compactable(profile, {}, { pages: 4096 });
    // The upper half is broken up: 32 free pages in 64, so that no free block spares its pageblock.
    const kept = fill(
      made,
      () => true,
      (pfn) => (pfn < 0x100800 ? pfn % 2 === 1 : pfn % 64 < 32),
    );
    const before = census(made);
    const [outcome] = made.compaction.compactNode(0);
    made.allocator.drainAllPages(-1);
    expect(outcome.result).toBe(COMPACT_RESULT.COMPLETE);
    // Three pageblocks of 256 pages and the first cluster of the fourth. For its other 224 pages the free scanner would have
    // to enter the pageblock that the scan for sources ended at, which it does not.
    expect(outcome).toMatchObject({ migrated: 800, failed: 224 });
    expect(made.kernel.validate()).toEqual([]);
    expect(census(made)).toEqual({ ...before, used: kept.length });
    expect(made.lists.freeBlocks(made.pages.zoneOf(made.pages.pfnToRow(0x100000)), 10)).toBeGreaterThan(0);
  });

  it('keeps pages that migration does not take', () => {
    const made = compactable('6.12', {}, { pages: 4096 });
    const kept = fill(
      made,
      () => false,
      (pfn) => pfn % 2 === 1,
    );
    const [outcome] = made.compaction.compactNode(0);
    expect(outcome).toMatchObject({ result: COMPACT_RESULT.COMPLETE, migrated: 0, failed: 0 });
    for (const row of kept) expect(made.pages.state[row]).toBe(0x30);
  });
});

describe('a zone that begins inside a pageblock', () => {
  it.each(['6.1', '6.12'] as const)('%s: scans from its first page', (profile) => {
    const made = compactable(profile, {}, { pages: 4095, startPfn: 0x100001 });
    fill(
      made,
      () => true,
      (pfn) => pfn % 64 < 32,
    );
    made.log.length = 0;
    made.compaction.compactNode(0);
    const first = made.log.find((line) => line.startsWith('mm_compaction_isolate_migratepages'));
    expect(first).toMatch(/^mm_compaction_isolate_migratepages: range_start=0x100001 range_end=0x100/);
    expect(made.kernel.validate()).toEqual([]);
  });
});
