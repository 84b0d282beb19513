/**
 * HOT. Which block a page belongs to, whoever holds it: the state byte stands at a block's head alone.
 *
 * Models: compound_head(), buddy_order(), PageBuddy(), include/linux/page-flags.h, 6.12.
 */
import { ByteRuns, PAGE_CLASS, PAGE_STATE, STATE_HOLDER_MASK, STATE_ORDER_MASK, type PageMap } from '@replug/core';
import type { FreeArea } from './free-area.ts';

export class Blocks {
  private readonly area: FreeArea;
  private readonly state: Uint8Array;
  private readonly states: ByteRuns;
  private readonly classes: ByteRuns;

  constructor(pages: PageMap, area: FreeArea) {
    this.area = area;
    this.state = pages.state;
    this.states = new ByteRuns(pages.state);
    this.classes = new ByteRuns(pages.pageClass);
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
    const stop = Math.min(end, (row | ((1 << this.area.maxOrder) - 1)) + 1);
    if (row + 1 >= stop || this.state[row + 1] !== PAGE_STATE.UNTOUCHED) return row + 1;
    return this.states.end(row + 1, stop);
  }

  /** Where the next free block may begin behind a page that is no free block's head, at most `end`; ≥ row + 1. */
  unfreeEnd(row: number, end: number): number {
    const { state, states } = this;
    const stop = Math.min(end, (row | ((1 << this.area.maxOrder) - 1)) + 1);
    let at = row + 1;
    while (at < stop && (state[at] & STATE_HOLDER_MASK) !== PAGE_STATE.FREE) at = states.end(at, stop);
    return at;
  }

  /** A block's pages are as new: nobody's, of no known class. */
  renew(row: number, order: number): void {
    this.classes.fill(PAGE_CLASS.UNKNOWN, row, row + (1 << order));
    this.states.fill(PAGE_STATE.UNTOUCHED, row, row + (1 << order));
  }

  /** Where pages of the same class end, and doubts as to it; at most `end`. */
  classEnd(row: number, end: number): number {
    return this.classes.end(row, end);
  }

  /** Where pages end that have the state byte and the class of one, at most `end` or the next head of a largest block. */
  alikeEnd(row: number, end: number): number {
    const stop = Math.min(end, (row | ((1 << this.area.maxOrder) - 1)) + 1);
    return this.classes.end(row, this.states.end(row, stop));
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
