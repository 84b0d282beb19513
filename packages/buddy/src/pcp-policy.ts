/**
 * HOT. How many pages a per-CPU list takes and gives at once, one set of functions a kernel profile. They are static
 * functions, not objects, so that the compiler can inline both profiles into one process.
 *
 *   refill…(sets, set, order, flags)   blocks to take for an empty list; may move the factor and the limit
 *   freed…(sets, set, order, flags)    a block was put on the set (count already raised): pages to drain now, 0 for none
 *
 * `sets` holds PCP.WORDS words a set, `set` is the offset of one, `flags` are the zone's (ZONE_FLAG).
 *
 * Models: mm/page_alloc.c nr_pcp_alloc(), nr_pcp_free(), nr_pcp_high(), free_unref_page_commit(), 6.1 and 6.12.
 */
import type { MIGRATE, MIGRATE_PCPTYPES, MIGRATE_TYPES, PAGE_STATE } from '@replug/core';

/*
 * The numbers of the hot paths are const enums: whoever compiles or bundles this writes them as literals. A module's
 * `const` may come out as a variable, which is loaded and checked at each use (measured: a quarter of the time).
 */

/** log2 of the words of a set, and of a list. */
export const enum SHIFT {
  SET = 6,
  LIST = 2,
}

/** Fields of one per-CPU set (struct per_cpu_pages) in `PcpLists.sets`. */
export const enum PCP {
  COUNT = 0,
  /** 6.1: the limit. 6.12: the auto-tuned current limit. */
  HIGH = 1,
  HIGH_MIN = 2,
  HIGH_MAX = 3,
  BATCH = 4,
  /** 6.1 free_factor, 6.12 alloc_factor. */
  FACTOR = 5,
  /** 6.12 free_count. */
  FREE_COUNT = 6,
  FLAGS = 7,
  /** Where a set's lists begin. */
  LISTS = 8,
  /** Words of a set. A power of two: rounding a list's offset down gives its set. */
  WORDS = 1 << SHIFT.SET,
}

/** Lists of a set: three migratetypes by orders 0–3, and two for PMD-sized blocks. */
export const NR_PCP_LISTS = 14;

/** Fields of a list; positions in `PcpLists.blocks`. */
export const enum LIST {
  /** The first block. */
  FIRST = 0,
  /** Behind the last block; equal to FIRST when the list is empty. */
  END = 1,
  /** The room that the list has: [BOTTOM, TOP). */
  BOTTOM = 2,
  TOP = 3,
  /** Words of a list. */
  WORDS = 1 << SHIFT.LIST,
}

/** PCPF_* in PCP.FLAGS. */
export const enum PCPF {
  PREV_FREE_HIGH_ORDER = 1,
  FREE_HIGH_BATCH = 2,
}

export const enum LIMIT {
  /** CONFIG_PCP_BATCH_SCALE_MAX, default. */
  BATCH_SCALE_MAX = 5,
  COSTLY_ORDER = 3,
}

/** Zone flags that the lists look at. */
export const enum ZONE_FLAG {
  /** kswapd or direct reclaim runs on the zone. */
  RECLAIM_ACTIVE = 1,
  /** ZONE_BELOW_HIGH (6.12): free memory is below the high mark. */
  BELOW_HIGH = 2,
  /** ZONE_BOOSTED_WATERMARK. */
  BOOSTED = 4,
}

/** PAGE_STATE as literals. */
export const enum STATE {
  UNTOUCHED = 0x00,
  FREE = 0x10,
  PCP = 0x20,
  ALLOCATED = 0x30,
}

/** MIGRATE, MIGRATE_PCPTYPES and MIGRATE_TYPES as literals. */
export const enum TYPE {
  MOVABLE = 1,
  HIGHATOMIC = 3,
  PCPTYPES = HIGHATOMIC,
  CMA = 4,
  ISOLATE = 5,
  COUNT = 6,
}

/** Does not compile when a literal above is not core's number. */
type Same<Core extends Literal, Literal> = [Core, Literal];
export type SameAsCore = Same<
  [typeof PAGE_STATE.UNTOUCHED, typeof PAGE_STATE.FREE, typeof PAGE_STATE.PCP, typeof PAGE_STATE.ALLOCATED],
  [STATE.UNTOUCHED, STATE.FREE, STATE.PCP, STATE.ALLOCATED]
> &
  Same<
    [typeof MIGRATE.MOVABLE, typeof MIGRATE.HIGHATOMIC, typeof MIGRATE.CMA, typeof MIGRATE.ISOLATE],
    [TYPE.MOVABLE, TYPE.HIGHATOMIC, TYPE.CMA, TYPE.ISOLATE]
  > &
  Same<[typeof MIGRATE_PCPTYPES, typeof MIGRATE_TYPES], [TYPE.PCPTYPES, TYPE.COUNT]>;

function clamp(value: number, low: number, high: number): number {
  const least = value > low ? value : low;
  return least < high ? least : high;
}

/** 6.1: a batch. */
export function refill61(sets: Int32Array, set: number, order: number): number {
  const batch = sets[set + PCP.BATCH];
  return batch > 1 ? Math.max(batch >> order, 2) : batch;
}

/** 6.1: a fixed limit; the factor doubles with consecutive drains. */
export function freed61(sets: Int32Array, set: number, order: number, flags: number): number {
  const count = sets[set + PCP.COUNT];
  const batch = sets[set + PCP.BATCH];
  const limit = sets[set + PCP.HIGH];
  const freeHigh = sets[set + PCP.FACTOR] > 0 && order > 0 && order <= LIMIT.COSTLY_ORDER;
  let high = limit;
  if (limit === 0 || freeHigh) high = 0;
  else if ((flags & ZONE_FLAG.RECLAIM_ACTIVE) !== 0) high = Math.min(batch << 2, limit);
  if (count < high) return 0;
  if (freeHigh) return count;
  if (high < batch) return 1;
  const most = high - batch;
  const wanted = batch << sets[set + PCP.FACTOR];
  if (wanted < most && sets[set + PCP.FACTOR] < LIMIT.BATCH_SCALE_MAX) sets[set + PCP.FACTOR]++;
  return clamp(wanted, batch, most);
}

/** 6.12: refills double while the limit has room. */
export function refill612(sets: Int32Array, set: number, order: number, flags: number): number {
  const base = sets[set + PCP.BATCH];
  const highMin = sets[set + PCP.HIGH_MIN];
  const highMax = sets[set + PCP.HIGH_MAX];
  let high = (sets[set + PCP.HIGH] = clamp(sets[set + PCP.HIGH], highMin, highMax));
  if (high < base) return 1;
  let batch = order > 0 ? base : base << sets[set + PCP.FACTOR];
  if (highMin !== highMax && (flags & ZONE_FLAG.BELOW_HIGH) === 0) {
    high = sets[set + PCP.HIGH] = Math.min(high + batch, highMax);
  }
  if (order === 0) {
    const most = Math.max(high - sets[set + PCP.COUNT] - base, base);
    if (batch <= most && sets[set + PCP.FACTOR] < LIMIT.BATCH_SCALE_MAX) sets[set + PCP.FACTOR]++;
    batch = Math.min(batch, most);
  }
  return batch > 1 ? Math.max(batch >> order, 2) : batch;
}

/** 6.12: the limit tunes itself between high_min and high_max. */
export function freed612(sets: Int32Array, set: number, order: number, flags: number): number {
  sets[set + PCP.FACTOR] >>= 1;
  const batch = sets[set + PCP.BATCH];
  const count = sets[set + PCP.COUNT];
  let freeHigh = false;
  if (order > 0 && order <= LIMIT.COSTLY_ORDER) {
    const own = sets[set + PCP.FLAGS];
    freeHigh =
      sets[set + PCP.FREE_COUNT] >= batch &&
      (own & PCPF.PREV_FREE_HIGH_ORDER) !== 0 &&
      ((own & PCPF.FREE_HIGH_BATCH) === 0 || count >= batch);
    sets[set + PCP.FLAGS] |= PCPF.PREV_FREE_HIGH_ORDER;
  } else {
    sets[set + PCP.FLAGS] &= ~PCPF.PREV_FREE_HIGH_ORDER;
  }
  if (sets[set + PCP.FREE_COUNT] < batch << LIMIT.BATCH_SCALE_MAX) sets[set + PCP.FREE_COUNT] += 1 << order;
  const high = limit612(sets, set, freeHigh, flags);
  if (count < high) return 0;
  if (freeHigh) return Math.min(count, batch << LIMIT.BATCH_SCALE_MAX);
  if (high < batch) return 1;
  return clamp(sets[set + PCP.FREE_COUNT], batch, high - batch);
}

/** What freed612() comes to for a page of order 0 while the count is below the limit and the zone has no flags. */
export function freedQuietly612(sets: Int32Array, set: number): void {
  sets[set + PCP.FACTOR] >>= 1;
  sets[set + PCP.FLAGS] &= ~PCPF.PREV_FREE_HIGH_ORDER;
  const freed = sets[set + PCP.FREE_COUNT];
  if (freed < sets[set + PCP.BATCH] << LIMIT.BATCH_SCALE_MAX) sets[set + PCP.FREE_COUNT] = freed + 1;
}

function limit612(sets: Int32Array, set: number, freeHigh: boolean, flags: number): number {
  const batch = sets[set + PCP.BATCH];
  const highMin = sets[set + PCP.HIGH_MIN];
  const highMax = sets[set + PCP.HIGH_MAX];
  const count = sets[set + PCP.COUNT];
  const high = (sets[set + PCP.HIGH] = clamp(sets[set + PCP.HIGH], highMin, highMax));
  if (high === 0) return 0;
  if (freeHigh) {
    sets[set + PCP.HIGH] = Math.max(high - (batch << LIMIT.BATCH_SCALE_MAX), highMin);
    return 0;
  }
  const freed = Math.max(sets[set + PCP.FREE_COUNT], batch);
  if ((flags & ZONE_FLAG.RECLAIM_ACTIVE) !== 0) {
    sets[set + PCP.HIGH] = Math.max(high - freed, highMin);
    return Math.min(batch << 2, sets[set + PCP.HIGH]);
  }
  if (highMin === highMax) return high;
  if ((flags & ZONE_FLAG.BELOW_HIGH) !== 0) {
    sets[set + PCP.HIGH] = Math.max(high - freed, highMin);
    return Math.max(count, highMin);
  }
  if (count >= high) {
    const need = sets[set + PCP.FREE_COUNT] + batch;
    if (high < need) sets[set + PCP.HIGH] = clamp(need, highMin, highMax);
  }
  return high;
}

/**
 * 6.12, about once a second on each CPU: a limit above high_min sinks by an eighth, but not so far that more than a large
 * batch would have to go. Returns the pages above the new limit. Models: decay_pcp_high().
 */
export function decayHigh(sets: Int32Array, set: number): number {
  const count = sets[set + PCP.COUNT];
  const high = sets[set + PCP.HIGH];
  const least = sets[set + PCP.HIGH_MIN];
  if (high > least) {
    const batch = sets[set + PCP.BATCH] << LIMIT.BATCH_SCALE_MAX;
    sets[set + PCP.HIGH] = Math.max(count - batch, high - (high >> 3), least);
  }
  return Math.max(0, count - sets[set + PCP.HIGH]);
}
