/** What a thread is told: whose records to write, where, and which of the job's threads it is. */
import { InitJob } from '../init/init-job.ts';
import { PieceLayout } from '../init/piece-layout.ts';
import { initRecords, type RecordPlan } from '../page-records.ts';

export interface RecordTask {
  readonly plan: RecordPlan;
  readonly words: Uint32Array;
  /** The job's record of pieces, shared by all threads. */
  readonly job: Int32Array;
  readonly threads: number;
  readonly ranges: number;
  readonly thread: number;
}

/** The layout is computed by every thread alike rather than sent. */
export const layoutOf = ({ plan, threads, ranges }: Pick<RecordTask, 'plan' | 'threads' | 'ranges'>): PieceLayout =>
  PieceLayout.partitioned(plan.start, plan.end, threads, ranges, 2 ** plan.shift);

/** Works off what one thread of a job has to do. */
export function runTask(task: RecordTask): void {
  const layout = layoutOf(task);
  const job = new InitJob(layout, task.job);
  for (let piece = job.claimNext(task.thread); piece >= 0; piece = job.claimNext(task.thread)) {
    initRecords(task.words, task.plan, layout.pieceStart(piece), layout.pieceEnd(piece));
    job.finish(piece);
  }
}
