/**
 * How the pages of a range are cut into pieces that are initialised as one: the same arithmetic for memory that comes
 * while the machine runs and for the memory of boot.
 *
 *   partitioned  each of T threads has a run of its own, the last one the remainder as well; a run is cut into `ranges`
 *                pieces. 8 threads × 128 pieces: a fault takes over 1/1024 of the work
 *   cursor       threads take pieces of one size from a shared cursor (padata); pieces end at multiples of that size
 *
 * Units: pages; pfn ranges are half-open.
 * Models: the 2018 series for asynchronous ZONE_DEVICE memmap init (v1: 16 × 1, v2: 8 × 128); kernel/padata.c
 * padata_do_multithreaded(), mm/mm_init.c deferred_init_memmap(), 6.12.
 */
import type { Pfn } from '@replug/core';
import { badJob } from '../errors.ts';

/** Threads and pieces of the published series. */
export const SERIES_V1 = { threads: 16, ranges: 1 } as const;
export const SERIES_V2 = { threads: 8, ranges: 128 } as const;

export class PieceLayout {
  readonly start: Pfn;
  readonly end: Pfn;
  readonly threads: number;
  /** Pages of a thread's run; the last run may be longer. With a cursor there is one run. */
  readonly step: number;
  /** Pages of a piece; the last of a run may be shorter. */
  readonly piecePages: number;
  readonly pieces: number;
  /** Threads keep to runs of their own. */
  readonly partitioned: boolean;
  private readonly runs: number;
  private readonly perRun: number;
  /** Pages that the first piece falls short of a whole one, where pieces end at multiples of their size. */
  private readonly skew: number;

  private constructor(start: Pfn, end: Pfn, threads: number, step: number, piecePages: number, partitioned: boolean) {
    this.start = start;
    this.end = end;
    this.threads = threads;
    this.step = step;
    this.piecePages = piecePages;
    this.partitioned = partitioned;
    this.runs = partitioned ? threads : 1;
    this.skew = partitioned ? 0 : start % piecePages;
    this.perRun = Math.ceil(step / piecePages);
    const last = end - start - (this.runs - 1) * step + this.skew;
    this.pieces = (this.runs - 1) * this.perRun + Math.ceil(last / piecePages);
  }

  /** Runs of threads, each cut into `ranges` pieces. `align`: pages that must stay together (a compound page). */
  static partitioned(start: Pfn, end: Pfn, threads: number, ranges: number, align = 1): PieceLayout {
    const pages = checked(start, end, threads, align);
    if (!(Number.isSafeInteger(ranges) && ranges >= 1)) throw badJob(`${ranges} ranges a thread`);
    const units = Math.max(1, Math.floor(pages / align));
    const used = Math.min(threads, units);
    const step = Math.floor(units / used) * align;
    const piece = Math.max(1, Math.floor(step / align / ranges)) * align;
    return new PieceLayout(start, end, used, step, piece, true);
  }

  /** Pieces from a shared cursor: four a thread, none below `minPages`, all of a multiple of `align`. */
  static cursor(start: Pfn, end: Pfn, maxThreads: number, minPages: number, align: number): PieceLayout {
    const pages = checked(start, end, maxThreads, align);
    if (!(Number.isSafeInteger(minPages) && minPages >= 1)) throw badJob(`pieces of ${minPages} pages`);
    const threads = Math.min(Math.max(Math.floor(pages / Math.max(minPages, align)), 1), maxThreads);
    // One worker does all of it, in its own thread.
    if (threads === 1) return new PieceLayout(start, end, 1, pages, pages, true);
    const piece = Math.max(Math.floor(pages / (threads * LOAD_BALANCE_FACTOR)), minPages);
    return new PieceLayout(start, end, threads, pages, Math.ceil(piece / align) * align, false);
  }

  /** Piece that a page lies in. */
  pieceOf(pfn: Pfn): number {
    const run = this.runOf(pfn);
    return run * this.perRun + Math.floor((pfn - this.start - run * this.step + this.skew) / this.piecePages);
  }

  /** First page of a piece. */
  pieceStart(piece: number): Pfn {
    const run = Math.min(this.runs - 1, Math.floor(piece / this.perRun));
    const at = (piece - run * this.perRun) * this.piecePages - this.skew;
    return this.start + run * this.step + Math.max(0, at);
  }

  /** Page behind a piece. */
  pieceEnd(piece: number): Pfn {
    const run = Math.min(this.runs - 1, Math.floor(piece / this.perRun));
    const runEnd = run === this.runs - 1 ? this.end : this.start + (run + 1) * this.step;
    const at = this.start + run * this.step + (piece - run * this.perRun + 1) * this.piecePages - this.skew;
    return Math.min(runEnd, at);
  }

  /** First piece of a thread's run. */
  runStart(thread: number): number {
    return this.partitioned ? thread * this.perRun : 0;
  }

  /** Piece behind a thread's run. */
  runEnd(thread: number): number {
    return !this.partitioned || thread === this.runs - 1 ? this.pieces : (thread + 1) * this.perRun;
  }

  private runOf(pfn: Pfn): number {
    return Math.min(this.runs - 1, Math.floor((pfn - this.start) / this.step));
  }
}

/** padata's: more pieces than threads, so that an early finisher finds work. */
const LOAD_BALANCE_FACTOR = 4;

function checked(start: Pfn, end: Pfn, threads: number, align: number): number {
  if (!(Number.isSafeInteger(start) && Number.isSafeInteger(end) && start >= 0 && end > start))
    throw badJob(`pfn ${start}..${end}`);
  if (!(Number.isSafeInteger(threads) && threads >= 1)) throw badJob(`${threads} threads`);
  if (!(Number.isSafeInteger(align) && align >= 1)) throw badJob(`alignment of ${align} pages`);
  return end - start;
}
