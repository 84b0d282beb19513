/**
 * What a prediction finds that no event tells at its time. A replay in which the allocator decides takes it over: without it,
 * the model would not get the requests that the kernel got.
 *
 * Models: mm/page_alloc.c alloc_pages_bulk_noprof(), which fires no mm_page_alloc; prep_new_page() before the event.
 */
import type { SizeChange } from './observed-sizes.ts';

/** Blocks taken from a CPU's list unseen, in the order in which they were found, which is not that of `at`. */
export class HiddenAllocations {
  /** Event before which each allocation took place. */
  readonly at: number[] = [];
  readonly zone: number[] = [];
  readonly cpu: number[] = [];
  readonly order: number[] = [];
  readonly type: number[] = [];
  /** Row of the block. */
  readonly row: number[] = [];

  get length(): number {
    return this.at.length;
  }

  add(at: number, zone: number, cpu: number, order: number, type: number, rows: readonly number[]): void {
    for (const row of rows) {
      this.at.push(at);
      this.zone.push(zone);
      this.cpu.push(cpu);
      this.order.push(order);
      this.type.push(type);
      this.row.push(row);
    }
  }

  /** Indices in order of `at`; those of one event stay as they were found. */
  inOrder(): Int32Array {
    const { at } = this;
    return Int32Array.from(at.keys()).sort((a, b) => at[a] - at[b] || a - b);
  }
}

/** An allocation whose event comes late: it took place before event `at`. */
export interface EarlyAllocation {
  readonly at: number;
  readonly event: number;
}

/** What a start state should have been, as the real allocator showed by passing blocks over. */
export interface StartCorrections {
  /** Type of the pageblock of a row. */
  readonly types: ReadonlyMap<number, number>;
  /** Blocks that were taken to be free and were not, until an event (Infinity: to the end). */
  readonly late: readonly LateBlock[];
}

export interface LateBlock {
  readonly row: number;
  readonly order: number;
  readonly until: number;
}

/** All that one prediction hands over. */
export interface Annotations {
  readonly hidden: HiddenAllocations;
  /** In order of `event`. */
  readonly early: readonly EarlyAllocation[];
  /** Frees that found the lists' lock taken and went straight to the free lists: events. */
  readonly direct: ReadonlySet<number>;
  /** In order of discovery. */
  readonly sizes: readonly SizeChange[];
  readonly corrections: StartCorrections;
}

/** Nothing is known beside the events. */
export const noAnnotations = (): Annotations => ({
  hidden: new HiddenAllocations(),
  early: [],
  direct: new Set(),
  sizes: [],
  corrections: { types: new Map(), late: [] },
});
