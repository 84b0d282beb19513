/**
 * Architectures as data: every constant that the model takes from an architecture and its MMU mode.
 *
 * Models: arch/{x86,powerpc,s390,arm64}/include/asm/sparsemem.h, Kconfig, include/linux/pageblock-flags.h, 6.12.
 * Invariants (tested): pageblockOrder ≤ maxPageOrder; maxPageOrder + pageShift ≤ sectionSizeBits.
 */
import type { ZoneName } from './zone-kinds.ts';

/** How the size of a memory block (memoryN) is found; the rules are in memory-block-size.ts. */
export type MemoryBlockRule = 'x86-probe' | 'pseries-lmb' | 's390-increment' | 'section';

export interface ArchProfile {
  readonly id: string;
  /** `uname -m`. */
  readonly machine: 'x86_64' | 'ppc64le' | 'ppc64' | 's390x' | 'aarch64';
  readonly title: string;
  readonly pageShift: number;
  readonly sectionSizeBits: number;
  /** log2 bytes; populated in 2 MiB pieces. */
  readonly subsectionShift: number;
  readonly maxPhysmemBits: number;
  /** Highest order of a free block, inclusive. */
  readonly maxPageOrder: number;
  readonly pageblockOrder: number;
  /** Order of a PMD-sized huge page where THP is built in, -1 otherwise. */
  readonly thpOrder: number;
  readonly bigEndian: boolean;
  readonly numa: boolean;
  readonly nodesShift: number;
  /** Bytes of struct page. */
  readonly structPageSize: number;
  /** Configured zone kinds, low → high. */
  readonly zoneKinds: readonly ZoneName[];
  /** Upper limits in bytes of the kinds below Normal. */
  readonly zoneLimits: readonly { readonly kind: ZoneName; readonly end: number }[];
  readonly memoryBlockRule: MemoryBlockRule;
}

const MiB = 2 ** 20;
const GiB = 2 ** 30;

const X86_64: ArchProfile = {
  id: 'x86-64',
  machine: 'x86_64',
  title: 'x86-64',
  pageShift: 12,
  sectionSizeBits: 27,
  subsectionShift: 21,
  maxPhysmemBits: 46,
  maxPageOrder: 10,
  pageblockOrder: 9,
  thpOrder: 9,
  bigEndian: false,
  numa: true,
  nodesShift: 10,
  structPageSize: 64,
  zoneKinds: ['DMA', 'DMA32', 'Normal', 'Movable', 'Device'],
  zoneLimits: [
    { kind: 'DMA', end: 16 * MiB },
    { kind: 'DMA32', end: 4 * GiB },
  ],
  memoryBlockRule: 'x86-probe',
};

const PPC64_RADIX: ArchProfile = {
  id: 'ppc64-64k-radix',
  machine: 'ppc64le',
  title: 'powerpc64, 64 KiB pages, radix',
  pageShift: 16,
  sectionSizeBits: 24,
  subsectionShift: 21,
  maxPhysmemBits: 51,
  maxPageOrder: 8,
  pageblockOrder: 5,
  thpOrder: 5,
  bigEndian: false,
  numa: true,
  nodesShift: 8,
  structPageSize: 64,
  zoneKinds: ['Normal', 'Movable', 'Device'],
  zoneLimits: [],
  memoryBlockRule: 'pseries-lmb',
};

const S390X: ArchProfile = {
  id: 's390x',
  machine: 's390x',
  title: 's390x',
  pageShift: 12,
  sectionSizeBits: 28,
  subsectionShift: 21,
  maxPhysmemBits: 46,
  maxPageOrder: 10,
  pageblockOrder: 8,
  thpOrder: 8,
  bigEndian: true,
  numa: false,
  nodesShift: 1,
  structPageSize: 64,
  zoneKinds: ['DMA', 'Normal', 'Movable'],
  zoneLimits: [{ kind: 'DMA', end: 2 * GiB }],
  memoryBlockRule: 's390-increment',
};

/** Profiles by id. */
export const ARCH_PROFILES = {
  'x86-64': X86_64,
  'ppc64-64k-radix': PPC64_RADIX,
  'ppc64-64k-hash': {
    ...PPC64_RADIX,
    id: 'ppc64-64k-hash',
    title: 'powerpc64, 64 KiB pages, hash',
    pageblockOrder: 8,
    thpOrder: 8,
  },
  'ppc64-4k': {
    ...PPC64_RADIX,
    id: 'ppc64-4k',
    title: 'powerpc64, 4 KiB pages, hash',
    pageShift: 12,
    maxPhysmemBits: 46,
    maxPageOrder: 12,
    pageblockOrder: 12,
    thpOrder: 12,
  },
  s390x: S390X,
  'arm64-4k': {
    ...X86_64,
    id: 'arm64-4k',
    machine: 'aarch64',
    title: 'arm64, 4 KiB pages',
    maxPhysmemBits: 48,
    nodesShift: 4,
    memoryBlockRule: 'section',
  },
} as const satisfies Record<string, ArchProfile>;

export type ArchId = keyof typeof ARCH_PROFILES;

/** Other spellings that the machine spec accepts. */
export const ARCH_ALIASES: Readonly<Record<string, ArchId>> = {
  x86_64: 'x86-64',
  amd64: 'x86-64',
  ppc64le: 'ppc64-64k-radix',
  ppc64: 'ppc64-64k-radix',
  powerpc64: 'ppc64-64k-radix',
  'ppc64-64k': 'ppc64-64k-radix',
  arm64: 'arm64-4k',
  aarch64: 'arm64-4k',
};

/** Pages in a section. */
export function pagesPerSection(arch: ArchProfile): number {
  return 2 ** (arch.sectionSizeBits - arch.pageShift);
}

/** pcp_allowed_order(): blocks of this order go through the per-CPU lists. Models: mm/page_alloc.c pcp_allowed_order(). */
export function pcpAllowedOrder(arch: ArchProfile, order: number): boolean {
  return order <= PAGE_ALLOC_COSTLY_ORDER || order === arch.thpOrder;
}
const PAGE_ALLOC_COSTLY_ORDER = 3;
