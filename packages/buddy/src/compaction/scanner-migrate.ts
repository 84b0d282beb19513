/**
 * HOT. The scan for sources: pages of one pageblock that migration would take, ascending, until a cluster is full.
 *
 * Locks are not modelled, but what depends on them is: the LRU lock is dropped every 32 pages, and the skip bit is looked
 * at when it is taken first. Left out: races (a page that is being freed), pages under writeback (ASYNC), unevictable
 * pages kept back by compact_unevictable_allowed = 0.
 *
 * Models: mm/compaction.c isolate_migratepages_block(), skip_isolation_on_order(), 6.1 and 6.12.
 */
import type { CompactionSight } from '@replug/core';
import type { FreeArea } from '../free-area.ts';
import type { CompactionRules } from './rules.ts';
import type { ZoneMemory } from './zone-state.ts';

/** COMPACT_CLUSTER_MAX: pages that are moved together; also how often the locks are dropped. */
export const CLUSTER = 32;

export class SourceScanner {
  private readonly area: FreeArea;
  private readonly memory: ZoneMemory;
  private readonly rules: CompactionRules;
  /** Of the last scan: rows. */
  end = 0;
  scanned = 0;
  /** Pages taken, and blocks. */
  taken = 0;
  blocks = 0;
  /** Row of the pageblock's first page, when the scan began there and could look at the skip bit; else −1. */
  valid = -1;
  /** The skip bit was set, or found set, when the first page was taken. */
  skipUpdated = false;

  constructor(area: FreeArea, memory: ZoneMemory, rules: CompactionRules) {
    this.area = area;
    this.memory = memory;
    this.rules = rules;
  }

  /**
   * Scans rows [from, end) of a pageblock. `held`: sources isolated before. `whole`: to the pageblock's end, however many
   * they are. `givesUp`: for a direct request of `order` – an order-aligned block with a page that stays is left.
   */
  scan(
    from: number,
    end: number,
    zoneStart: number,
    held: number,
    whole: boolean,
    ignoreSkip: boolean,
    givesUp: boolean,
    order: number,
    sight: CompactionSight,
    sources: Int32Array,
  ): void {
    const { area, memory, rules } = this;
    const { countsSteppedOver, movesCompound, zoneStartIsBlockStart, leavesSkippedBlock } = rules;
    const block = memory.blockPages;
    const wanted = order < 0 ? area.pageblockOrder : Math.min(order, area.pageblockOrder);
    let waiting = held;
    let scanned = 0;
    let taken = 0;
    let blocks = 0;
    let valid = -1;
    let skipUpdated = false;
    let locked = false;
    let giveUpAt = givesUp ? ((from >>> order) + 1) << order : 0;
    let low = from;
    for (; low < end; low++) {
      if (givesUp && low >= giveUpAt) {
        if (taken > 0) break;
        giveUpAt = ((low >>> order) + 1) << order;
      }
      if ((low & (CLUSTER - 1)) === 0) locked = false;
      scanned++;
      if (valid < 0 && ((low & (block - 1)) === 0 || (zoneStartIsBlockStart && low === zoneStart))) {
        if (!ignoreSkip && memory.isSkipped(low)) {
          low = end;
          break;
        }
        valid = low;
      }
      const free = area.freeOrder(low);
      if (free >= 0) {
        const rest = (1 << free) - 1;
        low += rest;
        if (countsSteppedOver) scanned += rest;
        continue;
      }
      const compound = sight.compoundOrder(low);
      const size = 1 << compound;
      let stays = false;
      if (compound > 0 && (!movesCompound || compound >= wanted)) {
        low += size - 1;
        if (countsSteppedOver) scanned += size - 1;
        stays = true;
      } else {
        stays = !sight.isSource(low);
      }
      if (stays) {
        if (!givesUp) continue;
        // What was found of the order-aligned block is put back: the block cannot become free.
        if (taken > 0) {
          taken = 0;
          blocks = 0;
          waiting = 0;
        }
        if (low < giveUpAt) {
          low = giveUpAt - 1;
          giveUpAt += 1 << order;
        }
        continue;
      }
      if (!locked) {
        locked = true;
        if (!skipUpdated && (leavesSkippedBlock ? valid >= 0 : true)) {
          skipUpdated = true;
          const looked = leavesSkippedBlock ? valid : (low & (block - 1)) === 0 ? low : -1;
          if (!ignoreSkip && looked >= 0) {
            const was = memory.isSkipped(looked);
            memory.setSkip(looked);
            if (was && !(leavesSkippedBlock && whole)) {
              if (leavesSkippedBlock) low = end;
              break;
            }
          }
        }
      }
      sources[blocks++] = low;
      low += size - 1;
      waiting += size;
      taken += size;
      scanned += size - 1;
      if (waiting >= CLUSTER && !whole) {
        low++;
        break;
      }
    }
    this.end = low > end ? end : low;
    this.scanned = scanned;
    this.taken = taken;
    this.blocks = blocks;
    this.valid = valid;
    this.skipUpdated = skipUpdated;
  }
}
