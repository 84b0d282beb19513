import { MIGRATE } from '@replug/core';
import { describe, expect, it } from 'vitest';
import { predict, rig, trace } from './streams.spec-kit.ts';

/** Rows [from, to) as so many events. */
const each = (what: string, from: number, to: number, suffix = '', step = 1) =>
  Array.from({ length: (to - from) / step }, (_, i) => `${what} ${from + i * step}${suffix}`);

function memory(profile: '6.1' | '6.12', batch: number, high: number) {
  const on = rig(profile, batch, high);
  on.lists.placeFree(0, 10, MIGRATE.MOVABLE);
  for (let row = 2048; row < 2080; row++) on.lists.placeAllocated(row, 0);
  return on;
}

describe('6.1: what a refill takes is the batch', () => {
  it('1, then 15, then 31, as a machine boots', () => {
    const on = memory('6.1', 31, 186);
    const p = predict(
      on,
      trace('taken 0', 'got 0', ...each('taken', 1, 16), ...each('got', 1, 16), ...each('taken', 16, 47), 'got 16'),
    );
    const { zone } = on;
    expect(p.sizes).toEqual([
      { at: 0, zone, batch: 1, highMin: 186, highMax: 186 },
      { at: 2, zone, batch: 15, highMin: 186, highMax: 186 },
      { at: 32, zone, batch: 31, highMin: 186, highMax: 186 },
    ]);
    expect(p.refills).toEqual({ total: 3, exact: 0 });
    expect(on.lists.refreshed).toBe(4);
  });

  it('is one page where a single larger block came: the lists have no sizes yet', () => {
    const on = memory('6.1', 31, 186);
    const p = predict(on, trace('taken 0 o2', 'got 0 o2'));
    expect(p.sizes).toEqual([{ at: 0, zone: on.zone, batch: 1, highMin: 186, highMax: 186 }]);
  });

  it('is no batch when a bulk allocation took several in a row', () => {
    // Ten pages by three batches of four; two are left for the next request.
    const p = predict(memory('6.1', 4, 100), trace(...each('taken', 0, 12), 'got 10', 'got 11'));
    expect([p.sizes, p.refills]).toEqual([[], { total: 1, exact: 0 }]);
  });

  it('is one all the same when a request then takes as many, from the first time on', () => {
    const on = memory('6.1', 4, 100);
    const p = predict(on, trace(...each('taken', 0, 12), ...each('got', 10, 12), ...each('taken', 12, 24), 'got 12'));
    expect(p.sizes).toEqual([{ at: 0, zone: on.zone, batch: 12, highMin: 100, highMax: 100 }]);
  });

  it('of larger blocks is a batch of pages, two at least', () => {
    const p = predict(
      memory('6.1', 8, 100),
      trace(...each('taken', 0, 8, ' o1', 2), 'got 0 o1', ...each('taken', 8, 24, ' o3', 8), 'got 8 o3'),
    );
    expect([p.sizes, p.refills]).toEqual([[], { total: 2, exact: 2 }]);
  });

  it('that ends with the trace is not counted', () => {
    expect(predict(memory('6.1', 4, 100), trace(...each('taken', 0, 3))).refills).toEqual({ total: 0, exact: 0 });
  });
});

describe('6.1: a drain comes with the page that raises the count to the limit', () => {
  it('so the limit is what was on the lists then', () => {
    const on = memory('6.1', 4, 100);
    const p = predict(on, trace(...each('freed', 2048, 2053), 'drained 2048', 'drained 2049'));
    expect(p.sizes).toEqual([{ at: 4, zone: on.zone, batch: 4, highMin: 5, highMax: 5 }]);
  });

  it('and is higher when no drain comes at it, but never above the recorded', () => {
    const on = memory('6.1', 4, 6);
    const p = predict(
      on,
      trace(
        ...each('freed', 2048, 2053),
        'drained 2048',
        'freed 2053',
        'got 2053',
        'freed 2053',
        'freed 2054',
        'got 2054',
      ),
    );
    expect(p.sizes.map((s) => [s.at, s.highMin])).toEqual([
      [4, 5],
      [6, 6],
    ]);
  });

  it('counts what a batch of frees has put on the list, not what it has announced', () => {
    const on = memory('6.1', 4, 100);
    const p = predict(
      on,
      trace(...each('freed', 2048, 2052), 'batched 2048', 'batched 2049', 'drained 2048', 'batched 2050'),
    );
    expect(p.sizes).toEqual([{ at: 5, zone: on.zone, batch: 4, highMin: 2, highMax: 2 }]);
  });

  it('says nothing after larger blocks, of which too many in a row drain as well', () => {
    const on = memory('6.1', 4, 100);
    const p = predict(on, trace(...each('freed', 2048, 2056, ' o1', 2), 'drained 2048 o1'));
    expect(p.sizes).toEqual([]);
  });

  it('says nothing when the task does something else before it', () => {
    const on = memory('6.1', 4, 100);
    const p = predict(on, trace(...each('freed', 2048, 2053), 'got 2052', 'drained 2048'));
    expect(p.sizes).toEqual([]);
  });
});

describe('6.12: batches double by themselves', () => {
  const booting = trace(
    'taken 0',
    'got 0',
    ...each('taken', 1, 5),
    ...each('got', 1, 5),
    ...each('taken', 5, 13),
    'got 5',
    ...each('taken', 16, 24, ' o1', 2),
    'got 16 o1',
  );

  it('so only the first refill and those of larger blocks tell', () => {
    const on = memory('6.12', 8, 200);
    const { zone } = on;
    expect(predict(on, booting, { fromBoot: true }).sizes).toEqual([
      { at: 0, zone, batch: 1, highMin: 0, highMax: 0 },
      // Before the marks are set the limit is four batches.
      { at: 2, zone, batch: 4, highMin: 16, highMax: 200 },
      { at: 19, zone, batch: 8, highMin: 200, highMax: 200 },
    ]);
  });

  it('and of a machine that runs, the recorded sizes stand', () => {
    expect(predict(memory('6.12', 8, 200), booting).sizes).toEqual([]);
  });

  it('nor do drains tell a limit', () => {
    const p = predict(memory('6.12', 8, 200), trace(...each('freed', 2048, 2053), 'drained 2048'), { fromBoot: true });
    expect(p.sizes).toEqual([]);
  });
});
