import { describe, expect, it } from 'vitest';
import { trace } from './streams.spec-kit.ts';
import { UnusedTails } from './unused-tails.ts';

/** Which of the frees are of an unused tail. Lines as in the trace; `got` are requests. */
function tails(...lines: string[]): boolean[] {
  const events = trace(...lines);
  const unused = new UnusedTails(events, 2);
  return lines.flatMap((line, i) => {
    const row = Number(/ (\d+)/.exec(line)![1]);
    const order = events.unit[i] & 15;
    if (!line.startsWith('got')) return [unused.isOne(i, row, events.cpu[i])];
    unused.allocated(i, row, order, events.cpu[i]);
    return [];
  });
}

describe('the end of a block that is given back at once', () => {
  it('is freed by the task that got the block, behind its first page', () => {
    expect(tails('got 8 o3', 'freed 13', 'freed 14', 'freed 15')).toEqual([true, true, true]);
  });

  it('is not its first page, nor what lies behind the block', () => {
    expect(tails('got 8 o3', 'freed 8')).toEqual([false]);
    expect(tails('got 8 o3', 'freed 16')).toEqual([false]);
  });

  it('is none after the task has freed something else', () => {
    expect(tails('got 8 o3', 'freed 15', 'freed 40', 'freed 14')).toEqual([true, false, false]);
  });

  it('is none of another task, or another CPU', () => {
    expect(tails('got 8 o3', 'freed 15 by:other', 'freed 14')).toEqual([false, true]);
    expect(tails('got 8 o3', 'freed 15 c1')).toEqual([false]);
  });

  it('is of the last block: single pages do not count, larger ones do', () => {
    expect(tails('got 8 o3', 'got 40', 'freed 15')).toEqual([true]);
    expect(tails('got 8 o3', 'got 16 o3', 'freed 15')).toEqual([false]);
  });
});
