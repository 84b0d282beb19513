/**
 * What a memmap costs: pages of vmemmap by mapping, struct pages that are really there, and the shares that compound
 * pages and deduplication save. Arithmetic only.
 *
 * Units: pages of the machine, bytes where the name says so.
 * Models: include/linux/mm.h __vmemmap_can_optimize(), mm/mm_init.c compound_nr_pages(), mm/sparse-vmemmap.c
 * vmemmap_populate_compound_pages(); powerpc: arch/powerpc/mm/book3s64/radix_pgtable.c vmemmap_can_optimize(), 6.12.
 */
import type { ArchProfile } from '@replug/core';

/** Pages of vmemmap that a deduplicated compound page keeps: the head's, and one that all other tails share. */
export const VMEMMAP_RESERVE_NR = 2;

/** log2 bytes that one entry of the middle page table maps: the block in which a whole section's memmap is allocated. */
export const PMD_SHIFT = 21;

/** What of an architecture the arithmetic needs. */
export type MapArch = Pick<ArchProfile, 'id' | 'machine' | 'pageShift' | 'structPageSize'>;

/** struct pages in a page of vmemmap. */
export const structPagesPerPage = (arch: MapArch): number => Math.floor(2 ** arch.pageShift / arch.structPageSize);

/** Pages of vmemmap for `pages` without any saving. */
export const plainVmemmapPages = (arch: MapArch, pages: number): number =>
  Math.ceil((pages * arch.structPageSize) / 2 ** arch.pageShift);

/**
 * Whether tails of compound pages of 2^shift pages share one page of vmemmap: no altmap, struct page a power of two, and
 * more vmemmap pages than the two that stay. Only where the kernel is built for it: x86-64, powerpc with radix.
 */
export function canOptimize(arch: MapArch, shift: number, altmap: boolean): boolean {
  const { machine, structPageSize } = arch;
  const wanted = machine === 'x86_64' || arch.id === 'ppc64-64k-radix';
  if (!wanted || altmap || (structPageSize & (structPageSize - 1)) !== 0) return false;
  return Math.floor((2 ** shift * structPageSize) / 2 ** arch.pageShift) > VMEMMAP_RESERVE_NR;
}

/** Pages of vmemmap that `pages` take when they are mapped as compound pages of 2^shift. */
export function vmemmapPages(arch: MapArch, pages: number, shift: number, altmap: boolean): number {
  if (!canOptimize(arch, shift, altmap)) return plainVmemmapPages(arch, pages);
  const compound = 2 ** shift;
  const whole = Math.floor(pages / compound);
  return whole * VMEMMAP_RESERVE_NR + Math.min(VMEMMAP_RESERVE_NR, plainVmemmapPages(arch, pages - whole * compound));
}

/**
 * struct pages of one compound page that are initialised. Where the section was there at boot its whole memmap is reused,
 * and so initialised.
 */
export function initialisedPerCompound(arch: MapArch, shift: number, altmap: boolean, early: boolean): number {
  if (early || !canOptimize(arch, shift, altmap)) return 2 ** shift;
  return VMEMMAP_RESERVE_NR * structPagesPerPage(arch);
}

/** Share of a range's struct pages that have to be written. */
export const initialisedShare = (arch: MapArch, shift: number, altmap: boolean): number =>
  initialisedPerCompound(arch, shift, altmap, false) / 2 ** shift;
