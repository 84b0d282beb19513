import { Account, openRecording, readBuddyinfo, readPagetypeinfo, readZoneinfo } from '@replug/trace-import';
import { parseMachineShorthand } from '@replug/core';
import { describe, expect, it } from 'vitest';
import { shared, shipped } from './captures.spec-kit.ts';
import { viewRecording, viewSpec } from './view.ts';
import type { Step } from '@replug/workload';

const parseBuddyinfo = (text: string) => readBuddyinfo(text, new Account('view', 'buddyinfo'));
const parsePagetypeinfo = (text: string) => readPagetypeinfo(text, new Account('view', 'pagetypeinfo'));
const parseZoneinfo = (text: string) => readZoneinfo(text, new Account('view', 'zoneinfo'));

const FILES = ['/proc/buddyinfo', '/proc/pagetypeinfo', '/proc/zoneinfo'];

/** The two files of a step count the same blocks. */
function agree(step: Step): boolean {
  return step.buddyinfo!.every((zone) => {
    const rows = step.pagetypeinfo!.free.filter((r) => r.node === zone.node && r.name === zone.name);
    return zone.counts.every((blocks, order) => rows.reduce((sum, r) => sum + r.counts[order], 0) === blocks);
  });
}

// Without the shared folder the shipped captures stand for all.
describe('views of a machine just built from a step', () => {
  it.each(shared.length > 0 ? shared : shipped)(
    '%s: every step parses back to the values of the real files',
    { timeout: 600_000 },
    async (path) => {
      const recording = await openRecording(path);
      for (const step of recording.steps) {
        const texts = viewRecording(recording, FILES, { at: { kind: 'step', ref: step.number } });
        // Read one after the other: where pagetypeinfo counts otherwise than buddyinfo, one machine cannot be both.
        if (agree(step)) expect(parseBuddyinfo(texts['/proc/buddyinfo']), step.name).toEqual(step.buddyinfo);
        expect(parsePagetypeinfo(texts['/proc/pagetypeinfo']), step.name).toEqual(step.pagetypeinfo);
        expect(parseZoneinfo(texts['/proc/zoneinfo']), step.name).toEqual(step.zoneinfo);
      }
    },
  );
});

describe('views of a machine that boots', () => {
  it('has all of its memory free but what is reserved', () => {
    const { '/proc/zoneinfo': text } = viewSpec(parseMachineShorthand('s390x,512M'), FILES);
    const [dma] = parseZoneinfo(text).zones;
    // 512 MiB less 8 MiB of memmap and 32 MiB assumed for the kernel.
    expect([dma.name, dma.spanned, dma.present, dma.managed, dma.free]).toEqual([
      'DMA',
      131072,
      131072,
      120832,
      120832,
    ]);
  });

  it('lists folders', () => {
    expect(viewSpec(parseMachineShorthand('s390x,512M'), ['/proc'])['/proc'].split('\n')).toContain('buddyinfo');
  });
});
