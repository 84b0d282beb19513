export { placeBaseline, type BaselineCounts, type BaselineInput } from './baseline.ts';
export {
  compareOrders,
  comparePages,
  freeBitmap,
  type Checkpoint,
  type OrderCounts,
  type PageAgreement,
} from './checkpoint.ts';
export { lookAhead, type Lookahead } from './lookahead.ts';
export { classOfFlags, isBuddy, isNoPage, KPF } from './page-flags.ts';
export { describeRecorded } from './recorded-machine.ts';
export { migratetypeTable, RecordedReplay, type ReplayCounts } from './recorded.ts';
export { replayRecorded, type ReplayOptions, type ReplayResult } from './replay.ts';
export { restoreZones } from './restore-zones.ts';
export { restoreStep } from './step-state.ts';
export { placeCounts, type CountsPlaced } from './place-counts.ts';
export { findSpan, placeSteps, type Span, type Stop } from './span.ts';
