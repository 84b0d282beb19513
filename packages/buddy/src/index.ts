export { buddy, type BuddyOptions } from './plugin.ts';
export * from './sizing/index.ts';
export { contigPageInfo, fragmentationIndex, unusableFreeIndex, type ContigPageInfo } from './views/fragmentation.ts';
