/** Predictions and the model's own decisions on the captures from boot. The others are in the slow suite. */
import { describe, expect, it } from 'vitest';
import { shared } from './captures.spec-kit.ts';
import { BOOT, expectFloor, expectFloors, ONE_CPU, replayWhole } from './predict.captures.spec-kit.ts';

describe.skipIf(shared.length === 0)('one step ahead, from boot', () => {
  it.each(Object.entries(BOOT))('%s: not below the floors', async (name, floors) => {
    const report = await replayWhole(name, { frames: 'predict' });
    expectFloors(report, floors);
    if (!ONE_CPU.includes(name)) return;
    const { handOut, freeList } = report.predictions!;
    expect(handOut.exactAnnotated).toBe(handOut.total);
    expect(freeList.exact).toBe(freeList.total);
  });
});

describe.skipIf(shared.length === 0)('the model decides, from boot', () => {
  // Lines of mm_page_alloc in the trace.
  it.each([
    ['x86_64-6.12-boot-1cpu', 6139],
    ['s390x-6.1-boot', 5835],
    ['ppc64le-6.1-boot-1cpu', 1306],
    ['ppc64le-6.1-boot', 1397],
  ])('%s: every request gets the recorded frame', async (name, requests) => {
    const report = await replayWhole(name, { frames: 'policy' });
    expect(report.firstDivergence).toBeNull();
    expect([report.exact, report.total]).toEqual([requests, requests]);
    expect([report.counts.failedInModel, report.unknownFrees, report.reallocations]).toEqual([0, 0, 0]);
    // The 6.12 machine ends with 512 pages fewer on its lists than the model: no request of the trace asks for them.
    if (report.profile === '6.1') expect(report.checkpoints.at(-1)!.buddyinfoEqual).toBe(true);
  });

  it('x86_64-6.1-boot-1cpu: nearly every one, and as many of each order are left', async () => {
    const report = await replayWhole('x86_64-6.1-boot-1cpu', { frames: 'policy' });
    expect(report.total).toBe(7118);
    expectFloor(report.exact!, report.total!, '98 %', 'exact');
    const end = report.checkpoints.at(-1)!;
    expect(end.buddyinfoEqual).toBe(true);
    expect(end.cpuLists.length).toBeGreaterThan(0);
    for (const { real, model } of end.cpuLists) expect(model).toBe(real);
  });

  it('without what a prediction finds, requests are missing', async () => {
    const report = await replayWhole('s390x-6.1-boot', { frames: 'policy', annotate: false });
    expect([report.annotated, report.total, report.counts.bulkPages]).toEqual([false, 5835, 0]);
    // About half of them get the recorded frame all the same.
    expect(report.firstDivergence).not.toBeNull();
    expectFloor(report.exact!, report.total!, '50 %', 'exact');
    expect(report.exact).toBeLessThan(5835);
  });
});
