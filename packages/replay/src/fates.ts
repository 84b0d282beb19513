/**
 * HOT. What became of each block that an event freed or took off the free lists, told by the next event of its pages: who
 * reads a trace with hindsight knows which blocks of a CPU's list were gone by a certain time.
 */
import { KIND, type PageMap } from '@replug/core';
import { eventPfn, type EventColumns } from '@replug/workload';

/**
 * NOTHING: no event names the pages again. FREED: they were freed (again), so somebody had taken them. HANDED_OUT, DRAINED:
 * they left a CPU's list with an event. TAKEN: they left the free lists. UNKNOWN: nobody looked.
 */
export const FATE = { NOTHING: 0, FREED: 1, HANDED_OUT: 2, DRAINED: 3, TAKEN: 4, UNKNOWN: 5 } as const;

const FATE_OF_KIND = new Uint8Array(KIND.mm_page_pcpu_drain + 1);
FATE_OF_KIND[KIND.mm_page_free] = FATE.FREED;
FATE_OF_KIND[KIND.mm_page_alloc] = FATE.HANDED_OUT;
FATE_OF_KIND[KIND.mm_page_pcpu_drain] = FATE.DRAINED;
FATE_OF_KIND[KIND.mm_page_alloc_zone_locked] = FATE.TAKEN;

/** FATE of events [from, to); those of other kinds than frees and zone_locked mean nothing. */
export function fates(events: EventColumns, pages: PageMap, from: number, to: number): Uint8Array {
  const fate = new Uint8Array(to - from);
  // Event + 1 that last put a page where the trace does not follow it; 0 for none.
  const last = new Int32Array(pages.slotCount << pages.sectionShift);
  const { kind: kinds, unit: units } = events;
  const { maxPageOrder } = pages.arch;
  for (let i = from; i < to; i++) {
    const kind = kinds[i];
    if (kind > KIND.mm_page_pcpu_drain || kind === KIND.mm_page_free_batched) continue;
    const pfn = eventPfn(events, i);
    const row = pfn < 0 ? -1 : pages.pfnToRow(pfn);
    const order = units[i] & 15;
    if (row < 0 || order > maxPageOrder || (row & ((1 << order) - 1)) !== 0) continue;
    const what = FATE_OF_KIND[kind];
    const next = kind === KIND.mm_page_free || kind === KIND.mm_page_alloc_zone_locked ? i + 1 : 0;
    for (let at = row; at < row + (1 << order); at++) {
      const before = last[at];
      if (before !== 0 && fate[before - 1 - from] === FATE.NOTHING) fate[before - 1 - from] = what;
      last[at] = next;
    }
  }
  return fate;
}
