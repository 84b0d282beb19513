/**
 * When each part of a dump was read that took a while. /proc/kpageflags of a running machine is read piece by piece and
 * written to a file; where tracing goes on, the pages of that file tell the pace: each is allocated for writing
 * (__GFP_WRITE) right after its part of the dump was read.
 *
 *   the writer   the first task after the step that is given as many pages for writing as the dump has, in one go
 *   a read       one read() fills some pages of the file: the task runs longer before the first of them than between the
 *                others. Pages a read: the largest power of two for which that is typically so, and of all others it runs
 *                before each for about as long
 *   the first    small files of the step come before the dump; it runs shorter before them. Where a read fills a single page
 *                (64 KiB pages), their number tells
 *
 * A part of the dump was read between the last page of the read before and the first page of its own; in between, evenly while the task ran.
 *
 * Models: mm/filemap.c __filemap_get_folio() (FGP_WRITEBEGIN: __GFP_WRITE), fs/proc/page.c kpageflags_read(), 6.1 and 6.12.
 */
import { KIND } from '@replug/core';
import type { EventColumns } from '@replug/workload';

/** Pfns up to `end` (from the end of the piece before) were read before event `index`. */
export interface DumpPiece {
  readonly index: number;
  readonly end: number;
}

export interface DumpReading {
  /** Ascending in both. */
  readonly pieces: readonly DumpPiece[];
}

export interface DumpWindow {
  /** The step's place among the events. */
  readonly from: number;
  /** The dump was written by this event. */
  readonly to: number;
  /** Words of 64 bits in the dump. */
  readonly pfns: number;
  readonly pageSize: number;
  /** Files of at most a page that the same task wrote before; undefined: not known. */
  readonly smallFiles?: number;
}

/** How the dump of a step was read; undefined where the events do not tell. */
export function findDumpReading(events: EventColumns, window: DumpWindow): DumpReading | undefined {
  const perPage = window.pageSize / 8;
  const pages = Math.ceil(window.pfns / perPage);
  const written = writtenBy(events, window);
  const candidates = [...written.values()].filter((rows) => rows.length >= pages).sort((a, b) => a[0] - b[0]);
  for (const rows of candidates) {
    const reads = findReads(events, rows, pages) ?? findSingleReads(events, rows, pages, window.smallFiles);
    if (reads !== undefined) return piecesOf(events, rows, reads, { pages, perPage, pfns: window.pfns });
  }
  return undefined;
}

/** Pfns of a piece: divides the words of a page of any size. */
const PART = 512;

/** Fewer reads than these do not show how many pages each fills. */
const LEAST_READS = 8;

/** Task → events by which it was given pages for writing, a row each page. */
function writtenBy(events: EventColumns, { from, to }: DumpWindow): Map<number, number[]> {
  const forWriting = events.gfpTexts.map((text) => text.includes('__GFP_WRITE'));
  const written = new Map<number, number[]>();
  for (let i = from; i < to; i++) {
    if (events.kind[i] !== KIND.mm_page_alloc || !forWriting[events.gfp[i]]) continue;
    const task = events.task[i];
    let rows = written.get(task);
    if (rows === undefined) written.set(task, (rows = []));
    for (let page = 0; page < 1 << (events.unit[i] & 15); page++) rows.push(i);
  }
  return written;
}

interface Reads {
  /** Index of the dump's first page among the pages of the task. */
  readonly first: number;
  /** Pages a read. */
  readonly size: number;
}

function findReads(events: EventColumns, rows: readonly number[], pages: number): Reads | undefined {
  const waits = waitsOf(events, rows);
  for (let size = 2 ** Math.floor(Math.log2(pages / LEAST_READS)); size >= 2; size /= 2) {
    // Where the dump begins is not known yet: most of the task's pages are the dump's in any case.
    const typical = typicalWaits(waits, size);
    const longest = Math.max(...typical);
    const phase = typical.indexOf(longest);
    const long = Math.sqrt(longest * median(typical));
    if (typical.some((wait, k) => k !== phase && wait >= long)) continue;
    for (let first = phase; first + pages <= rows.length; first += size)
      if (first > 0 && waits[first] >= long) return { first, size };
  }
  return undefined;
}

/** Reads that fill a page each, behind a known number of small files. */
function findSingleReads(
  events: EventColumns,
  rows: readonly number[],
  pages: number,
  first: number | undefined,
): Reads | undefined {
  if (first === undefined || first < 1 || first + pages > rows.length) return undefined;
  const waits = waitsOf(events, rows);
  const reads = median(waits.slice(first, first + pages));
  return reads >= LONGER * median(waits.slice(1, first)) ? { first, size: 1 } : undefined;
}

/** How many times as long as for a small file a task runs for a page of a dump, at least. */
const LONGER = 4;

/** How long the task ran before each page since the one before, ns. */
function waitsOf(events: EventColumns, rows: readonly number[]): number[] {
  return rows.map((row, k) => (k === 0 ? 0 : ranBetween(events, rows[k - 1], row)));
}

/** Median wait before every size-th page, from the k-th on. */
function typicalWaits(waits: readonly number[], size: number): number[] {
  return Array.from({ length: size }, (_, k) => {
    const at: number[] = [];
    for (let i = k; i < waits.length; i += size) if (i > 0) at.push(waits[i]);
    return median(at);
  });
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
}

/** How long the task of two events ran between them, ns. */
function ranBetween(events: EventColumns, before: number, behind: number): number {
  return runningTimes(events, before, behind).reduce((sum, { from, to }) => sum + to - from, 0);
}

function piecesOf(
  events: EventColumns,
  rows: readonly number[],
  { first, size }: Reads,
  { pages, perPage, pfns }: { readonly pages: number; readonly perPage: number; readonly pfns: number },
): DumpReading {
  const pieces: DumpPiece[] = [];
  const parts = perPage / PART;
  for (let page = 0; page < pages; page += size) {
    const behind = rows[first + page];
    const count = Math.min(size, pages - page) * parts;
    const runs = runningTimes(events, rows[first + page - 1], behind);
    const all = ranBetween(events, rows[first + page - 1], behind);
    let index = rows[first + page - 1];
    for (let k = 0; k < count; k++) {
      const time = instantOf(runs, (all * (k + 0.5)) / count);
      while (index < behind && events.time[index] <= time) index++;
      pieces.push({ index, end: Math.min(page * perPage + (k + 1) * PART, pfns) });
    }
  }
  return { pieces };
}

interface Running {
  readonly from: number;
  readonly to: number;
}

/** When the task of two events ran between them: not between events of other tasks on its CPU. ns. */
function runningTimes({ time, cpu, task }: EventColumns, before: number, behind: number): Running[] {
  const whole = [{ from: time[before], to: time[behind] }];
  if (cpu[before] !== cpu[behind]) return whole;
  const runs: Running[] = [];
  let last = before;
  for (let i = before + 1; i <= behind; i++) {
    if (cpu[i] !== cpu[behind]) continue;
    if (task[i] === task[behind] || task[last] === task[behind]) runs.push({ from: time[last], to: time[i] });
    last = i;
  }
  return runs;
}

/** The instant at which a task has run for a time. */
function instantOf(runs: readonly Running[], running: number): number {
  let left = running;
  for (const { from, to } of runs) {
    if (left <= to - from) return from + left;
    left -= to - from;
  }
  return runs[runs.length - 1].to;
}
