/**
 * A recorded run: what was read from a capture directory, a live host or single files, before anything is rebuilt.
 * trace-import writes it, replay and analysis read it. Any part may be missing; what is missing has a named warning.
 */
import type { EventColumns } from './events.ts';
import type { PageOwner } from './page-owner.ts';

export type ArchName = 'x86_64' | 'ppc64le' | 'ppc64' | 's390x' | 'aarch64' | 'unknown';

export interface Recording {
  /** Last path component, or the file's name. */
  readonly name: string;
  readonly path: string;
  readonly arch: ArchName;
  /** Bytes. */
  readonly pageSize: number;
  /** As uname prints it (`6.12.113+deb12-amd64`); '' when nothing tells. */
  readonly kernel: string;
  /** Kernel command line; '' when unknown. */
  readonly commandLine: string;
  readonly bigEndian: boolean;
  readonly steps: readonly Step[];
  readonly dmesg?: DmesgFacts;
  readonly trace?: TraceFile;
  readonly files: readonly FileAccount[];
  readonly warnings: readonly Warning[];
}

/** One file that was looked at. lines = events + comments + Σ skipped for line formats. */
export interface FileAccount {
  readonly path: string;
  readonly format: string;
  readonly lines?: number;
  readonly bytes?: number;
  readonly events?: number;
  readonly comments?: number;
  /** Count by reason; the first cases of each with place and text are in `samples`. */
  readonly skipped: Readonly<Record<string, number>>;
  readonly samples: readonly { readonly reason: string; readonly line: number; readonly text: string }[];
  /** Keys that the reader does not know, kept and listed. */
  readonly unknownKeys: readonly string[];
  /** Counts by name of what is worth telling about lines that were used: `stack lines`, `wrapped lines`, `events without a time` … */
  readonly details?: Readonly<Record<string, number>>;
}

export interface Warning {
  /** Stable name, e.g. `no-trace`, `no-page-flags`, `clock-not-aligned`. */
  readonly name: string;
  readonly text: string;
}

export interface TraceFile {
  readonly path: string;
  readonly events: EventColumns;
  /** Count by ftrace name, unknown events included. */
  readonly counts: Readonly<Record<string, number>>;
  /** Events lost according to the file itself (overrun, "LOST n EVENTS", entries-written − entries-in-buffer). */
  readonly lost: number;
  /** Trace clock name, e.g. `global`; '' when unknown. */
  readonly clock: string;
  /** True when events were recorded from the command line on, i.e. the trace begins at boot. */
  readonly fromBoot: boolean;
}

/** One set of files read at one instant. */
export interface Step {
  /** 1-based, as in `01-before`. A root folder or single files are step 1. */
  readonly number: number;
  /** `before`; for a root folder `now`. */
  readonly name: string;
  readonly path: string;
  readonly when?: StepTime;
  readonly zoneinfo?: Zoneinfo;
  readonly buddyinfo?: readonly BuddyinfoZone[];
  /** Read a second time right after: equal means that the free lists did not change between. */
  readonly buddyinfo2?: readonly BuddyinfoZone[];
  readonly pagetypeinfo?: Pagetypeinfo;
  readonly iomem?: readonly IomemRange[];
  readonly memoryBlocks?: MemoryBlocks;
  readonly nodes?: readonly NodeInfo[];
  /** sysctl name (`vm.min_free_kbytes`) → text. */
  readonly sysctl?: Readonly<Record<string, string>>;
  readonly vmstat?: Readonly<Record<string, number>>;
  readonly meminfo?: Readonly<Record<string, number>>;
  readonly extfragIndex?: readonly IndexRow[];
  readonly unusableIndex?: readonly IndexRow[];
  readonly hasPageFlags: boolean;
  /** Reads kpageflags and kpagecount; undefined when the step has none. Called once by whoever needs it. */
  readonly pageFlags: () => PageFlags | undefined;
  /** Reads page_owner; absent, or undefined, when the step has none. Called once by whoever needs it. */
  readonly pageOwner?: () => PageOwner | undefined;
}

export interface StepTime {
  /** CLOCK_MONOTONIC seconds, before the first and after the last read. */
  readonly begin: number;
  readonly end: number;
  /** How tracing relates to the reads. */
  readonly tracing: 'started-after-reading' | 'stopped-before-reading' | 'unchanged';
  /** CLOCK_MONOTONIC seconds of single reads by file name (`kpageflags.bin`), where the capture gives them. */
  readonly reads: Readonly<Record<string, { readonly begin: number; readonly end: number }>>;
  /** Names of the files that were read together, in this order, before any other of the step; absent where nothing tells. */
  readonly order?: readonly string[];
  /** When tracing_on was written, where the capture gives it. */
  readonly tracingOn?: { readonly begin: number; readonly end: number };
  readonly tracingOff?: { readonly begin: number; readonly end: number };
}

/** Per-pfn u64 words of /proc/kpageflags, split, plus /proc/kpagecount (saturated to 32 bits). Index = pfn. */
export interface PageFlags {
  readonly length: number;
  readonly low: Uint32Array;
  readonly high: Uint32Array;
  readonly count?: Uint32Array;
}

export interface Zoneinfo {
  readonly zones: readonly ZoneinfoZone[];
  /** Keys outside the known set, with how often. */
  readonly unknownKeys: Readonly<Record<string, number>>;
}

export interface ZoneinfoZone {
  readonly node: number;
  readonly name: string;
  /** nr_free_pages as printed ("pages free"). */
  readonly free: number;
  readonly boost?: number;
  readonly min: number;
  readonly low: number;
  readonly high: number;
  readonly promo?: number;
  readonly spanned: number;
  readonly present: number;
  /** Undefined in old kernels that print no managed line. */
  readonly managed?: number;
  readonly cma?: number;
  readonly protection: readonly number[];
  readonly startPfn?: number;
  readonly pagesets: readonly {
    readonly cpu: number;
    readonly count: number;
    readonly high: number;
    readonly batch: number;
    readonly statThreshold?: number;
  }[];
  /** Every other `name value` line of the zone, in file order. */
  readonly stats: Readonly<Record<string, number>>;
  /** Lines under `per-node stats`. */
  readonly nodeStats?: Readonly<Record<string, number>>;
}

export interface BuddyinfoZone {
  readonly node: number;
  readonly name: string;
  /** Free blocks by order. */
  readonly counts: readonly number[];
}

export interface Pagetypeinfo {
  readonly pageblockOrder: number;
  /** Migratetype names in column order. */
  readonly migratetypes: readonly string[];
  readonly free: readonly {
    readonly node: number;
    readonly name: string;
    readonly type: string;
    readonly counts: readonly number[];
    /** orders printed as `>100000` */ readonly saturated: readonly number[];
  }[];
  readonly blocks: readonly { readonly node: number; readonly name: string; readonly counts: readonly number[] }[];
}

export interface IomemRange {
  /** Physical bytes, both ends inclusive as printed. */
  readonly start: number;
  readonly end: number;
  readonly name: string;
  /** 0 for top-level lines. */
  readonly depth: number;
}

export interface MemoryBlocks {
  /** Bytes. */
  readonly blockSize: number;
  readonly autoOnlineBlocks?: string;
  readonly blocks: readonly MemoryBlock[];
}

export interface MemoryBlock {
  /** N of memoryN. */
  readonly id: number;
  readonly state: string;
  readonly removable?: boolean;
  readonly validZones: readonly string[];
  readonly physDevice?: number;
  /** Linked nodes (memoryN/nodeM). Empty without NUMA. */
  readonly nodes: readonly number[];
}

export interface NodeInfo {
  readonly nid: number;
  readonly cpus: readonly number[];
  readonly distances: readonly number[];
  readonly meminfo: Readonly<Record<string, number>>;
}

export interface IndexRow {
  readonly node: number;
  readonly name: string;
  /** ×1000, as the kernel computes it; printed `-0.500` parts keep their sign. */
  readonly values: readonly number[];
}

/** What the boot log tells about memory. Byte ranges are half-open. */
export interface DmesgFacts {
  readonly zoneRanges: readonly { readonly name: string; readonly start: number; readonly end: number }[];
  /** `Movable zone start for each node`. */
  readonly movableStarts: readonly { readonly nid: number; readonly start: number }[];
  readonly nodeRanges: readonly { readonly nid: number; readonly start: number; readonly end: number }[];
  readonly fallbackOrders: readonly { readonly nid: number; readonly order: readonly number[] }[];
  /** kB, in log order: `Freeing initrd memory: 8020K`, `Freeing unused …`. */
  readonly freed: readonly { readonly what: string; readonly kilobytes: number }[];
  /** `RAMDISK: [mem …]` or equivalent; half-open bytes. */
  readonly initrd?: { readonly start: number; readonly end: number };
  readonly builtZonelists: readonly { readonly mobility: boolean; readonly totalPages: number }[];
}
