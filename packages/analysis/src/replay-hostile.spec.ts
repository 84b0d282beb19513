import { KIND, seededRandom, TRACEPOINTS, type Kernel } from '@replug/core';
import { findSpan, replayPolicy, replayRecorded, type Annotations, type Span } from '@replug/replay';
import { openRecording } from '@replug/trace-import';
import { argCount, EventColumnsBuilder, packUnit, type EventColumns, type Recording } from '@replug/workload';
import { describe, expect, it } from 'vitest';
import { shipped } from './captures.spec-kit.ts';
import { recordedKernel } from './replay.ts';

/** The same events with `count` values of their columns replaced by anything that fits the column. */
function spoil(events: EventColumns, seed: number, count: number): EventColumns {
  const random = seededRandom(seed);
  const copy = {
    ...events,
    pfnLow: events.pfnLow.slice(),
    pfnHigh: events.pfnHigh.slice(),
    unit: events.unit.slice(),
    cpu: events.cpu.slice(),
    args: events.args.slice(),
  };
  for (let i = 0; i < count; i++) {
    const at = random.below(events.length);
    const page = copy.kind[at] <= 4;
    switch (random.below(page ? 4 : 1)) {
      case 0:
        if (copy.args.length > 0)
          copy.args[random.below(copy.args.length)] =
            (random.uint32() - 2 ** 31) * (random.below(3) === 0 ? 2 ** 20 : 1);
        break;
      case 1:
        // pfns of this machine and beyond; only page events keep a pfn here.
        copy.pfnLow[at] = random.below(20000);
        break;
      case 2:
        copy.unit[at] = random.below(256);
        break;
      case 3:
        copy.cpu[at] = random.below(65536);
        copy.pfnHigh[at] = random.below(8) === 0 ? random.below(256) : 0;
    }
  }
  return copy;
}

describe('a trace with wrong values', () => {
  it('never breaks the state, and every event is accounted for', async () => {
    const recording = await openRecording(shipped.find((p) => p.includes('ppc64le'))!);
    for (let seed = 1; seed <= 40; seed++) {
      const spoiled: Recording = {
        ...recording,
        trace: { ...recording.trace!, events: spoil(recording.trace!.events, seed, 50 * seed) },
      };
      const span = findSpan(spoiled, { kind: 'start' }, { kind: 'step', ref: 'after' });
      const kernel = recordedKernel(spoiled, span);
      const { counts } = replayRecorded(kernel, span);
      expect(kernel.validate(), `seed ${seed}`).toEqual([]);
      const { events, applied, informative, failed, outside, impossible } = counts;
      expect(applied + informative + failed + outside + impossible, `seed ${seed}`).toBe(events);
      kernel.dispose();
    }
  });
});

/** Events of every kind with random values: frames of the machine and far beyond, orders of no kernel, ranges upside down. */
function nonsense(seed: number, count: number): EventColumns {
  const random = seededRandom(seed);
  const builder = new EventColumnsBuilder();
  const word = builder.words.intern('success');
  const gfps = ['GFP_KERNEL', 'GFP_HIGHUSER_MOVABLE', '', 'GFP_ATOMIC|__GFP_COMP', 'no such flag'];
  gfps.forEach((text) => builder.gfpTexts.intern(text));
  ['d..2.', 'd.s3.', '', 'd.h'].forEach((text) => builder.flagTexts.intern(text));
  ['init', 'pgdatinit0', 'sh'].forEach((comm, i) => builder.internTask(comm, i + 1));
  // Few frames, so that events meet; some anywhere; some of no machine.
  const pfn = () =>
    [random.below(256), random.below(16384), random.uint32() * 255, -1][Math.min(3, random.below(8) >> 1)];
  for (let i = 0; i < count; i++) {
    // Two of three are of pages.
    const kind = random.below(3) > 0 ? random.below(5) : random.below(TRACEPOINTS.length);
    const [cpu, flags, task] = [random.below(4), random.below(4), random.below(3)];
    if (kind <= KIND.mm_page_pcpu_drain) {
      const order = random.below(4) > 0 ? 0 : random.below(16);
      const unit = packUnit(order, random.below(8), random.below(2));
      builder.pushPage(kind, i * 1000, cpu, flags, task, pfn(), unit, random.below(gfps.length));
      continue;
    }
    const values = Array.from({ length: argCount(kind) }, () => [pfn(), random.below(12), word][random.below(3)]);
    builder.pushArgs(kind, i * 1000, cpu, flags, task, values);
  }
  return builder.finish();
}

/** Frees of every frame there is, by every order in turn, twice; nothing was ever allocated. */
function freesOfEverything(pages: number): EventColumns {
  const builder = new EventColumnsBuilder();
  const task = builder.internTask('sh', 1);
  builder.flagTexts.intern('d.s3.');
  for (let order = 0; order <= 8; order += 2)
    for (let pfn = 0; pfn < pages; pfn += 1 << order)
      for (let twice = 0; twice < 2; twice++)
        builder.pushPage(KIND.mm_page_free, pfn, pfn % 2, 0, task, pfn, packUnit(order, 0, 0));
  return builder.finish();
}

interface Ran {
  readonly kernel: Kernel;
  readonly counts: { readonly [name: string]: number };
}

/** Runs a span by prediction, then by policy with what the prediction found, and checks that nothing is lost. */
function runBoth(recording: Recording, span: Span, name: string): void {
  const check = ({ kernel, counts }: Ran): void => {
    expect(kernel.validate(), name).toEqual([]);
    const { events, applied, informative, failed, outside, impossible } = counts;
    expect(events, name).toBe(span.to - span.from);
    expect(applied + informative + failed + outside + impossible, name).toBe(events);
    for (const [what, count] of Object.entries(counts)) expect(count, `${name}: ${what}`).toBeGreaterThanOrEqual(0);
  };
  let annotations: Annotations | undefined;
  for (const lookAhead of [true, false]) {
    using kernel = recordedKernel(recording, span);
    const result = replayRecorded(kernel, span, { predict: true, lookAhead });
    check({ kernel, counts: { ...result.counts } });
    const { handOut, freeList, fallback, byCause } = result.predictions!;
    for (const [what, { total, exact }] of Object.entries({ handOut, freeList, fallback })) {
      const misses = Object.entries(byCause).filter(([cause]) => cause.startsWith(`${what}.`));
      const missed = misses.reduce((sum, [, count]) => sum + count, 0);
      expect(exact + missed, `${name}: ${what}`).toBe(total);
    }
    expect(handOut.exactAnnotated).toBeGreaterThanOrEqual(handOut.exact);
    expect(handOut.exactAnnotated).toBeLessThanOrEqual(handOut.total);
    if (lookAhead) annotations = result.annotations;
  }
  using kernel = recordedKernel(recording, span);
  const result = replayPolicy(kernel, span, { annotations });
  check({ kernel, counts: { ...result.counts } });
  expect(result.exact, name).toBeLessThanOrEqual(result.total);
}

// A hang would be one event that looks at all of something: each of these takes a second or so.
describe('predictions and policy on wrong traces', { timeout: 30_000 }, () => {
  const open = () => openRecording(shipped.find((p) => p.includes('ppc64le'))!);
  const withTrace = (recording: Recording, events: EventColumns): Recording => ({
    ...recording,
    trace: { ...recording.trace!, events },
  });
  const whole = (recording: Recording): Span => ({
    ...findSpan(recording, { kind: 'step', ref: 'before' }, { kind: 'end' }),
    from: 0,
    to: recording.trace!.events.length,
    stops: [],
  });

  it('with wrong values', async () => {
    const recording = await open();
    for (let seed = 1; seed <= 6; seed++) {
      const spoiled = withTrace(recording, spoil(recording.trace!.events, seed, 300 * seed));
      runBoth(spoiled, findSpan(spoiled, { kind: 'start' }, { kind: 'step', ref: 'after' }), `seed ${seed}`);
    }
  });

  it('of random events', async () => {
    const recording = await open();
    for (let seed = 1; seed <= 8; seed++) {
      const random = withTrace(recording, nonsense(seed, 3000));
      runBoth(random, { ...whole(recording), events: random.trace!.events, to: 3000 }, `seed ${seed}`);
      runBoth(
        random,
        { ...whole(recording), ...inferred, events: random.trace!.events, to: 3000 },
        `boot, seed ${seed}`,
      );
    }
  });

  it('of frees of everything', async () => {
    const recording = await open();
    const events = freesOfEverything(1024);
    const span = { ...whole(recording), events, to: events.length };
    runBoth(withTrace(recording, events), span, 'known start');
    runBoth(withTrace(recording, events), { ...span, ...inferred }, 'from boot');
  });

  it('in reverse order', async () => {
    const recording = await open();
    const { events } = recording.trace!;
    const reversed = { ...events };
    for (const name of ['pfnLow', 'pfnHigh', 'kind', 'unit', 'flags', 'cpu', 'gfp', 'task'] as const)
      Object.assign(reversed, { [name]: events[name].slice().reverse() });
    runBoth(withTrace(recording, reversed), { ...whole(recording), events: reversed }, 'reversed');
  });
});

/** A start state that is told by the trace alone. */
const inferred = { begin: undefined, baseline: undefined, fromBoot: true } as const;
