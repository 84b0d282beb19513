/** Device memory and the initialisation of struct pages. */
export { zoneDevice, PageMaps, type ZoneDeviceOptions } from './plugin.ts';
export { daxKmem, PmemBus } from './kmem.ts';
export { deferredInit, DeferredMemory, type DeferredOptions } from './deferred-plugin.ts';
export { DeferredInit } from './init/deferred.ts';
export { DeviceMap, type InitMode, type LivePagemap } from './memremap.ts';
export {
  MEMORY_DEVICE,
  type DevPagemap,
  type MemoryDevice,
  type PagemapConfig,
  type PagemapOps,
} from './dev-pagemap.ts';
export { VmemAltmap, type AltmapOptions } from './altmap.ts';
export {
  canOptimize,
  initialisedPerCompound,
  initialisedShare,
  plainVmemmapPages,
  structPagesPerPage,
  VMEMMAP_RESERVE_NR,
  vmemmapPages,
  type MapArch,
} from './vmemmap.ts';
export {
  layoutNamespace,
  NAMESPACE_MODES,
  pagemapOf,
  type NamespaceLayout,
  type NamespaceMode,
  type NamespaceOptions,
} from './namespaces.ts';
export { NdBus } from './nd-bus.ts';
export { MemremapError } from './errors.ts';
/** The engine, for whoever computes times without building a machine. */
export { PieceLayout, SERIES_V1, SERIES_V2 } from './init/piece-layout.ts';
export { InitJob, PIECE } from './init/init-job.ts';
export { MemmapEngine, RunningJob, type JobOptions, type JobPhase, type SyncOutcome } from './init/engine.ts';
export { SMT_GAIN, WorkPool, type Medium, type NodePower, type WorkCost } from './init/work-pool.ts';
export {
  BUS_BYTES_PER_BYTE,
  DEFAULT_NODE_BANDWIDTH,
  optane,
  OPTANE_NODE_WRITE,
  powerOf,
  sustained,
  SUSTAINED_SHARE,
} from './init/power.ts';
/** struct pages as bytes. */
export {
  FIELD,
  fillRecords,
  FLAG,
  initRecords,
  PageRecords,
  planOf,
  RECORD_WORDS,
  recordWords,
  type PreparedRecords,
  type RecordPlan,
} from './page-records.ts';
