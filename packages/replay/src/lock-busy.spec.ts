import { describe, expect, it } from 'vitest';
import { BusyLocks } from './lock-busy.ts';
import { look, rig, trace } from './streams.spec-kit.ts';

/** Whether the free of row 900 found the lock taken. */
function busy(...lines: string[]): boolean {
  const events = trace(...lines);
  const locks = new BusyLocks(events, look(rig(), events), 0);
  return locks.isBusy(lines.findIndex((line) => line.startsWith('freed 900')));
}

describe('a free from an interrupt', () => {
  it('finds the lock taken while the task below drains its list', () => {
    expect(busy('drained 1', 'freed 900 irq', 'freed 2')).toBe(true);
    // The drain was over: the task went on to something else.
    expect(busy('drained 1', 'freed 900 irq', 'got 2')).toBe(false);
  });

  it('or while it refills it', () => {
    expect(busy('taken 1', 'freed 900 irq', 'got 1')).toBe(true);
    expect(busy('taken 1', 'freed 900 irq', 'freed 2')).toBe(false);
    expect(busy('got 1', 'freed 900 irq', 'got 2')).toBe(false);
  });

  it('not when another task was at it', () => {
    expect(busy('drained 1 by:a', 'freed 900 irq', 'freed 2 by:b')).toBe(false);
  });

  it('not for what happens on another CPU', () => {
    expect(busy('drained 1 c1', 'freed 900 irq', 'freed 2 c1')).toBe(false);
    expect(busy('drained 1', 'got 5 c1', 'freed 900 irq', 'taken 6 c1', 'freed 2')).toBe(true);
  });

  it('finds it as the other frees of the same interrupt do', () => {
    // Row 901 goes straight to the free lists: it leaves them later without a drain. Row 902 is drained.
    expect(busy('got 1', 'freed 901 irq', 'freed 900 irq', 'got 2', 'taken 901')).toBe(true);
    expect(busy('drained 1', 'freed 900 irq', 'freed 902 irq', 'freed 2', 'drained 902')).toBe(false);
  });

  it('at the ends of the trace is not judged', () => {
    expect(busy('freed 900 irq', 'freed 2')).toBe(false);
    expect(busy('drained 1', 'freed 900 irq')).toBe(false);
  });
});

it('a free of a task waits for the lock', () => {
  expect(busy('drained 1', 'freed 900', 'freed 2')).toBe(false);
});
