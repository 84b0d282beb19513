/** Reports as data with stable JSON names, and their text form. */
export {
  renderCompaction,
  renderCompactionTable,
  renderScanPairs,
  type CompactionReport,
  type ScanNumbersReport,
  type ScanPairReport,
  type ScanTallyReport,
} from './compaction.ts';
export {
  renderStaticFidelity,
  type CheckCount,
  type HighCount,
  type StaticChecks,
  type StaticDump,
  type StaticFidelityReport,
  type StaticMiss,
  type StaticQuantity,
  type StaticSummary,
} from './fidelity.ts';
export {
  finalAgreement,
  renderFidelityTable,
  renderReplay,
  renderOrderErrors,
  renderReplayTable,
  type CheckpointReport,
  type CpuListCountReport,
  type Frames,
  type PageAgreementReport,
  type ReplayReport,
  type ZoneOrders,
} from './replay.ts';
export {
  renderInspect,
  type InspectAlignment,
  type InspectFile,
  type InspectReport,
  type InspectStep,
  type InspectZone,
} from './inspect.ts';
export {
  FtraceWriter,
  valuesOf,
  type FtraceEvent,
  type FtraceHeader,
  type FtraceWriterOptions,
} from './ftrace-writer.ts';
export { renderSeries, sparkline, type SeriesReport, type ZoneSeriesReport } from './series.ts';
export {
  renderPageHistory,
  summarizePage,
  type PageEventKind,
  type PageEventReport,
  type PageHistoryReport,
  type PageHolderReport,
  type PageOwnerReport,
  type PagePlaceReport,
  type PageStateName,
  type PageStepReport,
} from './page-history.ts';
export {
  compareReports,
  IGNORED_BY_DEFAULT,
  renderCompare,
  type CompareOptions,
  type CompareReport,
  type Difference,
  type DifferenceKind,
} from './compare.ts';
export { parsePattern } from './compare-paths.ts';
export { parseTolerance, type Tolerance } from './compare-tolerance.ts';
export {
  renderPolicy,
  renderPredictions,
  type DivergenceReport,
  type FinalZoneReport,
  type PolicyReport,
  type PredictionsReport,
} from './replay-answers.ts';
export { OWNER_KEYS, renderOwners, type OwnerGroupReport, type OwnerKey, type OwnersReport } from './owners.ts';
export {
  renderCommand,
  renderCourse,
  renderScenario,
  type ScenarioCommandReport,
  type ScenarioCourseReport,
  type ScenarioReport,
} from './scenario.ts';
export {
  BLOCK_VERDICTS,
  renderBlockers,
  type BlockersReport,
  type BlockOwnerReport,
  type BlockReport,
  type BlockVerdict,
} from './blockers.ts';
export {
  renderMemmap,
  renderPublished,
  timeline,
  type MemmapDevice,
  type MemmapReport,
  type MemmapTimes,
  type MemmapVariant,
  type PublishedFigure,
} from './memmap.ts';
export {
  renderUnplug,
  type UnplugDevice,
  type UnplugKind,
  type UnplugOwner,
  type UnplugReport,
  type UnplugStay,
} from './unplug.ts';
export { renderDnuma, type DnumaReport, type DnumaSample, type NodeFigures, type ProcessLocality } from './dnuma.ts';
export {
  renderUnplugPolicies,
  type PolicyCell,
  type PolicyZoning,
  type UnplugPoliciesReport,
} from './unplug-policies.ts';
