/**
 * Which free blocks a compaction scan took. The event tells the range, the pages scanned and the pages taken; the scan
 * itself visits the range with a stride (1 when synchronous, up to 32 when asynchronous) and takes whole free blocks.
 *
 * Models: mm/compaction.c isolate_freepages_block(), isolate_freepages(), 6.1 and 6.12.
 */
import type { ZoneFreeLists } from '@replug/core';

const STRIDES = [1, 32, 2, 4, 8, 16];

/**
 * Heads of the free blocks that a scan of rows [start, end) took, given the pages taken in all. undefined when no stride
 * gives that number.
 */
export function explainIsolation(lists: ZoneFreeLists, start: number, end: number, taken: number): number[] | undefined {
  for (const stride of STRIDES) {
    const heads: number[] = [];
    let pages = 0;
    for (let at = start; at < end; at += stride) {
      const order = lists.freeOrder(at);
      if (order < 0) continue;
      heads.push(at);
      pages += 1 << order;
      // The loop's own step still follows the block.
      at += (1 << order) - 1;
    }
    if (pages === taken) return heads;
  }
  return undefined;
}
