import { openRecording } from '@replug/trace-import';
import { finalAgreement } from '@replug/report';
import { describe, expect, it } from 'vitest';
import { nameOf, shipped } from './captures.spec-kit.ts';
import { checkableSpans, fidelityReplay, replayRecording } from './replay.ts';

/** Events by span, as each capture's agreement.json counts them (`events_before`). */
const EVENTS: Readonly<Record<string, readonly number[]>> = {
  'ppc64le-6.1-exact-anonhog': [33513, 4223, 6869],
  's390x-6.1-exact-anonhog': [334878, 26163, 59552],
  'x86_64-6.12-exact-fileio': [76282],
};

describe('recorded replay of the shipped captures', () => {
  it.each(shipped)('%s: every page agrees at every exact step', async (path) => {
    const recording = await openRecording(path);
    const reports = fidelityReplay([recording]);
    expect(reports.map((r) => r.events)).toEqual(EVENTS[nameOf(path)]);
    for (const report of reports) {
      const end = finalAgreement(report)!;
      expect(end.kpageflags.agreeing, `${report.from} → ${end.step}`).toBe(end.kpageflags.compared);
      expect(end.kpageflags.unchanged).toBeLessThan(end.kpageflags.compared);
      expect(end.buddyinfoEqual).toBe(true);
      expect([report.unknownFrees, report.reallocations, report.partialFrees]).toEqual([0, 0, 0]);
    }
  });

  it('the same recording gives the same hash, another span another', async () => {
    const path = shipped.find((p) => p.includes('ppc64le'))!;
    const [a, b] = [await openRecording(path), await openRecording(path)];
    expect(replayRecording(a).stateHash).toBe(replayRecording(b).stateHash);
    const [first] = checkableSpans(a);
    expect(replayRecording(a, first).stateHash).not.toBe(replayRecording(a).stateHash);
  });

  it('a profile that is not the recorded one changes nothing: the trace decides', async () => {
    const recording = await openRecording(shipped.find((p) => p.includes('ppc64le'))!);
    const end = finalAgreement(replayRecording(recording, { kernel: '6.12' }))!;
    expect(end.kpageflags.agreeing).toBe(end.kpageflags.compared);
  });

  it('reaches an instant without a dump from the last dump before it', async () => {
    const recording = await openRecording(shipped.find((p) => p.includes('ppc64le'))!);
    const { time, length } = recording.trace!.events;
    const report = replayRecording(recording, { from: { kind: 'seconds', seconds: time[length >> 1] / 1e9 } });
    expect(report.from).toBe('before');
    expect(report.notes.join()).toContain('replayed from step before');
    expect(finalAgreement(report)!.kpageflags.realOnly).toBe(0);
  });

  it('ends before it starts: RP5004', async () => {
    const recording = await openRecording(shipped.find((p) => p.includes('ppc64le'))!);
    const from = { kind: 'step', ref: 'after' } as const;
    expect(() => replayRecording(recording, { from, to: { kind: 'step', ref: 'before' } })).toThrow('RP5004');
  });
});
