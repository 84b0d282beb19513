/**
 * What the kernel shows by not taking a block. A start state knows which pages are free, but seldom the migratetype of
 * each pageblock, the order of the lists, or that a dump read later shows pages that were freed only then. When the kernel
 * takes a larger block than the model would, the smaller ones are not on that list:
 *
 *   a pageblock of which no event tells the type has another one;
 *   any other block is not free yet: it is held until an event names it, or to the end.
 *
 * A block that others of its list are taken before twice is not in front of them, and goes to the list's tail.
 */
import { MIGRATE, PAGE_STATE, type AllocatorPreview, type PageMap, type ZoneFreeLists } from '@replug/core';
import type { LateBlock, StartCorrections } from './hidden.ts';
import type { TypeCounts } from './type-counts.ts';

export class PassedOver {
  private readonly pages: PageMap;
  private readonly lists: ZoneFreeLists;
  private readonly preview: AllocatorPreview;
  /** MIGRATE type + 1 that events tell of a pageblock; 0: none does. */
  private readonly blockType: Uint8Array;
  private readonly typeCounts: TypeCounts;
  /** How many other types a pageblock was given. */
  private readonly tried: Uint8Array;
  /** Order, by row, of blocks that are held. */
  private readonly held = new Map<number, number>();
  private readonly overtakenOnce = new Set<number>();
  private readonly types = new Map<number, number>();
  private readonly late = new Map<number, LateBlock>();

  constructor(
    pages: PageMap,
    lists: ZoneFreeLists,
    preview: AllocatorPreview,
    blockType: Uint8Array,
    typeCounts: TypeCounts,
  ) {
    this.pages = pages;
    this.lists = lists;
    this.preview = preview;
    this.blockType = blockType;
    this.typeCounts = typeCounts;
    this.tried = new Uint8Array(blockType.length);
  }

  get corrections(): StartCorrections {
    return { types: this.types, late: [...this.late.values()] };
  }

  /** A block of order `have` was taken: those of smaller orders that serve `order` are not on the list of `type`. */
  byLarger(
    zone: number,
    order: number,
    type: number,
    have: number,
    fromStart: (row: number, order: number) => boolean,
  ) {
    const { lists, preview, pages } = this;
    for (;;) {
      const row = preview.firstFree(zone, order, type);
      const own = row < 0 ? -1 : lists.freeOrder(row);
      if (own < 0 || own >= have) return;
      const block = row >>> pages.arch.pageblockOrder;
      if (this.blockType[block] === 0 && own <= pages.arch.pageblockOrder && type === MIGRATE.MOVABLE) {
        const instead = this.typeCounts.instead(zone, own, this.tried[block]++);
        if (instead !== undefined) {
          lists.setPageblockType(row, instead);
          this.types.set(row, instead);
          continue;
        }
      }
      lists.hold(row, 1 << own);
      this.held.set(row, own);
      if (fromStart(row, own)) this.late.set(row, { row, order: own, until: Infinity });
    }
  }

  /** Another block of its list and order was taken before this head. */
  byEqual(head: number): void {
    if (!this.overtakenOnce.delete(head)) {
      this.overtakenOnce.add(head);
      return;
    }
    const order = this.lists.freeOrder(head);
    this.lists.hold(head, 1 << order);
    this.lists.freeDirect(head, order, true);
  }

  /** Event `i` takes a page off the free lists: if its block is held, it is free by now. */
  named(i: number, row: number): void {
    if (this.held.size === 0 || this.pages.state[row] !== PAGE_STATE.HELD) return;
    for (let order = 0; order <= this.pages.arch.maxPageOrder; order++) {
      const head = row & -(1 << order);
      if (this.held.get(head) !== order) continue;
      this.held.delete(head);
      this.release(head, order);
      const late = this.late.get(head);
      if (late?.until === Infinity) this.late.set(head, { ...late, until: i });
      return;
    }
  }

  /** Gives back what is still held: a dump shows it free. */
  putBack(): void {
    for (const [row, order] of this.held) this.release(row, order);
    this.held.clear();
  }

  private release(row: number, order: number): void {
    const { pages, lists } = this;
    const end = row + (1 << order);
    let whole = true;
    for (let at = row; at < end; at++) if (pages.state[at] !== PAGE_STATE.HELD) whole = false;
    if (whole) lists.freeDirect(row, order, false);
    else for (let at = row; at < end; at++) if (pages.state[at] === PAGE_STATE.HELD) lists.freeDirect(at, 0, false);
  }
}
