/**
 * prepareMachine(): what a machine's devices need in real memory – their page records – is written by threads before the
 * synchronous kernel is created, by the same jobs that the kernel's engine runs on virtual time. The result is the same
 * for any number of threads.
 *
 * A page may be used before all are done: `sync()` writes the piece that it lies in here and now, or waits for the thread
 * that has it in its hands.
 *
 * Errors: RP2470 (threads), RP2471 (too large), RP2472 (a thread failed).
 */
import type { Pfn } from '@replug/core';
import { Worker } from 'node:worker_threads';
import { badThreads, threadFailed } from '../errors.ts';
import { InitJob, PIECE } from '../init/init-job.ts';
import { SERIES_V2 } from '../init/piece-layout.ts';
import { initRecords, recordWords, type PreparedRecords, type RecordPlan } from '../page-records.ts';
import { layoutOf, runTask, type RecordTask } from './record-task.ts';
import { workerProgram } from './worker-program.ts';

export interface PrepareOptions {
  /** Threads, this one included where it is 1. Default 1. */
  readonly threads?: number;
  /** Pieces of a thread's share. Default 128. */
  readonly ranges?: number;
}

const MOST_THREADS = 256;

/** Threads that are started once and given one range after the other. */
export class RecordThreads {
  private readonly workers: Worker[];
  private failure: Error | undefined;

  private constructor(workers: Worker[]) {
    this.workers = workers;
    for (const worker of workers) worker.on('error', (error) => (this.failure ??= error));
  }

  /** Starts threads and waits until they run. Throws RP2470. */
  static async start(count: number): Promise<RecordThreads> {
    if (!(Number.isInteger(count) && count >= 1 && count <= MOST_THREADS)) throw badThreads(count);
    const program = await workerProgram();
    const workers = Array.from({ length: count }, () => new Worker(program));
    const threads = new RecordThreads(workers);
    await Promise.all(workers.map((worker) => once(worker, 'online')));
    return threads;
  }

  /** Begins to write the records of a range. */
  begin(plan: RecordPlan, ranges: number = SERIES_V2.ranges, words: Uint32Array = recordWords(plan)): RecordsUnderWay {
    const shape = { plan, threads: this.workers.length, ranges };
    const layout = layoutOf(shape);
    const job = new InitJob(layout);
    const finished = Promise.all(
      this.workers.slice(0, layout.threads).map(async (worker, thread) => {
        const answered = once(worker, 'message');
        worker.postMessage({ ...shape, threads: shape.threads, words, job: job.words, thread } satisfies RecordTask);
        await answered;
      }),
    ).then(
      () => ({ plan, words }),
      (error: Error) => {
        throw threadFailed(this.failure ?? error);
      },
    );
    return new RecordsUnderWay(job, plan, words, finished);
  }

  /** Ends the threads, whatever they are doing. */
  async close(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.terminate()));
  }
}

/** Records that threads are writing. */
export class RecordsUnderWay {
  readonly finished: Promise<PreparedRecords>;
  private readonly job: InitJob;
  private readonly plan: RecordPlan;
  private readonly words: Uint32Array;

  constructor(job: InitJob, plan: RecordPlan, words: Uint32Array, finished: Promise<PreparedRecords>) {
    this.job = job;
    this.plan = plan;
    this.words = words;
    this.finished = finished;
  }

  /** Makes [pfn, pfn + pages) usable now; returns when it is. */
  sync(pfn: Pfn, pages = 1): void {
    const { job, plan, words } = this;
    const last = job.lastPiece(pfn, pages);
    for (let piece = Math.max(0, job.firstPiece(pfn, pages)); piece <= last; piece++) {
      if (job.claim(piece)) {
        initRecords(words, plan, job.layout.pieceStart(piece), job.layout.pieceEnd(piece));
        job.finish(piece);
      } else while (job.stateOf(piece) === PIECE.BUSY) job.waitFor(piece);
    }
  }
}

/** Writes the records of all ranges; give the result to `zoneDevice({ records })`. Throws RP2470–RP2472. */
export async function prepareMachine(
  plans: readonly RecordPlan[],
  { threads = 1, ranges = SERIES_V2.ranges }: PrepareOptions = {},
): Promise<PreparedRecords[]> {
  if (!(Number.isInteger(threads) && threads >= 1 && threads <= MOST_THREADS)) throw badThreads(threads);
  if (threads === 1) {
    return plans.map((plan) => {
      const words = recordWords(plan);
      const shape = { plan, threads, ranges };
      runTask({ ...shape, words, job: new InitJob(layoutOf(shape)).words, thread: 0 });
      return { plan, words };
    });
  }
  const pool = await RecordThreads.start(threads);
  try {
    const prepared: PreparedRecords[] = [];
    // One range after the other: all threads work on each, so more at a time would only cost more memory at once.
    for (const plan of plans) prepared.push(await pool.begin(plan, ranges).finished);
    return prepared;
  } finally {
    await pool.close();
  }
}

/** The next event of a name; an error of the thread, or its end, instead of it is a failure. */
function once(worker: Worker, event: 'online' | 'message'): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error?: Error): void => {
      worker.off(event, ok).off('error', settle).off('exit', ended);
      if (error === undefined) resolve();
      else reject(error);
    };
    const ok = (): void => settle();
    const ended = (code: number): void => settle(new Error(`it ended by itself with ${code}`));
    worker.on(event, ok).on('error', settle).on('exit', ended);
  });
}
