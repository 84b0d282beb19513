/**
 * Frees in interrupt context whose way no later event tells. A task that drains or refills its lists holds their lock with
 * interrupts off; an interrupt that comes when they go on again does not wait for it but frees straight to the free lists
 * (pcp_spin_trylock). All frees of one interrupt find the lock alike, so one whose way is known speaks for the rest; without
 * one, the task's events around the interrupt decide.
 *
 * Models: mm/page_alloc.c pcp_spin_trylock(), free_unref_page(), 6.1 and 6.12.
 */
import { KIND } from '@replug/core';
import type { EventColumns } from '@replug/workload';
import { WAY, type Lookahead } from './lookahead.ts';

/** percpu_refill in the `unit` column. */
const PERCPU_REFILL = 0x80;

/** Events that are looked at on each side. */
const REACH = 4096;

/** Flag text id → 1 where the event came from an interrupt (soft or hard). */
export function fromInterrupt(events: EventColumns): Uint8Array {
  return Uint8Array.from(events.flagTexts, (text) => (/[hHs]/.test(text[2] ?? '') ? 1 : 0));
}

export class BusyLocks {
  private readonly events: EventColumns;
  private readonly lookahead: Lookahead;
  private readonly origin: number;
  private readonly interrupt: Uint8Array;

  constructor(events: EventColumns, lookahead: Lookahead, origin: number) {
    this.events = events;
    this.lookahead = lookahead;
    this.origin = origin;
    this.interrupt = fromInterrupt(events);
  }

  /** True when the free of event i found the lists' lock taken. */
  isBusy(i: number): boolean {
    const { events, interrupt, lookahead, origin } = this;
    if (interrupt[events.flags[i]] === 0) return false;
    const cpu = events.cpu[i];
    let told: number = WAY.UNKNOWN;
    const end = origin + lookahead.way.length;
    const neighbour = (from: number, step: number): number => {
      const stop = from + step * REACH;
      for (let j = from + step; j >= origin && j < end && j !== stop; j += step) {
        if (events.cpu[j] !== cpu) continue;
        if (interrupt[events.flags[j]] === 0) return j;
        if (events.kind[j] === KIND.mm_page_free && lookahead.way[j - origin] !== WAY.UNKNOWN)
          told = lookahead.way[j - origin];
      }
      return -1;
    };
    const before = neighbour(i, -1);
    const after = neighbour(i, 1);
    if (told !== WAY.UNKNOWN) return told === WAY.DIRECT;
    if (before < 0 || after < 0 || events.task[before] !== events.task[after]) return false;
    const { kind } = events;
    if (kind[before] === KIND.mm_page_pcpu_drain) return kind[after] === KIND.mm_page_free;
    const refill = kind[before] === KIND.mm_page_alloc_zone_locked && events.unit[before] >= PERCPU_REFILL;
    return refill && kind[after] === KIND.mm_page_alloc;
  }
}
