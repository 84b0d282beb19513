/** For those who write subsystems: small machines and the suites that a provider of a contract must pass. */
export {
  pageAllocatorCases,
  sizeLists,
  zoneFreeListsCases,
  type ConformanceCase,
  type KernelMaker,
} from './conformance.ts';
export { compactionCases } from './compaction-conformance.ts';
export { BLOCK, hotplugMachine, memoryHotplugCases } from './hotplug-conformance.ts';
export { contiguousRangesCases } from './contiguous-ranges-conformance.ts';
export { pageMigratorCases } from './page-migrator-conformance.ts';
export { allocatorPreviewCases } from './preview-conformance.ts';
export { borderMachine, smallMachine, twoNodeMachine, type SmallMachineOptions } from './small-machines.ts';
export { subsystemCases, type SubsystemCase, type SubsystemKernelMaker } from './subsystem-conformance.ts';
