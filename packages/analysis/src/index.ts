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
/** Machines that run on, and what operators do to them. */
export { machineAt, type MachineAtOptions } from './machine-at.ts';
export { DEFAULT_SPARE, operatorKernel, type OperatorOptions } from './operator-kernel.ts';
export { scenarioReport, type ScenarioOptions } from './scenario.ts';
/** Which memory blocks can be offlined, and who stops the others. */
export { blockers, type BlockersOptions } from './blockers/blockers.ts';
export { treeEntries, type TreeEntry } from './tree.ts';
/** How long struct pages of devices keep a machine waiting. */
export { memmapReport, type MemmapOptions } from './memmap.ts';
export { MEMMAP_WAYS, type MemmapWay } from './memmap-ways.ts';
export { publishedFigures } from './memmap-published.ts';
export { virtioMemKernel, type VirtioMemGuest } from './virtio-mem-kernel.ts';
/** What a change of the NUMA layout comes to. */
export { dnumaReport, nodeFigures, relaid, type DnumaAction, type DnumaReportOptions, type Relaid } from './dnuma.ts';
/** What memory devices give back, and what stays. */
export { unplug } from './unplug.ts';
export type { UnplugOptions } from './unplug-scene.ts';
export { parseUnplugDevice, type DeviceSpec } from './unplug-devices.ts';
export { futureOf, UNPLUG_OPTIONS } from './unplug-options.ts';
export { unplugPolicies, type UnplugPoliciesOptions } from './unplug-policies.ts';
export { unplugFigures } from './unplug-published.ts';
