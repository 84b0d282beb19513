import { Core } from '@replug/core';
import { describe, expect, it } from 'vitest';
import { FATE, fates } from './fates.ts';
import { rig, trace } from './streams.spec-kit.ts';

const { NOTHING, FREED, HANDED_OUT, DRAINED, TAKEN } = FATE;

function of(lines: readonly string[], from = 0, to = lines.length): number[] {
  return [...fates(trace(...lines), rig().kernel.get(Core.Pages), from, to)];
}

describe('what became of a block', () => {
  it('is told by the next event of its pages', () => {
    expect(of(['freed 1', 'got 1', 'freed 2', 'drained 2', 'taken 3', 'freed 3', 'freed 4', 'taken 4'])).toEqual(
      // The last free of 3 and the last taking of 4 are not followed by anything.
      [HANDED_OUT, NOTHING, DRAINED, NOTHING, FREED, NOTHING, TAKEN, NOTHING],
    );
  });

  it('by the first event of any of its pages, and of a block around it', () => {
    expect(of(['freed 8 o2', 'got 10', 'drained 8'])).toEqual([HANDED_OUT, NOTHING, NOTHING]);
    expect(of(['freed 9', 'drained 8 o3'])).toEqual([DRAINED, NOTHING]);
  });

  it('is not told by a batch that only repeats the free, nor by failed requests', () => {
    expect(of(['freed 1', 'batched 1', 'failed', 'got 1'])).toEqual([HANDED_OUT, NOTHING, NOTHING, NOTHING]);
  });

  it('nor by events that no kernel writes', () => {
    expect(of(['freed 1', 'got 1 o3', 'got 0 o12', 'freed 999999'])).toEqual([NOTHING, NOTHING, NOTHING, NOTHING]);
  });

  it('is looked for in the span only', () => {
    const lines = ['freed 1', 'freed 2', 'got 1', 'got 2'];
    expect(of(lines, 1, 4)).toEqual([HANDED_OUT, NOTHING, NOTHING]);
    expect(of(lines, 0, 2)).toEqual([NOTHING, NOTHING]);
  });
});
