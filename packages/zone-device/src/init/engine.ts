/**
 * One engine for the memmap of both worlds: jobs over pfn ranges, worked off by threads of their node in the background,
 * on the virtual clock. A job that comes while the machine runs has no barrier: it is waited for page by page, and a fault
 * takes over the piece it needs in the foreground while the rest goes on. The memory of boot is the same job with one
 * barrier at its end.
 *
 *   EMPTY → POPULATING (memmap is mapped) → INITIALISING (threads, or a fault, take pieces) → DONE
 *
 * Units: ns, pages. Errors: RP2435–RP2438.
 * Models: the 2018 series v2 (memmap_init_async(), memmap_sync()); mm/mm_init.c deferred_init_memmap(), 6.12.
 */
import type { Nanoseconds, Nid, Pfn, VirtualClock } from '@replug/core';
import { uninitialised, waitsForItself } from '../errors.ts';
import { InitJob, PIECE } from './init-job.ts';
import type { PieceLayout } from './piece-layout.ts';
import { WorkPool, type NodePower, type WorkCost } from './work-pool.ts';

export type JobPhase = 'populating' | 'initialising' | 'done';

export interface JobOptions {
  readonly nid: Nid;
  readonly layout: PieceLayout;
  readonly cost: WorkCost;
  /** Time of one thread before the first page can be initialised. */
  readonly populateNs?: Nanoseconds;
  /** Share of the pages that need work: 1, or fewer where struct pages are shared (compound pages). */
  readonly share?: number;
  /** A piece was initialised. */
  readonly onPiece?: (start: Pfn, end: Pfn) => void;
  readonly onDone?: () => void;
}

/** What a fault, or another user of pages, had to do. */
export interface SyncOutcome {
  /** Pieces initialised by the caller, and pieces waited for. */
  readonly taken: number;
  readonly waited: number;
  readonly ns: Nanoseconds;
}

export class RunningJob {
  readonly job: InitJob;
  readonly options: JobOptions;
  readonly startedAt: Nanoseconds;
  phase: JobPhase = 'populating';
  populatedAt: Nanoseconds = NaN;
  doneAt: Nanoseconds = NaN;
  /** Pieces initialised in the foreground. */
  stolen = 0;
  /** Called once the memmap is mapped. */
  readonly populated: (() => void)[] = [];
  /** Who waits for a piece. */
  readonly waiting = new Map<number, (() => void)[]>();

  constructor(options: JobOptions, startedAt: Nanoseconds) {
    this.options = options;
    this.job = new InitJob(options.layout);
    this.startedAt = startedAt;
  }

  covers(pfn: Pfn): boolean {
    return pfn >= this.options.layout.start && pfn < this.options.layout.end;
  }
}

export class MemmapEngine {
  readonly pool: WorkPool;
  private readonly clock: VirtualClock;
  private running: RunningJob[] = [];

  constructor(clock: VirtualClock, nodes: readonly NodePower[]) {
    this.clock = clock;
    this.pool = new WorkPool(clock, nodes);
  }

  /** Jobs that are not done, oldest first. */
  get jobs(): readonly RunningJob[] {
    return this.running;
  }

  /** Starts a job in the background. */
  start(options: JobOptions): RunningJob {
    const running = new RunningJob(options, this.clock.now);
    this.running.push(running);
    const { nid, populateNs = 0 } = options;
    this.pool.begin(nid, populateNs, POPULATING, () => this.populated(running));
    return running;
  }

  /** The job that a page waits for; undefined: it may be used. */
  jobOf(pfn: Pfn): RunningJob | undefined {
    return this.running.find((job) => job.covers(pfn) && !job.job.usable(pfn));
  }

  /**
   * Makes [pfn, pfn + pages) of a job usable for somebody on a node, and calls `done` then. Pieces that nobody has begun
   * are initialised in the foreground, one after the other; for those that a thread has in its hands it waits.
   */
  request(running: RunningJob, pfn: Pfn, pages: number, nid: Nid, done: (outcome: SyncOutcome) => void): void {
    const { job } = running;
    const since = this.clock.now;
    const last = job.lastPiece(pfn, pages);
    let taken = 0;
    let waited = 0;
    const go = (from: number): void => {
      for (let piece = from; piece <= last; piece++) {
        if (job.claim(piece)) {
          taken++;
          running.stolen++;
          this.work(running, piece, nid, () => go(piece + 1));
          return;
        }
        if (job.stateOf(piece) === PIECE.BUSY) {
          waited++;
          const queue = running.waiting.get(piece);
          const again = (): void => go(piece + 1);
          if (queue === undefined) running.waiting.set(piece, [again]);
          else queue.push(again);
          return;
        }
      }
      done({ taken, waited, ns: this.clock.now - since });
    };
    const first = job.firstPiece(pfn, pages);
    if (first < 0 || running.phase === 'done') done({ taken, waited, ns: 0 });
    else if (running.phase === 'populating') running.populated.push(() => go(first));
    else go(first);
  }

  /** The same for the synchronous kernel: time passes until the pages are usable; background work goes on meanwhile. */
  sync(running: RunningJob, pfn: Pfn, pages: number, nid: Nid): SyncOutcome {
    let outcome: SyncOutcome | undefined;
    this.request(running, pfn, pages, nid, (got) => (outcome = got));
    this.driveUntil(() => outcome !== undefined);
    return outcome!;
  }

  /** Lets time pass until a job is done: a barrier, at the end of boot and at tear-down. */
  wait(running: RunningJob): void {
    this.driveUntil(() => running.phase === 'done');
  }

  /** Throws RP2437 when a page is used that a job has not initialised. */
  assertUsable(pfn: Pfn): void {
    if (this.jobOf(pfn) !== undefined) throw uninitialised(pfn);
  }

  private driveUntil(reached: () => boolean): void {
    this.pool.flush();
    while (!reached()) {
      const { nextInstant } = this.pool;
      // Nobody works on what is waited for: only a caller inside a callback of the work itself can get here.
      if (nextInstant === Infinity) throw waitsForItself();
      this.clock.advanceTo(nextInstant);
    }
  }

  private populated(running: RunningJob): void {
    running.phase = 'initialising';
    running.populatedAt = this.clock.now;
    this.pool.together(() => {
      const { threads } = running.options.layout;
      // Faults that waited for the map go first: they are there already, the threads have to be woken.
      for (const go of running.populated.splice(0)) go();
      for (let thread = 0; thread < threads; thread++) this.takeNext(running, thread);
    });
  }

  private takeNext(running: RunningJob, thread: number): void {
    const piece = running.job.claimNext(thread);
    if (piece >= 0) this.work(running, piece, running.options.nid, () => this.takeNext(running, thread));
  }

  private work(running: RunningJob, piece: number, nid: Nid, then: () => void): void {
    const { layout, cost, share = 1 } = running.options;
    const start = layout.pieceStart(piece);
    const end = layout.pieceEnd(piece);
    this.pool.begin(nid, (end - start) * share, cost, () => {
      running.options.onPiece?.(start, end);
      const last = running.job.finish(piece);
      if (last) this.finished(running);
      const queue = running.waiting.get(piece);
      running.waiting.delete(piece);
      if (queue !== undefined) for (const again of queue) again();
      then();
    });
  }

  private finished(running: RunningJob): void {
    running.phase = 'done';
    running.doneAt = this.clock.now;
    this.running = this.running.filter((other) => other !== running);
    running.options.onDone?.();
  }
}

/** Populating is counted in ns rather than pages, and moves no bytes that anybody waits for. */
const POPULATING: WorkCost = { nsPerPage: 1, bytesPerPage: 0 };
