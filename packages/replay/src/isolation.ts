/**
 * Which free blocks a compaction scan took. The event tells the range, the pages scanned and the pages taken; the scan
 * itself visits the range with a stride (1 when synchronous, up to 32 when asynchronous), skips compound pages and takes
 * whole free blocks. A scan is explained by the stride that gives both numbers.
 *
 * Models: mm/compaction.c isolate_freepages_block(), isolate_freepages(), 6.1 and 6.12.
 */
import { PAGE_STATE, STATE_HOLDER_MASK, STATE_ORDER_MASK, type PageMap, type ZoneFreeLists } from '@replug/core';

const STRIDES = [1, 32, 2, 4, 8, 16];

export interface Scan {
  /** Rows [start, end). */
  readonly start: number;
  readonly end: number;
  readonly scanned: number;
  readonly taken: number;
}

/** Heads of the free blocks that a scan took; undefined when no stride gives the pages taken. */
export function explainIsolation(lists: ZoneFreeLists, pages: PageMap, scan: Scan): number[] | undefined {
  let likely: number[] | undefined;
  for (const skipsOwned of [true, false]) {
    for (const stride of STRIDES) {
      const { heads, scanned, taken } = walk(lists, pages, scan, stride, skipsOwned);
      if (taken !== scan.taken) continue;
      if (scanned === scan.scanned) return heads;
      likely ??= heads;
    }
  }
  return likely;
}

/** True when a scan makes sense, in both of its numbers, if `block` were a free block of `order`. */
export function explainedWith(lists: ZoneFreeLists, pages: PageMap, scan: Scan, block: number, order: number): boolean {
  return STRIDES.some((stride) =>
    [true, false].some((skipsOwned) => {
      const { scanned, taken } = walk(lists, pages, scan, stride, skipsOwned, block, order);
      return taken === scan.taken && scanned === scan.scanned;
    }),
  );
}

/** One walk. `skipsOwned`: blocks in use of more than one page are compound pages, which are stepped over. */
function walk(
  lists: ZoneFreeLists,
  pages: PageMap,
  { start, end }: Scan,
  stride: number,
  skipsOwned: boolean,
  block = -1,
  blockOrder = -1,
) {
  const { state } = pages;
  const heads: number[] = [];
  let scanned = 0;
  let taken = 0;
  for (let at = start; at < end; at += stride) {
    scanned++;
    const own = at === block ? 0 : state[at];
    if (skipsOwned && (own & STATE_HOLDER_MASK) === PAGE_STATE.ALLOCATED && (own & STATE_ORDER_MASK) > 0) {
      const size = 1 << (own & STATE_ORDER_MASK);
      if (at + size <= end) {
        at += size - 1;
        scanned += size - 1;
      }
      continue;
    }
    const order = at === block ? blockOrder : lists.freeOrder(at);
    if (order < 0) continue;
    heads.push(at);
    taken += 1 << order;
    scanned += (1 << order) - 1;
    // The loop's own step still follows the block.
    at += (1 << order) - 1;
  }
  return { heads, scanned, taken };
}
