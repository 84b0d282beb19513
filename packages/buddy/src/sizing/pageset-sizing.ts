/**
 * Per-CPU lists: batch and limits; thresholds of the per-CPU counters.
 *
 * Models: mm/page_alloc.c zone_batchsize(), zone_highsize(), zone_set_pageset_high_and_batch(); mm/vmstat.c
 * calculate_normal_threshold(), calculate_pressure_threshold(), refresh_zone_stat_thresholds(), 6.1 and 6.12.
 */
import type { SizingProfile, ZoneMarks } from './sizing-zone.ts';

/** Smallest vm.percpu_pagelist_high_fraction besides 0; also the divisor of 6.12's upper limit. */
export const MIN_HIGH_FRACTION = 8;

const MiB = 2 ** 20;

/** Sizes of a zone's per-CPU lists, the same on every CPU; pages. 6.1 has one limit: highMin = highMax = high. */
export interface PagesetSize {
  readonly batch: number;
  readonly highMin: number;
  readonly highMax: number;
}

/** Sizes of a zone whose real lists do not exist yet, or while zone_pcp_disable() is in force: everything passes through. */
export const BOOT_PAGESET: PagesetSize = { batch: 1, highMin: 0, highMax: 0 };

/** Pages moved at once: about 1/1000 of the zone up to 1 MiB, as 2^n − 1, and at least 1. */
export function pagesetBatch(managed: number, pageShift: number): number {
  const quarter = Math.max(1, Math.floor(Math.min(Math.floor(managed / 1024), MiB / 2 ** pageShift) / 4));
  return Math.max(1, 2 ** Math.floor(Math.log2(quarter + Math.floor(quarter / 2))) - 1);
}

/**
 * The limit of one CPU's list; pages. `fraction` 0: the low mark split over the CPUs; otherwise managed/fraction split.
 * `cpus` is splitCpus(); `low` includes a boost.
 */
export function pagesetHigh(low: number, managed: number, batch: number, cpus: number, fraction: number): number {
  const pages = fraction === 0 ? low : Math.floor(managed / fraction);
  return Math.max(Math.floor(pages / cpus), batch * 4);
}

/** CPUs that share a zone: those of its node (one more while a CPU comes up), or all online ones where it has none. */
export function splitCpus(nodeCpus: number, onlineCpus: number, comingUp = false): number {
  return nodeCpus + (comingUp ? 1 : 0) || onlineCpus;
}

export interface PagesetInputs {
  readonly managed: number;
  /** Low mark with boost, pages. */
  readonly low: number;
  readonly pageShift: number;
  /** splitCpus(). */
  readonly cpus: number;
  /** vm.percpu_pagelist_high_fraction. */
  readonly highFraction: number;
  readonly profile: SizingProfile;
}

/** What zone_set_pageset_high_and_batch() would set. 6.12 may give highMin > highMax (large scale factor): so does the kernel. */
export function pagesetSize({ managed, low, pageShift, cpus, highFraction, profile }: PagesetInputs): PagesetSize {
  const batch = pagesetBatch(managed, pageShift);
  const highMin = pagesetHigh(low, managed, batch, cpus, highFraction);
  const tuned = profile.autoTunedHigh && highFraction === 0;
  return { batch, highMin, highMax: tuned ? pagesetHigh(low, managed, batch, cpus, MIN_HIGH_FRACTION) : highMin };
}

const THRESHOLD_MOST = 125;

/** `vm stats threshold` of a populated zone. */
export function statThreshold(managed: number, onlineCpus: number, pageShift: number): number {
  const units = Math.floor(managed / 2 ** (27 - pageShift));
  return Math.min(THRESHOLD_MOST, 2 * bitLength(onlineCpus) * (1 + bitLength(units)));
}

/** The smaller threshold while kswapd is awake, for zones with a drift mark. */
export function pressureThreshold(marks: ZoneMarks, onlineCpus: number): number {
  return Math.min(THRESHOLD_MOST, Math.max(1, Math.floor((marks.low - marks.min) / onlineCpus)));
}

/** percpu_drift_mark in pages: free counts below it must be summed exactly; 0 where the drift cannot reach `min`. */
export function percpuDriftMark(marks: ZoneMarks, boost: number, threshold: number, onlineCpus: number): number {
  const drift = onlineCpus * threshold;
  return drift > marks.low - marks.min ? marks.high + boost + drift : 0;
}

/** fls(): 0 for 0, otherwise the number of binary digits. */
function bitLength(n: number): number {
  return n === 0 ? 0 : n.toString(2).length;
}
