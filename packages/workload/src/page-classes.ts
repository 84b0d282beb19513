/**
 * HOT. What every page is used for, as one byte: the class in bits 0–4, the reason to doubt it in bits 5–7.
 *
 * kpageflags shows neither the reference count nor page->mapping, so three kinds of pages look alike: kernel pages without
 * a type, pages on a CPU's free list, and pages that movable_ops could move. A page on its way to or from the LRU shows
 * neither that it will be there. Such pages keep the likelier class and say why it is not sure.
 *
 * A tail takes the byte of its head: 6.1 shows a tail's own flags, which are nearly none; 6.12 those of the folio.
 *
 * Models: fs/proc/page.c stable_page_flags(), include/linux/page-flags.h, 6.1 and 6.12.
 */
import { CLASS_MOVABILITY, MOVABILITY, PAGE_CLASS } from '@replug/core';
import { KPF } from './page-flags.ts';
import type { PageOwner } from './page-owner.ts';
import type { PageFlags } from './recording.ts';

export const CLASS_MASK = 0x1f;

/** Why a class is not sure. */
export const DOUBT = {
  NONE: 0,
  /** No flag at all: a kernel page without a type, or on a CPU's free list. */
  NO_FLAGS: 1 << 5,
  /** Bits that only a page of a file or of a process has, but not on the LRU: in a CPU's batch for it, or taken off it. */
  OFF_LRU: 2 << 5,
  /** Anonymous, on the LRU, not in the swap cache, and nobody maps it: on its way out, or somebody holds it (a pin). */
  UNMAPPED: 3 << 5,
  /** Only the gfp flags of the allocation tell: `movable` is a promise of whoever asked. */
  BY_GFP: 4 << 5,
  /** Nothing tells: no record of page_owner, which lists neither free nor reserved pages. */
  NOT_TOLD: 5 << 5,
} as const;

/** Names by `byte >> 5`. */
export const DOUBT_NAMES: readonly string[] = ['', 'no-flags', 'off-lru', 'unmapped', 'by-gfp', 'not-told', '', ''];

const bit = (n: number): number => 1 << n;
const LRU = bit(KPF.LRU);
const SLAB = bit(KPF.SLAB);
const BUDDY = bit(KPF.BUDDY);
const MMAP = bit(KPF.MMAP);
const ANON = bit(KPF.ANON);
const SWAPCACHE = bit(KPF.SWAPCACHE);
const SWAPBACKED = bit(KPF.SWAPBACKED);
const HEAD = bit(KPF.COMPOUND_HEAD);
const TAIL = bit(KPF.COMPOUND_TAIL);
const HUGE = bit(KPF.HUGE);
const HWPOISON = bit(KPF.HWPOISON);
const NOPAGE = bit(KPF.NOPAGE);
const KSM = bit(KPF.KSM);
const THP = bit(KPF.THP);
const OFFLINE = bit(KPF.OFFLINE);
const ZERO_PAGE = bit(KPF.ZERO_PAGE);
const PGTABLE = bit(KPF.PGTABLE);
const CACHE = bit(KPF.UPTODATE) | bit(KPF.DIRTY) | bit(KPF.WRITEBACK) | bit(KPF.REFERENCED) | SWAPBACKED;

/** Byte of one page. `mapped`: kpagecount is above 0; false where there is none. */
export function pageByte(low: number, high: number, mapped: boolean): number {
  if ((low & (LRU | BUDDY | NOPAGE | HWPOISON | HUGE | OFFLINE)) === LRU && (high & 1) === 0) {
    if ((low & ANON) === 0) return (low & SWAPBACKED) !== 0 ? PAGE_CLASS.LRU_ANON : PAGE_CLASS.LRU_FILE;
    if ((low & THP) !== 0) return PAGE_CLASS.THP;
    const held = (low & (MMAP | SWAPCACHE | HEAD)) === 0 && !mapped;
    return held ? PAGE_CLASS.LRU_ANON | DOUBT.UNMAPPED : PAGE_CLASS.LRU_ANON;
  }
  if ((low & NOPAGE) !== 0) return PAGE_CLASS.HOLE;
  if ((high & 1) !== 0) return PAGE_CLASS.RESERVED;
  if ((low & HWPOISON) !== 0) return PAGE_CLASS.HWPOISON;
  if ((low & BUDDY) !== 0) return PAGE_CLASS.FREE;
  if ((low & OFFLINE) !== 0) return PAGE_CLASS.OFFLINE;
  if ((low & HUGE) !== 0) return PAGE_CLASS.HUGETLB;
  // Before ANON: 6.12 reads that bit out of a word which slab pages use otherwise.
  if ((low & SLAB) !== 0) return PAGE_CLASS.SLAB;
  if ((low & PGTABLE) !== 0) return PAGE_CLASS.PAGE_TABLE;
  if ((low & ZERO_PAGE) !== 0) return PAGE_CLASS.KERNEL;
  if ((low & ANON) !== 0) return ((low & THP) !== 0 ? PAGE_CLASS.THP : PAGE_CLASS.LRU_ANON) | DOUBT.OFF_LRU;
  // 6.12 sets KSM for every page->mapping with one of two low bits; without ANON it is the one of movable_ops.
  if ((low & KSM) !== 0) return PAGE_CLASS.MOVABLE_OPS;
  if ((low & (HEAD | TAIL)) !== 0) return PAGE_CLASS.KERNEL;
  if ((low & CACHE) !== 0) {
    return ((low & SWAPBACKED) !== 0 ? PAGE_CLASS.LRU_ANON : PAGE_CLASS.LRU_FILE) | DOUBT.OFF_LRU;
  }
  // A count without a flag: the two files are read one after the other, and the page changed hands between.
  return low === 0 ? PAGE_CLASS.KERNEL | DOUBT.NO_FLAGS : PAGE_CLASS.KERNEL;
}

/** Words of a run of pages: page i has its bits 0–31 at `low[i * stride + lowAt]`, and so on. */
export interface PageWordsView {
  readonly low: Uint32Array;
  readonly lowAt: number;
  readonly high: Uint32Array;
  readonly highAt: number;
  readonly stride: number;
}

const SLOTS = 1023;

/** Classifies pages in ascending order, in pieces of any length: a compound page may lie across a border. */
export class PageClassifier {
  private head: number = PAGE_CLASS.UNKNOWN;
  private pfn = 0;
  private readonly mapped: MappedPages | undefined;
  /** Words that were seen, and their bytes. */
  private readonly words = new Int32Array(SLOTS + 1);
  private readonly bytes = new Uint8Array(SLOTS + 1);

  /** `mapped`: what kpagecount says of the same pages. */
  constructor(mapped?: MappedPages) {
    this.mapped = mapped;
  }

  /** Bytes of pages [0, pages) of the view into `into`. */
  classify(view: PageWordsView, pages: number, into: Uint8Array): void {
    const { low, lowAt, high, highAt, stride } = view;
    const { mapped, pfn, words, bytes } = this;
    let { head } = this;
    for (let i = 0; i < pages; i++) {
      const lo = low[i * stride + lowAt] | 0;
      const hi = high[i * stride + highAt] & 1;
      if ((lo & TAIL) !== 0 && head !== PAGE_CLASS.UNKNOWN) {
        into[i] = head;
        continue;
      }
      // A machine has a few hundred different words, so nearly all are known already; a branch a bit would be mispredicted.
      const slot = (lo ^ (lo >>> 10) ^ (lo >>> 20)) & SLOTS;
      let byte: number;
      if (hi === 0 && words[slot] === lo && bytes[slot] !== 0) byte = bytes[slot];
      // Only here the count tells more than the flags.
      else if ((lo & (ANON | MMAP)) === ANON) byte = pageByte(lo, hi, mapped !== undefined && mapped.has(pfn + i));
      else {
        byte = pageByte(lo, hi, false);
        if (hi === 0) {
          words[slot] = lo;
          bytes[slot] = byte;
        }
      }
      into[i] = byte;
      head = (lo & HEAD) !== 0 ? byte : PAGE_CLASS.UNKNOWN;
    }
    this.head = head;
    this.pfn += pages;
  }
}

/** Which pages somebody maps: a bit a page, in pieces that grow with the highest page. */
export class MappedPages {
  /** Pages that were told. */
  length = 0;
  private bits = new Uint8Array(1 << 12);

  has(pfn: number): boolean {
    return pfn < this.length && ((this.bits[Math.floor(pfn / 8)] >>> (pfn % 8)) & 1) === 1;
  }

  /** Counts of the next pages: page i has its own at `count[i * stride + at]`. */
  add(count: Uint32Array, at: number, stride: number, pages: number): void {
    const needed = Math.ceil((this.length + pages) / 8);
    if (needed > this.bits.length) {
      const grown = new Uint8Array(Math.max(needed, 2 * this.bits.length));
      grown.set(this.bits);
      this.bits = grown;
    }
    // Small integers inside the loop: pfns may be larger.
    const shift = this.length % 8;
    const bits = this.bits.subarray((this.length - shift) / 8);
    for (let i = 0; i < pages; i++) {
      if (count[i * stride + at] !== 0) bits[(i + shift) >>> 3] |= 1 << ((i + shift) & 7);
    }
    this.length += pages;
  }
}

/** Bytes of all pages of a dump. */
export function pageClassBytes(flags: PageFlags): Uint8Array {
  const { low, high, count, length } = flags;
  const bytes = new Uint8Array(length);
  const mapped = count === undefined ? undefined : new MappedPages();
  if (count !== undefined) mapped!.add(count, 0, 1, Math.min(length, count.length));
  new PageClassifier(mapped).classify({ low, lowAt: 0, high, highAt: 0, stride: 1 }, length, bytes);
  return bytes;
}

/** Byte of a page that was asked for with these gfp flags, as the kernel prints them. */
export function byteOfGfp(gfp: string): number {
  return /MOVABLE|TRANSHUGE/.test(gfp) ? PAGE_CLASS.MOVABLE | DOUBT.BY_GFP : PAGE_CLASS.KERNEL;
}

/** Bytes by row of a page_owner dump: the names of the page flags where they are told, else the gfp flags. */
export function ownerBytes(owner: PageOwner): Uint8Array {
  const { length, gfp, flagNames, gfpTexts, flagTexts } = owner;
  const byGfp = Uint8Array.from(gfpTexts, byteOfGfp);
  const byName = Uint8Array.from(flagTexts, byteOfNames);
  const bytes = new Uint8Array(length);
  for (let row = 0; row < length; row++) bytes[row] = byName[flagNames[row]] || byGfp[gfp[row]];
  return bytes;
}

/** Byte of flag names as page_owner prints them (`uptodate|lru|swapbacked`); 0 where they do not tell. */
function byteOfNames(names: string): number {
  const has = new Set(names.split('|'));
  if (has.has('hwpoison')) return PAGE_CLASS.HWPOISON;
  if (has.has('reserved')) return PAGE_CLASS.RESERVED;
  if (has.has('slab')) return PAGE_CLASS.SLAB;
  if (has.has('lru')) return has.has('swapbacked') ? PAGE_CLASS.LRU_ANON : PAGE_CLASS.LRU_FILE;
  return 0;
}

/** Movability by byte. */
export const BYTE_MOVABILITY: Readonly<Uint8Array> = Uint8Array.from({ length: 256 }, (_, byte) => {
  const doubt = byte & ~CLASS_MASK;
  if (doubt === DOUBT.NO_FLAGS || doubt === DOUBT.NOT_TOLD) return MOVABILITY.UNCERTAIN;
  return CLASS_MOVABILITY[byte & CLASS_MASK];
});
