/**
 * A start state from counts has as many free blocks as the machine had, in made-up places. Events teach where they were:
 *
 *   a block is taken from pages that nothing is known of    the smallest made-up block that serves was there: it moves there
 *   a page of a made-up block is freed                      it was in use: the block moves to pages that nothing is known of
 *   a page leaves a CPU's list that nothing is known of     one of the made-up pages of that list was it
 *
 * So the number of free blocks stays right while their places become so. Nothing is known of an event before it comes.
 */
import {
  PAGE_STATE,
  STATE_HOLDER_MASK,
  type AllocatorPreview,
  type Machine,
  type PageMap,
  type ZoneFreeLists,
} from '@replug/core';

/** Blocks of one order that are looked at for one of the right migratetype. */
const LOOKED_AT = 64;

export class MadeUpBlocks {
  private readonly pages: PageMap;
  private readonly lists: ZoneFreeLists;
  private readonly preview: AllocatorPreview;
  private readonly orders: number;
  /** Heads of made-up blocks by zone * orders + order; some may be gone. */
  private readonly blocks: number[][];
  /** 1 for every page of a made-up block. */
  private readonly madeUp: Uint8Array;
  /** Made-up pages of the CPUs' lists, by CPU. */
  private readonly listed: number[][];
  /** Where the search for unknown pages goes on, by order. */
  private readonly cursor: Int32Array;

  /** `lists` holds what placeCounts() put there, and nothing else. */
  constructor(machine: Machine, lists: ZoneFreeLists, preview: AllocatorPreview) {
    const { pages, zones, description } = machine;
    this.pages = pages;
    this.lists = lists;
    this.preview = preview;
    this.orders = pages.arch.maxPageOrder + 1;
    this.blocks = zones.all.flatMap(() => Array.from({ length: this.orders }, () => []));
    this.listed = Array.from({ length: description.cpus }, () => []);
    const rows = pages.slotCount << pages.sectionShift;
    this.madeUp = new Uint8Array(rows);
    this.cursor = new Int32Array(this.orders);
    for (let row = 0; row < rows;) {
      const order = lists.freeOrder(row);
      if (order >= 0) this.add(row, order);
      else if (isListed(pages.state[row])) this.listed[preview.cpuOf(row)].push(row);
      row += order >= 0 ? 1 << order : 1;
    }
  }

  /** A block is about to leave the free lists. */
  beforeTaken(row: number, order: number, type: number): void {
    const zone = this.pages.zoneOf(row);
    if (zone < 0) return;
    if (this.madeUp[row] === 1) this.takeSmaller(zone, row, order, type);
    if (this.lists.knows(row, order)) return;
    for (let have = order; have < this.orders; have++) {
      const block = this.pick(zone, have, type);
      if (block < 0) continue;
      // As much of it as fits around the block that is taken.
      let fits = have;
      while (fits > order && !this.isUnknown(row & -(1 << fits), fits, zone)) fits--;
      this.leave(block, have);
      this.lists.placeFree(row & -(1 << fits), fits, type);
      for (let rest = fits; rest < have; rest++) this.settleElsewhere(zone, rest, type);
      return;
    }
  }

  /** By chance a made-up block lies there. The kernel takes the smallest that serves: if a smaller one is made up, it was that. */
  private takeSmaller(zone: number, row: number, order: number, type: number): void {
    const head = this.lists.freeHead(row);
    const smaller = this.preview.firstFree(zone, order, type);
    if (head < 0 || smaller < 0 || this.madeUp[smaller] === 0) return;
    const have = this.lists.freeOrder(head);
    const fits = this.lists.freeOrder(smaller);
    if (fits >= have) return;
    const headType = this.preview.freeTypeOf(head);
    this.leave(smaller, fits);
    this.leave(head, have);
    this.lists.placeFree(row & -(1 << fits), fits, type);
    this.settleElsewhere(zone, have, headType);
  }

  /** A block is about to be freed that may lie where a made-up block is. */
  beforeFreed(row: number, order: number): void {
    for (let at = row; at < row + (1 << order); at++) {
      const head = this.madeUp[at] === 1 ? this.lists.freeHead(at) : -1;
      if (head < 0) continue;
      const have = this.lists.freeOrder(head);
      const type = this.preview.freeTypeOf(head);
      this.leave(head, have);
      this.settleElsewhere(this.pages.zoneOf(head), have, type);
    }
  }

  /** A page is about to leave a CPU's list. */
  beforeUnlisted(row: number, order: number, cpu: number): void {
    if (order > 0 || this.lists.knows(row, order)) return;
    const listed = this.listed[cpu];
    while (listed.length > 0) {
      const other = listed.pop()!;
      if (!isListed(this.pages.state[other]) || this.preview.cpuOf(other) !== cpu) continue;
      this.lists.forget(other, 0);
      return;
    }
  }

  private add(row: number, order: number): void {
    this.blocks[this.pages.zoneOf(row) * this.orders + order].push(row);
    this.madeUp.fill(1, row, row + (1 << order));
  }

  /** Takes a made-up block of an order out of the books, of the type if there is one; −1 when there is none. */
  private pick(zone: number, order: number, type: number): number {
    const blocks = this.blocks[zone * this.orders + order];
    let found = -1;
    for (let i = blocks.length - 1; i >= 0 && i >= blocks.length - LOOKED_AT; i--) {
      const row = blocks[i];
      if (this.lists.freeOrder(row) !== order || this.madeUp[row] === 0) {
        blocks.splice(i, 1);
        if (found > i) found--;
      } else if (this.preview.freeTypeOf(row) === type) {
        found = i;
        break;
      } else if (found < 0) found = i;
    }
    return found < 0 ? -1 : blocks.splice(found, 1)[0];
  }

  /** A made-up block is not where it is. */
  private leave(row: number, order: number): void {
    this.madeUp.fill(0, row, row + (1 << order));
    this.lists.forget(row, order);
  }

  /** A block that is counted goes to the next pages of its zone that nothing is known of. */
  private settleElsewhere(zone: number, order: number, type: number): void {
    const size = 1 << order;
    const rows = this.madeUp.length;
    for (let seen = 0; seen < rows; seen += size) {
      const row = ((this.cursor[order] + seen) % rows) & -size;
      if (!this.isUnknown(row, order, zone)) continue;
      this.cursor[order] = row + size;
      this.lists.placeFree(row, order, type);
      this.add(row, order);
      return;
    }
  }

  private isUnknown(row: number, order: number, zone: number): boolean {
    const last = row + (1 << order) - 1;
    if (this.pages.zoneOf(row) !== zone || this.pages.zoneOf(last) !== zone) return false;
    return !this.lists.knows(row, order);
  }
}

function isListed(state: number): boolean {
  return (state & STATE_HOLDER_MASK) === PAGE_STATE.PCP;
}
