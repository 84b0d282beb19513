/**
 * Pages set aside at the start of a device for its own memmap.
 *
 *   base ── reserve ── free (memmap goes here, from the front) ── data …
 *
 * Units: pages. Invariants: alloc + align ≤ free; blocks never overlap and lie in [base + reserve, base + reserve + free).
 * Models: include/linux/memremap.h struct vmem_altmap; mm/sparse-vmemmap.c altmap_alloc_block_buf(),
 * vmem_altmap_free(), 6.12.
 */
import type { Pfn } from '@replug/core';
import { badAltmap } from './errors.ts';

export interface AltmapOptions {
  readonly basePfn: Pfn;
  /** Mapped, but the driver's own (an info block). */
  readonly reserve: number;
  /** Set aside for the memmap. */
  readonly free: number;
  /** Page behind the device; the memmap must not reach past it. */
  readonly endPfn?: Pfn;
  /** The memory cannot be read before it is online: it is left out of struct page initialisation. */
  readonly inaccessible?: boolean;
}

export class VmemAltmap {
  readonly basePfn: Pfn;
  readonly endPfn: Pfn;
  readonly reserve: number;
  readonly free: number;
  readonly inaccessible: boolean;
  /** Pages given out, and pages lost to alignment. */
  alloc = 0;
  align = 0;

  constructor({ basePfn, reserve, free, endPfn = Infinity, inaccessible = false }: AltmapOptions) {
    for (const n of [basePfn, reserve, free])
      if (!(Number.isSafeInteger(n) && n >= 0)) throw badAltmap(`base ${basePfn}, reserve ${reserve}, free ${free}`);
    if (basePfn + reserve + free > endPfn) throw badAltmap(`reaches past pfn 0x${endPfn.toString(16)}`);
    this.basePfn = basePfn;
    this.endPfn = endPfn;
    this.reserve = reserve;
    this.free = free;
    this.inaccessible = inaccessible;
  }

  /** Pages before the first data page. */
  get offset(): number {
    return this.reserve + this.free;
  }
  /** Where the next block would begin, before alignment. */
  get nextPfn(): Pfn {
    return this.basePfn + this.reserve + this.alloc + this.align;
  }
  /** Pages left. */
  get nrFree(): number {
    return Math.max(0, this.free - this.alloc - this.align);
  }

  /** Takes a block, aligned to the lowest set bit of its size. -1: it does not fit. */
  allocate(pages: number): Pfn {
    const unit = lowestBit(pages);
    const pad = Math.ceil(this.nextPfn / unit) * unit - this.nextPfn;
    if (!(pages >= 1) || pages + pad > this.nrFree) return -1;
    const at = this.nextPfn + pad;
    this.alloc += pages;
    this.align += pad;
    return at;
  }

  /** vmem_altmap_free(): pages given back; what alignment took stays taken. */
  release(pages: number): void {
    this.alloc = Math.max(0, this.alloc - pages);
  }

  /** As a new mapping finds it: __add_pages() starts counting anew. */
  reset(): void {
    this.alloc = 0;
    this.align = 0;
  }
}

function lowestBit(pages: number): number {
  let bit = 1;
  while (pages % (bit * 2) === 0 && bit * 2 <= pages) bit *= 2;
  return bit;
}
