/**
 * HOT. LookupNode: a bit for each page whose node the layout must be asked for when it is freed. A bitmap of its own, not a
 * flag of the page: whoever owns a page writes its flags without atomic operations, and a second writer would lose some.
 *
 * The bitmap comes into being with the first layout that is committed; a machine that never has one pays nothing for it.
 *
 * Models: the letter's PG_lookup_node, as its author's later bitmap by mem_section.
 */
import type { PageMap } from '@replug/core';

export const MARKS_COLUMN = 'dnuma.lookupNode';

export class LookupMarks {
  /** Pages that are marked. */
  count = 0;
  private readonly pages: PageMap;
  private readonly changed: () => void;
  private bits: Uint8Array | undefined;

  /** `changed` is told when the first page is marked, and when the last one is not any more. */
  constructor(pages: PageMap, changed: () => void) {
    this.pages = pages;
    this.changed = changed;
  }

  has(row: number): boolean {
    return this.bits !== undefined && (this.bits[row >>> 3] & (1 << (row & 7))) !== 0;
  }

  /** True when some page of [row, row + pages) is marked. */
  any(row: number, pages: number): boolean {
    const { bits } = this;
    if (bits === undefined) return false;
    if (pages === 1) return (bits[row >>> 3] & (1 << (row & 7))) !== 0;
    const end = row + pages;
    for (let at = row; at < end;) {
      if ((at & 7) === 0 && at + 8 <= end) {
        if (bits[at >>> 3] !== 0) return true;
        at += 8;
      } else {
        if ((bits[at >>> 3] & (1 << (at & 7))) !== 0) return true;
        at++;
      }
    }
    return false;
  }

  /** Marks [row, row + pages); returns how many were not yet. */
  set(row: number, pages: number): number {
    return this.write(row, pages, 0xff);
  }

  /** Takes the marks of [row, row + pages) away; returns how many there were. */
  clear(row: number, pages: number): number {
    return this.bits === undefined || this.count === 0 ? 0 : -this.write(row, pages, 0);
  }

  private write(row: number, pages: number, value: number): number {
    const bits = (this.bits ??= this.pages.extra(MARKS_COLUMN, Uint8Array, { shift: 3 }));
    const end = row + pages;
    let difference = 0;
    for (let at = row; at < end;) {
      const stop = Math.min(end, (at | 7) + 1);
      const mask = ((1 << (stop - at)) - 1) << (at & 7);
      const old = bits[at >>> 3];
      const now = (old & ~mask) | (value & mask);
      if (old !== now) {
        difference += POPULATION[now] - POPULATION[old];
        bits[at >>> 3] = now;
      }
      at = stop;
    }
    const before = this.count;
    this.count += difference;
    if ((before === 0) !== (this.count === 0)) this.changed();
    return difference;
  }

  /** Marked pages, counted one by one. Cold. */
  recount(rows: number): number {
    let found = 0;
    if (this.bits !== undefined) for (let i = 0; i < rows >>> 3; i++) found += POPULATION[this.bits[i]];
    return found;
  }

  /** Takes the bitmap away. */
  drop(): void {
    if (this.bits !== undefined) this.pages.dropExtra(MARKS_COLUMN);
    this.bits = undefined;
    this.count = 0;
  }
}

const POPULATION = Uint8Array.from({ length: 256 }, (_, byte) => {
  let bits = 0;
  for (let rest = byte; rest > 0; rest &= rest - 1) bits++;
  return bits;
});
