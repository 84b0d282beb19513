/**
 * Not trying again at once: after a run that did not help, 2^shift requests of at least the failed order go without
 * compaction, at most 64.
 *
 * Models: mm/compaction.c defer_compaction(), compaction_deferred(), compaction_defer_reset(), compaction_restarting().
 */

/** COMPACT_MAX_DEFER_SHIFT. */
export const MAX_DEFER_SHIFT = 6;

export interface Deferral {
  /** Requests that were deferred since the last run. */
  considered: number;
  deferShift: number;
  /** The lowest order that failed. */
  orderFailed: number;
}

/** A run did not help. */
export function defer(state: Deferral, order: number): void {
  state.considered = 0;
  state.deferShift = Math.min(state.deferShift + 1, MAX_DEFER_SHIFT);
  if (order < state.orderFailed) state.orderFailed = order;
}

/** True when a request is to go without compaction; counts it. */
export function isDeferred(state: Deferral, order: number): boolean {
  if (order < state.orderFailed) return false;
  const limit = 1 << state.deferShift;
  if (++state.considered < limit) return true;
  state.considered = limit;
  return false;
}

/** A run helped; `allocated`: the request was served, else it is only expected to be. */
export function resetDeferral(state: Deferral, order: number, allocated: boolean): void {
  if (allocated) {
    state.considered = 0;
    state.deferShift = 0;
  }
  if (order >= state.orderFailed) state.orderFailed = order + 1;
}

/** True for the first run after the longest pause: skip bits are cleared. */
export function isRestarting(state: Deferral, order: number): boolean {
  return (
    order >= state.orderFailed && state.deferShift === MAX_DEFER_SHIFT && state.considered >= 1 << state.deferShift
  );
}
