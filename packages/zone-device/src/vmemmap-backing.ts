/**
 * Where the memmap of a device lies: blocks of the node's memory, or pages of the device itself. Whole sections are mapped
 * by PMD blocks; parts of a section and deduplicated compound pages by single pages. What a section of boot memory has
 * already is reused.
 *
 * Units: pages. Errors: RP2413, RP2414. Left out: the page tables themselves (one page for 512 entries).
 * Models: arch/x86/mm/init_64.c vmemmap_populate(); mm/sparse-vmemmap.c vmemmap_populate_hugepages(),
 * vmemmap_populate_basepages(), vmemmap_populate_compound_pages(), 6.12.
 */
import { GFP, GFP_MASKS, type Nid, type PageAllocator, type Pfn } from '@replug/core';
import type { VmemAltmap } from './altmap.ts';
import { altmapExhausted, noMemmapMemory } from './errors.ts';
import { canOptimize, plainVmemmapPages, PMD_SHIFT, vmemmapPages, type MapArch } from './vmemmap.ts';

/** What vmemmap_alloc_block() asks with. */
const MEMMAP_GFP = GFP_MASKS.GFP_KERNEL | GFP.RETRY_MAYFAIL | GFP.NOWARN;

/** Pages that hold a memmap. */
export interface Backing {
  /** First rows and orders of blocks of memory, in pairs. */
  readonly blocks: number[];
  /** Pages of the device itself. */
  altmapPages: number;
  /** All pages of memory in `blocks`. */
  memoryPages: number;
}

/** A part of a range inside one section. */
export interface SectionPart {
  readonly start: Pfn;
  readonly end: Pfn;
  /** The section is older than the device and only partly taken: its memmap is there. */
  readonly reused: boolean;
}

export class VmemmapBacking {
  private readonly arch: MapArch & { readonly sectionSizeBits: number };
  private readonly allocator: PageAllocator;
  /** A CPU of each node, whose lists single pages come from. */
  private readonly cpuOf: (nid: Nid) => number;

  constructor(
    arch: MapArch & { readonly sectionSizeBits: number },
    allocator: PageAllocator,
    cpuOf: (nid: Nid) => number,
  ) {
    this.arch = arch;
    this.allocator = allocator;
    this.cpuOf = cpuOf;
  }

  /** Backs the memmap of the parts of one range. Throws RP2413 or RP2414 and has taken nothing then. */
  populate(nid: Nid, parts: readonly SectionPart[], altmap: VmemAltmap | undefined, shift: number): Backing {
    const backing: Backing = { blocks: [], altmapPages: 0, memoryPages: 0 };
    const before = altmap === undefined ? undefined : { alloc: altmap.alloc, align: altmap.align };
    try {
      if (canOptimize(this.arch, shift, altmap !== undefined)) this.deduplicated(backing, nid, parts, shift);
      else for (const part of parts) this.part(backing, nid, part, altmap);
      return backing;
    } catch (error) {
      this.release(nid, backing, undefined);
      if (altmap !== undefined) Object.assign(altmap, before);
      throw error;
    }
  }

  /** Gives everything back. */
  release(nid: Nid, backing: Backing, altmap: VmemAltmap | undefined): void {
    const cpu = this.cpuOf(nid);
    for (let i = 0; i < backing.blocks.length; i += 2)
      this.allocator.free(backing.blocks[i], backing.blocks[i + 1], cpu);
    altmap?.release(backing.altmapPages);
    Object.assign(backing, { altmapPages: 0, memoryPages: 0 });
    backing.blocks.length = 0;
  }

  private part(backing: Backing, nid: Nid, part: SectionPart, altmap: VmemAltmap | undefined): void {
    if (part.reused) return;
    const { pageShift, sectionSizeBits, structPageSize } = this.arch;
    const pages = part.end - part.start;
    const bytes = pages * structPageSize;
    const whole = pages === 2 ** (sectionSizeBits - pageShift) && bytes % 2 ** PMD_SHIFT === 0;
    if (!whole) return this.single(backing, nid, plainVmemmapPages(this.arch, pages));
    const order = PMD_SHIFT - pageShift;
    for (let block = 0; block < bytes / 2 ** PMD_SHIFT; block++) {
      if (altmap !== undefined) {
        if (altmap.allocate(2 ** order) < 0) throw altmapExhausted(2 ** order, altmap.nrFree);
        backing.altmapPages += 2 ** order;
        continue;
      }
      const row = this.allocator.alloc(MEMMAP_GFP, order, this.cpuOf(nid), nid);
      if (row < 0) this.single(backing, nid, 2 ** order);
      else take(backing, row, order);
    }
  }

  private deduplicated(backing: Backing, nid: Nid, parts: readonly SectionPart[], shift: number): void {
    // A compound page may reach over sections: what is kept is counted over runs of parts that touch.
    let run = 0;
    for (let i = 0; i < parts.length; i++) {
      const { start, end, reused } = parts[i];
      if (!reused) run += end - start;
      const goesOn = i + 1 < parts.length && !parts[i + 1].reused && parts[i + 1].start === end;
      if (run > 0 && !goesOn) {
        this.single(backing, nid, vmemmapPages(this.arch, run, shift, false));
        run = 0;
      }
    }
  }

  private single(backing: Backing, nid: Nid, pages: number): void {
    const cpu = this.cpuOf(nid);
    for (let i = 0; i < pages; i++) {
      const row = this.allocator.alloc(MEMMAP_GFP, 0, cpu, nid);
      if (row < 0) throw noMemmapMemory(nid, pages);
      take(backing, row, 0);
    }
  }
}

function take(backing: Backing, row: number, order: number): void {
  backing.blocks.push(row, order);
  backing.memoryPages += 2 ** order;
}
