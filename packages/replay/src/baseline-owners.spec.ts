import { PAGE_CLASS } from '@replug/core';
import { KPF, PageOwnerBuilder, type EventColumns, type PageOwner, type Step } from '@replug/workload';
import { expect, it } from 'vitest';
import { prepare } from './prepare.ts';
import { BASE, rig, trace } from './streams.spec-kit.ts';

const PAGES = 4096;
/** Events of `trace()` are 1 ms apart, the first at 1 ms. */
const FIRST = 1e6;

interface Held {
  readonly row: number;
  readonly order?: number;
  readonly time?: number;
  readonly gfp?: number;
  readonly moved?: number;
}

const MOVABLE = 0;
const KERNEL = 1;
const EARLY = 2;

function owner(...held: readonly Held[]): PageOwner {
  const builder = new PageOwnerBuilder();
  held.forEach(({ row, order = 0, time = 1, gfp = MOVABLE, moved = 0 }, i) => {
    builder.reserve();
    builder.pfn[i] = BASE + row;
    builder.order[i] = order;
    builder.time[i] = time;
    builder.gfp[i] = gfp;
    builder.moved[i] = moved;
    builder.length++;
  });
  return builder.finish({
    types: [''],
    gfpTexts: ['GFP_HIGHUSER_MOVABLE', 'GFP_KERNEL', ''],
    gfpMasks: [0x140cca, 0xcc0, 0],
    comms: [''],
    flagTexts: [''],
    stacks: [''],
    reasons: ['', 'compaction'],
    memcgs: [''],
  });
}

/** A step whose kpageflags show the rows `free` as free, and those of `compound` as one page of two. */
function step(told: PageOwner, free: readonly number[], compound: readonly number[] = []): Step {
  const low = new Uint32Array(BASE + PAGES).fill(1 << KPF.NOPAGE, 0, BASE);
  for (const row of free) low[BASE + row] = 1 << KPF.BUDDY;
  for (const row of compound) {
    low[BASE + row] = 1 << KPF.COMPOUND_HEAD;
    low[BASE + row + 1] = 1 << KPF.COMPOUND_TAIL;
  }
  return {
    number: 1,
    name: 'before',
    path: '',
    hasPageFlags: true,
    pageFlags: () => ({ length: low.length, low, high: new Uint32Array(low.length) }),
    pageOwner: () => told,
  };
}

function start(events: EventColumns, steps: { begin?: Step; later?: Step }) {
  const on = rig();
  const { begin, later } = steps;
  const ready = prepare(on.kernel, {
    events,
    from: 0,
    to: events.length,
    machineStep: (begin ?? later)!,
    fromBoot: false,
    begin,
    baseline: begin,
    hint: begin ?? later,
    stops: [],
    notes: [],
  });
  return { ...ready, lists: on.lists };
}

it('of the step where the span begins: orders that kpageflags does not tell', () => {
  const events = trace('got 20', 'freed 32 o2', 'taken 41');
  const told = owner(
    { row: 8, order: 3 },
    { row: 32, order: 2, time: FIRST },
    // Allocated while the dump was read.
    { row: 50, order: 1, time: FIRST + 1 },
    // On a CPU's list; free; free in part, by its first event.
    { row: 20 },
    { row: 60, order: 2 },
    { row: 40, order: 1 },
    // A compound page of another order, and one of this.
    { row: 64, order: 2 },
    { row: 70, order: 1, gfp: KERNEL },
    // Not aligned, and no page of the machine.
    { row: 81, order: 1 },
    { row: PAGES },
  );
  const { baseline, lists, machine } = start(events, { begin: step(told, [63], [64, 70]) });
  // 8 + 4 + 2 pages.
  const placed = { blocks: 3, pages: 14, unnamed: 0, later: 1, moved: 0, contradicted: 4, outside: 2 };
  expect(baseline).toMatchObject({ source: 'kpageflags', free: 2, onCpu: 1, owned: PAGES - 3, owners: placed });
  // A part of a block is given back: the rest stays one that is known.
  lists.freeDirect(12, 2, false);
  expect([lists.knows(8, 2), lists.freeOrder(12), lists.freeOrder(8)]).toEqual([true, 2, -1]);
  const row = machine.pages.pfnToRow(BASE + 8);
  expect(machine.pages.pageClass[row]).toBe(PAGE_CLASS.KERNEL);
});

it('of a later step: what was allocated before the trace began, and pages that no event names', () => {
  const events = trace('taken 100', 'got 20', 'freed 32', 'got 40');
  const told = owner(
    { row: 8, order: 3, time: FIRST - 1 },
    { row: 40, time: 4 * FIRST },
    { row: 44, time: 0 },
    { row: 45, time: 5 * FIRST, gfp: EARLY },
    { row: 32, time: 5 * FIRST, gfp: EARLY },
    { row: 48, moved: 1 },
  );
  const { baseline, lists } = start(events, { later: step(told, []) });
  const placed = { blocks: 3, pages: 10, unnamed: 10, later: 2, moved: 1, contradicted: 0, outside: 0 };
  // Row 32 was freed first: the event tells.
  expect(baseline).toMatchObject({ source: 'trace', free: 1, onCpu: 2, owned: 11, owners: placed });
  expect(baseline.unknown).toBe(PAGES - 4 - 10);
  expect([8, 15, 16, 32, 44, 45, 48].map((row) => lists.knows(row, 0))).toEqual([
    true,
    true,
    false,
    true,
    true,
    true,
    false,
  ]);
});

it('without page_owner nothing changes', () => {
  const { pageOwner: _, ...bare } = step(owner(), [63]);
  const { baseline } = start(trace('taken 41', 'got 20'), { begin: bare });
  expect(baseline).toEqual({ source: 'kpageflags', free: 2, onCpu: 1, owned: PAGES - 3, unknown: 0, corrected: 1 });
});
