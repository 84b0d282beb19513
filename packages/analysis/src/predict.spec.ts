/** Predictions on the shipped captures, with hindsight and online, and the same traces read without most of their events. */
import type { PredictionsReport, ReplayReport } from '@replug/report';
import { finalAgreement } from '@replug/report';
import { openRecording } from '@replug/trace-import';
import type { Recording, Time } from '@replug/workload';
import { describe, expect, it } from 'vitest';
import { nameOf, shipped } from './captures.spec-kit.ts';
import { replayRecording } from './replay.ts';

const recordings = new Map<string, Promise<Recording>>();
function open(arch: string): Promise<Recording> {
  const path = shipped.find((p) => nameOf(p).startsWith(arch))!;
  if (!recordings.has(arch)) recordings.set(arch, openRecording(path));
  return recordings.get(arch)!;
}

const reports = new Map<string, Promise<ReplayReport>>();
function predict(arch: string): Promise<ReplayReport> {
  if (!reports.has(arch)) {
    const whole = { from: { kind: 'start' }, to: { kind: 'end' } } as const;
    reports.set(
      arch,
      open(arch).then((recording) => replayRecording(recording, { frames: 'predict', ...whole })),
    );
  }
  return reports.get(arch)!;
}

describe('one step ahead, with hindsight', () => {
  it('ppc64le 6.1: every frame and every block', async () => {
    // Lines of the trace: 9776 mm_page_alloc, all of orders that have per-CPU lists; 7184 mm_page_alloc_zone_locked.
    const { handOut, freeList, refills, byCause, bulkPages } = (await predict('ppc64le')).predictions!;
    expect(handOut).toEqual({ total: 9776, exact: 9776, exactAnnotated: 9776 });
    expect(freeList).toMatchObject({ total: 7184, exact: 7184 });
    expect(freeList.nonSequentialExact).toBe(freeList.nonSequentialTotal);
    expect(refills.exact).toBe(refills.total);
    expect([byCause, bulkPages]).toEqual([{}, 0]);
  });

  it('s390x 6.1: every block, and every frame but behind bulk allocations', async () => {
    // 102783 mm_page_alloc, two of them of order 5; 98078 mm_page_alloc_zone_locked; one mm_page_alloc_extfrag.
    const { handOut, freeList, fallback, refills, byCause } = (await predict('s390x')).predictions!;
    expect(handOut).toMatchObject({ total: 102781, exactAnnotated: 102781 });
    expect(handOut.exact).toBeGreaterThanOrEqual(102748);
    expect(freeList).toMatchObject({ total: 98078, exact: 98078 });
    expect(freeList.nonSequentialExact).toBe(freeList.nonSequentialTotal);
    expect(fallback).toEqual({ total: 1, exact: 1 });
    expect(refills.exact).toBe(refills.total);
    expect(byCause).toEqual({ 'handOut.bulk-allocation': handOut.total - handOut.exact });
  });

  it('x86-64 6.12: every frame but behind bulk allocations, every block but one', async () => {
    // 22440 mm_page_alloc; 13501 mm_page_alloc_zone_locked, and 4 mm_page_alloc_extfrag that take a block without one.
    const { handOut, freeList, fallback, byCause } = (await predict('x86_64')).predictions!;
    expect(handOut).toMatchObject({ total: 22440, exactAnnotated: 22440 });
    expect(handOut.exact).toBeGreaterThanOrEqual(22176);
    expect(freeList.total).toBe(13505);
    expect(freeList.exact).toBeGreaterThanOrEqual(13504);
    expect(freeList.nonSequentialExact).toBe(freeList.nonSequentialTotal);
    // Fallbacks of 6.12 have no event before the block is taken.
    expect(fallback.total).toBe(0);
    expect(byCause['handOut.bulk-allocation']).toBe(handOut.total - handOut.exact);
  });

  it.each(['ppc64le', 's390x', 'x86_64'])('%s: misses by cause add up', async (arch) => {
    const { predictions, predictionsOnline } = await predict(arch);
    for (const p of [predictions!, predictionsOnline!]) {
      expect(missesOf(p, 'handOut')).toBe(p.handOut.total - p.handOut.exact);
      expect(missesOf(p, 'freeList')).toBe(p.freeList.total - p.freeList.exact);
      expect(missesOf(p, 'fallback')).toBe(p.fallback.total - p.fallback.exact);
    }
  });

  it.each(['ppc64le', 's390x', 'x86_64'])('%s: what is predicted changes nothing that is free', async (arch) => {
    const report = await predict(arch);
    for (const { step, kpageflags, buddyinfoEqual } of report.checkpoints) {
      expect(kpageflags?.agreeing, step).toBe(kpageflags?.compared);
      expect(buddyinfoEqual, step).toBe(true);
    }
    expect(report.checkpoints.length).toBeGreaterThan(0);
    expect([report.unknownFrees, report.reallocations, report.partialFrees]).toEqual([0, 0, 0]);
    expect(report.counts.freedWhileFree).toBe(0);
  });
});

function missesOf({ byCause }: PredictionsReport, what: string): number {
  return Object.entries(byCause)
    .filter(([cause]) => cause.startsWith(`${what}.`))
    .reduce((sum, [, count]) => sum + count, 0);
}

describe('one step ahead, online', () => {
  it.each(['ppc64le', 's390x', 'x86_64'])(
    '%s: below what hindsight knows, above what was reached before',
    async (arch) => {
      const { predictions, predictionsOnline } = await predict(arch);
      const [hindsight, online] = [predictions!, predictionsOnline!];
      expect([online.handOut.total, online.freeList.total]).toEqual([
        hindsight.handOut.total,
        hindsight.freeList.total,
      ]);
      expect(online.handOut.exact).toBeLessThan(hindsight.handOut.exact);
      expect(online.freeList.exact).toBeLessThan(hindsight.freeList.exact);
      // A model without look-ahead once reached from 94 % and from 82 % on, given the free set at the start.
      expect(online.handOut.exact / online.handOut.total).toBeGreaterThan(0.94);
      expect(online.freeList.exact / online.freeList.total).toBeGreaterThan(0.82);
    },
  );

  it('is all there is without look-ahead', async () => {
    const recording = await open('ppc64le');
    const { predictions, predictionsOnline } = replayRecording(recording, { frames: 'predict', lookAhead: false });
    expect(predictionsOnline).toBeUndefined();
    expect(predictions).toEqual((await predict('ppc64le')).predictionsOnline);
  });
});

describe('with allocations and frees only', () => {
  const span = (from: string, to: string): { from: Time; to: Time } => ({
    from: { kind: 'step', ref: from },
    to: { kind: 'step', ref: to },
  });
  /** Share of pages that agreed when this was measured, less half a percent; then what doing nothing would reach. */
  it.each([
    ['ppc64le', span('before', 'fragmented'), 0.9818],
    ['s390x', span('before', 'fragmented'), 0.9942],
    ['x86_64', span('before', 'after'), 0.9778],
  ])('%s: the refills and drains that the model makes itself come close', async (arch, steps, floor) => {
    const events = ['mm_page_alloc', 'mm_page_free'];
    const report = replayRecording(await open(arch), { ...steps, events });
    const { agreeing, compared, unchanged } = finalAgreement(report)!.kpageflags;
    expect(agreeing / compared).toBeGreaterThan(floor);
    expect(agreeing).toBeGreaterThan(unchanged);
    expect(report.notes.join()).toContain("refills and drains are the model's");
    expect([report.unknownFrees, report.partialFrees]).toEqual([0, 0]);
    // Pages of the lists at the start are nobody's; what bulk allocations took is not told and comes back as a request.
    expect(report.reallocations).toBeLessThan(report.applied / 100);
  });
});
