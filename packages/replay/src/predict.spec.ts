import { MIGRATE } from '@replug/core';
import { describe, expect, it } from 'vitest';
import { BASE, predict, rig, trace, type Rig } from './streams.spec-kit.ts';

/** A rig with a maximal free block from row 0 on, and rows 2048… in use. */
function memory(options: { batch?: number; profile?: '6.1' | '6.12' } = {}): Rig {
  const on = rig(options.profile, options.batch);
  on.lists.placeFree(0, 10, MIGRATE.MOVABLE);
  for (let row = 2048; row < 2060; row++) on.lists.placeAllocated(row, 0);
  return on;
}

const refill = ['taken 0', 'taken 1', 'taken 2', 'taken 3'];

describe('a frame from a CPU list', () => {
  it('is the one freed last', () => {
    const p = predict(memory(), trace('freed 2048', 'freed 2049', 'got 2049', 'got 2048'));
    expect(p.handOut).toEqual({ total: 2, exact: 2, exactAnnotated: 2 });
    expect([p.freeList.total, p.bulkPages, p.byCause]).toEqual([0, 0, {}]);
  });

  it('of a refill comes in the order in which the refill took it', () => {
    const p = predict(memory(), trace(...refill, 'got 0', 'got 1', 'got 2', 'got 3'));
    expect(p.handOut).toEqual({ total: 4, exact: 4, exactAnnotated: 4 });
    expect(p.freeList).toEqual({ total: 4, exact: 4, nonSequentialTotal: 1, nonSequentialExact: 1 });
    expect(p.refills).toEqual({ total: 1, exact: 1 });
  });

  it('of a batch of frees comes in the order in which the batch was put on the list', () => {
    const p = predict(
      memory(),
      trace('freed 2048', 'freed 2049', 'batched 2049', 'batched 2048', 'got 2048', 'got 2049'),
    );
    expect(p.handOut).toEqual({ total: 2, exact: 2, exactAnnotated: 2 });
  });

  it('is not asked for where requests failed, or where the order has no list', () => {
    const p = predict(memory(), trace('failed', 'taken 16 o4', 'got 16 o4', 'freed 16 o4'));
    expect(p.handOut.total).toBe(0);
    expect(p.freeList.total).toBe(1);
    expect(p.counts.failed).toBe(1);
  });
});

describe('a bulk allocation', () => {
  const eight = [0, 1, 2, 3, 4, 5, 6, 7].map((row) => `taken ${row}`);

  it('shows by the page below those that it took', () => {
    const p = predict(memory({ batch: 8 }), trace(...eight, 'got 0', 'got 5'));
    expect(p.handOut).toEqual({ total: 2, exact: 1, exactAnnotated: 2 });
    expect(p.byCause).toEqual({ 'handOut.bulk-allocation': 1 });
    // Before event 9, which gets page 5: right after the request before it.
    expect(p.bulk).toEqual(['1@9', '2@9', '3@9', '4@9']);
    expect(p.bulkPages).toBe(4);
  });

  it('also took what is freed later', () => {
    const p = predict(memory({ batch: 8 }), trace(...eight, 'got 0', 'got 5', 'freed 2'));
    expect(p.bulk).toEqual(['1@9', '2@9', '3@9', '4@9']);
  });

  it('shows by a page freed that nobody got, and took what lay above', () => {
    const on = memory();
    const p = predict(on, trace(...refill, 'got 0', 'freed 2', 'got 2', 'got 3'));
    expect(p.bulk).toEqual(['1@5', '2@5']);
    expect(p.handOut).toEqual({ total: 3, exact: 3, exactAnnotated: 3 });
    expect(p.counts.freedWhileFree).toBe(0);
  });

  it('took place before what was put above it meanwhile', () => {
    const p = predict(memory(), trace(...refill, 'got 0', 'freed 2048', 'freed 1', 'got 1', 'got 2048', 'got 2'));
    expect(p.bulk).toEqual(['1@5']);
    expect(p.handOut).toEqual({ total: 4, exact: 4, exactAnnotated: 4 });
  });

  it('took place before it, also where more lies above', () => {
    const lines = [...refill, 'got 0', 'freed 2048', 'freed 2049', 'freed 1', 'got 1', 'got 2048'];
    const p = predict(memory(), trace(...lines));
    // Page 2049 was freed behind event 5, and is found by the page below it.
    expect(p.bulk).toEqual(['1@5', '2049@9']);
    expect(p.handOut).toEqual({ total: 3, exact: 2, exactAnnotated: 3 });
  });

  it('took nothing before it was on the list', () => {
    const p = predict(memory(), trace('freed 2048', ...refill, 'freed 0', 'got 0', 'got 2048'));
    expect(p.bulk).toEqual(['0@2']);
  });

  it('shows by a refill of a list that has blocks', () => {
    const p = predict(memory(), trace(...refill, 'got 0', 'taken 4', 'taken 5', 'taken 6', 'taken 7', 'got 4'));
    expect(p.bulk).toEqual(['1@5', '2@5', '3@5']);
    expect(p.handOut).toEqual({ total: 2, exact: 1, exactAnnotated: 2 });
    expect(p.byCause).toEqual({ 'handOut.bulk-allocation': 1 });
  });

  it('cannot have taken what is handed out later', () => {
    const p = predict(memory(), trace(...refill, 'got 0', 'got 2', 'got 1', 'got 3'));
    expect(p.handOut).toEqual({ total: 4, exact: 3, exactAnnotated: 3 });
    expect([p.byCause, p.bulkPages]).toEqual([{ 'handOut.cpu-list-order': 1 }, 0]);
  });

  it('may have, for who does not know what comes', () => {
    const p = predict(memory(), trace(...refill, 'got 0', 'got 2', 'got 1'), { hindsight: false });
    expect(p.handOut).toEqual({ total: 3, exact: 1, exactAnnotated: 2 });
    expect(p.byCause).toEqual({ 'handOut.bulk-allocation': 1, 'handOut.not-on-any-list': 1 });
  });

  it('took nothing from a list that hindsight filled, unless its places are made up', () => {
    const start = () => {
      const on = memory();
      for (const row of [2100, 2101]) on.lists.placeOnCpu(row, 0, MIGRATE.MOVABLE, 0);
      return on;
    };
    const known = predict(start(), trace('got 2101'));
    expect(known.byCause).toEqual({ 'handOut.cpu-list-order': 1 });
    const madeUp = predict(start(), trace('got 2101'), { madeUp: true });
    expect([madeUp.byCause, madeUp.bulk]).toEqual([{ 'handOut.bulk-allocation': 1 }, ['2100@0']]);
  });
});

describe('an interrupt', () => {
  it('frees between the moment a page is taken and the event that tells', () => {
    const p = predict(memory(), trace(...refill, 'got 0', 'freed 2048 irq', 'got 1', 'got 2048'));
    expect(p.handOut).toEqual({ total: 3, exact: 2, exactAnnotated: 3 });
    expect(p.byCause).toEqual({ 'handOut.interrupt': 1 });
    // Event 6 took its page before event 5.
    expect(p.early).toEqual([{ at: 5, event: 6 }]);
    expect(p.bulkPages).toBe(0);
  });

  it('hides a bulk allocation as well', () => {
    const p = predict(memory(), trace(...refill, 'got 0', 'freed 2048 irq', 'got 2', 'got 2048'));
    expect(p.byCause).toEqual({ 'handOut.interrupt': 1 });
    expect([p.bulk, p.early]).toEqual([['1@5'], [{ at: 5, event: 6 }]]);
  });

  it('is none when a task freed', () => {
    const p = predict(memory(), trace(...refill, 'got 0', 'freed 2048', 'got 1', 'got 2048'));
    expect(p.byCause).toEqual({ 'handOut.cpu-list-order': 1 });
    expect(p.early).toEqual([]);
  });
});

describe('a free that found the lock taken', () => {
  it('is told to who lets the allocator decide', () => {
    // Page 2048 leaves the free lists later: it never was on the CPU's. Order 4 has no list to be taken.
    const p = predict(memory(), trace('freed 2048 irq', 'freed 2049', 'taken 16 o4', 'freed 16 o4', 'taken 2048'));
    expect([...p.predictor.annotations.direct]).toEqual([0]);
  });
});

/** Each cause, by the smallest trace that shows it. */
describe('a miss is named', () => {
  it.each([
    ['lock-busy', ['freed 2048', 'taken 0', 'got 0', 'got 2048'], 2],
    ['refill-while-filled', ['freed 2048', ...refill, 'drained 2048', 'got 0'], 1],
    ['other-cpu', ['freed 2048 c1', 'got 2048'], 1],
    ['cpu-list-type', ['freed 2048', 'got 2048 t0'], 1],
    ['not-taken-from-free-list', ['got 0'], 1],
    ['not-on-any-list', ['got 2048'], 1],
  ])('handOut.%s', (cause, lines, total) => {
    const p = predict(memory(), trace(...lines));
    expect(p.handOut).toEqual({ total, exact: total - 1, exactAnnotated: total - 1 });
    expect(Object.fromEntries(Object.entries(p.byCause).filter(([name]) => name.startsWith('handOut')))).toEqual({
      [`handOut.${cause}`]: 1,
    });
  });

  it.each([
    [
      'free-list-order',
      [
        [16, 0, 1],
        [18, 0, 1],
      ],
      'taken 18',
    ],
    [
      'free-block-size',
      [
        [16, 0, 1],
        [32, 2, 1],
      ],
      'taken 32',
    ],
    [
      'free-list-type',
      [
        [16, 0, 1],
        [512, 0, 0],
      ],
      'taken 512',
    ],
    [
      'fallback',
      [
        [512, 0, 0],
        [514, 0, 0],
      ],
      'taken 514',
    ],
    ['not-free', [[16, 0, 1]], 'taken 600'],
  ] as const)('freeList.%s', (cause, free, line) => {
    const on = rig('6.12');
    for (const [row, order, type] of free) {
      on.lists.setPageblockType(row, type);
      on.lists.placeFree(row, order, type);
    }
    const p = predict(on, trace(line));
    expect(p.freeList).toEqual({ total: 1, exact: 0, nonSequentialTotal: 1, nonSequentialExact: 0 });
    expect(p.byCause).toEqual({ [`freeList.${cause}`]: 1 });
  });

  it('cpu-list-type tells the pageblock type', () => {
    const on = memory();
    predict(on, trace('freed 2048', 'got 2048 t0'));
    expect(on.lists.pageblockType(2048)).toBe(MIGRATE.UNMOVABLE);
  });
});

describe('a block from the free lists', () => {
  it('continues the one before or does not', () => {
    const on = rig();
    on.lists.placeFree(0, 1, MIGRATE.MOVABLE);
    on.lists.placeFree(8, 1, MIGRATE.MOVABLE);
    const p = predict(on, trace('taken 0', 'taken 1', 'taken 8', 'taken 9'));
    expect(p.freeList).toEqual({ total: 4, exact: 4, nonSequentialTotal: 2, nonSequentialExact: 2 });
  });

  /** pfn, alloc_order, fallback_order, pageblock_order, alloc and fallback type, fragmenting, change_ownership. */
  const extfrag = (row: number) => ['mm_page_alloc_extfrag', BASE + row, 0, 0, 9, 1, 0, 1, 0] as const;

  it.each([
    ['the one chosen', [512], 512, 1, {}],
    ['another one', [512, 514], 514, 0, { 'fallback.fallback': 1 }],
    ['one although the type has its own', [512, 16], 512, 0, { 'fallback.fallback-while-free': 1 }],
  ] as const)('6.1 falls back to %s', (_, rows, row, exact, byCause) => {
    const on = rig('6.1');
    on.lists.setPageblockType(512, MIGRATE.UNMOVABLE);
    for (const at of rows) on.lists.placeFree(at, 0, on.lists.pageblockType(at));
    const p = predict(on, trace(extfrag(row), `taken ${row}`));
    expect(p.fallback).toEqual({ total: 1, exact });
    expect(p.byCause).toMatchObject(byCause);
    expect(p.freeList.total).toBe(1);
  });

  it('6.12 leaves with the fallback event alone where no zone_locked follows', () => {
    const on = rig('6.12');
    on.lists.setPageblockType(512, MIGRATE.UNMOVABLE);
    on.lists.placeFree(512, 0, MIGRATE.UNMOVABLE);
    const p = predict(on, trace(extfrag(512), 'got 512'));
    expect(p.freeList).toMatchObject({ total: 1, exact: 1 });
    expect(p.handOut).toMatchObject({ total: 1, exact: 1 });
    expect(p.fallback.total).toBe(0);
  });
});
