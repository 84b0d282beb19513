/**
 * HOT. How many pages a per-CPU list takes and gives at once, one set of functions a kernel profile. They are static
 * functions, not objects, so that the compiler can inline both profiles into one process.
 *
 *   refill…(sets, set, order, flags)   blocks to take for an empty list; may move the factor and the limit
 *   freed…(sets, set, order, flags)    a block was put on the set (count already raised): pages to drain now, 0 for none
 *
 * `sets` holds PCP_FIELDS words a set, `set` is the offset of one, `flags` are the zone's (ZONE_FLAG).
 *
 * Models: mm/page_alloc.c nr_pcp_alloc(), nr_pcp_free(), nr_pcp_high(), free_unref_page_commit(), 6.1 and 6.12.
 */
/** Fields of one per-CPU set (struct per_cpu_pages) in `PcpLists.sets`. */
export const PCP = {
  COUNT: 0,
  /** 6.1: the limit. 6.12: the auto-tuned current limit. */
  HIGH: 1,
  HIGH_MIN: 2,
  HIGH_MAX: 3,
  BATCH: 4,
  /** 6.1 free_factor, 6.12 alloc_factor. */
  FACTOR: 5,
  /** 6.12 free_count. */
  FREE_COUNT: 6,
  FLAGS: 7,
} as const;
/** Where a set's lists begin: first row + 1 and last row + 1 of each, 0 when empty. */
export const PCP_LISTS = 8;
/** Lists of a set: three migratetypes by orders 0–3, and two for PMD-sized blocks. */
export const NR_PCP_LISTS = 14;
/** Words of a set. */
export const PCP_FIELDS = PCP_LISTS + 2 * NR_PCP_LISTS;

/** PCPF_PREV_FREE_HIGH_ORDER, PCPF_FREE_HIGH_BATCH. */
export const PREV_FREE_HIGH_ORDER = 1;
export const FREE_HIGH_BATCH = 2;

/** CONFIG_PCP_BATCH_SCALE_MAX, default. */
export const BATCH_SCALE_MAX = 5;
export const COSTLY_ORDER = 3;

/** Zone flags that the lists look at. */
export const ZONE_FLAG = {
  /** kswapd or direct reclaim runs on the zone. */
  RECLAIM_ACTIVE: 1,
  /** ZONE_BELOW_HIGH (6.12): free memory is below the high mark. */
  BELOW_HIGH: 2,
  /** ZONE_BOOSTED_WATERMARK. */
  BOOSTED: 4,
} as const;

const { COUNT, HIGH, HIGH_MIN, HIGH_MAX, BATCH, FACTOR, FREE_COUNT, FLAGS } = PCP;

const clamp = (value: number, low: number, high: number): number => Math.min(Math.max(value, low), high);

/** 6.1: a batch. */
export function refill61(sets: Int32Array, set: number, order: number): number {
  const batch = sets[set + BATCH];
  return batch > 1 ? Math.max(batch >> order, 2) : batch;
}

/** 6.1: a fixed limit; the factor doubles with consecutive drains. */
export function freed61(sets: Int32Array, set: number, order: number, flags: number): number {
  const count = sets[set + COUNT];
  const batch = sets[set + BATCH];
  const limit = sets[set + HIGH];
  const freeHigh = sets[set + FACTOR] > 0 && order > 0 && order <= COSTLY_ORDER;
  let high = limit;
  if (limit === 0 || freeHigh) high = 0;
  else if ((flags & ZONE_FLAG.RECLAIM_ACTIVE) !== 0) high = Math.min(batch << 2, limit);
  if (count < high) return 0;
  if (freeHigh) return count;
  if (high < batch) return 1;
  const most = high - batch;
  const wanted = batch << sets[set + FACTOR];
  if (wanted < most && sets[set + FACTOR] < BATCH_SCALE_MAX) sets[set + FACTOR]++;
  return clamp(wanted, batch, most);
}

/** 6.12: refills double while the limit has room. */
export function refill612(sets: Int32Array, set: number, order: number, flags: number): number {
  const base = sets[set + BATCH];
  const highMin = sets[set + HIGH_MIN];
  const highMax = sets[set + HIGH_MAX];
  let high = (sets[set + HIGH] = clamp(sets[set + HIGH], highMin, highMax));
  if (high < base) return 1;
  let batch = order > 0 ? base : base << sets[set + FACTOR];
  if (highMin !== highMax && (flags & ZONE_FLAG.BELOW_HIGH) === 0) {
    high = sets[set + HIGH] = Math.min(high + batch, highMax);
  }
  if (order === 0) {
    const most = Math.max(high - sets[set + COUNT] - base, base);
    if (batch <= most && sets[set + FACTOR] < BATCH_SCALE_MAX) sets[set + FACTOR]++;
    batch = Math.min(batch, most);
  }
  return batch > 1 ? Math.max(batch >> order, 2) : batch;
}

/** 6.12: the limit tunes itself between high_min and high_max. */
export function freed612(sets: Int32Array, set: number, order: number, flags: number): number {
  sets[set + FACTOR] >>= 1;
  const batch = sets[set + BATCH];
  const count = sets[set + COUNT];
  let freeHigh = false;
  if (order > 0 && order <= COSTLY_ORDER) {
    const own = sets[set + FLAGS];
    freeHigh =
      sets[set + FREE_COUNT] >= batch &&
      (own & PREV_FREE_HIGH_ORDER) !== 0 &&
      ((own & FREE_HIGH_BATCH) === 0 || count >= batch);
    sets[set + FLAGS] |= PREV_FREE_HIGH_ORDER;
  } else {
    sets[set + FLAGS] &= ~PREV_FREE_HIGH_ORDER;
  }
  if (sets[set + FREE_COUNT] < batch << BATCH_SCALE_MAX) sets[set + FREE_COUNT] += 1 << order;
  const high = limit612(sets, set, freeHigh, flags);
  if (count < high) return 0;
  if (freeHigh) return Math.min(count, batch << BATCH_SCALE_MAX);
  if (high < batch) return 1;
  return clamp(sets[set + FREE_COUNT], batch, high - batch);
}

function limit612(sets: Int32Array, set: number, freeHigh: boolean, flags: number): number {
  const batch = sets[set + BATCH];
  const highMin = sets[set + HIGH_MIN];
  const highMax = sets[set + HIGH_MAX];
  const count = sets[set + COUNT];
  const high = (sets[set + HIGH] = clamp(sets[set + HIGH], highMin, highMax));
  if (high === 0) return 0;
  if (freeHigh) {
    sets[set + HIGH] = Math.max(high - (batch << BATCH_SCALE_MAX), highMin);
    return 0;
  }
  const freed = Math.max(sets[set + FREE_COUNT], batch);
  if ((flags & ZONE_FLAG.RECLAIM_ACTIVE) !== 0) {
    sets[set + HIGH] = Math.max(high - freed, highMin);
    return Math.min(batch << 2, sets[set + HIGH]);
  }
  if (highMin === highMax) return high;
  if ((flags & ZONE_FLAG.BELOW_HIGH) !== 0) {
    sets[set + HIGH] = Math.max(high - freed, highMin);
    return Math.max(count, highMin);
  }
  if (count >= high) {
    const need = sets[set + FREE_COUNT] + batch;
    if (high < need) sets[set + HIGH] = clamp(need, highMin, highMax);
  }
  return high;
}
