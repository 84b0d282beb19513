/** For those who write subsystems: small machines and the suites that a provider of a contract must pass. */
export {
  pageAllocatorCases,
  sizeLists,
  zoneFreeListsCases,
  type ConformanceCase,
  type KernelMaker,
} from './conformance.ts';
export { allocatorPreviewCases } from './preview-conformance.ts';
export { borderMachine, smallMachine, type SmallMachineOptions } from './small-machines.ts';
export { subsystemCases, type SubsystemCase, type SubsystemKernelMaker } from './subsystem-conformance.ts';
