export { BuddyCompaction, type CompactionParts, type CompactionTunables } from './compact.ts';
export { ProactiveCompaction, publishCompaction } from './control.ts';
export { compactForRequest, type CompactForRequest } from './for-request.ts';
