import { KPF, type EventColumns, type PageFlags, type Step } from '@replug/workload';
import { describe, expect, it } from 'vitest';
import { prepare, type PrepareOptions } from './prepare.ts';
import { replayPolicy } from './replay-policy.ts';
import type { Span } from './span.ts';
import { BASE, rig, trace, type Rig } from './streams.spec-kit.ts';

const PAGES = 4096;

/** Flags of a machine whose rows `free` are free; the others are in use. */
function flags(free: readonly number[]): PageFlags {
  const low = new Uint32Array(BASE + PAGES).fill(1 << KPF.NOPAGE, 0, BASE);
  for (const row of free) low[BASE + row] = 1 << KPF.BUDDY;
  return { length: low.length, low, high: new Uint32Array(low.length) };
}

function step(facts: Partial<Step> & { readonly free?: readonly number[] }): Step {
  const { free, ...rest } = facts;
  return {
    number: 1,
    name: 'before',
    path: '',
    hasPageFlags: free !== undefined,
    pageFlags: () => (free === undefined ? undefined : flags(free)),
    ...rest,
  };
}

const buddyinfo = [{ node: 0, name: 'Normal', counts: [3, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1] }];

function span(events: EventColumns, steps: { begin?: Step; later?: Step } = {}): Span {
  const { begin, later } = steps;
  const baseline = begin?.hasPageFlags === true ? begin : undefined;
  return {
    events,
    from: 0,
    to: events.length,
    machineStep: begin ?? later ?? step({}),
    fromBoot: false,
    begin,
    baseline,
    hint: baseline ?? later,
    stops: [],
    notes: [],
  };
}

function start(of: Span, options?: PrepareOptions): Rig & ReturnType<typeof prepare> {
  const on = rig();
  return { ...on, ...prepare(on.kernel, of, options), lists: on.lists };
}

describe('the start state comes from', () => {
  const events = trace('taken 8', 'got 8', 'got 20', 'freed 30');

  it('kpageflags of the step where the span begins; the first event of a page wins', () => {
    const { baseline, lists } = start(span(events, { begin: step({ free: [8, 9, 40, 41, 30] }) }));
    expect(baseline).toEqual({ source: 'kpageflags', free: 4, onCpu: 1, owned: 4091, unknown: 0, corrected: 1 });
    expect([lists.freeOrder(8), lists.freeOrder(40), lists.listed(0)]).toEqual([1, 1, [20]]);
    // Freed before anything else: it was in use, whatever the dump says.
    expect([lists.isFree(30), lists.knows(30, 0)]).toEqual([false, true]);
  });

  it('the trace: what leaves the free lists was free, what is freed was in use, a later dump tells the rest', () => {
    const { baseline, lists } = start(span(events, { later: step({ free: [8, 9, 40, 41, 30] }) }));
    expect(baseline).toMatchObject({ source: 'trace', free: 4, onCpu: 1, owned: 1, corrected: 0 });
    // 4096 pages, of which events name 8, 20 and 30.
    expect(baseline.unknown).toBe(4093);
    expect([lists.freeOrder(8), lists.knows(30, 0), lists.knows(1000, 0)]).toEqual([1, true, false]);
  });

  it('counts, when nothing may be known before it comes', () => {
    const begin = step({ buddyinfo });
    const { baseline, lists, zone } = start(span(events, { begin }), { lookAhead: false });
    // 3 + 2 · 4 + 1024 pages.
    expect(baseline).toEqual({ source: 'counts', free: 1035, onCpu: 0, owned: 0, unknown: 3061, corrected: 0 });
    expect([0, 2, 10].map((order) => lists.freeBlocks(zone, order))).toEqual([3, 2, 1]);
  });

  it('counts, when there are no flags at all, or when asked for', () => {
    expect(start(span(events, { begin: step({ buddyinfo }) })).baseline.source).toBe('counts');
    const flagged = step({ buddyinfo, free: [8, 9] });
    expect(start(span(events, { begin: flagged })).baseline.source).toBe('kpageflags');
    expect(start(span(events, { begin: flagged }), { baseline: 'counts' }).baseline).toMatchObject({
      source: 'counts',
      free: 1035,
    });
  });

  it('flags of the beginning also when nothing may be known before it comes, then without corrections', () => {
    const { baseline, lists } = start(span(events, { begin: step({ free: [8, 30] }) }), { lookAhead: false });
    expect(baseline).toMatchObject({ source: 'kpageflags', free: 2, onCpu: 0, corrected: 0 });
    expect(lists.isFree(30)).toBe(true);
  });

  it('nothing, when nothing may be known and nothing is', () => {
    const { baseline, lists } = start(span(events, { later: step({ free: [8] }) }), { lookAhead: false });
    expect(baseline).toEqual({ source: 'nothing', free: 0, onCpu: 0, owned: 0, unknown: PAGES, corrected: 0 });
    expect(lists.knows(8, 0)).toBe(false);
  });

  it('RP5007: counts that are not there', () => {
    expect(() => start(span(events, { begin: step({ free: [] }) }), { baseline: 'counts' })).toThrow('RP5007');
    expect(() => start(span(events, {}), { baseline: 'counts' })).toThrow('RP5007');
  });
});

describe('a trace of allocations and frees only', () => {
  it('is told by what is missing in the span', () => {
    const only = (of: Span) => start(of).onlyRequests;
    const begin = step({ free: [] });
    expect(only(span(trace('got 8', 'freed 8', 'batched 8', 'failed'), { begin }))).toBe(true);
    expect(only(span(trace('got 8', 'taken 9'), { begin }))).toBe(false);
    expect(only(span(trace('got 8', 'drained 9'), { begin }))).toBe(false);
    expect(only({ ...span(trace('got 8', 'freed 8', 'taken 9'), { begin }), to: 2 })).toBe(true);
  });

  it('says of a page handed out first that it was not in use', () => {
    const events = trace('got 8', 'got 20', 'freed 30');
    const { baseline, lists } = start(span(events, { begin: step({ free: [8, 9] }) }));
    expect(baseline).toMatchObject({ free: 2, owned: 4093, corrected: 0 });
    // Neither free nor in use: on some CPU's list.
    expect([lists.isFree(8), lists.knows(20, 0), lists.knows(30, 0)]).toEqual([true, false, true]);
  });
});

describe('another machine', () => {
  const begin = step({ free: Array.from({ length: 3072 }, (_, row) => 1024 + row) });

  it('gets what is in use before it serves', () => {
    const elsewhere = rig('6.12', 4, 1000, 2048);
    elsewhere.lists.placeFree(0, 10, 1);
    elsewhere.lists.placeFree(1024, 10, 1);
    const events = trace('taken 1024', 'got 1024', 'freed 1024');
    const { counts, total, checkpoints, zones } = replayPolicy(rig().kernel, span(events, { begin }), {
      elsewhere: elsewhere.kernel,
    });
    expect(counts).toMatchObject({ events: 3, applied: 2, informative: 1, failedInModel: 0, unknownFrees: 0 });
    expect([total, checkpoints]).toEqual([1, []]);
    // 2048 pages less the 1024 in use are free or on lists: nothing is lost.
    const free = zones[0].free.reduce((sum, blocks, order) => sum + blocks * 2 ** order, 0);
    expect(free + elsewhere.lists.cpuCount(elsewhere.zone, 0)).toBe(1024);
  });

  it('RP5008: has no room for it', () => {
    const elsewhere = rig('6.12', 4, 1000, 1024);
    elsewhere.lists.placeFree(0, 9, 1);
    const replay = () =>
      replayPolicy(rig().kernel, span(trace('got 1024'), { begin }), { elsewhere: elsewhere.kernel });
    expect(replay).toThrow('RP5008');
  });
});
