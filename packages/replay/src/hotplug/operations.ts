/**
 * HOT. Ranges that the kernel isolates, as a trace shows them: memory blocks that go offline, and contiguous allocations
 * (virtio-mem's sub-blocks, CMA, gigantic pages). One pass over the events ahead of a replay.
 *
 *   the end    test_pages_isolated names the range and says whether nothing of it is in use any more
 *   the kind   a contiguous allocation scans its range (mm_compaction_isolate_migratepages) before the test, and takes the
 *              free pages after it (mm_compaction_isolate_freepages); offlining does neither
 *   the begin  no event tells it, others bound it: what leaves the ordinary lists of a range was not isolated then, and the
 *              task was done with the range that it tried before. A contiguous allocation isolates right before it drains the
 *              per-CPU lists and scans: the begin is the first of the drains that lead up to the scan. Offlining drains
 *              first (zone_pcp_disable()), isolates, and then moves what is in use: the begin lies behind the last of the
 *              task's drains before a page of the range is freed for good.
 *
 * Pfns and event indices. Models: mm/memory_hotplug.c offline_pages(), mm/page_alloc.c alloc_contig_range(),
 * __alloc_contig_migrate_range(), mm/page_isolation.c, 6.1 and 6.12.
 */
import { KIND, MIGRATE, type PageMap } from '@replug/core';
import { eventArg, eventPfn, type EventColumns } from '@replug/workload';

/** How the isolation of a range ended. */
export const ENDED = {
  /** Nothing of it was in use, and nobody took it: it went offline. */
  OFFLINE: 0,
  /** Its pages were allocated, each for itself. */
  TAKEN: 1,
  /** Something was in use: the pageblocks became what they were. */
  UNDONE: 2,
} as const;
export type Ended = (typeof ENDED)[keyof typeof ENDED];

export interface RangeOperation {
  /** The range is isolated before this event is applied. */
  readonly begin: number;
  /** The event behind which the operation has ended. */
  readonly end: number;
  /** First pfn, and the one behind the last. */
  readonly start: number;
  readonly stop: number;
  readonly ended: Ended;
}

export interface OperationsInput {
  readonly events: EventColumns;
  readonly pages: PageMap;
  readonly from: number;
  readonly to: number;
  /** Translates a printed migratetype to the model's. */
  readonly migratetype: Uint8Array;
}

export interface Operations {
  /** By `end`. */
  readonly ranges: readonly RangeOperation[];
  /** Events (mm_compaction_isolate_freepages) by which a contiguous allocation takes the pages of its range; ascending. */
  readonly takes: readonly number[];
}

/** All operations of a span. */
export function findOperations({ events, pages, from, to, migratetype }: OperationsInput): Operations {
  if (!tells(events, from, to)) return { ranges: [], takes: [] };
  const shift = pages.arch.pageblockOrder;
  const size = 1 << shift;
  // A range may name anything; the machine ends somewhere.
  const end = ((pages.sections().at(-1) ?? -1) + 1) * 2 ** pages.sectionShift;
  const blocks = (pages.slotCount << pages.sectionShift) >>> shift;
  // By pageblock, event + 1: the last that took a page off its ordinary lists, and the first free after it.
  const lastLeft = new Int32Array(blocks);
  const firstFreed = new Int32Array(blocks);
  // The task whose event was a CPU's last.
  const running = new Map<number, number>();
  const tasks = Array.from(events.tasks, () => new TaskProgress());
  const operations: { -readonly [K in keyof RangeOperation]: RangeOperation[K] }[] = [];
  const taking: number[] = [];
  const { kind: kinds, unit: units, task: taskOf, cpu: cpuOf } = events;
  const { test_pages_isolated: TEST, mm_page_pcpu_drain: DRAIN, mm_page_alloc_extfrag: EXTFRAG } = KIND;
  for (let i = from; i < to; i++) {
    const kind = kinds[i];
    const id = taskOf[i];
    const task = tasks[id];
    if (running.get(cpuOf[i]) !== id) {
      running.set(cpuOf[i], id);
      task.drainsSince = -1;
    }
    if (kind <= DRAIN) {
      if (kind === KIND.mm_page_free) freed(i, eventPfn(events, i));
      else if (kind !== DRAIN) leaves(i, kind === KIND.mm_page_free_batched ? -1 : eventPfn(events, i));
      else if (migratetype[(units[i] >> 4) & 7] !== MIGRATE.ISOLATE) leaves(i, eventPfn(events, i));
      if (kind === DRAIN) task.drains(i);
      else task.drainsSince = -1;
    } else if (kind === EXTFRAG) leaves(i, eventArg(events, i, 0));
    else if (kind === KIND.mm_compaction_isolate_migratepages) scans(i, task);
    else if (kind === KIND.mm_compaction_isolate_freepages) takes(i, task);
    else if (kind === TEST) tests(i, task);
  }
  return { ranges: operations.sort((a, b) => a.end - b.end), takes: taking };

  function leaves(i: number, pfn: number): void {
    const row = pfn < 0 ? -1 : pages.pfnToRow(pfn);
    if (row < 0) return;
    lastLeft[row >>> shift] = i + 1;
    firstFreed[row >>> shift] = 0;
  }

  function freed(i: number, pfn: number): void {
    const row = pages.pfnToRow(pfn);
    if (row >= 0 && firstFreed[row >>> shift] === 0) firstFreed[row >>> shift] = i + 1;
  }

  function scans(i: number, task: TaskProgress): void {
    const start = eventArg(events, i, 0);
    const stop = eventArg(events, i, 1);
    if (task.scanned === -1 || start < task.scanStart || start > task.scanStop + MAX_GAP * size) {
      task.scanned = i;
      task.scanDrains = task.drainsSince;
      task.scanStart = start;
      task.scanStop = stop;
    } else task.scanStop = Math.max(task.scanStop, stop);
    task.drainsSince = -1;
  }

  /** The task takes the pages of the range that it tested last: it was a contiguous allocation. */
  function takes(i: number, task: TaskProgress): void {
    const operation = operations[task.tested];
    if (operation === undefined || operation.ended === ENDED.UNDONE) return;
    const start = eventArg(events, i, 0);
    if (start < operation.start || start >= operation.stop) return;
    operation.ended = ENDED.TAKEN;
    taking.push(i);
  }

  function tests(i: number, task: TaskProgress): void {
    // Isolation is by pageblocks.
    const start = Math.max(0, Math.floor(eventArg(events, i, 0) / size) * size);
    const stop = Math.min(Math.ceil(eventArg(events, i, 1) / size) * size, end);
    const success = events.words[eventArg(events, i, 3)] === 'success';
    const scanned = task.scanned >= 0 && task.scanStart >= start && task.scanStart < stop;
    // Offlining tests again and again until it succeeds: the range stays isolated.
    if (stop > start && (success || scanned)) {
      task.tested = operations.length;
      const begin = scanned ? beginOfScan(task) : beginOfOffline(task, i, start, stop);
      operations.push({ begin, end: i, start, stop, ended: success ? ENDED.OFFLINE : ENDED.UNDONE });
    }
    if (success || scanned) {
      task.done = i + 1;
      task.runs.length = 0;
    }
    task.scanned = -1;
    task.drainsSince = -1;
  }

  function beginOfScan({ scanned, scanDrains }: TaskProgress): number {
    return scanDrains >= 0 ? scanDrains : scanned;
  }

  /** Behind the task's last drains before the first free that nothing of the range left its lists after. */
  function beginOfOffline({ done, runs }: TaskProgress, i: number, start: number, stop: number): number {
    const least = Math.max(from, done, lastLeave(start, stop));
    let most = i;
    for (let pfn = start; pfn < stop; pfn += size) {
      const row = pages.pfnToRow(pfn);
      const first = row < 0 ? 0 : firstFreed[row >>> shift];
      if (first > least) most = Math.min(most, first - 1);
    }
    for (let k = runs.length - 1; k >= 0 && runs[k] > least; k--) if (runs[k] <= most) return runs[k];
    return Math.min(least, i);
  }

  /** The event behind the last one that took a page of a range off its ordinary lists. */
  function lastLeave(start: number, stop: number): number {
    let last = 0;
    for (let pfn = start; pfn < stop; pfn += size) {
      const row = pages.pfnToRow(pfn);
      if (row >= 0) last = Math.max(last, lastLeft[row >>> shift]);
    }
    return last;
  }
}

/** Pageblocks that a scan may step over (compound pages) and still be the same. */
const MAX_GAP = 4;

/** What a task is in the middle of. */
class TaskProgress {
  /** Behind the last range that it was done with. */
  done = 0;
  /** Index of its last operation. */
  tested = -1;
  /** First event of the scan that it is in, −1: none; the drains before it, and pfns scanned. */
  scanned = -1;
  scanDrains = -1;
  scanStart = -1;
  scanStop = -1;
  /** First of the drains that it did in a row, alone on its CPU; −1: its last event was none. */
  drainsSince = -1;
  /** Behind the last drain of each such row since `done`. */
  readonly runs: number[] = [];

  drains(i: number): void {
    const { runs } = this;
    if (this.drainsSince >= 0) runs[runs.length - 1] = i + 1;
    else {
      this.drainsSince = i;
      runs.push(i + 1);
    }
  }
}

function tells({ kind }: EventColumns, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (kind[i] === KIND.test_pages_isolated) return true;
  return false;
}
