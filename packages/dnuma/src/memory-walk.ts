/**
 * What of a pfn range a layout may touch, as rows of one section at a time: memory that is there, without the blocks of memory
 * groups – a device says which node its memory is on.
 */
import type { Machine, Pfn } from '@replug/core';

export class MemoryWalk {
  /** Ascending [start, end) pairs. */
  private readonly ranges: Float64Array;
  private readonly machine: Machine;
  /** Blocks that were left out. */
  readonly deviceBlocks: number;
  private at = 0;

  constructor(machine: Machine) {
    this.machine = machine;
    const own: number[] = [];
    for (const id of machine.blocks.ids()) if (machine.blocks.get(id)!.groupId >= 0) own.push(id);
    this.deviceBlocks = own.length;
    const per = machine.blocks.blockPages;
    const out: number[] = [];
    let next = 0;
    for (const { start, end } of machine.memory) {
      let from = start;
      while (next < own.length && (own[next] + 1) * per <= start) next++;
      for (let i = next; i < own.length && own[i] * per < end; i++) {
        if (own[i] * per > from) out.push(from, own[i] * per);
        from = Math.max(from, (own[i] + 1) * per);
      }
      if (from < end) out.push(from, end);
    }
    this.ranges = Float64Array.from(out);
  }

  /** Calls `each` for the rows of [start, end) that are memory. Fast when called with ascending ranges. */
  each(start: Pfn, end: Pfn, each: (row: number, stop: number) => void): void {
    const { ranges } = this;
    const { pages } = this.machine;
    const per = 2 ** pages.sectionShift;
    if (this.at > 0 && (this.at >= ranges.length || ranges[this.at] > start)) this.at = 0;
    while (this.at < ranges.length && ranges[this.at + 1] <= start) this.at += 2;
    for (let i = this.at; i < ranges.length && ranges[i] < end; i += 2) {
      const to = Math.min(end, ranges[i + 1]);
      for (let pfn = Math.max(start, ranges[i]); pfn < to;) {
        const stop = Math.min(to, (Math.floor(pfn / per) + 1) * per);
        const row = pages.pfnToRow(pfn);
        if (row >= 0) each(row, row + (stop - pfn));
        pfn = stop;
      }
    }
  }
}
