/**
 * The naive page map of moving.spec-kit.ts: which contents lie at each page, and what follows from that alone.
 */
import {
  AllocatorPreview,
  ARCH_PROFILES,
  ContiguousRanges,
  Core,
  createKernel,
  MIGRATE,
  MOVABILITY,
  PAGE_CLASS,
  PageAllocator,
  PageMigrator,
  ZoneFreeLists,
  type Kernel,
  type KernelProfile,
  type MachineDescription,
} from '@replug/core';
import { smallMachine } from '@replug/core/testing';
import { buddy } from './plugin.ts';

/** Classes that migration takes. */
export const MOVES = new Set<number>([PAGE_CLASS.LRU_ANON, PAGE_CLASS.LRU_FILE, PAGE_CLASS.MOVABLE]);

/**
 * powerpc64 has sections of 256 pages and up to eight pageblocks in a free block: small to check, and much to go wrong.
 * x86-64 has two pageblocks in the largest block.
 */
export type SmallArch = 'ppc64-64k-radix' | 'x86-64';

function machineOf(arch: SmallArch, profile: KernelProfile, nodes: boolean): MachineDescription {
  const pages = arch === 'x86-64' ? 4096 : 512;
  const one = smallMachine({ arch: ARCH_PROFILES[arch], profile, pages: pages * 1.5 });
  if (!nodes) return one;
  const starts = [0x100000, 0x108000];
  return {
    ...one,
    nodes: [
      { nid: 0, cpus: [0], distances: [10, 20] },
      { nid: 1, cpus: [1], distances: [20, 10] },
    ],
    memory: starts.map((start, nid) => ({ nid, start, end: start + pages })),
    zones: starts.map((startPfn, nid) => ({ nid, kind: 'Normal', startPfn, spannedPages: pages })),
  };
}

/** Contents that were allocated together, and where each page of them is now; -1: dropped. */
export interface Contents {
  readonly id: number;
  readonly cls: number;
  readonly rows: number[];
  order: number;
  pinned: boolean;
}

/** The naive page map and the kernel that it watches. */
export class World {
  readonly kernel: Kernel;
  readonly pages;
  readonly allocator;
  readonly ranges;
  readonly migrator;
  readonly lists;
  readonly preview;
  readonly cuts: boolean;
  readonly managed: number;
  readonly live: Contents[] = [];
  /** Contents by row. */
  readonly at = new Map<number, { readonly contents: Contents; readonly index: number }>();
  /** Ranges that are isolated, or allocated as ranges; pfns. */
  readonly isolated: [number, number][] = [];
  readonly taken: [number, number][] = [];
  private ids = 0;
  private overwritten = 0;

  /** Pages of a pageblock and of the largest block. */
  readonly block: number;
  readonly most: number;

  constructor(arch: SmallArch, profile: KernelProfile, nodes: boolean) {
    this.kernel = createKernel({ machine: machineOf(arch, profile, nodes), subsystems: [buddy()] });
    const { pageblockOrder, maxPageOrder } = ARCH_PROFILES[arch];
    this.block = 2 ** pageblockOrder;
    this.most = 2 ** maxPageOrder;
    this.pages = this.kernel.get(Core.Pages);
    this.allocator = this.kernel.get(PageAllocator);
    this.ranges = this.kernel.get(ContiguousRanges);
    this.migrator = this.kernel.get(PageMigrator);
    this.lists = this.kernel.get(ZoneFreeLists);
    this.preview = this.kernel.get(AllocatorPreview);
    this.cuts = profile === '6.12';
    this.managed = this.kernel.get(Core.Zones).all.reduce((sum, z) => sum + z.managedPages, 0);
    this.migrator.onMove((from, to, order) => this.moved(from, to, order));
  }

  /** A pfn of the machine for a number of the test. */
  pfn(offset: number): number {
    const zones = this.kernel.get(Core.Zones).all.filter((z) => z.populated);
    const zone = zones[offset % 2 === 0 ? 0 : zones.length - 1];
    return zone.startPfn + (offset % zone.spannedPages);
  }

  endOfZone(pfn: number): number {
    return this.kernel.get(Core.Zones).all.find((z) => z.populated && pfn >= z.startPfn && pfn < z.endPfn)!.endPfn;
  }

  add(row: number, order: number, cls: number): void {
    const contents: Contents = { id: ++this.ids, cls, order, pinned: false, rows: [] };
    for (let index = 0; index < 2 ** order; index++) {
      if (this.at.has(row + index)) throw new Error(`row ${row + index} was given while it holds contents`);
      const pfn = this.pages.rowToPfn(row + index);
      if (this.inside(pfn, this.isolated) || this.inside(pfn, this.taken))
        throw new Error(`row ${row + index} was given out of a range that is set apart`);
      contents.rows.push(row + index);
      this.at.set(row + index, { contents, index });
      this.pages.pageClass[row + index] = cls;
    }
    this.live.push(contents);
  }

  forget(contents: Contents): void {
    for (const row of contents.rows) if (row >= 0) this.at.delete(row);
    this.live.splice(this.live.indexOf(contents), 1);
  }

  /**
   * Contents that are not there any more although nobody freed them: page cache that was dropped. Of a block that was split
   * for a migration it may be single pages.
   */
  dropped(): number {
    let pages = this.overwritten;
    this.overwritten = 0;
    for (const contents of [...this.live]) {
      if (contents.cls !== PAGE_CLASS.LRU_FILE || contents.pinned) continue;
      contents.rows.forEach((row, i) => {
        if (row < 0) return;
        const taken = this.inside(this.pages.rowToPfn(row), this.taken);
        if (!taken && this.migrator.movability(row) !== MOVABILITY.NOTHING) return;
        pages++;
        this.at.delete(row);
        contents.rows[i] = -1;
      });
      const left = contents.rows.filter((row) => row >= 0).length;
      if (left === 0) this.live.splice(this.live.indexOf(contents), 1);
      else if (left < contents.rows.length) contents.order = 0;
    }
    return pages;
  }

  inside(pfn: number, ranges: readonly (readonly [number, number])[]): boolean {
    return ranges.some(([start, end]) => pfn >= start && pfn < end);
  }

  /** Contents come to a row: what lay there must have been page cache, dropped in the same breath. */
  private overwrite(row: number): void {
    const held = this.at.get(row);
    if (held === undefined) return;
    if (held.contents.cls !== PAGE_CLASS.LRU_FILE || held.contents.pinned)
      throw new Error(`row ${row} holds contents, and others moved there`);
    this.at.delete(row);
    held.contents.rows[held.index] = -1;
    this.overwritten++;
  }

  private moved(from: number, to: number, order: number): void {
    for (let i = 0; i < 2 ** order; i++) {
      const held = this.at.get(from + i);
      if (held === undefined) throw new Error(`nothing lay at row ${from + i}, from where contents moved`);
      this.overwrite(to + i);
      if (held.contents.pinned) throw new Error(`pinned contents ${held.contents.id} moved`);
      if (!MOVES.has(held.contents.cls))
        throw new Error(`contents ${held.contents.id} of class ${held.contents.cls} moved`);
      if (this.inside(this.pages.rowToPfn(to + i), this.isolated)) throw new Error(`contents moved into isolation`);
      this.at.delete(from + i);
      this.at.set(to + i, held);
      held.contents.rows[held.index] = to + i;
      if (order < held.contents.order) held.contents.order = order;
    }
  }

  /** All that must hold whatever happened. */
  check(): void {
    const [failure] = this.kernel.validate();
    if (failure !== undefined) throw new Error(failure.problem);
    for (const contents of this.live) {
      contents.rows.forEach((row, i) => {
        if (row < 0) return;
        if (this.allocator.isFree(row))
          throw new Error(`page ${i} of contents ${contents.id} lies at row ${row}, which is free`);
        const cls = this.pages.pageClass[row];
        if (cls !== contents.cls) throw new Error(`page ${i} of contents ${contents.id} is of class ${cls}`);
      });
    }
    let pages = this.at.size;
    for (const [start, end] of this.taken) pages += end - start;
    for (const zone of this.kernel.get(Core.Zones).all) {
      pages += this.allocator.freePages(zone.index);
      for (let cpu = 0; cpu < 2; cpu++) pages += this.lists.cpuCount(zone.index, cpu);
    }
    pages += this.setApart();
    if (pages !== this.managed) throw new Error(`${pages} pages are accounted for, ${this.managed} are managed`);
  }

  /**
   * Free pages on lists of ISOLATE, block by block. 6.12: of isolated ranges alone. 6.1 may take more along: what it cuts at
   * the end of a range merges again when a pageblock before the end is not isolated yet, and goes to those lists whole.
   */
  private setApart(): number {
    let pages = 0;
    for (const zone of this.kernel.get(Core.Zones).all) {
      for (let pfn = zone.startPfn; pfn < zone.endPfn;) {
        const row = this.pages.pfnToRow(pfn);
        const order = this.lists.freeOrder(row);
        if (order < 0) {
          pfn++;
          continue;
        }
        if (this.preview.freeTypeOf(row) === MIGRATE.ISOLATE) {
          pages += 2 ** order;
          for (let page = pfn; page < pfn + 2 ** order && this.cuts; page++)
            if (!this.inside(page, this.isolated)) throw new Error(`pfn ${page} is set apart and not isolated`);
        }
        pfn += 2 ** order;
      }
    }
    return pages;
  }

  /** Naive has_unmovable_pages(): the pageblocks around [start, end), page by page. */
  isolable(start: number, end: number): boolean {
    const first = Math.floor(start / this.block) * this.block;
    const last = Math.ceil(end / this.block) * this.block;
    for (let pfn = first; pfn < last; pfn++) {
      if (this.inside(pfn, this.isolated)) return false;
      if (this.inside(pfn, this.taken)) return false;
      const held = this.at.get(this.pages.pfnToRow(pfn));
      if (held !== undefined && !MOVES.has(held.contents.cls)) return false;
    }
    return !this.straddles(first) && !this.straddles(last);
  }

  /** A block of more than a pageblock lies across a border (6.12 refuses; 6.1 moves it out of the way first). */
  private straddles(border: number): boolean {
    if (!this.cuts) return false;
    const below = this.at.get(this.pages.pfnToRow(border - 1));
    const above = this.at.get(this.pages.pfnToRow(border));
    return below !== undefined && below.contents === above?.contents && this.isLarge(below.contents);
  }

  private isLarge(contents: Contents): boolean {
    return 2 ** contents.order > this.block;
  }

  /** Pinned contents in [start, end), and a huge 6.1 block across an end: what only migration finds out. */
  doubtful(start: number, end: number): boolean {
    for (let pfn = start - this.most; pfn < end + this.most; pfn++) {
      const held = this.at.get(this.pages.pfnToRow(pfn));
      if (held === undefined) continue;
      if (this.isLarge(held.contents)) return true;
      if (pfn >= start && pfn < end && held.contents.pinned) return true;
    }
    return false;
  }
}
