/**
 * Which pieces of a range are initialised: every piece goes pending → busy → done exactly once, whoever takes it – a
 * thread in the background or a fault in the foreground. The record lies on shared memory and changes by compare-and-swap
 * only, so the same job serves the synchronous kernel and real threads.
 *
 * HOT: once a piece; scalars in and out, -1 for none.
 * Models: pending bitmap and mutex of each thread, 2018 series v2; the shared cursor of kernel/padata.c, 6.12.
 */
import type { Pfn } from '@replug/core';
import type { PieceLayout } from './piece-layout.ts';

export const PIECE = { PENDING: 0, BUSY: 1, DONE: 2 } as const;

/** Words before the first piece: pieces not done yet, and the shared cursor. */
const LEFT = 0;
const CURSOR = 1;
const HEADER = 2;

export class InitJob {
  readonly layout: PieceLayout;
  /** Words on shared memory: what another thread needs to join in. */
  readonly words: Int32Array;
  /** Where each thread goes on looking in its own run. */
  private readonly next: Int32Array;

  /** A new job, or one that another thread has made (`words`). */
  constructor(layout: PieceLayout, words?: Int32Array) {
    this.layout = layout;
    this.words =
      words ?? new Int32Array(new SharedArrayBuffer((HEADER + layout.pieces) * Int32Array.BYTES_PER_ELEMENT));
    if (words === undefined) this.words[LEFT] = layout.pieces;
    this.next = Int32Array.from({ length: layout.threads }, (_, thread) => layout.runStart(thread));
  }

  /** Pieces that are not done. */
  get left(): number {
    return Atomics.load(this.words, LEFT);
  }
  get done(): boolean {
    return this.left === 0;
  }

  stateOf(piece: number): number {
    return Atomics.load(this.words, HEADER + piece);
  }

  /** Takes a pending piece. False: somebody else has it, or had it. */
  claim(piece: number): boolean {
    return Atomics.compareExchange(this.words, HEADER + piece, PIECE.PENDING, PIECE.BUSY) === PIECE.PENDING;
  }

  /** Takes the next pending piece for a thread; -1: nothing is left for it. */
  claimNext(thread: number): number {
    const { layout } = this;
    if (!layout.partitioned) {
      for (;;) {
        const piece = Atomics.add(this.words, CURSOR, 1);
        if (piece >= layout.pieces) return -1;
        if (this.claim(piece)) return piece;
      }
    }
    const end = layout.runEnd(thread);
    while (this.next[thread] < end) {
      const piece = this.next[thread]++;
      if (this.claim(piece)) return piece;
    }
    return -1;
  }

  /** A claimed piece is initialised; whoever waits for it is woken. True: it was the last. */
  finish(piece: number): boolean {
    Atomics.store(this.words, HEADER + piece, PIECE.DONE);
    Atomics.notify(this.words, HEADER + piece);
    return Atomics.sub(this.words, LEFT, 1) === 1;
  }

  /** Real threads only: sleeps until a piece that another one has taken is done. */
  waitFor(piece: number): void {
    Atomics.wait(this.words, HEADER + piece, PIECE.BUSY);
  }

  /** True when the page may be used. */
  usable(pfn: Pfn): boolean {
    return this.stateOf(this.layout.pieceOf(pfn)) === PIECE.DONE;
  }

  /** First piece of what a fault on [pfn, pfn + pages) needs; the range is cut to the job's. -1: nothing of it. */
  firstPiece(pfn: Pfn, pages: number): number {
    const from = Math.max(pfn, this.layout.start);
    return from < Math.min(pfn + pages, this.layout.end) ? this.layout.pieceOf(from) : -1;
  }

  /**
   * Last piece of it: the one that holds the last page. (The series counted ceil(pages / piece) pieces from the first, and
   * missed one where the range began inside a piece.)
   */
  lastPiece(pfn: Pfn, pages: number): number {
    const to = Math.min(pfn + pages, this.layout.end);
    return Math.max(pfn, this.layout.start) < to ? this.layout.pieceOf(to - 1) : -2;
  }
}
