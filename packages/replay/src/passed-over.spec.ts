import { Core, MIGRATE } from '@replug/core';
import type { Step } from '@replug/workload';
import { describe, expect, it } from 'vitest';
import { PassedOver } from './passed-over.ts';
import { predict, rig, trace } from './streams.spec-kit.ts';
import { TypeCounts } from './type-counts.ts';

const { UNMOVABLE, MOVABLE, RECLAIMABLE } = MIGRATE;

/** A free page in pageblock 1 and free blocks of order 2 and 3 in pageblock 0, all on the movable lists. */
function setUp(known: readonly number[] = [], step?: Step) {
  const on = rig();
  const { lists, kernel } = on;
  lists.placeFree(0, 2, MOVABLE);
  lists.placeFree(8, 3, MOVABLE);
  lists.placeFree(512, 0, MOVABLE);
  const blockType = new Uint8Array(64);
  for (const block of known) blockType[block] = MOVABLE + 1;
  const machine = kernel.get(Core.Machine);
  const passed = new PassedOver(machine.pages, lists, lists, blockType, new TypeCounts(machine, step));
  const larger = (have: number, untouched = true) => passed.byLarger(on.zone, 0, MOVABLE, have, () => untouched);
  return { ...on, passed, larger, first: () => lists.firstFree(on.zone, 0, MOVABLE) };
}

describe('a block that the kernel passed over for a larger one', () => {
  it('has a pageblock of another type, where no event tells the type', () => {
    const { lists, passed, larger, first } = setUp([0]);
    larger(2);
    expect(lists.pageblockType(512)).toBe(UNMOVABLE);
    expect([first(), lists.isFree(512)]).toEqual([0, true]);
    expect([...passed.corrections.types]).toEqual([[512, UNMOVABLE]]);
    expect(passed.corrections.late).toEqual([]);
  });

  it('has the type that the counts of the step still need', () => {
    const counts = (order0: number) => [order0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    const free = [
      { node: 0, name: 'Normal', type: 'Reclaimable', counts: counts(1), saturated: [] },
      { node: 0, name: 'Normal', type: 'Unmovable', counts: counts(0), saturated: [] },
    ];
    const pagetypeinfo = { pageblockOrder: 9, migratetypes: [], blocks: [], free };
    const { lists, larger } = setUp([0], { pagetypeinfo } as unknown as Step);
    larger(2);
    expect(lists.pageblockType(512)).toBe(RECLAIMABLE);
  });

  it('is given one type after the other, and is not free yet when none is left', () => {
    const { lists, passed, larger } = setUp([0]);
    const again = () => {
      lists.setPageblockType(512, MOVABLE);
      larger(2);
    };
    larger(2);
    again();
    expect(lists.pageblockType(512)).toBe(RECLAIMABLE);
    again();
    expect([lists.pageblockType(512), lists.isFree(512)]).toEqual([MOVABLE, false]);
    expect(passed.corrections.late).toEqual([{ row: 512, order: 0, until: Infinity }]);
  });

  it('is not free yet, where the type is known', () => {
    const { lists, passed, larger, first } = setUp([0, 1]);
    larger(3);
    // The page and the block of order 2; not the one of order 3, which was taken.
    expect([lists.isFree(512), lists.isFree(0), first()]).toEqual([false, false, 8]);
    expect(passed.corrections.late).toEqual([
      { row: 512, order: 0, until: Infinity },
      { row: 0, order: 2, until: Infinity },
    ]);
    expect(passed.corrections.types.size).toBe(0);
  });

  it('was free once when an event had put it there: nothing to correct at the start', () => {
    const { lists, passed, larger } = setUp([0, 1]);
    larger(2, false);
    expect([lists.isFree(512), passed.corrections.late]).toEqual([false, []]);
  });
});

describe('a block that is held', () => {
  it('is free again from the event on that names it', () => {
    const { lists, passed, larger } = setUp([0, 1]);
    larger(3);
    passed.named(17, 2);
    expect([lists.freeHead(2), lists.isFree(512)]).toEqual([0, false]);
    expect(passed.corrections.late).toContainEqual({ row: 0, order: 2, until: 17 });
    // A second naming tells nothing new.
    passed.named(18, 512);
    passed.named(19, 512);
    expect(passed.corrections.late).toContainEqual({ row: 512, order: 0, until: 18 });
  });

  it('is free in a dump', () => {
    const { lists, passed, larger } = setUp([0, 1]);
    larger(3);
    passed.putBack();
    expect([lists.freeOrder(0), lists.freeOrder(512)]).toEqual([2, 0]);
    expect(passed.corrections.late.every((block) => block.until === Infinity)).toBe(true);
  });

  it('comes back without the pages that somebody has got meanwhile', () => {
    const { lists, passed, larger } = setUp([0, 1]);
    larger(3);
    lists.handOut(1, 0);
    passed.putBack();
    expect([0, 1, 2, 3].map((row) => lists.isFree(row))).toEqual([true, false, true, true]);
  });
});

describe('a block that others of its order are taken before', () => {
  it('goes to the tail at the second time', () => {
    const { lists, passed, zone } = setUp([0, 1]);
    lists.placeFree(1024, 0, MOVABLE);
    lists.placeFree(1026, 0, MOVABLE);
    passed.byEqual(512);
    expect(lists.firstFree(zone, 0, MOVABLE)).toBe(512);
    passed.byEqual(512);
    expect(lists.firstFree(zone, 0, MOVABLE)).toBe(1024);
    lists.takeToCpu(1024, 0, MOVABLE, 0);
    lists.takeToCpu(1026, 0, MOVABLE, 0);
    expect(lists.firstFree(zone, 0, MOVABLE)).toBe(512);
  });
});

describe('in a prediction', () => {
  it('a block passed over is a miss once: afterwards the model takes what the kernel takes', () => {
    const on = rig();
    for (const [row, order] of [
      [16, 0],
      [512, 0],
      [32, 2],
    ])
      on.lists.placeFree(row, order, MOVABLE);
    // Row 16 lies in the pageblock of row 32, whose type the events tell; row 512 does not.
    const p = predict(on, trace('taken 32', 'taken 33', 'taken 16'));
    expect(p.freeList).toMatchObject({ total: 3, exact: 2 });
    expect(p.byCause).toEqual({ 'freeList.free-block-size': 1 });
    expect([...p.corrections.types]).toEqual([[512, UNMOVABLE]]);
    expect(p.corrections.late).toEqual([{ row: 16, order: 0, until: 2 }]);
  });

  it('what is passed over twice in favour of its equals is expected last', () => {
    const on = rig();
    for (const row of [16, 18, 20, 22]) on.lists.placeFree(row, 0, MOVABLE);
    const p = predict(on, trace('taken 18', 'taken 20', 'taken 22', 'taken 16'));
    expect(p.freeList).toMatchObject({ total: 4, exact: 2 });
    expect(p.byCause).toEqual({ 'freeList.free-list-order': 2 });
  });
});
