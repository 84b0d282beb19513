/**
 * What a machine is, before it is built: the one input of createKernel. Made by the machine-spec parser, by replay from
 * a recording, or by hand. Plain data; all pfn ranges are half-open.
 */
import type { ArchProfile } from './arch-profiles.ts';
import type { ZoneName } from './zone-kinds.ts';

/** Kernel behaviour profiles; others are mapped to the nearest, and reports say so. */
export type KernelProfile = '6.1' | '6.12';

export interface PfnRange {
  readonly start: number;
  readonly end: number;
}

export interface MemoryRange extends PfnRange {
  readonly nid: number;
}

export interface NodeDescription {
  readonly nid: number;
  readonly cpus: readonly number[];
  /** Distance to every node, by position in `nodes`. 10 is local. */
  readonly distances: readonly number[];
  /** False: the node is only possible. It has no memory and no CPU yet and appears when it gets some. Default true. */
  readonly online?: boolean;
}

export interface ZoneDescription {
  readonly nid: number;
  readonly kind: ZoneName;
  readonly startPfn: number;
  readonly spannedPages: number;
  /** Pages that exist in the span. Default: counted from `memory`. */
  readonly presentPages?: number;
  /** Pages handed to the allocator. Default: present minus reserved. */
  readonly managedPages?: number;
  /** Members of the zone where its span overlaps that of another zone of the node; default the whole span. */
  readonly members?: readonly PfnRange[];
}

export interface MachineDescription {
  readonly arch: ArchProfile;
  readonly profile: KernelProfile;
  /** Online CPUs. */
  readonly cpus: number;
  readonly nodes: readonly NodeDescription[];
  /** Memory that exists, ascending, not overlapping. */
  readonly memory: readonly MemoryRange[];
  /** Every zone with a span. Zones of the other configured kinds exist and are empty. */
  readonly zones: readonly ZoneDescription[];
  /** Present but never given to the allocator: kernel image, memmap, firmware. */
  readonly reserved: readonly PfnRange[];
  /** Bytes. */
  readonly memoryBlockSize: number;
  /** Values written by an operator or read from a recording; the rest are the kernel's defaults. */
  readonly sysctl: Readonly<Record<string, string>>;
  /** The kernel offers PMD-sized THP and khugepaged runs (raises min_free_kbytes). */
  readonly khugepaged: boolean;
  /** Built with CONFIG_CMA: pagetypeinfo has the CMA column. */
  readonly cma: boolean;
  /** Rows kept free for sections that come later, in pages. */
  readonly sparePages: number;
}
