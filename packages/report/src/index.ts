/** Reports as data with stable JSON names, and their text form. */
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
  renderReplay,
  renderReplayTable,
  type CheckpointReport,
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
