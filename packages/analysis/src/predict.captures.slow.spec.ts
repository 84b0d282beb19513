/** Predictions on all captures with a text trace, through workloads, compaction and hotplug. */
import { finalAgreement } from '@replug/report';
import { openRecording } from '@replug/trace-import';
import { describe, expect, it } from 'vitest';
import { shared } from './captures.spec-kit.ts';
import { expectFloor, expectFloors, pathOf, replayWhole, REST } from './predict.captures.spec-kit.ts';
import { fidelityReplay } from './replay.ts';

describe.skipIf(shared.length === 0)('one step ahead, under load', () => {
  it.each(Object.entries(REST))('%s: not below the floors', async (name, floors) => {
    expectFloors(await replayWhole(name, { frames: 'predict' }), floors);
  });

  it.each(['x86_64-6.12-exact-anonhog', 'x86_64-6.12-exact-dimm-auto-movable', 's390x-6.12lab-exact-pageowner'])(
    '%s: online, from a known start, above what was reached before and below hindsight',
    async (name) => {
      const { predictions, predictionsOnline, baseline } = await replayWhole(name, { frames: 'predict' });
      expect(baseline.source).toBe('kpageflags');
      const online = predictionsOnline!;
      expectFloor(online.handOut.exact, online.handOut.total, '94 %', 'B');
      expectFloor(online.freeList.exact, online.freeList.total, '82 %', 'C');
      expect(online.handOut.exact).toBeLessThanOrEqual(predictions!.handOut.exact);
      expect(online.freeList.exact).toBeLessThanOrEqual(predictions!.freeList.exact);
    },
  );
});

describe.skipIf(shared.length === 0)('with allocations and frees only, on exact captures', () => {
  /** Shares of pages that agreed when this was measured, span by span, less half a percent. */
  it.each([
    ['s390x-6.12lab-exact-pageowner', [0.9945]],
    ['x86_64-6.12-exact-fileio', [0.9778]],
    ['x86_64-6.12-zone-device', [0.9947, 0.9944]],
    ['x86_64-6.12-exact-dimm-auto-movable', [0.9895, 0.9909, 0.977, 0.9848, 0.9737, 0.9479, 0.9714]],
  ])('%s', async (name, floors) => {
    const recording = await openRecording(pathOf(name));
    const reports = fidelityReplay([recording], { events: ['mm_page_alloc', 'mm_page_free'] });
    expect(reports.length).toBe(floors.length);
    reports.forEach((report, i) => {
      const { agreeing, compared, unchanged } = finalAgreement(report)!.kpageflags;
      const span = `${report.from} → ${report.to}`;
      expect(agreeing / compared, span).toBeGreaterThan(floors[i]);
      expect(agreeing, span).toBeGreaterThan(unchanged);
    });
  });
});
