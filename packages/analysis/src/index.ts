/** Judging recordings against the model. */
export { fidelityStatic, mergeStaticFidelity } from './fidelity-static.ts';
export { inspect } from './inspect.ts';
/** Recorded runs and rebuilt machines. */
export {
  checkableSpans,
  fidelityReplay,
  recordedKernel,
  replayedEvents,
  replayRecording,
  type RecordedOptions,
  type ReplayedEvents,
} from './replay.ts';
export { viewRecording, viewSpec, type Texts } from './view.ts';
/** Recorded and replayed events as text and side by side. */
export { exportFtrace, type ExportOptions, type FtraceExport } from './export.ts';
export { captureReplay, TracepointCapture, type EventContext } from './export-capture.ts';
export { compareStreams, type StreamAgreement, type StreamComparison } from './export-streams.ts';
/** One frame's history. */
export { pageHistory, type PageHistoryOptions } from './page.ts';
/** Whose each page is. */
export { ownerOf, ownersAt, type OwnerCounts, type OwnerOptions, type Owners } from './owners.ts';
export { ownerGroups, type OwnerGroupOptions } from './owners-groups.ts';
