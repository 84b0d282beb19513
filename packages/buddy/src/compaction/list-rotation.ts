/**
 * Turning a free list so that a search goes on where it stopped: the list is a circle around its sentinel, which is moved.
 *
 * Models: mm/compaction.c move_freelist_head(), move_freelist_tail(), 6.1 and 6.12.
 */
import type { Machine } from '@replug/core';
import type { FreeArea } from '../free-area.ts';
import { TYPE } from '../pcp-policy.ts';

interface Circle {
  readonly next: Int32Array;
  readonly prev: Int32Array;
  readonly sentinel: number;
  readonly entry: number;
}

export class ListRotation {
  private readonly machine: Machine;
  private readonly area: FreeArea;

  constructor(machine: Machine, area: FreeArea) {
    this.machine = machine;
    this.area = area;
  }

  /** The block becomes the first of its list; what was before it goes to the end. */
  toHead(row: number, zone: number, order: number): void {
    const { next, prev, sentinel, entry } = this.circle(row, zone, order);
    if (prev[entry] === sentinel) return;
    this.area.changed();
    this.unlink(next, prev, sentinel);
    const before = prev[entry];
    next[before] = sentinel;
    prev[sentinel] = before;
    next[sentinel] = entry;
    prev[entry] = sentinel;
  }

  /** The block becomes the last of its list; what was before it goes to the end with it. */
  toTail(row: number, zone: number, order: number): void {
    const { next, prev, sentinel, entry } = this.circle(row, zone, order);
    if (next[entry] === sentinel) return;
    this.area.changed();
    this.unlink(next, prev, sentinel);
    const after = next[entry];
    next[entry] = sentinel;
    prev[sentinel] = entry;
    next[sentinel] = after;
    prev[after] = sentinel;
  }

  /** The last block of the list that a block is on. */
  last(row: number, zone: number, order: number): number {
    const { prev, sentinel } = this.circle(row, zone, order);
    return order === this.area.maxOrder ? prev[sentinel] << order : prev[sentinel];
  }

  private unlink(next: Int32Array, prev: Int32Array, sentinel: number): void {
    next[prev[sentinel]] = next[sentinel];
    prev[next[sentinel]] = prev[sentinel];
  }

  /** The columns that link a list, as free-area.ts lays them out. */
  private circle(row: number, zone: number, order: number): Circle {
    const { pages } = this.machine;
    const { area } = this;
    const type = area.typeOfFree(row, order);
    if (order === area.maxOrder) {
      const options = { shift: order, link: true };
      return {
        next: pages.extra('buddy.maxNext', Int32Array, options),
        prev: pages.extra('buddy.maxPrev', Int32Array, options),
        sentinel: (pages.capacity >>> order) + zone * TYPE.COUNT + type,
        entry: row >>> order,
      };
    }
    return {
      next: pages.extra('buddy.next', Int32Array, { link: true }),
      prev: pages.extra('buddy.prev', Int32Array, { link: true }),
      sentinel: pages.capacity + (zone * area.maxOrder + order) * TYPE.COUNT + type,
      entry: row,
    };
  }
}
