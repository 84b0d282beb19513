/**
 * HOT. Moves pages to the nodes that a layout gives them: free blocks at once, each cut at the layout's borders into the
 * largest aligned pieces; reserved pages too, since no list and no counter of a node has them; every other page is marked
 * and moves when it is freed (zoneOf). Each page goes to its own kind of zone on the new node, and keeps its pageblock's
 * type. Free pages of CMA areas (an area lies in one zone) and of isolated pageblocks stay.
 *
 * Models: the letter's mm/page-transplant.c and move_free_pages(). Other than there a straddling block is cut by the page's own
 * range, and into pieces as large as the borders allow.
 */
import { MIGRATE, PAGE_CLASS, PAGE_STATE, type FreedPageZone, type Machine, type ZoneFreeLists } from '@replug/core';
import type { ZoneBooks } from './accounting.ts';
import type { LayoutLookup } from './lookup.ts';
import type { LookupMarks } from './marks.ts';
import type { DnumaCounts } from './parts.ts';

export interface TransplantParts {
  readonly machine: Machine;
  readonly lists: ZoneFreeLists;
  readonly marks: LookupMarks;
  readonly lookup: LayoutLookup;
  readonly books: ZoneBooks;
  readonly counts: DnumaCounts;
  /** Blocks that straddle borders become single pages, as in the letter's patches. */
  readonly toSinglePages: boolean;
  /** Frees ask the layout for every page. */
  readonly always: boolean;
  /** A block was put on its new node's lists (pages 0: a zone's first pages came by a free). */
  readonly moved: (zone: number, pages: number) => void;
}

export class Transplant implements NonNullable<FreedPageZone> {
  private readonly parts: TransplantParts;
  private readonly state: Uint8Array;
  private readonly pageClass: Uint8Array;
  private readonly types: number;
  private readonly maxOrder: number;
  /** Position of a node id in Zones.nodes; -1: no such node. */
  private readonly position: Int32Array;
  private readonly nidOfZone: Int32Array;
  private readonly blockPages: number;
  private tell: () => void = () => undefined;
  private published = false;
  private lastBlock = -1;
  private lastEarly = true;

  constructor(parts: TransplantParts) {
    const { machine } = parts;
    this.parts = parts;
    this.state = machine.pages.state;
    this.pageClass = machine.pages.pageClass;
    this.types = machine.zones.kinds.length;
    this.maxOrder = machine.description.arch.maxPageOrder;
    this.position = new Int32Array(Math.max(...machine.zones.nodes.map((n) => n.nid)) + 1).fill(-1);
    machine.zones.nodes.forEach((node, i) => (this.position[node.nid] = i));
    this.nidOfZone = Int32Array.from(machine.zones.all, (z) => z.nid);
    this.blockPages = machine.blocks.blockPages;
  }

  // FreedPageZone

  get pending(): boolean {
    return this.parts.marks.count > 0 || (this.parts.always && this.published);
  }

  watch(changed: () => void): void {
    this.tell = changed;
  }

  /** `pending` may have changed. */
  changed(): void {
    this.tell();
  }

  /** A layout is in force. */
  publish(): void {
    this.published = true;
    this.lastBlock = -1;
    this.tell();
  }

  zoneOf(row: number, order: number, zone: number, cpu: number): number {
    const { marks, lookup, machine, counts } = this.parts;
    const pages = 1 << order;
    const marked = marks.any(row, pages);
    if (!marked && !this.parts.always) return zone;
    const pfn = machine.pages.rowToPfn(row);
    const nid = lookup.nid(pfn, cpu);
    if (!marked) return zone;
    if (pfn + pages > lookup.end) return this.freeInPieces(row, order, zone);
    marks.clear(row, pages);
    const to = this.zoneOn(zone, nid);
    if (to === zone) return zone;
    counts.transplantOnFree += pages;
    this.lastBlock = -1;
    this.place(pfn, row, pages, zone, to, pages);
    this.parts.moved(to, 0);
    return to;
  }

  /** A freed block with pages of several nodes: each piece goes to its own node's lists. */
  private freeInPieces(row: number, order: number, zone: number): number {
    const { counts } = this.parts;
    const before = counts.transplantFromFreelist;
    counts.splits++;
    this.putBack(row, order, zone, false);
    counts.transplantOnFree += counts.transplantFromFreelist - before;
    counts.transplantFromFreelist = before;
    this.parts.moved(zone, 0);
    return -1;
  }

  // A commit

  /** First pass over [start, end), rows of one section: marks every page whose node is another than `nid`. */
  mark(row: number, end: number, nid: number): void {
    const { marks, machine } = this.parts;
    const { sectionZone, sectionShift, zoneOverride } = machine.pages;
    const uniform = sectionZone[row >>> sectionShift];
    for (let at = row; at < end;) {
      const zone = uniform || zoneOverride[at];
      let stop = end;
      if (uniform === 0) for (stop = at + 1; stop < end && zoneOverride[stop] === zone;) stop++;
      if (zone > 0 && !machine.zones.all[zone - 1].kind.device && this.nidOfZone[zone - 1] !== nid)
        marks.set(at, stop - at);
      else marks.clear(at, stop - at);
      at = stop;
    }
  }

  /** Second pass over the same rows: moves what is nobody's. */
  move(row: number, end: number, nid: number): void {
    const { lists, counts } = this.parts;
    const { state, pageClass, maxOrder } = this;
    const aligned = (1 << maxOrder) - 1;
    const head = lists.freeHead(row);
    let at = row;
    if (head >= 0 && head < row) {
      const order = lists.freeOrder(head);
      this.moveBlock(head, order);
      at = head + (1 << order);
    }
    while (at < end) {
      counts.examined++;
      const own = state[at];
      if (own !== PAGE_STATE.UNTOUCHED) {
        const order = own & 15;
        if ((own & 0xf0) === PAGE_STATE.FREE) this.moveBlock(at, order);
        at += 1 << order;
      } else if ((at & aligned) === 0 && lists.freeOrder(at) === maxOrder) {
        this.moveBlock(at, maxOrder);
        at += 1 << maxOrder;
      } else if (pageClass[at] === PAGE_CLASS.RESERVED && lists.freeHead(at) < 0) {
        at = this.moveReserved(at, end, nid);
      } else at++;
    }
  }

  /** A run of reserved pages from `row` on, at most to `end`; returns where it ends. */
  private moveReserved(row: number, end: number, nid: number): number {
    const { machine, marks, counts } = this.parts;
    const zone = machine.pages.zoneOf(row);
    let at = row + 1;
    while (
      at < end &&
      this.state[at] === PAGE_STATE.UNTOUCHED &&
      this.pageClass[at] === PAGE_CLASS.RESERVED &&
      machine.pages.zoneOf(at) === zone
    )
      at++;
    marks.clear(row, at - row);
    const to = zone < 0 ? zone : this.zoneOn(zone, nid);
    if (to !== zone) {
      counts.transplantReserved += at - row;
      this.place(machine.pages.rowToPfn(row), row, at - row, zone, to, 0);
    }
    return at;
  }

  /** A free block goes where the layout says. Returns pages that changed their node. */
  moveBlock(head: number, order: number): number {
    const { machine, lists, lookup, counts, marks } = this.parts;
    const zone = machine.pages.zoneOf(head);
    const pages = 1 << order;
    if (zone < 0 || !marks.any(head, pages)) return 0;
    const type = lists.pageblockType(head);
    if (type === MIGRATE.CMA || type === MIGRATE.ISOLATE) {
      marks.clear(head, pages);
      counts.kept += pages;
      return 0;
    }
    const pfn = machine.pages.rowToPfn(head);
    const nid = lookup.nid(pfn, 0);
    const whole = pfn + pages <= lookup.end;
    const to = this.zoneOn(zone, nid);
    if (whole && to === zone) {
      marks.clear(head, pages);
      return 0;
    }
    lists.forget(head, order);
    const before = counts.transplantFromFreelist;
    if (whole) this.put(head, order, pfn, zone, to, true);
    else {
      counts.splits++;
      this.putBack(head, order, zone, true);
    }
    return counts.transplantFromFreelist - before;
  }

  /** A block that is on no list is put back in pieces, each to its node. */
  private putBack(head: number, order: number, zone: number, tail: boolean): void {
    const { machine, lookup, toSinglePages } = this.parts;
    const first = machine.pages.rowToPfn(head);
    const pages = 1 << order;
    for (let at = 0; at < pages;) {
      const nid = lookup.nid(first + at, 0);
      const stop = toSinglePages ? at + 1 : Math.min(pages, lookup.end - first);
      const to = this.zoneOn(zone, nid);
      while (at < stop) {
        let piece = 0;
        while (piece < order && (at & ((2 << piece) - 1)) === 0 && at + (2 << piece) <= stop) piece++;
        this.put(head + at, piece, first + at, zone, to, tail);
        at += 1 << piece;
      }
    }
  }

  private put(row: number, order: number, pfn: number, from: number, to: number, tail: boolean): void {
    const { lists, marks, counts } = this.parts;
    const pages = 1 << order;
    marks.clear(row, pages);
    counts.pieces++;
    if (to !== from) {
      counts.transplantFromFreelist += pages;
      this.place(pfn, row, pages, from, to, pages);
    }
    lists.placeAllocated(row, order);
    lists.freeDirect(row, order, tail);
    if (to !== from) this.parts.moved(to, pages);
  }

  private place(pfn: number, row: number, pages: number, from: number, to: number, managed: number): void {
    const { books } = this.parts;
    const { sectionZone, sectionShift, zoneOverride } = this.parts.machine.pages;
    const first = row >>> sectionShift;
    // Where each page of a section says its own zone, nothing else has to be told.
    if (sectionZone[first] === 0 && first === (row + pages - 1) >>> sectionShift && zoneOverride[row] !== 0) {
      for (let at = row; at < row + pages; at++) zoneOverride[at] = to + 1;
    } else this.parts.machine.pages.setZone(pfn, pfn + pages, to);
    books.move(from, to, pfn, pages, managed, this.isEarly(Math.floor(pfn / this.blockPages)));
  }

  /** Whether a memory block is boot memory; pieces of one come in a row. */
  private isEarly(id: number): boolean {
    if (id !== this.lastBlock) {
      this.lastBlock = id;
      this.lastEarly = this.parts.machine.blocks.get(id)?.early ?? true;
    }
    return this.lastEarly;
  }

  /** The zone of the same kind on another node; the own one where the layout names none. */
  zoneOn(zone: number, nid: number): number {
    return nid < 0 ? zone : this.position[nid] * this.types + (zone % this.types);
  }
}
