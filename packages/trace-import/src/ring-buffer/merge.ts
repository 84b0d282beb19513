/**
 * Several cpus into one order: the earliest record next, and of several at one instant that of the lowest cpu. That is the
 * order in which the kernel prints them.
 *
 * A heap of cpus. The one at its top hands out records for as long as no other is before it, so that a cpu that was busy
 * alone costs nothing.
 *
 * Models: kernel/trace/trace.c __find_next_entry().
 */
import type { CpuPages } from './cpu-pages.ts';

/** Reads the records of `first` as long as none of `second` comes before them; false when it has no more. */
export type Run = (first: CpuPages, second: CpuPages | undefined) => boolean;

/** Has all records of all cpus read, in order. */
export function mergeRecords(cpus: readonly CpuPages[], run: Run): void {
  const heap = cpus.filter((pages) => pages.advance());
  for (let i = (heap.length >> 1) - 1; i >= 0; i--) sink(heap, i);
  while (heap.length > 0) {
    const first = heap[0];
    const second = heap.length < 3 || isBefore(heap[1], heap[2]) ? heap.at(1) : heap[2];
    const more = run(first, second);
    if (!more) {
      const last = heap.pop()!;
      if (heap.length > 0) heap[0] = last;
    }
    sink(heap, 0);
  }
}

function isBefore(a: CpuPages, b: CpuPages): boolean {
  return a.time < b.time || (a.time === b.time && a.cpu < b.cpu);
}

function sink(heap: CpuPages[], from: number): void {
  for (let at = from; ;) {
    let child = 2 * at + 1;
    if (child >= heap.length) return;
    if (child + 1 < heap.length && isBefore(heap[child + 1], heap[child])) child++;
    if (!isBefore(heap[child], heap[at])) return;
    [heap[at], heap[child]] = [heap[child], heap[at]];
    at = child;
  }
}
