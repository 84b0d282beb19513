/**
 * The two passes of a commit over what differs between two layouts: every page that has to move is marked, then free ones
 * are moved, BATCH ranges under one hold of the zone lock. A deferred commit queues its ranges and moves them by steps; pages
 * that were on a CPU's list meanwhile are swept up at its end.
 */
import type { ContextTracker, Machine, Nid, PageAllocator, ZoneFreeLists } from '@replug/core';
import { eachDifference, type LayoutRange, type MemLayout } from './layout.ts';
import type { LookupMarks } from './marks.ts';
import { MemoryWalk } from './memory-walk.ts';
import type { Transplant } from './transplant.ts';
import { eachMarked } from './waiting.ts';

/** Ranges that are moved under one hold of the zone lock. Assumed. */
const BATCH = 1024;

export interface MoverParts {
  readonly machine: Machine;
  readonly context: ContextTracker;
  readonly allocator: PageAllocator;
  readonly lists: ZoneFreeLists;
  readonly marks: LookupMarks;
  readonly transplant: Transplant;
  /** The letter's way takes the zone's lock for each block by itself. */
  readonly locked: boolean;
}

export class Mover {
  private readonly parts: MoverParts;
  private queue: LayoutRange[] = [];
  private next = 0;

  constructor(parts: MoverParts) {
    this.parts = parts;
  }

  /** Ranges of a deferred commit whose free pages have not moved yet. */
  get queued(): number {
    return this.queue.length - this.next;
  }

  mark(from: MemLayout, to: MemLayout, walk: MemoryWalk): void {
    const { context, transplant } = this.parts;
    context.writeFlag('dnuma', 'LookupNode');
    eachDifference(from, to, (start, end, nid) => {
      walk.each(start, end, (row, stop) => transplant.mark(row, stop, nid));
    });
  }

  moveAll(from: MemLayout, to: MemLayout, walk: MemoryWalk): void {
    const { context, locked, transplant } = this.parts;
    let lock: Disposable | undefined;
    let ranges = 0;
    eachDifference(from, to, (start, end, nid) => {
      if (locked && ranges++ % BATCH === 0) {
        lock?.[Symbol.dispose]();
        lock = context.lock('dnuma', 'zone->lock', 'spin');
      }
      walk.each(start, end, (row, stop) => transplant.move(row, stop, nid));
    });
    lock?.[Symbol.dispose]();
  }

  enqueue(from: MemLayout, to: MemLayout): void {
    this.queue = [];
    this.next = 0;
    eachDifference(from, to, (start, end, nid) => this.queue.push({ start, end, nid }));
  }

  /** Moves free pages of at most `ranges` queued ranges. */
  step(ranges: number): void {
    if (this.queued === 0) return;
    const walk = new MemoryWalk(this.parts.machine);
    const stop = Math.min(this.queue.length, this.next + ranges);
    for (; this.next < stop; this.next++) this.moveRange(this.queue[this.next], walk);
    if (this.queued > 0) return;
    this.queue = [];
    this.next = 0;
    this.sweep();
  }

  /** Moves queued ranges of a node, one after the other, until `enough` says so after one that gave pages. */
  fetch(nid: Nid, moved: () => number, enough: (pages: number) => boolean): void {
    const walk = new MemoryWalk(this.parts.machine);
    for (let i = this.next; i < this.queue.length; i++) {
      if (this.queue[i].nid !== nid) continue;
      const before = moved();
      this.moveRange(this.queue[i], walk);
      const pages = moved() - before;
      if (pages > 0 && enough(pages)) return;
    }
  }

  private moveRange({ start, end, nid }: LayoutRange, walk: MemoryWalk): void {
    const { context, transplant } = this.parts;
    using _lock = context.lock('dnuma', 'zone->lock', 'spin');
    walk.each(start, end, (row, stop) => transplant.move(row, stop, nid));
  }

  /** A refill between two steps took marked pages to a CPU's list: they come back, and move. */
  private sweep(): void {
    const { machine, marks, allocator, lists, transplant, context } = this.parts;
    if (marks.count === 0) return;
    allocator.drainAllPages(-1);
    using _lock = context.lock('dnuma', 'zone->lock', 'spin');
    eachMarked(machine, marks, (row) => {
      const head = lists.freeHead(row);
      if (head >= 0) transplant.moveBlock(head, lists.freeOrder(head));
    });
  }
}
