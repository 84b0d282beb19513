/** Memory that goes offline and comes back, in the capture that is small enough for every run. The others are slow. */
import { finalAgreement } from '@replug/report';
import { openRecording } from '@replug/trace-import';
import { describe, expect, it } from 'vitest';
import { shared } from './captures.spec-kit.ts';
import { expectFloors, pathOf, replayWhole } from './predict.captures.spec-kit.ts';
import { replayRecording } from './replay.ts';
import { blockChanges, zonesAt } from './replay-hotplug.spec-kit.ts';

const NAME = 'ppc64le-6.1-offline';

let opened: ReturnType<typeof openRecording> | undefined;
const open = () => (opened ??= openRecording(pathOf(NAME)));

describe.skipIf(shared.length === 0)(NAME, () => {
  it('blocks change as blocks.log says', async () => {
    // The lines of blocks.log with rc=0, without their times.
    const round1 = ['6 off', '5 off', '1 off', '6 Movable', '5 Movable', '1 Normal'];
    const round2 = ['6 off', '5 off', '5 Normal', '6 Normal'];
    expect(blockChanges(await open())).toEqual([...round1, ...round2]);
  });

  it.each(['offlined', 'reonlined', 'movable-offlined', 'end'])(
    'zones are as zoneinfo prints them at %s',
    async (ref) => {
      const { model, real } = zonesAt(await open(), ref);
      expect(model).toEqual(real);
    },
  );

  it('Movable has two blocks in the middle of the span of Normal', async () => {
    const { model } = zonesAt(await open(), 'reonlined');
    // steps/04-reonlined/zoneinfo: present, managed, spanned of node 0 Normal, node 1 Normal, node 1 Movable.
    expect(model.map((z) => [z.zone, z.present, z.managed, z.spanned])).toEqual([
      ['0 Normal', 16384, 15759, 16384],
      ['1 Normal', 8192, 7910, 16384],
      ['1 Movable', 8192, 8192, 8192],
    ]);
  });

  it('no page differs from a kpageflags that was read while tracing went on, each part compared as it was read', async () => {
    const to = { kind: 'step', ref: 'workload-after-online' } as const;
    const { checkpoints } = replayRecording(await open(), { from: { kind: 'start' }, to });
    const shown = checkpoints.filter((c) => c.kpageflags !== undefined);
    expect(shown.map(({ step, kpageflags: k }) => [step, k!.compared, k!.compared - k!.agreeing])).toEqual([
      ['loaded', 32768, 0],
      ['offlined', 20480, 0],
      ['workload-after-online', 32768, 0],
    ]);
    // The last part of each was read after the step's own instant.
    for (const { events, readUntil } of shown) expect(readUntil).toBeGreaterThan(events);
  });

  it('one step ahead: every miss but bulk allocations and interrupts is of the free lists’ order', async () => {
    const report = await replayWhole(NAME, { frames: 'predict' });
    // Lines of mm_page_alloc with a CPU list, and of mm_page_alloc_zone_locked.
    expect([report.predictions!.handOut.total, report.predictions!.freeList.total]).toEqual([25849, 7709]);
    expectFloors(report, { B: '99.9 %', Bstar: '100 %', C: '99.9 %', Cprime: '99.8 %' });
    expect([report.unknownFrees, report.reallocations, report.partialFrees]).toEqual([0, 0, 0]);
    // Steps whose buddyinfo was read while the trace ran; the last one was read after it had stopped.
    const equal = report.checkpoints.filter((c) => c.buddyinfoEqual).map((c) => c.step);
    expect(equal).toEqual(['loaded', 'offlined', 'reonlined', 'workload-after-online', 'movable-offlined']);
    const { agreeing, compared } = finalAgreement(report)!.kpageflags;
    expect(agreeing / compared).toBeGreaterThan(0.999);
  });
});
