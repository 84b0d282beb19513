/**
 * What isolation and migration make of a page, by its class.
 *
 * A page on the LRU passes isolation even when it is pinned: only migration finds that out, and memory offlining then tries
 * for ever. So PINNED passes here too.
 *
 * Models: mm/page_isolation.c has_unmovable_pages(), hugepage_migration_supported(), 6.1 and 6.12.
 */
import { PAGE_CLASS, PAGE_CLASS_NAMES, type ArchProfile } from '@replug/core';

/** The class in a byte of `pageClass`; what lies above says how sure it is. */
export const CLASS_MASK = 0x1f;

/** 1 for classes on the LRU or owned by movable_ops, hugetlb aside. MOVABLE: asked for as such, the use is not known. */
export const ON_LRU = new Uint8Array(CLASS_MASK + 1);
for (const name of ['LRU_ANON', 'LRU_FILE', 'THP', 'PINNED', 'MOVABLE_OPS', 'MOVABLE'] as const)
  ON_LRU[PAGE_CLASS[name]] = 1;

/**
 * CONFIG_ARCH_ENABLE_HUGEPAGE_MIGRATION: selected by x86, arm64 and book3s64 powerpc, not by s390. (From memory of the
 * architectures' Kconfig files; no recording shows a hugetlb page refused on s390.)
 */
export const hugetlbMigrates = (arch: ArchProfile): boolean => arch.machine !== 's390x';

/** Why isolation refuses an allocated page of a class, in one word; '' when it does not. */
export function refusalOf(cls: number, movableZone: boolean, memoryOffline: boolean, hugetlb: boolean): string {
  if (cls === PAGE_CLASS.RESERVED || cls === PAGE_CLASS.HOLE) return PAGE_CLASS_NAMES[cls];
  if (movableZone || ON_LRU[cls] === 1) return '';
  if (cls === PAGE_CLASS.HUGETLB && hugetlb) return '';
  if (memoryOffline && (cls === PAGE_CLASS.HWPOISON || cls === PAGE_CLASS.OFFLINE)) return '';
  // A class that says free contradicts the lists: nothing is known of such a page.
  if (cls === PAGE_CLASS.FREE || cls === PAGE_CLASS.PCP) return 'unknown';
  return PAGE_CLASS_NAMES[cls] ?? 'unknown';
}
