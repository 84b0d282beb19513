/** What a prediction counts. The names are those of the JSON report. */

/** Why a prediction missed. */
export const CAUSE = {
  /** Pages above it were taken by a bulk allocation, which has no event. */
  BULK: 'bulk-allocation',
  /** Pages above it were freed by an interrupt before the allocation told of itself. */
  INTERRUPT: 'interrupt',
  /** The list's lock was busy: the block came straight from the free lists. */
  LOCK_BUSY: 'lock-busy',
  /** On the list, but not first. */
  LIST_ORDER: 'cpu-list-order',
  /** On the list of another CPU. */
  OTHER_CPU: 'other-cpu',
  /** On the CPU's list of another migratetype. */
  OTHER_TYPE: 'cpu-list-type',
  /** A refill although the list had blocks. */
  REFILL: 'refill-while-filled',
  /** On the free lists, without an event that took it from there. */
  NOT_TAKEN: 'not-taken-from-free-list',
  /** Held by somebody in the model, or never seen. */
  NOT_LISTED: 'not-on-any-list',
  /** Free, of the order that was to be taken, but not first of its list. */
  FREE_ORDER: 'free-list-order',
  /** The model had a smaller free block. */
  FREE_SIZE: 'free-block-size',
  /** Free, but on another type's list. */
  FREE_TYPE: 'free-list-type',
  /** Another block was chosen to fall back to. */
  FALLBACK: 'fallback',
  /** Fell back although the model had blocks of the type. */
  FALLBACK_EARLY: 'fallback-while-free',
  /** Not free in the model. */
  NOT_FREE: 'not-free',
} as const;
export type Cause = (typeof CAUSE)[keyof typeof CAUSE];

/** What was predicted: frames from per-CPU lists, blocks from free lists, foreign blocks to fall back to. */
export type Predicted = 'handOut' | 'freeList' | 'fallback';

export interface Predictions {
  /**
   * Frames handed out from a per-CPU list, "refill or not" included. `exactAnnotated`: with bulk allocations and interrupts,
   * which have no event at their time, taken as known.
   */
  readonly handOut: { total: number; exact: number; exactAnnotated: number };
  /** Blocks that left the free lists; `nonSequential`: those that do not continue the block taken before. */
  readonly freeList: { total: number; exact: number; nonSequentialTotal: number; nonSequentialExact: number };
  /** Choices of a foreign block that have an event of their own (6.1). */
  readonly fallback: { total: number; exact: number };
  /** Refills; exact: took as many blocks as predicted. */
  readonly refills: { readonly total: number; readonly exact: number };
  /** Misses by `handOut.<cause>` … Of hand-outs, what annotation explains is among them. */
  readonly byCause: Readonly<Partial<Record<`${Predicted}.${Cause}`, number>>>;
  /** Pages that bulk allocations took unseen. */
  readonly bulkPages: number;
}
