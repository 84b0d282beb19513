/**
 * Threads and faults as actors that take one atomic step at a time, so that every order of their steps can be tried. Pages
 * are counted as they are initialised; a fault that is served looks at each of its pages.
 */
import type { Random } from '@replug/core';
import { InitJob, PIECE } from './init-job.ts';
import { PieceLayout } from './piece-layout.ts';

export interface Fault {
  readonly pfn: number;
  readonly pages: number;
}
/** Pieces that a fault makes sure of, in order. */
export type PiecesOf = (job: InitJob, fault: Fault) => number[];

/** As the engine does it. */
export const piecesOfFault: PiecesOf = (job, { pfn, pages }) => {
  const first = job.firstPiece(pfn, pages);
  const pieces: number[] = [];
  for (let piece = first; first >= 0 && piece <= job.lastPiece(pfn, pages); piece++) pieces.push(piece);
  return pieces;
};

/** As the series counted them: ceil(pages / piece) pieces of each thread, from the one that the range begins in. */
export const piecesOfTheLetter: PiecesOf = ({ layout }, { pfn, pages }) => {
  const pieces: number[] = [];
  for (let thread = 0; thread < layout.threads; thread++) {
    const from = layout.pieceStart(layout.runStart(thread));
    const to = layout.pieceEnd(layout.runEnd(thread) - 1);
    const low = Math.max(pfn, from);
    const high = Math.min(pfn + pages, to);
    if (low >= high) continue;
    const first = layout.runStart(thread) + Math.floor((low - from) / layout.piecePages);
    const count = Math.ceil((high - low) / layout.piecePages);
    for (let i = 0; i < count && first + i < layout.runEnd(thread); i++) pieces.push(first + i);
  }
  return pieces;
};

/** An actor: which piece it has in its hands, and what comes next. */
interface Actor {
  held: number;
  /** Faults: position in its pieces. Threads: -1. */
  at: number;
  over: boolean;
}

export class Scene {
  readonly job: InitJob;
  readonly problems: string[] = [];
  private readonly faults: readonly Fault[];
  private readonly pieces: readonly number[][];
  private readonly actors: Actor[];
  private readonly count: Uint8Array;

  constructor(job: InitJob, faults: readonly Fault[], piecesOf: PiecesOf) {
    this.job = job;
    this.faults = faults;
    this.pieces = faults.map((fault) => piecesOf(job, fault));
    const { threads, start, end } = job.layout;
    this.actors = Array.from({ length: threads + faults.length }, (_, i) => ({
      held: -1,
      at: i < threads ? -1 : 0,
      over: false,
    }));
    this.count = new Uint8Array(end - start);
  }

  get size(): number {
    return this.actors.length;
  }

  /** Whether an actor can take a step now. */
  can(index: number): boolean {
    const actor = this.actors[index];
    if (actor.over) return false;
    const waitsFor = actor.at >= 0 && actor.held < 0 ? this.pieces[this.faultOf(index)][actor.at] : undefined;
    return waitsFor === undefined || this.job.stateOf(waitsFor) !== PIECE.BUSY;
  }

  step(index: number): void {
    const actor = this.actors[index];
    const { job } = this;
    if (actor.held >= 0) {
      const { layout } = job;
      for (let pfn = layout.pieceStart(actor.held); pfn < layout.pieceEnd(actor.held); pfn++)
        if (++this.count[pfn - layout.start] > 1) this.problems.push(`page ${pfn} twice`);
      job.finish(actor.held);
      actor.held = -1;
      return;
    }
    if (actor.at < 0) {
      actor.held = job.claimNext(index);
      actor.over = actor.held < 0;
      return;
    }
    const piece = this.pieces[this.faultOf(index)][actor.at];
    if (piece === undefined) return this.serve(actor, this.faults[this.faultOf(index)]);
    actor.at++;
    if (job.claim(piece)) actor.held = piece;
  }

  /** Nobody can go on: everything must be done. */
  finish(): void {
    if (this.actors.some(({ over }) => !over)) this.problems.push('somebody waits for ever');
    if (!this.job.done) this.problems.push(`${this.job.left} pieces left`);
    this.count.forEach((times, i) => {
      if (times !== 1) this.problems.push(`page ${this.job.layout.start + i} ${times} times`);
    });
  }

  /** Two scenes of equal keys go on alike. */
  get key(): string {
    return `${this.job.words.join()}|${this.actors.map((a) => `${a.held},${a.at},${a.over ? 1 : 0}`).join()}|${nextOf(this.job).join()}`;
  }

  clone(): Scene {
    const job = new InitJob(this.job.layout, Int32Array.from(this.job.words));
    nextOf(job).set(nextOf(this.job));
    const copy = new Scene(job, this.faults, piecesOfFault);
    Object.assign(copy, { pieces: this.pieces });
    copy.actors.forEach((actor, i) => Object.assign(actor, this.actors[i]));
    copy.count.set(this.count);
    return copy;
  }

  private faultOf(index: number): number {
    return index - this.job.layout.threads;
  }

  private serve(actor: Actor, { pfn, pages }: Fault): void {
    const { start, end } = this.job.layout;
    actor.over = true;
    for (let page = Math.max(pfn, start); page < Math.min(pfn + pages, end); page++)
      if (this.count[page - start] !== 1) this.problems.push(`fault on page ${page}, which is not initialised`);
  }
}

/** Where each thread goes on, which no other part of a job's state tells. */
const nextOf = (job: InitJob): Int32Array => (job as unknown as { next: Int32Array }).next;

/** Tries every order of steps. Returns how many states there were, and what went wrong in any of them. */
export function exhaust(scene: Scene): { states: number; problems: Set<string> } {
  const seen = new Set<string>();
  const problems = new Set<string>();
  const open = [scene];
  for (let here = open.pop(); here !== undefined; here = open.pop()) {
    const able = Array.from({ length: here.size }, (_, i) => i).filter((i) => here.can(i));
    if (able.length === 0) here.finish();
    for (const index of able) {
      const next = here.clone();
      next.step(index);
      for (const problem of next.problems) problems.add(problem);
      if (seen.has(next.key) || next.problems.length > 0) continue;
      seen.add(next.key);
      open.push(next);
    }
    for (const problem of here.problems) problems.add(problem);
  }
  return { states: seen.size, problems };
}

/** One order of steps, by chance. Returns what went wrong. */
export function wander(scene: Scene, random: Random): string[] {
  const able: number[] = [];
  for (;;) {
    able.length = 0;
    for (let i = 0; i < scene.size; i++) if (scene.can(i)) able.push(i);
    if (able.length === 0) break;
    scene.step(able[random.below(able.length)]);
  }
  scene.finish();
  return scene.problems;
}

/** A job and faults of a size, by chance: partitioned or from a cursor, compound pages or single ones. */
export function randomScene(random: Random, mostPages: number): Scene {
  const start = random.below(5000);
  const pages = 1 + random.below(mostPages);
  const align = 2 ** random.below(4);
  const threads = 1 + random.below(8);
  const layout =
    random.below(3) > 0
      ? PieceLayout.partitioned(start, start + pages, threads, 1 + random.below(16), align)
      : PieceLayout.cursor(start, start + pages, threads, 1 + random.below(64), align);
  const faults = Array.from({ length: random.below(5) }, () => ({
    pfn: start + random.below(pages),
    pages: 1 + random.below(1 + (random.below(2) === 0 ? 3 : pages)),
  }));
  return new Scene(new InitJob(layout), faults, piecesOfFault);
}
