/** What a machine just built from a step prints, parsed back, beside the values of the real files. */
import { Account, openRecording, readBuddyinfo, readPagetypeinfo, readZoneinfo } from '@replug/trace-import';
import type { Step } from '@replug/workload';
import { expect } from 'vitest';
import { viewRecording } from './view.ts';

const parseBuddyinfo = (text: string) => readBuddyinfo(text, new Account('view', 'buddyinfo'));
const parsePagetypeinfo = (text: string) => readPagetypeinfo(text, new Account('view', 'pagetypeinfo'));
export const parseZoneinfo = (text: string) => readZoneinfo(text, new Account('view', 'zoneinfo'));

export const FILES = ['/proc/buddyinfo', '/proc/pagetypeinfo', '/proc/zoneinfo'];

/** The two files of a step count the same blocks. */
function agree(step: Step): boolean {
  return step.buddyinfo!.every((zone) => {
    const rows = step.pagetypeinfo!.free.filter((r) => r.node === zone.node && r.name === zone.name);
    return zone.counts.every((blocks, order) => rows.reduce((sum, r) => sum + r.counts[order], 0) === blocks);
  });
}

/** Holds every step of a capture against its own files. */
export async function expectViews(path: string): Promise<void> {
  const recording = await openRecording(path);
  for (const step of recording.steps) {
    const texts = viewRecording(recording, FILES, { at: { kind: 'step', ref: step.number } });
    // Read one after the other: where pagetypeinfo counts otherwise than buddyinfo, one machine cannot be both.
    if (agree(step)) expect(parseBuddyinfo(texts['/proc/buddyinfo']), step.name).toEqual(step.buddyinfo);
    expect(parsePagetypeinfo(texts['/proc/pagetypeinfo']), step.name).toEqual(step.pagetypeinfo);
    expect(parseZoneinfo(texts['/proc/zoneinfo']), step.name).toEqual(step.zoneinfo);
  }
}
