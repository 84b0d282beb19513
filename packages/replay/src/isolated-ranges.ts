/**
 * Ranges whose free pages leave the free lists without an event for each block: a compaction scan takes some of them
 * (mm_compaction_isolate_freepages), offlining and contiguous allocations all of them (test_pages_isolated).
 *
 * Models: mm/compaction.c isolate_freepages_block(); mm/page_isolation.c test_pages_isolated(), 6.1 and 6.12.
 */
import { KIND, PAGE_STATE, STATE_HOLDER_MASK, STATE_ORDER_MASK, type PageMap, type ZoneFreeLists } from '@replug/core';
import { eventArg, type EventColumns } from '@replug/workload';
import type { CompactionShadow } from './compaction/shadow.ts';
import { explainedWith, explainIsolation, type Scan } from './isolation.ts';
import type { ReplayCounts } from './replay-counts.ts';

export class IsolatedRanges {
  private readonly events: EventColumns;
  private readonly pages: PageMap;
  private readonly lists: ZoneFreeLists;
  private readonly counts: ReplayCounts;
  private readonly shadow: CompactionShadow | undefined;

  constructor(
    events: EventColumns,
    pages: PageMap,
    lists: ZoneFreeLists,
    counts: ReplayCounts,
    shadow?: CompactionShadow,
  ) {
    this.shadow = shadow;
    this.events = events;
    this.pages = pages;
    this.lists = lists;
    this.counts = counts;
  }

  /** mm_compaction_isolate_freepages. */
  scan(i: number): void {
    const { events, pages, lists, counts } = this;
    const taken = eventArg(events, i, 3);
    const predicted = this.shadow?.expectFree(i);
    if (taken === 0) {
      this.shadow?.tookFree(i, []);
      counts.informative++;
      return;
    }
    const start = eventArg(events, i, 0);
    const row = pages.pfnToRow(start);
    if (row < 0) {
      counts.outside++;
      return;
    }
    // A scan stays within one pageblock.
    const length = eventArg(events, i, 1) - start;
    if (!(length > 0 && length <= 1 << pages.arch.pageblockOrder && taken <= length)) {
      counts.impossible++;
      return;
    }
    counts.applied++;
    const end = row + length;
    const scan = { start: row, end, scanned: eventArg(events, i, 2), taken };
    const heads = predicted ?? explainIsolation(lists, pages, scan) ?? this.explainByHiddenFree(i, scan);
    this.shadow?.tookFree(i, heads);
    if (heads === undefined) {
      counts.isolationsUnexplained++;
      return;
    }
    for (const head of heads) counts.heldByCompaction += lists.hold(head, 1 << lists.freeOrder(head));
  }

  /**
   * A scan that the free lists do not explain: pages that a busy per-CPU lock sent straight to the free lists are still on
   * CPU lists here. With those of one block of the range freed – the one that needs the fewest – the scan makes sense.
   */
  private explainByHiddenFree(i: number, scan: Scan): number[] | undefined {
    const { lists, pages } = this;
    let fewest: number[] | undefined;
    for (let order = 0; order <= pages.arch.maxPageOrder && 1 << order <= scan.taken; order++) {
      const size = 1 << order;
      for (let block = Math.ceil(scan.start / size) * size; block + size <= scan.end; block += size) {
        const listed = onCpuLists(lists, pages, block, size);
        if (listed === undefined || listed.length === 0 || listed.length >= (fewest?.length ?? Infinity)) continue;
        if (!explainedWith(lists, pages, scan, block, order)) continue;
        if (listed.some((row) => this.leavesCpuList(i, row))) continue;
        fewest = listed;
      }
    }
    if (fewest === undefined) return undefined;
    for (const row of fewest) lists.freeDirect(row, pages.state[row] & STATE_ORDER_MASK, false);
    this.counts.directFrees += fewest.length;
    return explainIsolation(lists, pages, scan);
  }

  /** True when the next event of a listed block takes it from its CPU's list: then it really is there. */
  private leavesCpuList(i: number, row: number): boolean {
    const { kind: kinds, pfnLow, pfnHigh, length } = this.events;
    const pfn = this.pages.rowToPfn(row);
    const low = pfn >>> 0;
    const high = Math.floor(pfn / 2 ** 32);
    const { mm_page_alloc: alloc, mm_page_pcpu_drain: drain } = KIND;
    for (let j = i + 1; j < length; j++) {
      if (pfnLow[j] !== low || pfnHigh[j] !== high || kinds[j] > drain) continue;
      return kinds[j] === alloc || kinds[j] === drain;
    }
    return false;
  }

  /** test_pages_isolated. */
  range(i: number): void {
    const { events, pages, lists, counts } = this;
    if (events.words[eventArg(events, i, 3)] !== 'success') {
      counts.informative++;
      return;
    }
    counts.applied++;
    const section = 2 ** pages.sectionShift;
    // A range may say anything; the machine ends somewhere.
    const start = Math.max(0, eventArg(events, i, 0));
    const end = Math.min(eventArg(events, i, 1), (pages.sections().at(-1)! + 1) * section);
    for (let pfn = start; pfn < end;) {
      const stop = Math.min(end, (Math.floor(pfn / section) + 1) * section);
      const row = pages.pfnToRow(pfn);
      if (row >= 0) lists.hold(row, stop - pfn);
      pfn = stop;
    }
  }
}

/** Blocks on CPU lists in a range whose other pages are all free; undefined when some page is neither. */
function onCpuLists(lists: ZoneFreeLists, pages: PageMap, start: number, size: number): number[] | undefined {
  const listed: number[] = [];
  for (let at = start; at < start + size;) {
    const free = lists.freeOrder(at);
    const own = pages.state[at];
    if (free >= 0) at += 1 << free;
    else if ((own & STATE_HOLDER_MASK) === PAGE_STATE.PCP) {
      listed.push(at);
      at += 1 << (own & STATE_ORDER_MASK);
    } else return undefined;
  }
  return listed;
}
