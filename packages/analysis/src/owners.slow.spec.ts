/**
 * Owners against the page flags of the same instants, in the lab captures: who owns a page that kpageflags calls free, and who none
 * that it calls used. Figures are literal; each class of disagreement is explained by the trace.
 */
import { KIND } from '@replug/core';
import { openRecording } from '@replug/trace-import';
import { eventPfn, type Recording, type Time } from '@replug/workload';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ownersAt } from './owners.ts';

const captures = join(process.env.REPLUG_SHARED ?? join(import.meta.dirname, '../../../../shared'), 'captures');
const exact = join(captures, 's390x-6.12lab-exact-pageowner');

const BUDDY = 1 << 10;
const NOPAGE = 1 << 20;

/** Pages by what their flags say and whether somebody owns them. */
function agreement(recording: Recording, step: number, owned: (pfn: number) => boolean) {
  const { length, low, high } = recording.steps[step].pageFlags()!;
  const counts: Record<string, number> = {};
  const pages: Record<string, number[]> = {};
  for (let pfn = 0; pfn < length; pfn++) {
    if ((low[pfn] & NOPAGE) !== 0) continue;
    const kind = (low[pfn] & BUDDY) !== 0 ? 'free' : (high[pfn] & 1) !== 0 ? 'reserved' : 'used';
    const key = `${kind}, ${owned(pfn) ? 'owned' : 'nobody'}`;
    counts[key] = (counts[key] ?? 0) + 1;
    (pages[key] ??= []).push(pfn);
  }
  return { counts, pages };
}

function ownedAt(recording: Recording, time: Time): (pfn: number) => boolean {
  const { length, pfn, order } = ownersAt(recording, time);
  const pages = new Set<number>();
  for (let row = 0; row < length; row++) for (let i = 0; i < 2 ** order[row]; i++) pages.add(pfn[row] + i);
  return (page) => pages.has(page);
}

/** By page, the time of the record that covers it. */
function printed(recording: Recording, step: number): Map<number, number> {
  const { length, pfn, order, time } = recording.steps[step].pageOwner!()!;
  const times = new Map<number, number>();
  for (let row = 0; row < length; row++) for (let i = 0; i < 2 ** order[row]; i++) times.set(pfn[row] + i, time[row]);
  return times;
}

describe.skipIf(!existsSync(exact))('the exact capture', async () => {
  const recording = existsSync(exact) ? await openRecording(exact) : undefined!;

  it('by the first page_owner and the events up to the end, all 131,072 pages are as kpageflags has them', () => {
    expect(agreement(recording, 1, ownedAt(recording, { kind: 'end' })).counts).toEqual({
      'reserved, nobody': 4720,
      'used, owned': 32967,
      'free, nobody': 93385,
    });
  });

  it('page_owner, printed for a second and a half, differs by what was taken and given back meanwhile', () => {
    const times = printed(recording, 0);
    const { counts, pages } = agreement(recording, 0, (pfn) => times.has(pfn));
    expect(counts).toEqual({
      'reserved, nobody': 4720,
      'used, owned': 11884,
      'used, nobody': 579,
      'free, owned': 506,
      'free, nobody': 113383,
    });
    // Free pages that somebody owns: all were taken after kpageflags was read, when the trace begins.
    const { events } = recording.trace!;
    expect(pages['free, owned'].filter((pfn) => times.get(pfn)! >= events.time[0] - 100_000)).toHaveLength(506);
    // Used pages that nobody owns: all were given back since, the first thing that the trace tells of them.
    const first = new Map<number, number>();
    for (let row = 0; row < events.length; row++) {
      if (events.kind[row] !== KIND.mm_page_alloc && events.kind[row] !== KIND.mm_page_free) continue;
      for (let i = 0; i < 1 << (events.unit[row] & 15); i++) {
        const pfn = eventPfn(events, row) + i;
        if (!first.has(pfn)) first.set(pfn, events.kind[row]);
      }
    }
    expect(pages['used, nobody'].filter((pfn) => first.get(pfn) === KIND.mm_page_free)).toHaveLength(579);
  });
});

describe.skipIf(!existsSync(exact))('captures whose kpageflags were read a while after the trace ended', () => {
  it.each([
    [
      's390x-6.12lab-pageowner',
      { 'reserved, nobody': 4721, 'used, owned': 49161, 'used, nobody': 2200, 'free, nobody': 74990 },
    ],
    [
      'x86_64-6.12lab-pageowner',
      { 'reserved, nobody': 5957, 'used, owned': 38586, 'used, nobody': 257, 'free, nobody': 86272 },
    ],
  ])('%s', async (name, expected) => {
    const recording = await openRecording(join(captures, name));
    const owned = ownedAt(recording, { kind: 'end' });
    const { counts, pages } = agreement(recording, 1, owned);
    expect(counts).toEqual(expected);
    // Nobody owned them when the trace ended: either page_owner knows of a later allocation, or they were given back again.
    const times = printed(recording, 1);
    const { time, length } = recording.trace!.events;
    const later = pages['used, nobody'].filter((pfn) => times.get(pfn)! > time[length - 1]);
    expect(later.length + pages['used, nobody'].filter((pfn) => !times.has(pfn)).length).toBe(expected['used, nobody']);
  });
});
