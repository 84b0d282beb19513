/**
 * HOT. Which block a page belongs to, whoever holds it: the state byte stands at a block's head alone.
 *
 * Models: compound_head(), buddy_order(), PageBuddy(), include/linux/page-flags.h, 6.12.
 */
import { PAGE_STATE, STATE_HOLDER_MASK, STATE_ORDER_MASK, type PageMap } from '@replug/core';
import type { FreeArea } from './free-area.ts';

export class Blocks {
  private readonly area: FreeArea;
  private readonly state: Uint8Array;

  constructor(pages: PageMap, area: FreeArea) {
    this.area = area;
    this.state = pages.state;
  }

  /** Head of the block that a page lies in; -1 for a page that the allocator does not know. */
  head(row: number): number {
    const { state, area } = this;
    for (let order = 0; order <= area.maxOrder; order++) {
      const head = row & -(1 << order);
      const own = state[head];
      if (own !== PAGE_STATE.UNTOUCHED && (own & STATE_ORDER_MASK) >= order) return head;
    }
    // Free blocks of the maximal order have no state byte.
    const head = row & -(1 << area.maxOrder);
    return area.freeOrder(head) === area.maxOrder ? head : -1;
  }

  /**
   * Where the next block may begin behind a page, at most `end`; ≥ row + 1. Whatever covers the page, or nothing, covers every
   * page before that. Ends at the head of a largest block, which has no state byte while it is free.
   */
  bareEnd(row: number, end: number): number {
    const { state } = this;
    const stop = Math.min(end, (row | ((1 << this.area.maxOrder) - 1)) + 1);
    let at = row + 1;
    while (at < stop && state[at] === PAGE_STATE.UNTOUCHED) at++;
    return at;
  }

  /** Where the next free block may begin behind a page that is no free block's head, at most `end`; ≥ row + 1. */
  unfreeEnd(row: number, end: number): number {
    const { state } = this;
    const stop = Math.min(end, (row | ((1 << this.area.maxOrder) - 1)) + 1);
    let at = row + 1;
    while (at < stop && (state[at] & STATE_HOLDER_MASK) !== PAGE_STATE.FREE) at++;
    return at;
  }

  /** PAGE_STATE of the block with this head; UNTOUCHED where no block begins. */
  holder(head: number): number {
    const own = this.state[head] & STATE_HOLDER_MASK;
    if (own !== PAGE_STATE.UNTOUCHED) return own;
    return this.area.freeOrder(head) >= 0 ? PAGE_STATE.FREE : PAGE_STATE.UNTOUCHED;
  }

  /** Order of the block with this head; 0 where no block begins. */
  order(head: number): number {
    const own = this.state[head];
    if (own !== PAGE_STATE.UNTOUCHED) return own & STATE_ORDER_MASK;
    return Math.max(0, this.area.freeOrder(head));
  }

  /** PAGE_STATE of whoever holds a page. */
  holderOf(row: number): number {
    const head = this.head(row);
    return head < 0 ? PAGE_STATE.UNTOUCHED : this.holder(head);
  }
}
