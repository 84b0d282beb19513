/**
 * HOT. Lookups of a page's node in the layout in force, with each CPU's last hit beside it: pages that are freed one after
 * the other mostly lie in one range. Counted as the letter's pfn-lookup-cache-hits and -misses.
 *
 * Models: the letter's memlayout cache (one rme, shared and racy); here a CPU has its own.
 */
import { MemLayout } from './layout.ts';
import type { Nid, Pfn } from '@replug/core';

export class LayoutLookup {
  hits = 0;
  misses = 0;
  /** End of the range that was found last. */
  end = 0;
  private layout = new MemLayout(new Float64Array(0), new Int16Array(0));
  private readonly last: Int32Array;

  constructor(cpus: number) {
    this.last = new Int32Array(cpus).fill(-1);
  }

  get current(): MemLayout {
    return this.layout;
  }

  /** Publishes a layout: what CPUs remember is void. */
  use(layout: MemLayout): void {
    this.layout = layout;
    this.last.fill(-1);
  }

  /** Node of a pfn, -1 for none; `end` says how far that holds. */
  nid(pfn: Pfn, cpu: number): Nid {
    const { layout, last } = this;
    let at = last[cpu];
    if (at >= 0 && layout.borders[at] <= pfn && pfn < layout.endOf(at)) this.hits++;
    else {
      this.misses++;
      at = layout.find(pfn);
      last[cpu] = at;
    }
    this.end = layout.endOf(at);
    return at < 0 ? -1 : layout.nids[at];
  }
}
