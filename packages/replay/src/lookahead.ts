/**
 * HOT. One pass over the events ahead of a replay: what a trace says about the instant before it began, and which frees
 * bypassed the per-CPU lists. A trace names neither, but the next thing that happens to a page gives both away: a page
 * can only leave the free lists if it was on them.
 *
 * Used for baselines and for frees; never to look at a checkpoint.
 */
import { KIND, MIGRATE, type PageMap } from '@replug/core';
import { eventArg, eventPfn, type EventColumns } from '@replug/workload';

/**
 * What the first event of a page says about it before that event. UNSURE: a compaction scan that took some pages of a range
 * came first, and may have taken this one. UNUSED: free or on a CPU's list. EMPTY: free, or out of the allocator's hands
 * (a range without pages in use was isolated).
 */
export const BEFORE = { NOTHING: 0, FREE: 1, ON_CPU: 2, ALLOCATED: 3, UNSURE: 4, UNUSED: 5, EMPTY: 6 } as const;

/** How a freed block reached the free lists, told by the next event of its pages. */
export const WAY = { UNKNOWN: 0, DIRECT: 1, CPU_LIST: 2 } as const;

export interface Lookahead {
  /** BEFORE by row. */
  readonly before: Uint8Array;
  /** Events (indices from `from`) that are the first of an ON_CPU block, in event order. */
  readonly onCpu: readonly number[];
  /** Events that are the first of a block and free it: it was in somebody's hands. */
  readonly owned: readonly number[];
  /** WAY of each free (index − from): straight to the free lists, through a CPU's list, or not known. */
  readonly way: Uint8Array;
  /** MIGRATE type + 1 first seen for a pageblock, by row >> pageblockOrder; 0 never. */
  readonly blockType: Uint8Array;
  /** The same, last seen. */
  readonly lastBlockType: Uint8Array;
}

/** What is known of events that have not come yet, when the trace is read while it is written: nothing. */
export function noLookahead(pages: PageMap, from: number, to: number): Lookahead {
  const blocks = (pages.slotCount << pages.sectionShift) >>> pages.arch.pageblockOrder;
  return {
    before: new Uint8Array(pages.slotCount << pages.sectionShift),
    onCpu: [],
    owned: [],
    way: new Uint8Array(to - from),
    blockType: new Uint8Array(blocks),
    lastBlockType: new Uint8Array(blocks),
  };
}

export interface LookaheadOptions {
  readonly from: number;
  readonly to: number;
  /** Translates a printed migratetype to the model's. */
  readonly migratetype: Uint8Array;
  /** The blocks of a list are of pageblocks of its type (6.12). */
  readonly typesOfLists: boolean;
  /** The trace tells allocations and frees only: what is allocated first was free or on a CPU's list. */
  readonly onlyRequests: boolean;
}

export function lookAhead(events: EventColumns, pages: PageMap, options: LookaheadOptions): Lookahead {
  const { from, to, migratetype } = options;
  const rows = pages.slotCount << pages.sectionShift;
  const blockShift = pages.arch.pageblockOrder;
  const before = new Uint8Array(rows);
  const way = new Uint8Array(to - from);
  const blockType = new Uint8Array(rows >>> blockShift);
  const lastBlockType = new Uint8Array(rows >>> blockShift);
  // Event + 1 of the free that put a page on a CPU's list, as far as the trace shows; 0: it is not there.
  const freedBy = new Int32Array(rows);
  const onCpu: number[] = [];
  const owned: number[] = [];
  const { kind: kinds, unit: units } = events;
  for (let i = from; i < to; i++) {
    const kind = kinds[i];
    if (kind > KIND.mm_page_pcpu_drain) {
      if (kind === KIND.mm_compaction_isolate_freepages) noteIsolation(i);
      else if (kind === KIND.mm_page_alloc_extfrag) noteExtfrag(i);
      else if (kind === KIND.test_pages_isolated) noteEmpty(i);
      continue;
    }
    if (kind === KIND.mm_page_free_batched) continue;
    const pfn = eventPfn(events, i);
    if (pfn < 0) continue;
    const row = pages.pfnToRow(pfn);
    if (row < 0) continue;
    const unit = units[i];
    const size = 1 << (unit & 15);
    if ((unit & 15) > pages.arch.maxPageOrder || (row & (size - 1)) !== 0) continue;
    const end = row + size;
    if (kind === KIND.mm_page_alloc_zone_locked) {
      learn(row, migratetype[(unit >> 4) & 7]);
      left(row, end);
    } else if (kind === KIND.mm_page_alloc && options.onlyRequests) {
      mark(row, end, BEFORE.UNUSED);
      freedBy.fill(0, row, end);
    } else if (kind === KIND.mm_page_alloc) {
      if (before[row] === BEFORE.NOTHING) onCpu.push(i);
      mark(row, end, BEFORE.ON_CPU);
      // What was freed to a CPU's list went to the list of its pageblock's type, which is the request's.
      if (freedBy[row] !== 0) learn(row, migratetype[(unit >> 4) & 7]);
      tookFromCpu(row, end);
    } else if (kind === KIND.mm_page_free) {
      if (before[row] === BEFORE.NOTHING) owned.push(i);
      mark(row, end, BEFORE.ALLOCATED);
      freedBy.fill(i + 1, row, end);
    } else {
      if (before[row] === BEFORE.NOTHING) onCpu.push(i);
      mark(row, end, BEFORE.ON_CPU);
      learn(row, migratetype[(unit >> 4) & 7]);
      tookFromCpu(row, end);
    }
  }
  return { before, onCpu, owned, way, blockType, lastBlockType };

  function mark(row: number, end: number, what: number): void {
    for (let at = row; at < end; at++) if (before[at] === BEFORE.NOTHING) before[at] = what;
  }

  /** Pages leave the free lists: whoever freed them last put them there. */
  function left(row: number, end: number): void {
    for (let at = row; at < end; at++) {
      if (before[at] === BEFORE.NOTHING) before[at] = BEFORE.FREE;
      const freed = freedBy[at];
      if (freed !== 0) {
        way[freed - 1 - from] = WAY.DIRECT;
        freedBy[at] = 0;
      }
    }
  }

  /** Pages leave a CPU's list: the free before put them there. */
  function tookFromCpu(row: number, end: number): void {
    for (let at = row; at < end; at++) {
      const freed = freedBy[at];
      if (freed !== 0 && way[freed - 1 - from] === WAY.UNKNOWN) way[freed - 1 - from] = WAY.CPU_LIST;
      freedBy[at] = 0;
    }
  }

  function learn(row: number, type: number): void {
    if (type >= MIGRATE.ISOLATE) return;
    const block = row >>> blockShift;
    if (blockType[block] === 0) blockType[block] = type + 1;
    lastBlockType[block] = type + 1;
  }

  function noteExtfrag(i: number): void {
    const row = pages.pfnToRow(eventArg(events, i, 0));
    if (row < 0) return;
    const order = eventArg(events, i, 2);
    const whole = order >= 0 && order <= pages.arch.maxPageOrder && (row & ((1 << order) - 1)) === 0;
    const owns = eventArg(events, i, 7) === 1;
    // A block of several pageblocks changes the type of all of them.
    const end = whole ? row + (1 << order) : row + 1;
    for (let at = row; at < end; at += 1 << blockShift) {
      // 6.1 tells the list's type, which a pageblock that was merged into the block need not have.
      if (at === row || options.typesOfLists) learn(at, migratetype[eventArg(events, i, 5)]);
      if (owns) lastBlockType[at >>> blockShift] = migratetype[eventArg(events, i, 4)] + 1;
    }
    // Unless its zone_locked came before (6.12, below a pageblock), it names a free block that nothing else may name.
    if (whole && (before[row] === BEFORE.NOTHING || freedBy[row] !== 0)) left(row, end);
  }

  /** Nothing of an isolated range is in use: what was freed there last is on the free lists. */
  function noteEmpty(i: number): void {
    if (events.words[eventArg(events, i, 3)] !== 'success') return;
    const section = 2 ** pages.sectionShift;
    const start = Math.max(0, eventArg(events, i, 0));
    const stop = Math.min(eventArg(events, i, 1), ((pages.sections().at(-1) ?? -1) + 1) * section);
    for (let pfn = start; pfn < stop;) {
      const next = Math.min(stop, (Math.floor(pfn / section) + 1) * section);
      const row = pages.pfnToRow(pfn);
      if (row >= 0) {
        mark(row, row + (next - pfn), BEFORE.EMPTY);
        left(row, row + (next - pfn));
      }
      pfn = next;
    }
  }

  /** A scan with every page taken names its pages; of others only the replay can tell, which knows the free blocks. */
  function noteIsolation(i: number): void {
    const start = eventArg(events, i, 0);
    const end = eventArg(events, i, 1);
    const taken = eventArg(events, i, 3);
    const row = pages.pfnToRow(start);
    if (taken === 0 || row < 0 || end <= start) return;
    const stop = Math.min(row + (end - start), rows);
    if (taken === end - start) left(row, stop);
    else mark(row, stop, BEFORE.UNSURE);
  }
}
