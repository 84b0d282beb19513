import { COMPACT_RESULT, type KernelProfile } from '@replug/core';
import { describe, expect, it } from 'vitest';
import { census, compactable, fill, GFP_HIGHUSER_MOVABLE, GFP_KERNEL } from './compaction.spec-kit.ts';

/** 16 pageblocks: every eighth page in use in the lower half of the zone, 32 pages of every 64 in the upper. */
function fragmented(profile: KernelProfile, compaction = false) {
  const made = compactable(profile, { compaction }, { pages: 8192 });
  const kept = fill(
    made,
    () => true,
    (pfn) => (pfn < 0x101000 ? pfn % 8 === 1 : pfn % 64 < 32),
  );
  made.log.length = 0;
  return { ...made, kept };
}

describe.each(['6.1', '6.12'] as const)('direct compaction, %s', (profile) => {
  it('makes a free pageblock for a request', () => {
    const made = fragmented(profile);
    expect(made.allocator.alloc(GFP_HIGHUSER_MOVABLE, 9, 0)).toBe(-1);
    const result = made.compaction.tryToCompact(GFP_HIGHUSER_MOVABLE, 9, 1, 0);
    expect(result).toBe(COMPACT_RESULT.SUCCESS);
    expect(made.log[0]).toBe(`mm_compaction_try_to_compact_pages: order=9 gfp_mask=${GFP_HIGHUSER_MOVABLE} priority=1`);
    expect(made.log.at(-1)).toMatch(/^mm_compaction_defer_reset: node=0 zone=Normal order=9/);
    expect(made.allocator.alloc(GFP_HIGHUSER_MOVABLE, 9, 0)).toBeGreaterThanOrEqual(0);
    expect(made.kernel.validate()).toEqual([]);
  });

  it('finds a pageblock by the free lists first, and only 6.12 tells of the search for free pages', () => {
    const made = fragmented(profile);
    made.compaction.tryToCompact(GFP_HIGHUSER_MOVABLE, 9, 2, 0);
    const fast = made.log.filter((line) => line.startsWith('mm_compaction_fast_isolate_freepages'));
    expect(fast.length > 0).toBe(profile === '6.12');
    expect(made.log.filter((line) => line.includes('mode=async')).length).toBeGreaterThan(0);
    expect(made.kernel.validate()).toEqual([]);
  });

  it('is deferred after failures, and tells how long', () => {
    const made = compactable(profile, {}, { pages: 4096 });
    fill(
      made,
      () => false,
      (pfn) => pfn % 2 === 1,
    );
    made.log.length = 0;
    const results = Array.from({ length: 6 }, () => made.compaction.tryToCompact(GFP_KERNEL, 9, 1, 0));
    const { COMPLETE, PARTIAL_SKIPPED, DEFERRED } = COMPACT_RESULT;
    expect(results.map((r) => (r === PARTIAL_SKIPPED ? COMPLETE : r))).toEqual([
      COMPLETE,
      DEFERRED,
      COMPLETE,
      DEFERRED,
      DEFERRED,
      DEFERRED,
    ]);
    expect(
      made.log.filter((line) => line.startsWith('mm_compaction_defer_compaction')).map((l) => l.slice(-7)),
    ).toEqual(['limit=2', 'limit=4']);
    expect(made.kernel.validate()).toEqual([]);
  });

  it('serves a request that waits, when the allocator may compact', () => {
    const made = fragmented(profile, true);
    const before = census(made);
    const row = made.allocator.alloc(GFP_HIGHUSER_MOVABLE, 9, 0);
    expect(row).toBeGreaterThanOrEqual(0);
    made.allocator.drainAllPages(-1);
    expect(census(made)).toEqual({ ...before, used: before.used + 512, free: before.free - 512 });
    expect(made.kernel.validate()).toEqual([]);
  });
});

it('kcompactd sleeps when nothing is to do, and compacts for an order', () => {
  const made = fragmented('6.12');
  made.compaction.wakeKcompactd(0, 0);
  expect(made.log).toEqual(['mm_compaction_kcompactd_sleep: nid=0']);
  made.compaction.wakeKcompactd(0, 9);
  expect(made.log.slice(1, 3)).toEqual([
    'mm_compaction_wakeup_kcompactd: nid=0 order=9 classzone_idx=Normal',
    'mm_compaction_kcompactd_wake: nid=0 order=9 classzone_idx=Normal',
  ]);
  expect(made.allocator.alloc(GFP_HIGHUSER_MOVABLE, 9, 0)).toBeGreaterThanOrEqual(0);
  expect(made.kernel.validate()).toEqual([]);
});

describe('files', () => {
  it('6.12 refuses what is not 1, 6.1 compacts for any number', () => {
    expect(() => compactable('6.12').kernel.write('/proc/sys/vm/compact_memory', '2')).toThrow(/EINVAL/);
    const made = compactable('6.1', {}, { pages: 2048 });
    made.kernel.write('/proc/sys/vm/compact_memory', '2');
    expect(made.log.at(-1)).toMatch(/^mm_compaction_end: .*status=complete$/);
    expect(() => made.kernel.write('/proc/sys/vm/compact_memory', 'x')).toThrow(/EINVAL/);
  });

  it('keep their ranges', () => {
    const { kernel } = compactable('6.12');
    expect(kernel.read('/proc/sys/vm/compaction_proactiveness')).toBe('20\n');
    expect(kernel.read('/proc/sys/vm/extfrag_threshold')).toBe('500\n');
    kernel.write('/proc/sys/vm/compaction_proactiveness', '100');
    expect(kernel.read('/proc/sys/vm/compaction_proactiveness')).toBe('100\n');
    expect(() => kernel.write('/proc/sys/vm/compaction_proactiveness', '101')).toThrow(/EINVAL/);
    expect(() => kernel.write('/proc/sys/vm/extfrag_threshold', '-1')).toThrow(/EINVAL/);
  });
});

it('compacts ahead of need when free memory is fragmented enough', () => {
  const made = fragmented('6.12', true);
  made.kernel.write('/proc/sys/vm/compaction_proactiveness', '60');
  made.kernel.clock.advance(600e6);
  expect(made.log.find((line) => line.startsWith('mm_compaction_begin'))).toMatch(/order|mode=sync/);
  expect(made.log.some((line) => line.startsWith('mm_migrate_pages_start: mode=MIGRATE_SYNC_LIGHT'))).toBe(true);
  expect(made.kernel.validate()).toEqual([]);
});
