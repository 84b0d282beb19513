export { placeBaseline, type BaselineCounts, type BaselineInput } from './baseline.ts';
export {
  compareCpuLists,
  compareOrders,
  comparePages,
  freeBitmap,
  type Checkpoint,
  type CpuListCount,
  type OrderCounts,
  type PageAgreement,
} from './checkpoint.ts';
export { planHotplug, type HotplugPlan } from './hotplug/plan.ts';
export type { BlockChange } from './hotplug/memory-timeline.ts';
export { noAnnotations, type Annotations } from './hidden.ts';
export { lookAhead, type Lookahead } from './lookahead.ts';
export { classOfFlags, isBuddy, isNoPage, KPF } from '@replug/workload';
export { describeRecorded } from './recorded-machine.ts';
export { CAUSE, type Cause, type Predictions } from './predictions.ts';
export { type BaselineSource, type PrepareOptions } from './prepare.ts';
export { migratetypeTable, RecordedReplay } from './recorded.ts';
export type { ReplayCounts } from './replay-counts.ts';
export type { Divergence, PolicyCounts } from './policy-counts.ts';
export { replayPolicy, type FinalZone, type PolicyOptions, type PolicyResult } from './replay-policy.ts';
export { replayRecorded, type ReplayOptions, type ReplayResult } from './replay.ts';
export { restoreOwners } from './restore-owners.ts';
export { restoreZones } from './restore-zones.ts';
export { restoreStep } from './step-state.ts';
export { placeCounts, type CountsPlaced } from './place-counts.ts';
export {
  MAX_SAMPLES,
  sampleTimes,
  SeriesSampler,
  type SamplerOptions,
  type SampleStop,
  type Series,
  type ZoneSeries,
} from './sampling.ts';
export { findSpan, placeSteps, type Span, type Stop } from './span.ts';
export { MAX_COMMANDS, parseScenario, type Scenario, type ScenarioCommand, type When } from './scenario/parse.ts';
export { ScenarioCourse, type DuringOptions } from './scenario/during.ts';
export { runScenario, type RunOptions, type ScenarioResult } from './scenario/run.ts';
export { OperatorShell, type CommandResult } from './scenario/shell.ts';
export {
  SCAN_CAUSE,
  type CompactionReport,
  type ScanCause,
  type ScanNumbers,
  type ScanPair,
  type ScanTally,
} from './compaction/report.ts';
