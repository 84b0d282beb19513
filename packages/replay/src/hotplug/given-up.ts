/**
 * Attempts to offline a memory block that were given up: a signal ended them, or pages that would not move. No test of the
 * range tells of them, migration does: its events name memory_hotplug as the reason, and most of what the task frees meanwhile are
 * the pages that were moved out of the block (not so targets that it had just got and did not need).
 *
 *   the begin  behind the task's last drain before the first migration, or behind the last event that took a page of the block
 *              off its ordinary lists
 *   the end    behind the task's last migration out of the block: then it notices, and the block becomes what it was
 *
 * Pfns and event indices. Models: mm/memory_hotplug.c offline_pages(), do_migrate_range(), 6.1 and 6.12.
 */
import { KIND } from '@replug/core';
import { eventPfn, eventWord, type EventColumns } from '@replug/workload';
import { ENDED, type RangeOperation } from './operations.ts';

export interface GivenUpInput {
  readonly events: EventColumns;
  readonly from: number;
  readonly to: number;
  /** Pages of a memory block. */
  readonly blockPages: number;
  /** Operations that a test of the range told of. */
  readonly tested: readonly RangeOperation[];
}

/** By `end`. */
export function findGivenUp({ events, from, to, blockPages, tested }: GivenUpInput): RangeOperation[] {
  if (!events.words.includes(REASON)) return [];
  const { mm_page_alloc: ALLOC, mm_page_free: FREE, mm_migrate_pages_start: START, mm_migrate_pages: DONE } = KIND;
  // What each task that migrates is in the middle of.
  const migrating = new Map<number, Migration>();
  const lastBlock = new Map<number, number>();
  const attempts = new Map<string, { block: number; first: number; last: number }>();
  for (let i = from; i < to; i++) {
    const kind = events.kind[i];
    if (kind === START) {
      if (eventWord(events, i, REASON_OF_START) === REASON)
        migrating.set(events.task[i], { start: i, freed: new Map(), targets: new Set() });
    } else if (migrating.size === 0) continue;
    else if (kind === ALLOC) migrating.get(events.task[i])?.targets.add(eventPfn(events, i));
    else if (kind === FREE) frees(i, migrating.get(events.task[i]), eventPfn(events, i));
    else if (kind === DONE) done(i, migrating.get(events.task[i]));
  }
  return [...attempts.values()]
    .map(({ block, first, last }) => operation(block, first, last))
    .filter(
      ({ start, stop, end }) => !tested.some((t) => t.start < stop && t.stop > start && t.begin <= end && t.end > end),
    )
    .sort((a, b) => a.end - b.end);

  function frees(i: number, migration: Migration | undefined, pfn: number): void {
    if (migration === undefined || migration.targets.has(pfn)) return;
    const block = Math.floor(pfn / blockPages);
    migration.freed.set(block, (migration.freed.get(block) ?? 0) + 2 ** (events.unit[i] & 15));
  }

  /** A migration that moved nothing belongs to the block of the one before. */
  function done(i: number, migration: Migration | undefined): void {
    const task = events.task[i];
    if (migration === undefined) return;
    migrating.delete(task);
    const [most] = [...migration.freed].sort((a, b) => b[1] - a[1]);
    const block = most?.[0] ?? lastBlock.get(task);
    if (block === undefined) return;
    lastBlock.set(task, block);
    const known = attempts.get(`${task} ${block}`);
    if (known === undefined) attempts.set(`${task} ${block}`, { block, first: migration.start, last: i });
    else known.last = i;
  }

  function operation(block: number, first: number, last: number): RangeOperation {
    const start = block * blockPages;
    const stop = start + blockPages;
    return { begin: beginOf(first, start, stop), end: last, start, stop, ended: ENDED.UNDONE };
  }

  function beginOf(first: number, start: number, stop: number): number {
    for (let i = first - 1; i >= from; i--) {
      const kind = events.kind[i];
      if (kind === KIND.mm_page_pcpu_drain && events.task[i] === events.task[first]) return i + 1;
      const pfn = kind === KIND.mm_page_alloc || kind === KIND.mm_page_alloc_zone_locked ? eventPfn(events, i) : -1;
      if (pfn >= start && pfn < stop) return i + 1;
    }
    return from;
  }
}

const REASON = 'memory_hotplug';
/** Place of the reason among the fields of mm_migrate_pages_start. */
const REASON_OF_START = 1;

interface Migration {
  readonly start: number;
  /** Memory block → pages that the task freed. */
  readonly freed: Map<number, number>;
  readonly targets: Set<number>;
}
