/**
 * Recorded events as columns: one row an event, in file order, 24 bytes an event.
 *
 *   time      f64   ns on the trace clock (exact for 104 days)
 *   pfnLow    u32   pfn bits 0–31; for events without a pfn of their own: index of the first value in `args`
 *   pfnHigh   u8    pfn bits 32–39; 0xff = "no page" (a failed allocation: the record holds pfn -1)
 *   kind      u8    index into core's TRACEPOINTS
 *   unit      u8    order (bits 0–3) | migratetype (bits 4–6) | percpu_refill (bit 7)
 *   flags     u8    index into `flagTexts`: the irq-info characters as printed ("d..2.")
 *   cpu       u16
 *   gfp       u16   index into `gfpTexts` (mm_page_alloc only)
 *   task      u32   index into `tasks`
 *   stack     u32   index into `stacks`, 0 for none; only of traces that keep call chains
 *
 * Kinds with the fields page, pfn, order (and migratetype, percpu_refill, gfp_flags) live in those columns alone: the five
 * kmem page events. Every other kind puts all of its fields except `page` into `args`, in catalogue order, numbers as
 * they are and words as indices into `words`.
 */
import { TRACEPOINTS, KIND } from '@replug/core';

export interface Task {
  readonly comm: string;
  readonly pid: number;
}

export const NO_PAGE_HIGH = 0xff;

/** Frozen event columns. All arrays have `length` entries except the dictionaries and `args`. */
export interface EventColumns {
  readonly length: number;
  readonly time: Float64Array;
  readonly pfnLow: Uint32Array;
  readonly pfnHigh: Uint8Array;
  readonly kind: Uint8Array;
  readonly unit: Uint8Array;
  readonly flags: Uint8Array;
  readonly cpu: Uint16Array;
  readonly gfp: Uint16Array;
  readonly task: Uint32Array;
  readonly stack?: Uint32Array;
  readonly args: Float64Array;
  readonly words: readonly string[];
  readonly gfpTexts: readonly string[];
  readonly flagTexts: readonly string[];
  readonly tasks: readonly Task[];
  /** Lines `symbol+0x1/0x2` as far as they were told, innermost first, joined by newlines; entry 0 is the empty text. */
  readonly stacks?: readonly string[];
}

/** True for the kinds whose fields are all in the fixed columns. */
export function isPageEvent(kind: number): boolean {
  return kind <= KIND.mm_page_pcpu_drain;
}

/** pfn of a page event; -1 when the allocation failed. */
export function eventPfn(events: EventColumns, index: number): number {
  const high = events.pfnHigh[index];
  return high === NO_PAGE_HIGH ? -1 : high * 4294967296 + events.pfnLow[index];
}

/** The call chain of an event, innermost first, joined by newlines; '' when there is none. */
export function eventStack({ stack, stacks }: EventColumns, index: number): string {
  return stack === undefined ? '' : (stacks?.[stack[index]] ?? '');
}

/** Values of an event that is not a page event: `args[first + i]` is catalogue field i (page left out). */
export function eventArg(events: EventColumns, index: number, field: number): number {
  return events.args[events.pfnLow[index] + field];
}

/** How many `args` values an event of this kind owns. */
export function argCount(kind: number): number {
  return isPageEvent(kind) ? 0 : TRACEPOINTS[kind].fields.filter((f) => f.format !== 'page').length;
}
