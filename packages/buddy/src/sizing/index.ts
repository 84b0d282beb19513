/** Sizes of the memory management: formulas and the state between recomputations. */
export {
  isUserZone,
  NO_MARKS,
  SIZING_PROFILES,
  type SizingProfile,
  type SizingProfileId,
  type SizingZone,
  type SizingZoneKind,
  type ZoneMarks,
} from './sizing-zone.ts';
export {
  calculateMinFreeKbytes,
  freeBufferPages,
  MIN_FREE_KBYTES_LEAST,
  MIN_FREE_KBYTES_MOST,
  recommendedMinFreeKbytes,
  squareRootMinFreeKbytes,
} from './min-free-kbytes.ts';
export {
  boostWatermark,
  reduceBoost,
  setupZoneMarks,
  WATERMARK_BOOST_FACTOR_DEFAULT,
  WATERMARK_SCALE_FACTOR_DEFAULT,
  type BoostInputs,
  type WatermarkInputs,
} from './watermarks.ts';
export { LOWMEM_RESERVE_RATIO_DEFAULT, lowmemReserve, totalreservePages } from './lowmem-reserve.ts';
export {
  BOOT_PAGESET,
  MIN_HIGH_FRACTION,
  pagesetBatch,
  pagesetHigh,
  pagesetSize,
  percpuDriftMark,
  pressureThreshold,
  splitCpus,
  statThreshold,
  type PagesetInputs,
  type PagesetSize,
} from './pageset-sizing.ts';
export type { SizingSysctl, SizingSysctls, TunedZone } from './tuned-zone.ts';
export { MemoryTuning, THP_LEAST_RAM, type ThpMode, type TuningOptions } from './tuning.ts';
