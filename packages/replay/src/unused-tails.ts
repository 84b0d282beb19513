/**
 * HOT. Who gives back the end of a block that it has just got? make_alloc_exact() asks for a power of two and frees what
 * is not needed at once, page by page, to the tails of the free lists, past the per-CPU lists.
 *
 * Models: mm/page_alloc.c make_alloc_exact(), 6.1 and 6.12.
 */
import type { EventColumns } from '@replug/workload';

export class UnusedTails {
  /** The block of order > 0 that each CPU allocated last, until it frees something else: task, first row, behind its last. */
  private readonly task: Int32Array;
  private readonly start: Int32Array;
  private readonly end: Int32Array;
  private readonly events: EventColumns;

  constructor(events: EventColumns, cpus: number) {
    this.events = events;
    this.task = new Int32Array(cpus).fill(-1);
    this.start = new Int32Array(cpus);
    this.end = new Int32Array(cpus);
  }

  allocated(i: number, row: number, order: number, cpu: number): void {
    if (order === 0) return;
    this.task[cpu] = this.events.task[i];
    this.start[cpu] = row;
    this.end[cpu] = row + (1 << order);
  }

  /** True when the free of event i is of a page behind the start of the block that its task allocated last. */
  isOne(i: number, row: number, cpu: number): boolean {
    if (this.events.task[i] !== this.task[cpu]) return false;
    if (row > this.start[cpu] && row < this.end[cpu]) return true;
    this.end[cpu] = 0;
    return false;
  }
}
