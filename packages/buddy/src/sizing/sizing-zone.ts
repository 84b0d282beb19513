/**
 * What the sizing formulas know of a zone and of a kernel version. Plain data: no page map, no allocator.
 *
 * Zones are listed node by node, low → high, and every node has a zone of each configured kind, empty ones included, as in
 * /proc/zoneinfo: empty zones have marks of their own and take part in the reserves.
 *
 * Models: include/linux/mmzone.h struct zone, gfp_zone(GFP_USER), is_highmem(), 6.1 and 6.12.
 */

/** The kernel's zone names. */
export type SizingZoneKind = 'DMA' | 'DMA32' | 'Normal' | 'HighMem' | 'Movable' | 'Device';

/** Pages of one zone; all counts in base pages. */
export interface SizingZone {
  readonly nid: number;
  readonly kind: SizingZoneKind;
  /** Pages that the page allocator owns. */
  readonly managed: number;
  /** Pages that exist; > 0 means `populated`. */
  readonly present: number;
  /** Pages from the first to the last, holes included. */
  readonly spanned: number;
}

/** The four marks of a zone in pages, without boost. */
export interface ZoneMarks {
  readonly min: number;
  readonly low: number;
  readonly high: number;
  /** high + (high − low); printed by newer kernels only. */
  readonly promo: number;
}

export const NO_MARKS: ZoneMarks = { min: 0, low: 0, high: 0, promo: 0 };

export type SizingProfileId = '6.1' | '6.12';

/** What differs between kernel versions. */
export interface SizingProfile {
  readonly id: SizingProfileId;
  /** Movable memory shares min_free_kbytes like any other; otherwise its `min` is managed/1024, 32 to 128. */
  readonly movableSharesMin: boolean;
  /** The pcp limit tunes itself between high_min and high_max; otherwise it is a fixed `high`. */
  readonly autoTunedHigh: boolean;
  /** Width in bits of the divisor of the per-zone split (do_div() against div64_ul()): 6.1 goes wrong from 2^32 lowmem pages on. */
  readonly divisorBits: 32 | 64;
}

export const SIZING_PROFILES: Readonly<Record<SizingProfileId, SizingProfile>> = {
  '6.1': { id: '6.1', movableSharesMin: true, autoTunedHigh: false, divisorBits: 32 },
  '6.12': { id: '6.12', movableSharesMin: false, autoTunedHigh: true, divisorBits: 64 },
};

/** Zone index ≤ gfp_zone(GFP_USER): counted by nr_free_buffer_pages() and by khugepaged. */
export function isUserZone(kind: SizingZoneKind): boolean {
  return kind === 'DMA' || kind === 'DMA32' || kind === 'Normal';
}

/** is_highmem() by zone: HighMem, and Movable where it is carved out of HighMem (32-bit machines with high memory). */
export function highmemZones(zones: readonly SizingZone[]): boolean[] {
  const movableIsHigh = zones.some((z) => z.kind === 'HighMem' && z.spanned > 0);
  return zones.map((z) => z.kind === 'HighMem' || (z.kind === 'Movable' && movableIsHigh));
}

/** floor(a·b / c), exact for whole numbers of any size. */
export function mulDiv(a: number, b: number, c: number): number {
  const product = a * b;
  if (product <= Number.MAX_SAFE_INTEGER) return (product - (product % c)) / c;
  return Number((BigInt(a) * BigInt(b)) / BigInt(c));
}
