import { Core, MIGRATE, PAGE_STATE } from '@replug/core';
import type { MemoryBlock, Step, ZoneinfoZone } from '@replug/workload';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { migratetypeTable, RecordedReplay } from '../recorded.ts';
import { noCounts } from '../replay-counts.ts';
import type { Span } from '../span.ts';
import { BASE, look, rig, trace, type FieldEvent, type Rig } from '../streams.spec-kit.ts';
import { HotplugCourse } from './hotplug-course.ts';
import { ENDED } from './operations.ts';
import { noHotplug, planHotplug } from './plan.ts';

// x86-64: memory blocks of 32768 pages; rows 0… are block 1, rows 32768… block 2. Pageblocks of 512 pages.
const BLOCK = 32768;
const test = (start: number, stop: number, ret = 'success'): FieldEvent => [
  'test_pages_isolated',
  BASE + start,
  BASE + stop,
  BASE + stop,
  ret,
];
const scan = (start: number, stop: number): FieldEvent => [
  'mm_compaction_isolate_migratepages',
  BASE + start,
  BASE + stop,
  stop - start,
  0,
];
const take = (start: number, stop: number): FieldEvent => [
  'mm_compaction_isolate_freepages',
  BASE + start,
  BASE + stop,
  stop - start,
  stop - start,
];

const memory = (pages = BLOCK): Rig => {
  const on = rig('6.12', 4, 1000, pages);
  for (let row = 0; row < pages; row += 1024) on.lists.placeFree(row, 10, MIGRATE.MOVABLE);
  return on;
};

/** A step that shows block 1 as Normal, and block 2 as given. */
function step(number: number, second?: Partial<MemoryBlock>): Step {
  const zone = (name: string) =>
    ({ node: 0, name, pagesets: [], protection: [], spanned: 0 }) as unknown as ZoneinfoZone;
  const first: MemoryBlock = { id: 1, state: 'online', validZones: ['Normal'], nodes: [0] };
  const blocks = second === undefined ? [first] : [first, { ...first, id: 2, ...second }];
  return {
    number,
    name: `step-${number}`,
    path: '',
    hasPageFlags: false,
    pageFlags: () => undefined,
    memoryBlocks: { blockSize: BLOCK * 4096, blocks },
    zoneinfo: { zones: [zone('Normal'), zone('Movable')] } as unknown as Step['zoneinfo'],
  };
}

function run(on: Rig, lines: readonly (string | FieldEvent)[], steps: { begin?: Step; end?: Step } = {}) {
  const machine = on.kernel.get(Core.Machine);
  const events = trace(...lines);
  const begin = steps.begin ?? step(1);
  const span: Span = {
    events,
    from: 0,
    to: events.length,
    machineStep: begin,
    fromBoot: false,
    begin,
    baseline: undefined,
    hint: undefined,
    stops: steps.end === undefined ? [] : [{ index: events.length, next: events.length, step: steps.end, note: '' }],
    notes: [],
  };
  const migratetype = migratetypeTable(true);
  const hotplug = planHotplug(span, machine, migratetype, true);
  const replay = new RecordedReplay({
    machine,
    lists: on.lists,
    tracepoints: on.kernel.get(Core.Tracepoints),
    events,
    lookahead: look(on, events),
    from: 0,
    migratetype,
    infers: false,
    hotplug,
  });
  return { replay, hotplug, machine, events };
}

const types = (on: Rig, ...rows: number[]) => rows.map((row) => on.lists.pageblockType(row));

describe('a range that is isolated', () => {
  it('leaves the ordinary lists; what is freed there bypasses the CPU lists until the operation ends', () => {
    const on = memory();
    on.lists.handOut(700, 0);
    on.lists.handOut(100, 0);
    const { replay } = run(on, [scan(512, 1024), 'freed 700', 'freed 100', test(512, 1024, 'fail'), 'got 100']);
    replay.run(0, 3);
    expect(types(on, 0, 512, 1024)).toEqual([MIGRATE.MOVABLE, MIGRATE.ISOLATE, MIGRATE.MOVABLE]);
    expect([on.lists.freeHead(700), on.lists.freeOrder(512)]).toEqual([512, 9]);
    expect(on.lists.listed(0)).toEqual([100]);
    expect(on.lists.firstFree(on.zone, 9, MIGRATE.ISOLATE)).toBe(512);
    replay.run(3, 5);
    expect(types(on, 512)).toEqual([MIGRATE.MOVABLE]);
    expect(on.lists.firstFree(on.zone, 9, MIGRATE.ISOLATE)).toBe(-1);
    expect(replay.counts).toMatchObject({ isolatedRanges: 1, directFrees: 1, blockChanges: 0 });
  });

  it('cuts the free block across its boundary, and merges with it again', () => {
    const on = memory();
    const { replay } = run(on, [scan(512, 1024), test(512, 1024, 'fail'), 'failed']);
    replay.run(0, 1);
    expect([on.lists.freeOrder(0), on.lists.freeOrder(512)]).toEqual([9, 9]);
    replay.run(1, 3);
    expect([on.lists.freeOrder(0), on.lists.freeOrder(512)]).toEqual([10, -1]);
  });
});

it('what a contiguous allocation took is held page by page, and comes back page by page', () => {
  const on = memory();
  const lines = [scan(512, 1024), test(512, 1024), take(512, 1024), 'freed 600', 'freed 601'];
  const { replay, machine } = run(on, lines);
  replay.run(0, 3);
  expect([on.lists.freeHead(511), on.lists.freeHead(512), on.lists.freeHead(1023)]).toEqual([0, -1, -1]);
  expect(machine.pages.state[600]).toBe(PAGE_STATE.ALLOCATED);
  replay.run(3, 5);
  expect(on.lists.listed(0)).toEqual([601, 600]);
  expect(replay.counts).toMatchObject({ applied: 4, informative: 1, isolationsUnexplained: 0, freedWhileFree: 0 });
});

describe('a memory block', () => {
  const online = Array.from({ length: 32 }, (_, i) => `freed ${BLOCK + i * 1024} o10`);

  it('goes offline and comes back to another zone, as the next step shows it', () => {
    const on = memory(2 * BLOCK);
    const end = step(2, { validZones: ['Movable'] });
    const lines = [test(BLOCK, 2 * BLOCK), 'got 0', ...online];
    const { replay, machine, hotplug } = run(on, lines, { begin: step(1, {}), end });
    const movable = machine.zones.find(0, 'Movable')!;
    expect(hotplug.changes).toEqual([
      { at: 1, start: BASE + BLOCK, stop: BASE + 2 * BLOCK, zone: -1, settled: 1, managed: 0 },
      { at: 2, start: BASE + BLOCK, stop: BASE + 2 * BLOCK, zone: movable.index, settled: 34, managed: 32768 },
    ]);
    replay.run(0, 2);
    expect([machine.pages.zoneOf(BLOCK - 1), machine.pages.zoneOf(BLOCK)]).toEqual([on.zone, -1]);
    expect([on.lists.knows(BLOCK, 10), types(on, BLOCK)]).toEqual([false, [MIGRATE.MOVABLE]]);
    replay.run(2, 34);
    expect(machine.pages.zoneOf(BLOCK)).toBe(movable.index);
    expect([movable.startPfn, movable.spannedPages]).toEqual([BASE + BLOCK, BLOCK]);
    expect(on.lists.freeBlocks(movable.index, 10)).toBe(32);
    expect(replay.counts).toMatchObject({ blockChanges: 2, released: 32, outside: 0 });
  });

  it('that was not there when the span began comes online with its first whole pageblock', () => {
    const on = memory(BLOCK * 2);
    for (let row = BLOCK; row < 2 * BLOCK; row += 1024) on.lists.forget(row, 10);
    const { hotplug } = run(on, ['got 0', ...online.slice(0, 3), 'got 5', ...online.slice(3, 4)], {
      end: step(2, { validZones: ['Normal'] }),
    });
    expect(hotplug.changes).toEqual([
      { at: 1, start: BASE + BLOCK, stop: BASE + 2 * BLOCK, zone: on.zone, settled: 4, managed: 3072 },
    ]);
    expect(hotplug.offlineAtStart.starts).toEqual(new Set([BASE + BLOCK]));
  });

  it('stays where it is when a huge page of it is freed', () => {
    const { hotplug } = run(memory(2 * BLOCK), [`freed ${BLOCK} o9`], { begin: step(1, {}) });
    expect(hotplug.changes).toEqual([]);
  });
});

it('isolating and undoing leaves the free pages as they were, whatever is free', () => {
  const block = fc.integer({ min: 0, max: 15 });
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 8191 }), { maxLength: 40 }), block, block, (used, a, b) => {
      const on = memory(8192);
      for (const row of used) on.lists.handOut(row, 0);
      const free = () => Array.from({ length: 8192 }, (_, row) => on.lists.freeHead(row) >= 0);
      const before = free();
      const range = { start: BASE + 512 * Math.min(a, b), stop: BASE + 512 * (Math.max(a, b) + 1) };
      const operation = { ...range, begin: 0, end: 1, ended: ENDED.UNDONE };
      const machine = on.kernel.get(Core.Machine);
      const plan = { ...noHotplug, operations: [operation] };
      const course = new HotplugCourse(plan, machine, on.lists, undefined, noCounts());
      course.reach(0);
      expect(free()).toEqual(before);
      for (let order = 0; order <= 10; order++) {
        const head = on.lists.firstFree(on.zone, order, MIGRATE.MOVABLE);
        if (head >= 0) expect(BASE + head < range.start || BASE + head >= range.stop).toBe(true);
      }
      course.reach(2);
      expect(free()).toEqual(before);
      expect(course.next).toBe(Infinity);
      for (let order = 0; order <= 10; order++) expect(on.lists.firstFree(on.zone, order, MIGRATE.ISOLATE)).toBe(-1);
    }),
    { numRuns: 30 },
  );
});
