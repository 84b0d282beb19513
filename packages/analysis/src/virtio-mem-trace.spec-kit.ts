/**
 * What a complete trace tells of the pages of a recorded virtio-mem guest. The devices' memory was added while the trace ran,
 * so the last event of each of its pages says whether it is free, and if not, whether it may be moved: the doubts that page
 * flags leave (kernel pages without a type look like pages on a CPU's list) are settled, and what happened between the
 * reading of the flags and the host's request is made up for.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Core, KIND, MIGRATE, NOTIFY, PageAllocator } from '@replug/core';
import type { FutureWork } from '@replug/virtio-mem';
import {
  alignClocks,
  DOUBT,
  eventPfn,
  isBuddy,
  isNoPage,
  KPF,
  monotonicToTraceNs,
  pageByte,
  type PageFlags,
  type Recording,
  type Step,
} from '@replug/workload';
import { blocksOf, FIRST_PFN, LAST_PFN, onlineTypeOf, SB, scenarioAt, type Scenario } from './virtio-mem.spec-kit.ts';

/** Pages of a memory block. */
const BLOCK = 32768;

/** What the last event of a page says. */
export const TOLD = { NOTHING: 0, FREE: 1, MOVABLE: 2, KERNEL: 3 } as const;

/** Seconds of CLOCK_MONOTONIC at which the step was done, its last reading over; the host's requests follow at once. */
export function doneAt(path: string, step: Step): number {
  const line = new RegExp(`^([\\d.]+) step ${step.number} `, 'm').exec(readFileSync(join(path, 'steps.log'), 'utf8'));
  return Number(line![1]);
}

/** Rows of events before the instant (seconds of CLOCK_MONOTONIC). */
export function rowAt(recording: Recording, seconds: number): number {
  const { time } = recording.trace!.events;
  const ns = monotonicToTraceNs(alignClocks(recording)!, seconds);
  let row = 0;
  while (row < time.length && time[row] < ns) row++;
  return row;
}

/** What the events before a row say of the devices' pages. */
export interface Told {
  /** TOLD by page from the first device's first page on. */
  readonly pages: Uint8Array;
  /** First pages of the memmaps that stand in the devices' memory, oldest first: kernel blocks of a sub-block's size. */
  readonly memmaps: readonly number[];
}

export function toldBefore(recording: Recording, row: number): Told {
  const events = recording.trace!.events;
  const pages = new Uint8Array(LAST_PFN - FIRST_PFN);
  const memmaps = new Set<number>();
  for (let i = 0; i < row; i++) {
    const kind = events.kind[i];
    if (kind > KIND.mm_page_pcpu_drain || kind === KIND.mm_page_free_batched) continue;
    const pfn = eventPfn(events, i);
    if (pfn < FIRST_PFN || pfn >= LAST_PFN) continue;
    const count = 2 ** (events.unit[i] & 15);
    const movable = ((events.unit[i] >>> 4) & 7) === MIGRATE.MOVABLE;
    const is = kind !== KIND.mm_page_alloc ? TOLD.FREE : movable ? TOLD.MOVABLE : TOLD.KERNEL;
    pages.fill(is, pfn - FIRST_PFN, pfn - FIRST_PFN + count);
    memmaps.delete(pfn);
    if (is === TOLD.KERNEL && count === SB) memmaps.add(pfn);
  }
  return { pages, memmaps: [...memmaps] };
}

/** Page flags as they would be read at the row. */
export function flagsTold(flags: PageFlags, { pages, memmaps }: Told): PageFlags {
  const low = flags.low.slice();
  const high = flags.high.slice();
  const put = (pfn: number, bits: number): void => {
    low[pfn] = bits >>> 0;
    high[pfn] = 0;
  };
  pages.forEach((is, i) => {
    const pfn = FIRST_PFN + i;
    if (is === TOLD.NOTHING || isNoPage(low[pfn])) return;
    const free = isBuddy(low[pfn]);
    const told = !free && pageByte(low[pfn], high[pfn], (flags.count?.[pfn] ?? 0) > 0) >>> 5 === DOUBT.NONE;
    if (is === TOLD.FREE) {
      if (!free) put(pfn, 2 ** KPF.BUDDY);
    } else if (!told) put(pfn, is === TOLD.KERNEL ? 2 ** KPF.SLAB : 2 ** KPF.LRU);
  });
  for (const pfn of memmaps)
    for (let at = pfn; at < pfn + SB; at++) put(at, 2 ** (at === pfn ? KPF.COMPOUND_HEAD : KPF.COMPOUND_TAIL));
  return { ...flags, low, high };
}

/**
 * The machine at the host's requests after a step. A memmap is given back when its block goes: the newest one of a device's
 * memory is that of the device's highest block, and so on downwards.
 */
export function scenarioTold(
  recording: Recording,
  path: string,
  step: Step,
  requested: number,
  future: FutureWork = {},
): Scenario {
  const told = toldBefore(recording, rowAt(recording, doneAt(path, step)));
  const flags = flagsTold(step.pageFlags()!, told);
  const at = scenarioAt(recording, { ...step, pageFlags: () => flags }, onlineTypeOf(path), requested, future);
  const { kernel } = at;
  const { pages } = kernel.get(Core.Machine);
  const allocator = kernel.get(PageAllocator);
  const blockOf = (pfn: number): number => Math.floor(pfn / BLOCK);
  const highest = blocksOf(at)
    .map((line) => Number(/\d+/.exec(line)![0]))
    .sort((a, b) => b - a);
  const memmapOf = new Map<number, number>();
  for (const [first, end] of [
    [FIRST_PFN, (FIRST_PFN + LAST_PFN) / 2],
    [(FIRST_PFN + LAST_PFN) / 2, LAST_PFN],
  ]) {
    const blocks = highest.filter((id) => id >= blockOf(first) && id < blockOf(end));
    told.memmaps
      .filter((pfn) => pfn >= first && pfn < end)
      .reverse()
      .forEach((pfn, i) => memmapOf.set(blocks[i], pfn));
  }
  kernel.get(Core.MemoryNotifiers).register(
    (action, { startPfn }) => {
      const pfn = action === 'MEM_OFFLINE' ? memmapOf.get(blockOf(startPfn)) : undefined;
      if (pfn !== undefined) allocator.free(pages.pfnToRow(pfn), Math.log2(SB), 0);
      return NOTIFY.OK;
    },
    -1,
    'memmaps',
  );
  return at;
}
