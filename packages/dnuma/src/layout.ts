/**
 * HOT. A memory layout: which node each pfn belongs to, as half-open ranges. Kept as ascending borders with the node from
 * each border on, so that a lookup is one binary search over two typed arrays and a range costs ten bytes.
 *
 * Holes: a pfn that no range covers has node -1, which means that its page stays where it is. `stretched()` gives a layout
 * without holes, as the letter's debugfs interface commits it: each range reaches to the next one's start, the first begins
 * at 0 and the last ends at the end of memory.
 *
 * Models: the letter's memlayout (mm/memlayout.c), its new_range() and expand(); its inclusive ends, its overlap result 1 and
 * its end at max_pfn inclusive are not kept.
 */
import { badRange, emptyLayout, overlapping, rangeText, tooManyRanges } from './errors.ts';
import type { Nid, Pfn } from '@replug/core';

export interface LayoutRange {
  readonly start: Pfn;
  readonly end: Pfn;
  readonly nid: Nid;
}

/** Ranges that a layout may have: 16 TiB in pieces of 1 MiB. */
export const MAX_RANGES = 2 ** 24;
const MAX_NID = 2 ** 15 - 1;

export class MemLayout {
  /** Ascending; from borders[i] on pfns belong to nids[i]. Before the first one: nobody. */
  readonly borders: Float64Array;
  readonly nids: Int16Array;

  /** For layouts known to be in order; others are made by layoutOf(). */
  constructor(borders: Float64Array, nids: Int16Array) {
    this.borders = borders;
    this.nids = nids;
  }

  /** Number of pieces, holes included. */
  get length(): number {
    return this.borders.length;
  }

  /** Index of the piece that a pfn lies in; -1 before the first. */
  find(pfn: Pfn): number {
    const { borders } = this;
    let low = 0;
    let high = borders.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (borders[middle] <= pfn) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  nidOf(pfn: Pfn): Nid {
    const at = this.find(pfn);
    return at < 0 ? -1 : this.nids[at];
  }

  /** Where the piece with this index ends. */
  endOf(index: number): Pfn {
    return index + 1 < this.borders.length ? this.borders[index + 1] : Infinity;
  }

  /** Ranges that have a node, ascending. */
  *ranges(): IterableIterator<LayoutRange> {
    for (let i = 0; i < this.length; i++) {
      if (this.nids[i] >= 0) yield { start: this.borders[i], end: this.endOf(i), nid: this.nids[i] };
    }
  }

  /** Node ids that some range has, ascending. */
  nodes(): Nid[] {
    const seen = new Set<number>();
    for (const nid of this.nids) if (nid >= 0) seen.add(nid);
    return [...seen].sort((a, b) => a - b);
  }

  /** Without holes, up to `end`. */
  stretched(end: Pfn): MemLayout {
    const build = new PieceBuilder(this.length + 1);
    for (let i = 0; i < this.length; i++) {
      if (this.nids[i] >= 0) build.push(build.length === 0 ? 0 : this.borders[i], this.nids[i]);
    }
    return build.done(end);
  }

  /** This layout with [start, end) given to a node (-1: to nobody). */
  with(start: Pfn, end: Pfn, nid: Nid): MemLayout {
    const build = new PieceBuilder(this.length + 3);
    let i = 0;
    for (; i < this.length && this.borders[i] < start; i++) build.push(this.borders[i], this.nids[i]);
    const after = this.nidOf(end);
    build.push(start, nid);
    while (i < this.length && this.borders[i] <= end) i++;
    build.push(end, after);
    for (; i < this.length; i++) build.push(this.borders[i], this.nids[i]);
    return build.done();
  }
}

/** Collects pieces in ascending order, joining those of one node. */
export class PieceBuilder {
  length = 0;
  private readonly borders: Float64Array;
  private readonly nids: Int16Array;

  constructor(most: number) {
    this.borders = new Float64Array(most);
    this.nids = new Int16Array(most);
  }

  push(border: Pfn, nid: Nid): void {
    if (this.length > 0 && this.borders[this.length - 1] === border) {
      this.length--;
    }
    if (this.length > 0 && this.nids[this.length - 1] === nid) return;
    this.borders[this.length] = border;
    this.nids[this.length++] = nid;
  }

  done(end?: Pfn): MemLayout {
    if (end !== undefined && this.length > 0) this.push(end, -1);
    return new MemLayout(this.borders.slice(0, this.length), this.nids.slice(0, this.length));
  }
}

/** A layout of ranges in any order. Throws RP2301, RP2302 (overlap), RP2305 (none), RP2309. */
export function layoutOf(ranges: readonly LayoutRange[], endOfMemory = 2 ** 52): MemLayout {
  if (ranges.length === 0) throw emptyLayout();
  if (ranges.length > MAX_RANGES) throw tooManyRanges(ranges.length, MAX_RANGES);
  for (const range of ranges) checkRange(range, endOfMemory);
  const sorted = [...ranges].sort((a, b) => a.start - b.start);
  const build = new PieceBuilder(2 * sorted.length);
  let last: LayoutRange | undefined;
  for (const range of sorted) {
    const { start, end, nid } = range;
    if (last !== undefined && start < last.end) {
      throw overlapping(rangeText(last.start, last.end, last.nid), rangeText(start, end, nid));
    }
    build.push(start, nid);
    build.push(end, -1);
    last = range;
  }
  return build.done();
}

export function checkRange({ start, end, nid }: LayoutRange, endOfMemory: number): void {
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || start < 0)
    throw badRange(start, end, nid, 'its ends are no page frame numbers');
  if (end <= start) throw badRange(start, end, nid, 'it is empty or ends before it begins');
  if (end > endOfMemory) throw badRange(start, end, nid, `it ends after pfn 0x${endOfMemory.toString(16)}`);
  if (!Number.isInteger(nid) || nid < 0 || nid > MAX_NID) throw badRange(start, end, nid, 'its node is no node id');
}

/** [start, end) dealt to nodes in turn, `pages` at a time: the letter's `stripe`. Throws RP2301, RP2309. */
export function striped(start: Pfn, end: Pfn, pages: number, nids: readonly Nid[]): MemLayout {
  if (nids.length === 0) throw emptyLayout();
  for (const nid of nids) checkRange({ start, end, nid }, 2 ** 52);
  if (!Number.isSafeInteger(pages) || pages < 1) throw badRange(start, end, nids[0], `stripes of ${pages} pages`);
  const count = Math.ceil((end - start) / pages);
  if (count > MAX_RANGES) throw tooManyRanges(count, MAX_RANGES);
  const build = new PieceBuilder(count + 1);
  for (let i = 0; i < count; i++) build.push(start + i * pages, nids[i % nids.length]);
  return build.done(end);
}

/**
 * Tells of every maximal range in which a layout gives pages a node that another does not: what a change has to touch.
 * Pages that the new layout leaves alone (holes) are not in it.
 */
export function eachDifference(from: MemLayout, to: MemLayout, tell: (start: Pfn, end: Pfn, nid: Nid) => void): void {
  let i = -1;
  let at = to.length === 0 ? Infinity : to.borders[0];
  i = from.find(at);
  for (let j = 0; j < to.length;) {
    const end = Math.min(to.endOf(j), from.endOf(i));
    const old = i < 0 ? -1 : from.nids[i];
    if (to.nids[j] >= 0 && to.nids[j] !== old && end > at) tell(at, end, to.nids[j]);
    if (end === Infinity) return;
    at = end;
    if (from.endOf(i) === end) i++;
    if (to.endOf(j) === end) j++;
  }
}

/** eachDifference() as a list. */
export function differences(from: MemLayout, to: MemLayout): LayoutRange[] {
  const found: LayoutRange[] = [];
  eachDifference(from, to, (start, end, nid) => found.push({ start, end, nid }));
  return found;
}
