/**
 * vm.min_free_kbytes: the square-root default, and what khugepaged raises it to.
 *
 * Both look at memory above the *current* high marks, so the result depends on what was computed before: at boot the marks
 * are 0, when a block goes online they are the old ones. tuning.ts keeps that state.
 *
 * Models: mm/page_alloc.c nr_free_zone_pages(), calculate_min_free_kbytes(); mm/khugepaged.c
 * set_recommended_min_free_kbytes(), 6.1 and 6.12 (no difference).
 */
import { isUserZone, type SizingZone } from './sizing-zone.ts';

/** kB; limits of the square-root default. */
export const MIN_FREE_KBYTES_LEAST = 128;
export const MIN_FREE_KBYTES_MOST = 262144;

/** Migratetypes with per-CPU lists (MIGRATE_PCPTYPES). */
const PCP_TYPES = 3;

/** nr_free_buffer_pages(): pages above the high mark in zones that GFP_USER reaches. `high[i]` in pages, boost included. */
export function freeBufferPages(zones: readonly SizingZone[], high: readonly number[]): number {
  return zones.reduce((sum, z, i) => sum + (isUserZone(z.kind) ? Math.max(z.managed - high[i], 0) : 0), 0);
}

/** isqrt(16 · kB of free buffer pages), before limits. kB. */
export function squareRootMinFreeKbytes(bufferPages: number, pageShift: number): number {
  return integerSqrt(bufferPages * 2 ** (pageShift - 10) * 16);
}

/**
 * calculate_min_free_kbytes(): the new value in kB.
 * `user` is what was last written to the sysctl, −1 if nothing was: the larger of the two decides, and a user value that is
 * not exceeded leaves `current` as it is.
 */
export function calculateMinFreeKbytes(bufferPages: number, pageShift: number, current: number, user = -1): number {
  const value = squareRootMinFreeKbytes(bufferPages, pageShift);
  if (value <= user) return current;
  return Math.min(Math.max(value, MIN_FREE_KBYTES_LEAST), MIN_FREE_KBYTES_MOST);
}

/**
 * khugepaged's wish in kB: room for two pageblocks a populated user zone, and two of each foreign type for each of the three
 * migratetypes (2 + 9 pageblocks a zone), at most a twentieth of the memory above the high marks.
 */
export function recommendedMinFreeKbytes(
  zones: readonly SizingZone[],
  bufferPages: number,
  pageblockPages: number,
  pageShift: number,
): number {
  const populated = zones.filter((z) => z.present > 0 && isUserZone(z.kind)).length;
  const wish = pageblockPages * populated * (2 + PCP_TYPES * PCP_TYPES);
  return Math.min(wish, Math.floor(bufferPages / 20)) * 2 ** (pageShift - 10);
}

/** Largest r with r·r ≤ n. */
function integerSqrt(n: number): number {
  let root = Math.floor(Math.sqrt(n));
  while (root * root > n) root--;
  while ((root + 1) * (root + 1) <= n) root++;
  return root;
}
