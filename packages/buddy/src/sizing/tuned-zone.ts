/**
 * What MemoryTuning keeps: a zone with everything last computed for it, and the sysctls.
 *
 * Models: include/linux/mmzone.h struct zone, struct per_cpu_pages; mm/page_alloc.c defaults of the sysctls, 6.1 and 6.12.
 */
import { LOWMEM_RESERVE_RATIO_DEFAULT } from './lowmem-reserve.ts';
import { BOOT_PAGESET, type PagesetSize } from './pageset-sizing.ts';
import { NO_MARKS, type SizingZone, type ZoneMarks } from './sizing-zone.ts';
import { WATERMARK_BOOST_FACTOR_DEFAULT, WATERMARK_SCALE_FACTOR_DEFAULT } from './watermarks.ts';

/** Sysctls that size something, by the kernel's names. */
export interface SizingSysctls {
  /** kB. */
  min_free_kbytes: number;
  watermark_scale_factor: number;
  watermark_boost_factor: number;
  percpu_pagelist_high_fraction: number;
  /** One a configured zone kind, low → high. */
  lowmem_reserve_ratio: readonly number[];
}
export type SizingSysctl = keyof SizingSysctls;

/** One zone with what was last computed for it. */
export interface TunedZone extends SizingZone {
  managed: number;
  present: number;
  spanned: number;
  /** Without boost. */
  marks: ZoneMarks;
  /** Pages on top of every mark. */
  boost: number;
  /** `protection`. */
  reserve: readonly number[];
  /** What the zone remembers as set (zone.pageset_*). */
  pagesetWanted: PagesetSize;
  /** What its per-CPU lists really have: lists made anew while the wanted sizes stay equal keep the boot sizes. */
  pageset: PagesetSize;
  /** `vm stats threshold`; 0 before the first computation. */
  statThreshold: number;
  /** percpu_drift_mark: once set it is only ever replaced, never cleared. */
  driftMark: number;
}

/** kB; the value before anything is computed. */
const MIN_FREE_KBYTES_INITIAL = 1024;

/** Values of a kernel that nobody has configured; ratios by the kinds of the first node. */
export function defaultSysctls(zones: readonly SizingZone[]): SizingSysctls {
  const kinds = zones.filter((z) => z.nid === zones[0].nid).map((z) => z.kind);
  return {
    min_free_kbytes: MIN_FREE_KBYTES_INITIAL,
    watermark_scale_factor: WATERMARK_SCALE_FACTOR_DEFAULT,
    watermark_boost_factor: WATERMARK_BOOST_FACTOR_DEFAULT,
    percpu_pagelist_high_fraction: 0,
    lowmem_reserve_ratio: kinds.map((kind) => LOWMEM_RESERVE_RATIO_DEFAULT[kind]),
  };
}

export function untuned({ nid, kind, managed, present, spanned }: SizingZone): TunedZone {
  return {
    ...{ nid, kind, managed, present, spanned, marks: NO_MARKS, boost: 0, reserve: [] },
    ...{ pagesetWanted: BOOT_PAGESET, pageset: BOOT_PAGESET, statThreshold: 0, driftMark: 0 },
  };
}
