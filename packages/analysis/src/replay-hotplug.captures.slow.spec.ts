/** Recorded and predicted replay through onlining, offlining and virtio-mem's contiguous allocation. */
import { openRecording } from '@replug/trace-import';
import { describe, expect, it } from 'vitest';
import { shared } from './captures.spec-kit.ts';
import { expectFloors, pathOf, replayWhole, type Floors } from './predict.captures.spec-kit.ts';
import { replayRecording } from './replay.ts';
import { blockChanges, zonesAt } from './replay-hotplug.spec-kit.ts';

/** Reached when this was written, as printed. B without bulk allocations and interrupts, which no event tells: B*. */
const REACHED: Readonly<Record<string, Floors>> = {
  'ppc64le-6.1-dimm': { B: '99.8 %', Bstar: '99.99 %', C: '99.9 %', Cprime: '99.5 %' },
  's390x-6.1-offline': { B: '99.9 %', Bstar: '100 %', C: '99.99 %', Cprime: '99.9 %' },
  'x86_64-6.12-dimm': { B: '99.5 %', Bstar: '100 %', C: '177568/177568', Cprime: '9284/9284' },
  'x86_64-6.12-exact-dimm-auto-movable': { B: '99.9 %', Bstar: '100 %', C: '99.99 %', Cprime: '99.9 %' },
  'x86_64-6.12-virtio-mem-online': { B: '99.6 %', Bstar: '100 %', C: '99.99 %', Cprime: '99.9 %' },
  'x86_64-6.1-virtio-mem-movable': { B: '99.8 %', Bstar: '100 %', C: '99.99 %', Cprime: '99.9 %' },
};

describe.skipIf(shared.length === 0)('one step ahead, through hotplug', () => {
  it.each(Object.entries(REACHED))('%s', { timeout: 120_000 }, async (name, floors) => {
    const report = await replayWhole(name, { frames: 'predict' });
    expectFloors(report, floors);
    expect([report.unknownFrees, report.reallocations]).toEqual([0, 0]);
    expect(report.counts).toMatchObject({ outside: 0, impossible: 0, isolationsUnexplained: 0, lockedNotFree: 0 });
  });
});

/** Pages that differ at steps whose kpageflags was read while tracing went on: in the whole trace, and from step to step. */
const DIFFER: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  'ppc64le-6.1-dimm': { 'dimm2-online-movable': 0, workload: 0, 'offlined-under-load': 0 },
  // Pages that changed within the read that has them: of 524,288 and 786,432.
  's390x-6.1-offline': { loaded: 126, offlined: 0, 'workload-after-online': 0 },
  'x86_64-6.12-dimm': { 'dimm2-online-movable': 0, workload: 0, 'offlined-under-load': 0 },
  'x86_64-6.12-virtio-mem-online': {
    ...{ 'initial-requested': 0, 'plugged-big': 0, 'workload-fragmented': 0, 'unplugged-under-load': 0 },
    ...{ 'unplugged-load-gone': 0, 'replugged-big': 0, 'unplugged-zero': 0 },
  },
  'x86_64-6.1-virtio-mem-movable': {
    ...{ 'initial-requested': 0, 'plugged-big': 0, 'workload-fragmented': 53, 'unplugged-under-load': 0 },
    ...{ 'unplugged-load-gone': 0, 'replugged-big': 0, 'unplugged-zero': 0 },
  },
};

describe.skipIf(shared.length === 0)('page by page, through hotplug', () => {
  it.each(Object.entries(DIFFER))('%s', { timeout: 120_000 }, async (name, differ) => {
    const { checkpoints } = await replayWhole(name, {});
    const followed = checkpoints.filter((c) => c.readUntil !== undefined);
    const found = followed.map(({ step, kpageflags: k }) => [step, k!.compared - k!.agreeing]);
    expect(Object.fromEntries(found)).toEqual(differ);
  });

  it('x86_64-6.12-dimm: a block whose offlining was given up is free again, without a word of it in the span', async () => {
    const recording = await openRecording(pathOf('x86_64-6.12-dimm'));
    const [from, to] = ['workload', 'offlined-under-load'].map((ref) => ({ kind: 'step', ref }) as const);
    const { kpageflags } = replayRecording(recording, { from, to }).checkpoints.at(-1)!;
    expect(kpageflags).toMatchObject({ compared: 327680, agreeing: 327680, changed: 89749, changedAgreeing: 89749 });
  });
});

describe.skipIf(shared.length === 0)('memory blocks', () => {
  it('s390x-6.1-offline: change as blocks.log says', async () => {
    const off = ['6 off', '5 off', '4 off', '3 off', '2 off'];
    const on = ['6 Movable', '5 Movable', '4 Movable', '3 DMA', '2 DMA'];
    const round2 = ['6 off', '5 off', '4 off', '4 DMA', '5 DMA', '6 DMA'];
    expect(blockChanges(await openRecording(pathOf('s390x-6.1-offline')))).toEqual([...off, ...on, ...round2]);
  });

  it.each([
    ['s390x-6.1-offline', 'reonlined'],
    ['ppc64le-6.1-dimm', 'offlined-under-load'],
    ['x86_64-6.12-exact-dimm-auto-movable', 'workload'],
    ['x86_64-6.12-virtio-mem-online', 'unplugged-under-load'],
    ['x86_64-6.1-virtio-mem-movable', 'unplugged-zero'],
  ])('%s: zones are as zoneinfo prints them at %s', { timeout: 120_000 }, async (name, ref) => {
    const { model, real } = zonesAt(await openRecording(pathOf(name)), ref);
    expect(model).toEqual(real);
  });
});
