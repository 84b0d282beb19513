/**
 * The threads of deferred initialisation: they hand memory over while the kernel boots, straight to the tails of the free
 * lists. Models: mm/page_alloc.c deferred_init_memmap(), thread pgdatinitN, 6.1 and 6.12.
 */
import type { EventColumns } from '@replug/workload';

/** Task id → 1 for the threads of deferred initialisation. */
export function deferredInitTasks({ tasks }: EventColumns): Uint8Array {
  return Uint8Array.from(tasks, ({ comm }) => (comm.startsWith('pgdatinit') ? 1 : 0));
}
