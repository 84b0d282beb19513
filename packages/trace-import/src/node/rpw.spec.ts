/** The shipped captures as .rpw files: everything comes back, here and in a reader that shares no code with this one. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openRpw } from '@replug/workload/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ppc, x86 } from '../captures.spec-kit.ts';
import { openRecording } from './open-recording.ts';
import { openPaths } from './open-several.ts';
import { decodedByPython, expectRoundTrip, hasPython } from './rpw.spec-kit.ts';

let folder = '';
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'replug-rpw-'))));
afterAll(() => rmSync(folder, { recursive: true }));

// Events by name as counted by grep on the traces.
const X86_COUNTS = {
  mm_compaction_kcompactd_sleep: 16,
  mm_page_alloc: 22440,
  mm_page_alloc_extfrag: 4,
  mm_page_alloc_zone_locked: 13501,
  mm_page_free: 18485,
  mm_page_free_batched: 16609,
  mm_page_pcpu_drain: 5227,
};

describe('captures', () => {
  it('x86_64 comes back with every field, at less than 8 bytes an event with all its dumps', async () => {
    const { events, bytes } = await expectRoundTrip(x86, join(folder, 'x86_64.rpw'));
    expect(events).toBe(76282);
    expect(bytes / events).toBeLessThan(8);
  });

  it('ppc64le comes back with every field', async () => {
    expect(await expectRoundTrip(ppc, join(folder, 'ppc64le.rpw'))).toMatchObject({ events: 44605 });
  });

  it.skipIf(!hasPython)('are read by a decoder in another language', () => {
    const counts = decodedByPython(join(folder, 'x86_64.rpw'));
    expect(counts).toMatchObject({ arch: 'x86_64', events: X86_COUNTS, firstPfn: 0x2b17 });
    const { events } = decodedByPython(join(folder, 'ppc64le.rpw'));
    expect(Object.values(events).reduce((a, b) => a + b, 0)).toBe(44605);
  });
});

describe('x86_64, chunk by chunk', () => {
  it('gives the events from a time on', async () => {
    const open = await openRpw(join(folder, 'x86_64.rpw'));
    let events = 0;
    let last = 0;
    for await (const chunk of open.events({ fromNs: 10_644_901_000 })) {
      events += chunk.length;
      last = chunk.time[chunk.length - 1];
    }
    await open.close();
    // 76,282 rows: a chunk of 65,536 and one of 10,746.
    expect([events, last]).toEqual([10746, 10_644_901_000]);
  });
});

describe('openPaths', () => {
  const step = (name: string) => join(ppc, 'steps/01-before', name);

  it('takes single files of one machine, wherever they lie', async () => {
    const elsewhere = join(folder, 'elsewhere');
    mkdirSync(elsewhere);
    cpSync(step('zoneinfo'), join(elsewhere, 'zoneinfo'));
    const recording = await openPaths([join(elsewhere, 'zoneinfo'), step('buddyinfo'), step('meminfo')]);
    expect(recording.steps).toHaveLength(1);
    expect(recording.steps[0].zoneinfo).toBeDefined();
    expect(recording.steps[0].buddyinfo).toBeDefined();
    expect(recording.pageSize).toBe(65536);
  });

  it('takes one path as openRecording does', async () => {
    expect((await openPaths([ppc], { pageFlags: false })).steps).toHaveLength(4);
  });

  it('refuses a folder among several', async () => {
    await expect(openPaths([step('zoneinfo'), ppc])).rejects.toThrow(/RP4012/);
    await expect(openPaths([step('zoneinfo'), join(folder, 'none')])).rejects.toThrow(/RP4001/);
  });

  it('does not take a damaged .rpw file for something else', async () => {
    writeFileSync(join(folder, 'damaged.rpw'), Uint8Array.of(0x89, 0x52, 0x50, 0x57, 0x0d, 0x0a, 0x1a, 0x0a, 1));
    await expect(openRecording(join(folder, 'damaged.rpw'))).rejects.toThrow(/RP3103/);
  });
});
