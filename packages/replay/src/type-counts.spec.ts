import { Core, MIGRATE } from '@replug/core';
import type { Step } from '@replug/workload';
import { describe, expect, it } from 'vitest';
import { rig } from './streams.spec-kit.ts';
import { TypeCounts, type FreeBlock } from './type-counts.ts';

const { UNMOVABLE, MOVABLE, RECLAIMABLE } = MIGRATE;

/** Counts of free blocks of order 3 by type, as pagetypeinfo has them. */
function counted(byType: Readonly<Record<string, number>>, saturated: readonly number[] = []) {
  const { kernel, zone } = rig();
  const free = Object.entries(byType).map(([type, count]) => ({
    node: 0,
    name: 'Normal',
    type,
    counts: [0, 0, 0, count, 0, 0, 0, 0, 0, 0, 0],
    saturated,
  }));
  const step = { pagetypeinfo: { pageblockOrder: 9, migratetypes: [], blocks: [], free } } as unknown as Step;
  const counts = new TypeCounts(kernel.get(Core.Machine), step);
  const settle = (...blocks: readonly (readonly [row: number, type: number])[]) => {
    const set: [number, number][] = [];
    const all: FreeBlock[] = blocks.map(([row, type]) => ({ zone, order: 3, row, type }));
    counts.settle(all, (row, type) => set.push([row, type]));
    return set;
  };
  return { counts, settle, zone };
}

describe('types of free blocks, from their counts', () => {
  it("where one type is left over, it is the block's", () => {
    const { settle } = counted({ Unmovable: 2, Movable: 1, Reclaimable: 0 });
    expect(settle([0, UNMOVABLE], [512, MOVABLE], [1024, -1])).toEqual([[1024, UNMOVABLE]]);
  });

  it('a movable block stays what it is taken for', () => {
    const { settle, counts, zone } = counted({ Movable: 1, Unmovable: 0 });
    expect(settle([0, -1])).toEqual([]);
    // It is accounted for: nothing is left, so the usual guesses stand.
    expect([counts.instead(zone, 3, 0), counts.instead(zone, 3, 1)]).toEqual([UNMOVABLE, RECLAIMABLE]);
  });

  it('where several are possible, none is chosen; that it cannot be movable can be told', () => {
    expect(counted({ Movable: 1, Reclaimable: 1 }).settle([0, -1], [512, -1])).toEqual([]);
    expect(counted({ Unmovable: 1, Reclaimable: 1 }).settle([0, -1], [512, -1])).toEqual([
      [0, UNMOVABLE],
      [512, RECLAIMABLE],
    ]);
  });

  it('more blocks than counted leave the rest alone', () => {
    expect(counted({ Reclaimable: 1 }).settle([0, -1], [512, -1])).toEqual([[0, RECLAIMABLE]]);
  });

  it('the type to try instead is one that is still needed, each once', () => {
    const { counts, zone } = counted({ Movable: 4, Reclaimable: 1 });
    expect([0, 1].map((tried) => counts.instead(zone, 3, tried))).toEqual([RECLAIMABLE, undefined]);
    expect([0, 1, 2].map((tried) => counts.instead(zone, 4, tried))).toEqual([UNMOVABLE, RECLAIMABLE, undefined]);
  });

  it('lists too long to be counted count nothing', () => {
    const { settle } = counted({ Unmovable: 1 }, [3]);
    expect(settle([0, -1])).toEqual([]);
  });

  it('a step without counts says nothing', () => {
    const { kernel, zone } = rig();
    const counts = new TypeCounts(kernel.get(Core.Machine), undefined);
    counts.settle([{ zone, order: 3, row: 0, type: -1 }], () => expect.unreachable());
    expect(counts.instead(zone, 3, 0)).toBe(UNMOVABLE);
  });
});
