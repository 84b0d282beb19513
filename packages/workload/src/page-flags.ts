/**
 * Bits of /proc/kpageflags, and what they say of a page.
 *
 * Models: include/uapi/linux/kernel-page-flags.h, fs/proc/page.c stable_page_flags(), 6.1 and 6.12.
 */
import { PAGE_CLASS, type PageClass } from '@replug/core';
import type { PageFlags } from './recording.ts';

export const KPF = {
  LOCKED: 0,
  ERROR: 1,
  REFERENCED: 2,
  UPTODATE: 3,
  DIRTY: 4,
  LRU: 5,
  ACTIVE: 6,
  SLAB: 7,
  WRITEBACK: 8,
  RECLAIM: 9,
  /** Every page of a free block on a zone's free lists. */
  BUDDY: 10,
  MMAP: 11,
  ANON: 12,
  SWAPCACHE: 13,
  SWAPBACKED: 14,
  COMPOUND_HEAD: 15,
  COMPOUND_TAIL: 16,
  HUGE: 17,
  UNEVICTABLE: 18,
  HWPOISON: 19,
  /** No struct page here. */
  NOPAGE: 20,
  KSM: 21,
  THP: 22,
  /** Logically offline: a balloon's or virtio-mem's unplugged page. */
  OFFLINE: 23,
  ZERO_PAGE: 24,
  IDLE: 25,
  PGTABLE: 26,
  /** Bits from 32 on are for kernel hacking. */
  RESERVED: 32,
} as const;

const bit = (n: number): number => (1 << n) >>> 0;
const BUDDY = bit(KPF.BUDDY);
const NOPAGE = bit(KPF.NOPAGE);
const OFFLINE = bit(KPF.OFFLINE);

export const isBuddy = (low: number): boolean => (low & BUDDY) !== 0;
export const isNoPage = (low: number): boolean => (low & NOPAGE) !== 0;

/** What the flags say a page that is not free is used for. `high`: bits 32–63. */
export function classOfFlags(low: number, high: number): PageClass {
  if ((low & NOPAGE) !== 0) return PAGE_CLASS.HOLE;
  if ((low & bit(KPF.HWPOISON)) !== 0) return PAGE_CLASS.HWPOISON;
  if ((low & OFFLINE) !== 0) return PAGE_CLASS.OFFLINE;
  if ((low & BUDDY) !== 0) return PAGE_CLASS.UNKNOWN;
  if ((low & bit(KPF.HUGE)) !== 0) return PAGE_CLASS.HUGETLB;
  if ((low & bit(KPF.SLAB)) !== 0) return PAGE_CLASS.SLAB;
  if ((low & bit(KPF.PGTABLE)) !== 0) return PAGE_CLASS.PAGE_TABLE;
  if ((high & 1) !== 0) return PAGE_CLASS.RESERVED;
  if ((low & bit(KPF.THP)) !== 0) return PAGE_CLASS.THP;
  if ((low & bit(KPF.ANON)) !== 0) return PAGE_CLASS.LRU_ANON;
  if ((low & bit(KPF.LRU)) !== 0) return (low & bit(KPF.SWAPBACKED)) !== 0 ? PAGE_CLASS.LRU_ANON : PAGE_CLASS.LRU_FILE;
  return PAGE_CLASS.KERNEL;
}

/** Order of the compound page that begins at a pfn; 0 for an ordinary page or one whose tails do not add up. */
export function compoundOrder(flags: PageFlags, pfn: number, maxOrder: number): number {
  if ((flags.low[pfn] & bit(KPF.COMPOUND_HEAD)) === 0) return 0;
  let size = 1;
  while (size < 1 << maxOrder && pfn + size < flags.length && (flags.low[pfn + size] & bit(KPF.COMPOUND_TAIL)) !== 0)
    size++;
  const order = Math.log2(size);
  return Number.isInteger(order) && pfn % size === 0 ? order : 0;
}

/** Flags that a page of a class shows: the least that `classOfFlags` reads the class from again. */
export function flagsOfClass(pageClass: number): { low: number; high: number } {
  const of = (...bits: readonly number[]): { low: number; high: number } => ({
    low: bits.reduce((sum, n) => sum + (n < 32 ? bit(n) : 0), 0),
    high: bits.some((n) => n >= 32) ? 1 : 0,
  });
  switch (pageClass) {
    case PAGE_CLASS.LRU_ANON:
    case PAGE_CLASS.MOVABLE:
      return of(KPF.LRU, KPF.MMAP, KPF.ANON, KPF.SWAPBACKED, KPF.UPTODATE);
    case PAGE_CLASS.LRU_FILE:
      return of(KPF.LRU, KPF.UPTODATE);
    case PAGE_CLASS.THP:
      return of(KPF.LRU, KPF.MMAP, KPF.ANON, KPF.SWAPBACKED, KPF.THP);
    case PAGE_CLASS.HUGETLB:
      return of(KPF.HUGE, KPF.MMAP);
    case PAGE_CLASS.SLAB:
      return of(KPF.SLAB);
    case PAGE_CLASS.PAGE_TABLE:
      return of(KPF.PGTABLE);
    case PAGE_CLASS.RESERVED:
    case PAGE_CLASS.DEVICE:
      return of(KPF.RESERVED);
    case PAGE_CLASS.OFFLINE:
      return of(KPF.OFFLINE);
    case PAGE_CLASS.HWPOISON:
      return of(KPF.HWPOISON);
    case PAGE_CLASS.HOLE:
      return of(KPF.NOPAGE);
    case PAGE_CLASS.MOVABLE_OPS:
      return of(KPF.KSM);
    default:
      // Kernel pages without a type show nothing, and so do pages on a CPU's list.
      return of();
  }
}
