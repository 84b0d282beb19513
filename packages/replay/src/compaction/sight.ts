/**
 * HOT. What a recorded replay knows of pages in use: which blocks are compound pages, and which pages are on the LRU. A dump
 * tells both for its instant; afterwards the gfp flags of allocations tell: __GFP_COMP, __GFP_MOVABLE.
 *
 * Models: PageCompound(), PageLRU() as mm/compaction.c asks them, 6.1 and 6.12.
 */
import { CLASS_MOVABILITY, MOVABILITY, PAGE_STATE, type CompactionSight, type PageMap } from '@replug/core';
import { CLASS_MASK } from '@replug/workload';

const { ALLOCATED } = PAGE_STATE;

export class RecordedSight implements CompactionSight {
  private readonly state: Uint8Array;
  private readonly pageClass: Uint8Array;
  /** 1: the block that begins here is larger than a page and not a compound page. */
  private readonly plain: Uint8Array;

  constructor(pages: PageMap) {
    this.state = pages.state;
    this.pageClass = pages.pageClass;
    this.plain = new Uint8Array(pages.slotCount << pages.sectionShift);
  }

  /** A block of more than one page was handed out. */
  allocated(row: number, compound: boolean): void {
    this.plain[row] = compound ? 0 : 1;
  }

  compoundOrder(row: number): number {
    const own = this.state[row];
    return (own & 0xf0) === ALLOCATED && this.plain[row] === 0 ? own & 0x0f : 0;
  }

  isSource(row: number): boolean {
    return (
      (this.state[row] & 0xf0) === ALLOCATED &&
      CLASS_MOVABILITY[this.pageClass[row] & CLASS_MASK] === MOVABILITY.MOVABLE
    );
  }
}
