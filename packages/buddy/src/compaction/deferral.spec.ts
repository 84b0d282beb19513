import { describe, expect, it } from 'vitest';
import { defer, isDeferred, isRestarting, resetDeferral, type Deferral } from './deferral.ts';

const fresh = (): Deferral => ({ considered: 0, deferShift: 0, orderFailed: 9 });

describe('deferral', () => {
  it('lets 2^shift − 1 requests pass after a failure, at most 63', () => {
    const state = fresh();
    const passed: number[] = [];
    for (let failures = 0; failures < 8; failures++) {
      defer(state, 9);
      let deferred = 0;
      while (isDeferred(state, 9)) deferred++;
      passed.push(deferred);
    }
    expect(passed).toEqual([1, 3, 7, 15, 31, 63, 63, 63]);
    expect(isRestarting(state, 9)).toBe(true);
  });

  it('concerns orders from the failed one on, and ends when a request is served', () => {
    const state = fresh();
    defer(state, 5);
    expect([isDeferred(state, 4), isDeferred(state, 5)]).toEqual([false, true]);
    resetDeferral(state, 5, true);
    expect(state).toEqual({ considered: 0, deferShift: 0, orderFailed: 6 });
    expect(isDeferred(state, 5)).toBe(false);
  });
});
