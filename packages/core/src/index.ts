export { ReplugError, type ErrorDetail } from './base/errors.ts';
export { Hasher } from './base/hasher.ts';
export { seededRandom, type Random } from './base/random.ts';
export {
  formatSize,
  parseSize,
  type Bytes,
  type Nanoseconds,
  type Nid,
  type Order,
  type Pfn,
  type Row,
} from './base/units.ts';
export {
  ARCH_ALIASES,
  ARCH_PROFILES,
  pagesPerSection,
  pcpAllowedOrder,
  type ArchId,
  type ArchProfile,
  type MemoryBlockRule,
} from './machine/arch-profiles.ts';
export { bootMemory, bootReserved, bootZones } from './machine/boot-layout.ts';
export { contigPageInfo, fragmentationIndex, unusableFreeIndex, type ContigPageInfo } from './machine/fragmentation.ts';
export { gfpPageClass } from './machine/gfp-class.ts';
export { formatGfp, GFP, GFP_MASKS, GFP_ZONE_TABLE, gfpMigratetype, parseGfp } from './machine/gfp.ts';
export { addRangeToZone, removeRangeFromZone, shrinkZoneSpan, subsectionPages } from './machine/zone-resize.ts';
export { Machine } from './machine/machine.ts';
export type {
  KernelProfile,
  MachineDescription,
  MemoryRange,
  NodeDescription,
  PfnRange,
  ZoneDescription,
} from './machine/machine-description.ts';
export {
  describeMachine,
  isMachineShorthand,
  machineSpecSchema,
  parseMachineFile,
  parseMachineShorthand,
  profileOf,
  type MachineSpec,
} from './machine/machine-spec.ts';
export {
  memoryBlock,
  memoryBlockIds,
  MemoryBlocks,
  pagesPerBlock,
  type MemoryBlock,
  type MutableMemoryBlock,
} from './machine/memory-blocks.ts';
export { insertMemory, nodeOfPfn, pagesInside, removeMemory } from './machine/memory-ranges.ts';
export { Resources, type Resource } from './machine/resources.ts';
export { memoryBlockSize, type FirmwareFacts } from './machine/memory-block-size.ts';
export {
  movableOptionsOf,
  movableStarts,
  parseCoreAmount,
  usableStart,
  type CoreAmount,
  type FirmwareRange,
  type MovableOptions,
} from './machine/movable-zone.ts';
export { FALLBACKS, MIGRATE, MIGRATE_PCPTYPES, MIGRATE_TYPES, MIGRATETYPE_NAMES } from './machine/migratetypes.ts';
export { ByteRuns } from './machine/byte-runs.ts';
export { PageMap, type ColumnOptions, type ColumnType } from './machine/page-map.ts';
export {
  CLASS_MOVABILITY,
  MOVABILITY,
  PAGE_CLASS,
  PAGE_CLASS_NAMES,
  PAGE_STATE,
  STATE_HOLDER_MASK,
  STATE_ORDER_MASK,
  type Movability,
  type PageClass,
} from './machine/page-state.ts';
export { ZONE_KINDS, type ZoneKind, type ZoneName } from './machine/zone-kinds.ts';
export { nodeOrders, typeOfRank, zonelist, type ZonelistOptions } from './machine/zonelists.ts';
export { MemoryNode, Zone, Zones } from './machine/zones.ts';
export { AllocatorPreview } from './contracts/allocator-preview.ts';
export {
  COMPACT_MODE,
  COMPACT_RESULT,
  COMPACT_RESULT_NAMES,
  Compaction,
  WHOLE_ZONE_ORDER,
  type CompactionRun,
  type CompactionSight,
  type CompactMode,
  type CompactOutcome,
  type CompactRequest,
  type CompactResult,
  type CompactScan,
} from './contracts/compaction.ts';
export {
  ContiguousRanges,
  type Blocker,
  type ContigOutcome,
  type IsolateOptions,
  type RangeOutcome,
} from './contracts/contiguous-ranges.ts';
export { DeviceMemory } from './contracts/device-memory.ts';
export {
  MemoryHotplug,
  type AddMemoryOptions,
  type MemoryBlockState,
  type MemoryGroup,
  type OfflineOutcome,
  type OnlineType,
} from './contracts/memory-hotplug.ts';
export { PageAllocator } from './contracts/page-allocator.ts';
export {
  MIGRATE_FAILURE,
  PageMigrator,
  type MigrateFailure,
  type MigrateOptions,
  type MigrateOutcome,
  type MigrateReason,
} from './contracts/page-migrator.ts';
export { Reclaimer } from './contracts/reclaimer.ts';
export { ZoneSizing } from './contracts/zone-sizing.ts';
export { FreedPageZone, GrowZone, MemoryBlockFiles, OnlinePage } from './contracts/slots.ts';
export { FOUND, ZoneFreeLists, type Found } from './contracts/zone-free-lists.ts';
export {
  KIND,
  TRACEPOINT_KIND,
  TRACEPOINTS,
  type FieldFormat,
  type FieldSpec,
  type TracepointName,
  type TracepointSpec,
} from './events/catalogue.ts';
export { Core } from './contracts/services.ts';
export { createKernel, type CreateKernelOptions } from './create-kernel.ts';
export { ContextTracker, type ContextFault, type LockKind } from './events/context-tracker.ts';
export { COSTS, type Cost, type CostName, type CostTable } from './events/cost-table.ts';
export { KernelLog, type LogLevel, type LogLine } from './events/kernel-log.ts';
export {
  MEM,
  MEMORY_NOTIFIER_PRIORITY,
  memoryNotify,
  memoryNotifyOf,
  type MemoryAction,
  type MemoryNotifiers,
  type MemoryNotify,
} from './events/memory-notifier.ts';
export { NODE, NodeNotifiers, type NodeAction, type NodeNotify } from './events/node-notifier.ts';
export {
  NOTIFY,
  NotifierChain,
  notifierFromErrno,
  notifierToErrno,
  type NotifierCallback,
  type NotifyOutcome,
} from './events/notifier-chain.ts';
export { Tracepoint, type TracepointListener } from './events/tracepoint.ts';
export { createTracepoints, type TracepointArgs, type Tracepoints } from './events/tracepoints.ts';
export { VirtualClock } from './events/virtual-clock.ts';
export { inject, injectable, type HostContainer } from './host/container.ts';
export { ERRNO, errnoName, errnoText, type ErrnoName } from './host/errno.ts';
export { KernfsError } from './host/errors.ts';
export { Kernel, type InvariantFailure, type KernelPhase, type SectionContent } from './host/kernel.ts';
export type { DirectoryNode, FileNode, KernfsStat, LinkNode } from './host/kernfs.ts';
export {
  SubsystemScope,
  SubsystemScopeToken,
  type InvariantResult,
  type OperatorCommand,
  type Registration,
} from './host/scope.ts';
export { defineSlot, type Slot } from './host/slot.ts';
export { defineSubsystem, type AnySubsystem, type InjectableClass, type Subsystem } from './host/subsystem.ts';
export { token, type AnyToken, type Token, type TokenValue } from './host/token.ts';
