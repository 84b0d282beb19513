/**
 * HOT. The scan for targets: free blocks of one pageblock, ascending, with a stride, until there are as many free pages
 * as sources. It looks and takes nothing.
 *
 * Models: mm/compaction.c isolate_freepages_block(); mm/page_alloc.c __isolate_free_page(), 6.1 and 6.12.
 */
import type { CompactionSight } from '@replug/core';
import type { FreeArea } from '../free-area.ts';
import type { CompactionRules } from './rules.ts';

export class FreeScanner {
  private readonly area: FreeArea;
  private readonly rules: CompactionRules;
  /** Of the last scan: row, pages seen, pages and blocks found. */
  end = 0;
  scanned = 0;
  taken = 0;
  blocks = 0;

  constructor(area: FreeArea, rules: CompactionRules) {
    this.area = area;
    this.rules = rules;
  }

  /**
   * Scans rows [from, end). `have`, `want`: free pages isolated so far, sources that need one. `spare`: free pages of the
   * zone above the mark that isolation respects; a block that would go below it ends the scan.
   */
  scan(
    from: number,
    end: number,
    stride: number,
    have: number,
    want: number,
    spare: number,
    sight: CompactionSight,
    heads: Int32Array,
  ): void {
    const { area } = this;
    const { countsSteppedOver } = this.rules;
    let scanned = 0;
    let taken = 0;
    let blocks = 0;
    let at = from;
    for (; at < end; at += stride) {
      scanned++;
      const compound = sight.compoundOrder(at);
      if (compound > 0) {
        const rest = (1 << compound) - 1;
        if (!countsSteppedOver) at += rest;
        else if (at + rest < end) {
          at += rest;
          scanned += rest;
        }
        continue;
      }
      const order = area.freeOrder(at);
      if (order < 0) continue;
      const size = 1 << order;
      // The block must leave more than the mark and itself.
      if (spare - taken - size <= 0) break;
      heads[blocks++] = at;
      taken += size;
      scanned += size - 1;
      at += size - 1;
      if (have + taken >= want) {
        at++;
        break;
      }
    }
    this.end = at > end ? end : at;
    this.scanned = scanned;
    this.taken = taken;
    this.blocks = blocks;
  }
}
