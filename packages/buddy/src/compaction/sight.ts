/**
 * HOT. What the model's own scanners see of pages in use: blocks in one piece are compound pages, classes say what moves.
 * Pages of which nothing is known stay where they are.
 *
 * Models: PageCompound(), PageLRU(), __PageMovable() as mm/compaction.c asks them.
 */
import { CLASS_MOVABILITY, MOVABILITY, PAGE_STATE, type CompactionSight, type PageMap } from '@replug/core';
import { CLASS_MASK } from '../page-rules.ts';

const { ALLOCATED } = PAGE_STATE;

export class OwnSight implements CompactionSight {
  private readonly state: Uint8Array;
  private readonly pageClass: Uint8Array;

  private readonly isPinned: (row: number, pages: number) => boolean;

  /** `isPinned`: somebody holds a page of a block with an extra reference. */
  constructor(pages: PageMap, isPinned: (row: number, pages: number) => boolean) {
    this.state = pages.state;
    this.pageClass = pages.pageClass;
    this.isPinned = isPinned;
  }

  compoundOrder(row: number): number {
    const own = this.state[row];
    return (own & 0xf0) === ALLOCATED ? own & 0x0f : 0;
  }

  isSource(row: number): boolean {
    const own = this.state[row];
    if ((own & 0xf0) !== ALLOCATED) return false;
    if (CLASS_MOVABILITY[this.pageClass[row] & CLASS_MASK] !== MOVABILITY.MOVABLE) return false;
    return !this.isPinned(row, 1 << (own & 0x0f));
  }
}
