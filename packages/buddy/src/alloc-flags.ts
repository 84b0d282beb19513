/**
 * Allocation flags, and how a request's gfp flags become them.
 *
 * Models: mm/internal.h ALLOC_*, mm/page_alloc.c prepare_alloc_pages(), gfp_to_alloc_flags(), 6.12 (6.1.192 carries the
 * same bits through stable).
 */
import { GFP, MIGRATE, gfpMigratetype } from '@replug/core';

export const ALLOC = {
  WMARK_MIN: 0,
  WMARK_LOW: 1,
  WMARK_HIGH: 2,
  WMARK_MASK: 3,
  NO_WATERMARKS: 4,
  OOM: 8,
  NON_BLOCK: 0x10,
  MIN_RESERVE: 0x20,
  CPUSET: 0x40,
  CMA: 0x80,
  NOFRAGMENT: 0x100,
  HIGHATOMIC: 0x200,
  KSWAPD: 0x800,
} as const;

/** Flags that may dip into reserves. */
export const ALLOC_RESERVES = ALLOC.NON_BLOCK | ALLOC.MIN_RESERVE | ALLOC.HIGHATOMIC | ALLOC.OOM;

/** Flags of the first try. */
export function fastFlags(gfp: number): number {
  const cma = gfpMigratetype(gfp) === MIGRATE.MOVABLE ? ALLOC.CMA : 0;
  return ALLOC.WMARK_LOW | cma | (gfp & GFP.KSWAPD_RECLAIM);
}

/** Flags once the first try failed. */
export function slowFlags(gfp: number, order: number): number {
  let flags = ALLOC.WMARK_MIN | ALLOC.CPUSET | (gfp & GFP.HIGH) | (gfp & GFP.KSWAPD_RECLAIM);
  if ((gfp & GFP.DIRECT_RECLAIM) === 0) {
    if ((gfp & GFP.NOMEMALLOC) === 0) {
      flags |= ALLOC.NON_BLOCK;
      if (order > 0 && (flags & ALLOC.MIN_RESERVE) !== 0) flags |= ALLOC.HIGHATOMIC;
    }
    if ((flags & ALLOC.MIN_RESERVE) !== 0) flags &= ~ALLOC.CPUSET;
  }
  if ((gfp & GFP.MEMALLOC) !== 0 && (gfp & GFP.NOMEMALLOC) === 0) flags |= ALLOC.NO_WATERMARKS;
  return gfpMigratetype(gfp) === MIGRATE.MOVABLE ? flags | ALLOC.CMA : flags;
}
