/**
 * Compaction against a naive model: a map of what each page in use holds. Contents move, none is lost or doubled, free pages
 * are as many as before, and the allocator is sound after every step.
 */
import { COMPACT_MODE, PageMigrator, type CompactRequest, type KernelProfile } from '@replug/core';
import { expect } from 'vitest';
import type { BuddyCompaction } from './compact.ts';
import * as fc from 'fast-check';
import { census, compactable, fill, GFP_HIGHUSER_MOVABLE, GFP_KERNEL } from './compaction.spec-kit.ts';

const step = fc.oneof(
  fc.record({
    do: fc.constant('alloc' as const),
    order: fc.integer({ min: 0, max: 6 }),
    movable: fc.boolean(),
    cpu: fc.nat(1),
  }),
  fc.record({ do: fc.constant('free' as const), which: fc.nat(), cpu: fc.nat(1) }),
  fc.record({
    do: fc.constant('zone' as const),
    order: fc.constantFrom(-1, 1, 4, 9, 10),
    mode: fc.constantFrom(COMPACT_MODE.ASYNC, COMPACT_MODE.SYNC_LIGHT, COMPACT_MODE.SYNC),
    direct: fc.boolean(),
    wholeZone: fc.boolean(),
    ignoreSkip: fc.boolean(),
    ignoreSuitable: fc.boolean(),
    migratetype: fc.nat(2),
  }),
  fc.record({ do: fc.constant('try' as const), order: fc.integer({ min: 1, max: 9 }), priority: fc.nat(2) }),
  fc.record({ do: fc.constant('wake' as const), order: fc.integer({ min: 0, max: 9 }) }),
  fc.record({ do: fc.constant('sleep' as const) }),
);

export function checkCompaction(profile: KernelProfile, runs: number): void {
  const start = fc.record({
    pages: fc.integer({ min: 1100, max: 3100 }),
    startPfn: fc.constantFrom(0x100000, 0x100001, 0x1001f0),
    every: fc.integer({ min: 2, max: 40 }),
    movable: fc.integer({ min: 1, max: 9 }),
  });
  fc.assert(
    fc.property(
      start,
      fc.array(step, { minLength: 1, maxLength: 14 }),
      ({ pages, startPfn, every, movable }, steps) => {
        const made = compactable(profile, {}, { pages, startPfn });
        try {
          const mind = new Naive(
            made,
            fill(
              made,
              (pfn) => pfn % 10 < movable,
              (pfn) => pfn % every < every >> 1,
            ),
          );
          for (const one of steps) {
            mind.apply(one);
            mind.check();
          }
        } finally {
          made.kernel.dispose();
        }
      },
    ),
    { numRuns: runs, seed: 20260 },
  );
}

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

class Naive {
  /** Head row → order, class of the contents. */
  private readonly held = new Map<number, { readonly order: number; readonly use: number }>();
  private readonly made: ReturnType<typeof compactable>;
  private readonly total: number;
  private moves = 0;

  constructor(made: ReturnType<typeof compactable>, rows: readonly number[]) {
    this.made = made;
    for (const row of rows) this.held.set(row, { order: 0, use: made.pages.pageClass[row] });
    const { used, free, listed } = census(made);
    this.total = used + free + listed;
    made.kernel.get(PageMigrator).onMove((source, target, order) => {
      const own = this.held.get(source);
      expect(own?.order).toBe(order);
      expect(this.held.has(target)).toBe(false);
      this.held.delete(source);
      this.held.set(target, own!);
      this.moves++;
    });
  }

  apply(one: Step): void {
    const { allocator, compaction, pages } = this.made;
    const zone = pages.zoneOf(pages.pfnToRow(0x100200));
    if (one.do === 'alloc') {
      const row = allocator.alloc(one.movable ? GFP_HIGHUSER_MOVABLE : GFP_KERNEL, one.order, one.cpu);
      if (row >= 0) this.held.set(row, { order: one.order, use: pages.pageClass[row] });
    } else if (one.do === 'free') {
      const rows = [...this.held.keys()];
      if (rows.length === 0) return;
      const row = rows[one.which % rows.length];
      const { order } = this.held.get(row)!;
      this.held.delete(row);
      allocator.free(row, order, one.cpu);
    } else if (one.do === 'zone') {
      const before = this.moves;
      const { do: _, ...request } = one;
      const outcome = compaction.compactZone(zone, request satisfies CompactRequest);
      expect(outcome.migrated >= this.moves - before).toBe(true);
    } else if (one.do === 'try') compaction.tryToCompact(GFP_HIGHUSER_MOVABLE, one.order, one.priority, 0);
    else if (one.do === 'wake') compaction.wakeKcompactd(0, one.order);
    else (compaction as BuddyCompaction).kswapdSleeps(0);
  }

  check(): void {
    const { kernel, pages } = this.made;
    expect(kernel.validate()).toEqual([]);
    const { used, free, listed } = census(this.made);
    expect(used + free + listed).toBe(this.total);
    let held = 0;
    for (const [row, { order, use }] of this.held) {
      expect(pages.state[row]).toBe(0x30 | order);
      expect(pages.pageClass[row]).toBe(use);
      held += 1 << order;
    }
    expect(used).toBe(held);
  }
}
