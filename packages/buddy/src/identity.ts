/**
 * HOT. Which contents a page holds, once contents have moved, and whom nobody may move.
 *
 * Contents are named by the page that they were first allocated at. As long as nothing ever moved, that is the page where
 * they are and nothing is written; the columns come into being with the first move or pin, and from then on the allocator
 * takes frees by the long way, which asks here, until no page is marked any more.
 *
 *   buddy.first   by row: pfn + 1 of the page where the contents were first allocated; 0: here
 *   buddy.now     by that page's row: row + 1 where the contents are now; 0: they never moved, or were freed
 *   buddy.pinned  by row: 1 while somebody holds the page with an extra reference
 *
 * A page that its first contents have left can be given out again, and then two contents were first allocated there:
 * `now` follows those that moved last. Who must tell them apart listens to moves.
 *
 * Models: what struct page does not say: page_owner keeps its handle with the contents when they are copied
 * (mm/page_owner.c __folio_copy_owner()), folio_ref_count() above the mappings for pins, 6.12.
 */
import type { PageMap } from '@replug/core';

/** Sections whose place is remembered. */
const REMEMBERED = 256;

export type MoveListener = (source: number, target: number, order: number) => void;

export class PageIdentity {
  /** Pages whose contents were first allocated elsewhere. */
  moved = 0;
  /** Pages that somebody pinned. */
  pinned = 0;
  private readonly pages: PageMap;
  private readonly watch: (watched: boolean) => void;
  private first: Float64Array | undefined;
  private now: Int32Array | undefined;
  private pins: Uint8Array | undefined;
  private listeners: readonly MoveListener[] = [];
  private readonly perSection: number;
  /** First row of a section, by the low bits of its number; checked before it is believed. */
  private readonly bases = new Int32Array(REMEMBERED);

  /** `watch` is told when the first page is marked, and when the last one is not any more. */
  constructor(pages: PageMap, watch: (watched: boolean) => void) {
    this.pages = pages;
    this.watch = watch;
    this.perSection = 2 ** pages.sectionShift;
  }

  /** True while some page is marked: a block that leaves its owner must be told to forget(). */
  get watched(): boolean {
    return this.moved + this.pinned > 0;
  }

  /** The contents of a block are somewhere else now. Their old place holds nothing that has a name. */
  move(source: number, target: number, order: number): void {
    if (this.first === undefined) this.start();
    const { pages } = this;
    const first = this.first!;
    const now = this.now!;
    const { watched } = this;
    const home = pages.rowToPfn(source) + 1;
    const goal = pages.rowToPfn(target) + 1;
    const size = 1 << order;
    const mask = this.perSection - 1;
    let moved = 0;
    let last = -1;
    let lastRow = -1;
    for (let i = 0; i < size; i++) {
      const known = first[source + i];
      let from = home + i;
      let row = source + i;
      if (known !== 0) {
        first[row] = 0;
        from = known;
        // Neighbours mostly come from neighbours; rows follow pfns inside a section alone.
        row =
          known === last + 1 && ((lastRow + 1) & mask) !== 0 && lastRow >= 0 ? lastRow + 1 : this.homeRow(known - 1);
        last = known;
        lastRow = row;
        moved--;
      }
      if (from === goal + i) {
        // Home again.
        if (row >= 0) now[row] = 0;
        continue;
      }
      first[target + i] = from;
      moved++;
      if (row >= 0) now[row] = target + i + 1;
    }
    this.moved += moved;
    if (watched !== this.watched) this.watch(!watched);
    if (this.pinned > 0) this.movePins(source, target, order);
    if (this.listeners.length > 0) for (const listener of this.listeners) listener(source, target, order);
  }

  /** A block was freed: its contents are nowhere, nobody holds them. */
  forget(row: number, order: number): void {
    const { first, now, pins } = this;
    if (!this.watched) return;
    for (let at = row; at < row + (1 << order); at++) {
      if (pins !== undefined && pins[at] !== 0) {
        pins[at] = 0;
        this.pinned--;
      }
      if (first === undefined || now === undefined || first[at] === 0) continue;
      const home = this.homeRow(first[at] - 1);
      if (home >= 0 && now[home] === at + 1) now[home] = 0;
      first[at] = 0;
      this.moved--;
    }
    if (!this.watched) this.watch(false);
  }

  /** pfn of the page where the contents of an allocated page were first allocated. */
  firstPfn(row: number): number {
    return this.moved > 0 && this.first![row] !== 0 ? this.first![row] - 1 : this.pages.rowToPfn(row);
  }

  /** Row where contents first allocated at a row are now, if they moved; -1: they did not, or are gone. */
  movedTo(firstRow: number): number {
    return this.now === undefined ? -1 : this.now[firstRow] - 1;
  }

  /** The page's contents are its own: they were allocated here, or there are none. */
  isHome(row: number): boolean {
    return this.moved === 0 || this.first![row] === 0;
  }

  setPinned(row: number, pinned: boolean): void {
    const pins = (this.pins ??= this.pages.extra('buddy.pinned', Uint8Array));
    if ((pins[row] !== 0) === pinned) return;
    const before = this.moved + this.pinned;
    pins[row] = pinned ? 1 : 0;
    this.pinned += pinned ? 1 : -1;
    if ((before === 0) !== (this.moved + this.pinned === 0)) this.watch(before === 0);
  }

  /** True when some page of [row, row + pages) is pinned. */
  isPinned(row: number, pages: number): boolean {
    if (this.pinned === 0) return false;
    const end = row + pages;
    for (let at = row; at < end; at++) if (this.pins![at] !== 0) return true;
    return false;
  }

  /** Pages that were first allocated elsewhere, by counting. For validate(). */
  count(): { readonly moved: number; readonly pinned: number } {
    const rows = this.pages.slotCount << this.pages.sectionShift;
    let moved = 0;
    let pinned = 0;
    for (let row = 0; row < rows; row++) {
      if (this.first !== undefined && this.first[row] !== 0) moved++;
      if (this.pins !== undefined && this.pins[row] !== 0) pinned++;
    }
    return { moved, pinned };
  }

  listen(listener: MoveListener): Disposable {
    this.listeners = [...this.listeners, listener];
    return {
      [Symbol.dispose]: () => {
        this.listeners = this.listeners.filter((one) => one !== listener);
      },
    };
  }

  private start(): void {
    this.first = this.pages.extra('buddy.first', Float64Array);
    this.now = this.pages.extra('buddy.now', Int32Array, { link: true });
  }

  /** pfnToRow() that remembers where several sections are: contents come home from everywhere. -1: the section is gone. */
  private homeRow(pfn: number): number {
    const section = Math.floor(pfn / this.perSection);
    const entry = section & (REMEMBERED - 1);
    const row = this.bases[entry] + (pfn - section * this.perSection);
    if (row >= 0 && row < this.pages.capacity && this.pages.rowToPfn(row) === pfn) return row;
    const found = this.pages.pfnToRow(pfn);
    if (found >= 0) this.bases[entry] = found - (pfn - section * this.perSection);
    return found;
  }

  /** Whoever moves a pinned page against the rules (a policy's experiment) takes the pin along. */
  private movePins(source: number, target: number, order: number): void {
    const pins = this.pins!;
    for (let i = 0; i < 1 << order; i++) {
      pins[target + i] = pins[source + i];
      pins[source + i] = 0;
    }
  }
}
