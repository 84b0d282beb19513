/** For those who write subsystems: small machines and the suites that a provider of a contract must pass. */
export { pageAllocatorCases, zoneFreeListsCases, type ConformanceCase, type KernelMaker } from './conformance.ts';
export { borderMachine, smallMachine, type SmallMachineOptions } from './small-machines.ts';
