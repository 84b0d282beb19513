import { describe, expect, it } from 'vitest';
import { TargetPool } from './target-pool.ts';

describe('free pages that wait for sources', () => {
  it('6.1: single pages, the last one found first', () => {
    const pool = new TargetPool(false, 4);
    pool.add(8, 1);
    pool.add(32, 0);
    expect([pool.take(0), pool.take(0)]).toEqual([32, 9]);
    pool.giveBack(9, 0);
    const left: number[] = [];
    pool.release((row) => left.push(row));
    expect(left).toEqual([9, 8]);
    expect(pool.take(0)).toBe(-1);
  });

  it('6.12: splits the first block of the smallest order', () => {
    const pool = new TargetPool(true, 4);
    pool.add(16, 2);
    pool.add(64, 2);
    expect([pool.take(0), pool.take(0), pool.take(1)]).toEqual([16, 17, 18]);
    expect(pool.pages).toBe(4);
    expect(pool.take(3)).toBe(-1);
    pool.giveBack(17, 0);
    const left: string[] = [];
    pool.release((row, order) => left.push(`${row}/${order}`));
    expect(left).toEqual(['17/0', '64/2']);
  });

  it('gives up a page in the middle of a block', () => {
    const pool = new TargetPool(true, 4);
    pool.add(16, 3);
    expect([pool.remove(21), pool.remove(21), pool.pages]).toEqual([true, false, 7]);
    const left: string[] = [];
    pool.release((row, order) => left.push(`${row}/${order}`));
    expect(left).toEqual(['20/0', '22/1', '16/2']);
  });
});
