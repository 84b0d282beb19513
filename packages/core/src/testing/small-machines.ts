/** Machines small enough to check every page of after every step. */
import { ARCH_PROFILES, type ArchProfile } from '../machine/arch-profiles.ts';
import type { KernelProfile, MachineDescription } from '../machine/machine-description.ts';

export interface SmallMachineOptions {
  readonly arch?: ArchProfile;
  readonly profile?: KernelProfile;
  readonly cpus?: number;
  /** Pages of the one zone (Normal). */
  readonly pages?: number;
  /** First pfn. */
  readonly startPfn?: number;
}

/** One node, one zone Normal, no reservations. Default: x86-64, 6.12, 2 CPUs, 4096 pages at pfn 0x100000. */
export function smallMachine(options: SmallMachineOptions = {}): MachineDescription {
  const { arch = ARCH_PROFILES['x86-64'], profile = '6.12', cpus = 2, pages = 4096, startPfn = 0x100000 } = options;
  return {
    arch,
    profile,
    cpus,
    nodes: [{ nid: 0, cpus: Array.from({ length: cpus }, (_, cpu) => cpu), distances: [10] }],
    memory: [{ nid: 0, start: startPfn, end: startPfn + pages }],
    zones: [{ nid: 0, kind: 'Normal', startPfn, spannedPages: pages }],
    reserved: [],
    memoryBlockSize: 2 ** arch.sectionSizeBits,
    sysctl: {},
    khugepaged: false,
    cma: true,
    sparePages: 0,
  };
}

/** Two zones that share a section and a node border inside a section: what merging must never cross. */
export function borderMachine(profile: KernelProfile = '6.12'): MachineDescription {
  const arch = ARCH_PROFILES['x86-64'];
  return {
    arch,
    profile,
    cpus: 2,
    nodes: [
      { nid: 0, cpus: [0], distances: [10, 20] },
      { nid: 1, cpus: [1], distances: [20, 10] },
    ],
    memory: [
      { nid: 0, start: 1, end: 0x9f },
      { nid: 0, start: 0x100, end: 0x1900 },
      { nid: 1, start: 0x1900, end: 0x3000 },
    ],
    zones: [
      { nid: 0, kind: 'DMA', startPfn: 1, spannedPages: 0xfff },
      { nid: 0, kind: 'DMA32', startPfn: 0x1000, spannedPages: 0x900 },
      { nid: 1, kind: 'DMA32', startPfn: 0x1900, spannedPages: 0x1700 },
    ],
    reserved: [],
    memoryBlockSize: 2 ** arch.sectionSizeBits,
    sysctl: {},
    khugepaged: false,
    cma: false,
    sparePages: 0,
  };
}

/** Two nodes with a CPU and a zone Normal of 4096 pages each, in sections of their own. */
export function twoNodeMachine(profile: KernelProfile = '6.12'): MachineDescription {
  const arch = ARCH_PROFILES['x86-64'];
  const starts = [0x100000, 0x108000];
  return {
    ...smallMachine({ profile }),
    nodes: [
      { nid: 0, cpus: [0], distances: [10, 20] },
      { nid: 1, cpus: [1], distances: [20, 10] },
    ],
    memory: starts.map((start, nid) => ({ nid, start, end: start + 4096 })),
    zones: starts.map((startPfn, nid) => ({ nid, kind: 'Normal', startPfn, spannedPages: 4096 })),
    memoryBlockSize: 2 ** arch.sectionSizeBits,
  };
}
