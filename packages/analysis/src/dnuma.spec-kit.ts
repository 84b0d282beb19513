/** Machines whose layout is changed in the tests. */
import { buddy } from '@replug/buddy';
import {
  ARCH_PROFILES,
  ContextTracker,
  createKernel,
  type KernelProfile,
  type Kernel,
  type MachineDescription,
} from '@replug/core';
import { dnuma, type DnumaOptions } from '@replug/dnuma';

/** The letter's guest: 128 MiB, 8 CPUs, booted with 2 nodes, a third possible. One zone a node, nothing reserved. */
export function letterMachine(profile: KernelProfile = '6.12', reserved = 0): MachineDescription {
  const arch = ARCH_PROFILES['x86-64'];
  return {
    arch: { ...arch, zoneKinds: ['Normal', 'Movable', 'Device'], zoneLimits: [] },
    profile,
    cpus: 8,
    nodes: [
      { nid: 0, cpus: [0, 1, 2, 3], distances: [10, 20, 20] },
      { nid: 1, cpus: [4, 5, 6, 7], distances: [20, 10, 20] },
      { nid: 2, cpus: [], distances: [20, 20, 10], online: false },
    ],
    memory: [
      { nid: 0, start: 0, end: 16384 },
      { nid: 1, start: 16384, end: 32768 },
    ],
    zones: [
      { nid: 0, kind: 'Normal', startPfn: 0, spannedPages: 16384 },
      { nid: 1, kind: 'Normal', startPfn: 16384, spannedPages: 16384 },
    ],
    reserved: reserved === 0 ? [] : [{ start: 100, end: 100 + reserved }],
    memoryBlockSize: 2 ** 27,
    sysctl: {},
    khugepaged: false,
    cma: false,
    sparePages: 0,
  };
}

export function letterKernel(options: DnumaOptions = {}, profile: KernelProfile = '6.12', reserved = 0): Kernel {
  return createKernel({
    machine: letterMachine(profile, reserved),
    subsystems: [buddy(), dnuma(options)],
    context: new ContextTracker(),
  });
}
