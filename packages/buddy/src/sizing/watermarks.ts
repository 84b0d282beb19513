/**
 * min, low, high and promo of every zone, and the boost on top of them.
 *
 * Models: mm/page_alloc.c __setup_per_zone_wmarks(), boost_watermark(), mm/vmscan.c balance_pgdat(), 6.1 and 6.12.
 */
import { highmemZones, mulDiv, type SizingProfile, type SizingZone, type ZoneMarks } from './sizing-zone.ts';

/** vm.watermark_scale_factor: in 1/10000 of a zone; 1 to 3000. */
export const WATERMARK_SCALE_FACTOR_DEFAULT = 10;
/** vm.watermark_boost_factor: in 1/10000 of the high mark; 0 switches boosting off. */
export const WATERMARK_BOOST_FACTOR_DEFAULT = 15000;

const SWAP_CLUSTER_MAX = 32;
const CAPPED_MIN_MOST = 128;

export interface WatermarkInputs {
  /** kB. */
  readonly minFreeKbytes: number;
  /** 1/10000 of a zone's managed pages. */
  readonly watermarkScaleFactor: number;
  readonly pageShift: number;
  readonly profile: SizingProfile;
}

/** Marks of all zones, in the order of `zones`; pages. Setting marks also ends every boost. */
export function setupZoneMarks(zones: readonly SizingZone[], inputs: WatermarkInputs): ZoneMarks[] {
  const { minFreeKbytes, watermarkScaleFactor, pageShift, profile } = inputs;
  const minPages = Math.floor(minFreeKbytes / 2 ** (pageShift - 10));
  const highmem = highmemZones(zones);
  const capped = zones.map((z, i) => highmem[i] || (!profile.movableSharesMin && z.kind === 'Movable'));
  const divisor = splitDivisor(
    zones.reduce((sum, z, i) => sum + (capped[i] ? 0 : z.managed), 0),
    profile,
  );
  return zones.map((zone, i) => {
    const share = divisor === 0 ? 0 : mulDiv(minPages, zone.managed, divisor);
    const min = capped[i]
      ? Math.min(Math.max(Math.floor(zone.managed / 1024), SWAP_CLUSTER_MAX), CAPPED_MIN_MOST)
      : share;
    // The distance follows the uncapped share, also where `min` is capped.
    const distance = Math.max(Math.floor(share / 4), mulDiv(zone.managed, watermarkScaleFactor, 10000));
    return { min, low: min + distance, high: min + 2 * distance, promo: min + 3 * distance };
  });
}

/** Truncated to 32 bits where the kernel's division takes no more; a multiple of 2^32 (a trap there) stays whole here. */
function splitDivisor(lowmemPages: number, profile: SizingProfile): number {
  if (profile.divisorBits === 64 || lowmemPages < 2 ** 32) return lowmemPages;
  return lowmemPages % 2 ** 32 || lowmemPages;
}

export interface BoostInputs {
  /** Current boost, pages. */
  readonly boost: number;
  /** High mark without boost, pages. */
  readonly high: number;
  readonly managed: number;
  readonly pageblockPages: number;
  /** vm.watermark_boost_factor. */
  readonly factor: number;
}

/** The boost after a fallback that took less than a pageblock; pages. Equal to `boost` when boosting does not apply. */
export function boostWatermark({ boost, high, managed, pageblockPages, factor }: BoostInputs): number {
  if (factor === 0 || pageblockPages * 4 > managed) return boost;
  const most = mulDiv(high, factor, 10000);
  if (most === 0) return boost;
  return Math.min(boost + pageblockPages, Math.max(pageblockPages, most));
}

/** The boost after kswapd has balanced the node; `seen` is the boost when it began. Pages. */
export function reduceBoost(boost: number, seen: number): number {
  return boost - Math.min(boost, seen);
}
