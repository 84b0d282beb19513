import { Core, GFP_MASKS, MIGRATE, type ZoneFreeLists } from '@replug/core';
import { describe, expect, it } from 'vitest';
import { noAnnotations, type Annotations } from './hidden.ts';
import { PolicyReplay } from './policy.ts';
import { BASE, rig, trace, type FieldEvent, type Rig } from './streams.spec-kit.ts';

interface Options {
  /** Rows that requests get, in order; then −1. */
  readonly frames?: readonly number[];
  readonly annotations?: Partial<Annotations>;
  readonly fromBoot?: boolean;
  readonly on?: Rig;
  /** Another machine serves. */
  readonly elsewhere?: Rig;
  readonly log?: (said: string) => void;
}

/** Runs the policy over an allocator that serves from a script, and logs what it is asked for. */
function run(lines: readonly (string | FieldEvent)[], options: Options = {}) {
  const { on = rig(), elsewhere = on } = options;
  const { lists, kernel } = elsewhere;
  const asked: string[] = [];
  const say = (text: string) => {
    asked.push(text);
    options.log?.(text);
  };
  const frames = [...(options.frames ?? [])];
  const give = (order: number): number => {
    const row = frames.shift() ?? -1;
    if (row >= 0) lists.placeAllocated(row, order);
    return row;
  };
  lists.alloc = (gfp, order, cpu) => {
    say(`alloc ${gfp} ${order} ${cpu}`);
    return give(order);
  };
  lists.allocBulk = (gfp, count, cpu, rows) => {
    say(`bulk ${gfp} ${count} ${cpu}`);
    for (let i = 0; i < count; i++) if ((rows[i] = give(0)) < 0) return i;
    return count;
  };
  const free = lists.free.bind(lists);
  lists.free = (row, order, cpu) => {
    say(`free ${row} ${order} ${cpu}`);
    free(row, order, cpu);
  };
  const freeDirect = lists.freeDirect.bind(lists);
  lists.freeDirect = (...args: Parameters<ZoneFreeLists['freeDirect']>) => {
    if (args[2]) say(`tail ${args[0]} ${args[1]}`);
    return freeDirect(...args);
  };
  const events = trace(...lines);
  const input = {
    recorded: on.kernel.get(Core.Machine),
    machine: kernel.get(Core.Machine),
    allocator: lists,
    lists,
    clock: kernel.get(Core.Clock),
    events,
    from: 0,
    annotations: { ...noAnnotations(), ...options.annotations },
    fromBoot: options.fromBoot ?? false,
  };
  const replay = new PolicyReplay(input);
  replay.run(0, events.length);
  const { events: count, applied, informative, failed, outside, impossible } = replay.counts;
  expect(applied + informative + failed + outside + impossible).toBe(count);
  return { asked, replay, counts: replay.counts, ...replay.agreement, lists };
}

const MOVABLE = GFP_MASKS.GFP_HIGHUSER_MOVABLE;
const KERNEL = GFP_MASKS.GFP_KERNEL;

describe('requests', () => {
  it('ask for what was asked for, and are compared with the recorded frames', () => {
    const r = run(['got 8', 'got 16 o2 c1 g:GFP_KERNEL|__GFP_COMP', 'got 9'], { frames: [8, 64, 9] });
    expect(r.asked).toEqual([`alloc ${MOVABLE} 0 0`, `alloc ${KERNEL | (1 << 18)} 2 1`, `alloc ${MOVABLE} 0 0`]);
    expect([r.total, r.exact]).toEqual([3, 2]);
    expect(r.firstDivergence).toEqual({ event: 1, time: 2e6, requests: 1, model: BASE + 64, recorded: BASE + 16 });
  });

  it('that failed are not asked; those that the model cannot serve are no disagreement', () => {
    const r = run(['failed', 'got 8'], { frames: [] });
    expect(r.asked.length).toBe(1);
    expect(r.counts).toMatchObject({ failed: 1, failedInModel: 1, applied: 1 });
    expect([r.total, r.firstDivergence]).toEqual([0, null]);
  });

  it("answered with a frame in somebody's hands: what it stood for comes back first", () => {
    const r = run(['got 8', 'got 8'], { frames: [100, 101] });
    expect(r.asked).toEqual([`alloc ${MOVABLE} 0 0`, 'free 100 0 0', `alloc ${MOVABLE} 0 0`]);
    expect(r.counts.reallocations).toBe(1);
  });

  it('outside the machine, or as no kernel writes them, are counted', () => {
    const r = run(['got 99999', 'got 3 o1', 'got 0 o11', 'freed 5000']);
    expect(r.asked).toEqual([]);
    expect(r.counts).toMatchObject({ outside: 2, impossible: 2, applied: 0 });
  });

  it('what the real allocator did on its own is left out', () => {
    const r = run(['taken 8', 'drained 8', 'batched 8', ['mm_page_alloc_extfrag', BASE, 0, 9, 9, 0, 1, 0, 1]]);
    expect([r.asked, r.counts.informative]).toEqual([[], 4]);
  });
});

describe('frees', () => {
  it('give back what the recorded frame stands for', () => {
    const r = run(['got 8 c1', 'freed 8', 'got 8', 'freed 8 c1'], { frames: [100, 200] });
    expect(r.asked.filter((a) => a.startsWith('free'))).toEqual(['free 100 0 0', 'free 200 0 1']);
    expect(r.counts).toMatchObject({ partialFrees: 0, scatteredFrees: 0, unknownFrees: 0 });
  });

  it('of a part of a block give back that part', () => {
    const r = run(['got 8 o2', 'freed 10 by:other', 'freed 8 o1 by:other'], { frames: [100] });
    expect(r.asked.slice(1)).toEqual(['free 102 0 0', 'free 100 1 0']);
    expect(r.counts.partialFrees).toBe(2);
  });

  it('of one block that stands for several give back each', () => {
    const r = run(['got 8', 'got 9', 'freed 8 o1'], { frames: [100, 200] });
    expect(r.asked.slice(2)).toEqual(['free 100 0 0', 'free 200 0 0']);
    expect(r.counts.scatteredFrees).toBe(1);
  });

  it('of the unused end of a block go to the tail of the free lists', () => {
    const r = run(['got 8 o2', 'freed 11', 'freed 10'], { frames: [100] });
    expect(r.asked.slice(1)).toEqual(['tail 103 0', 'tail 102 0']);
  });

  it('of what the start state knows as owned give back the frame itself', () => {
    const on = rig();
    on.lists.placeAllocated(2048, 1);
    const r = run(['freed 2048 o1'], { on });
    expect([r.asked, r.counts.unknownFrees]).toEqual([['free 2048 1 0'], 0]);
  });

  it('of frames that nobody holds are counted', () => {
    const on = rig();
    on.lists.placeFree(48, 3, MIGRATE.MOVABLE);
    const r = run(['freed 50'], { on });
    expect([r.asked, r.counts.unknownFrees, r.counts.released]).toEqual([[], 1, 0]);
  });

  it('of memory never seen hand it over: whole pageblocks and deferred initialisation to the tail', () => {
    const r = run(['freed 1024 o9', 'freed 600', 'freed 602 by:pgdatinit0']);
    expect(r.asked).toEqual(['tail 1024 9', 'free 600 0 0', 'tail 602 0']);
    expect(r.counts).toMatchObject({ released: 514, unknownFrees: 0 });
    expect([r.lists.freeOrder(1024), r.lists.listed(0), r.lists.freeOrder(602)]).toEqual([9, [600], 0]);
  });
});

describe('what no event tells at its time', () => {
  it('a bulk allocation takes place before its event, by CPU and type at once', () => {
    const annotations = noAnnotations();
    annotations.hidden.add(2, 0, 0, 0, MIGRATE.UNMOVABLE, [34]);
    annotations.hidden.add(1, 0, 0, 0, MIGRATE.UNMOVABLE, [30, 31]);
    annotations.hidden.add(1, 0, 1, 0, MIGRATE.UNMOVABLE, [32]);
    annotations.hidden.add(1, 0, 1, 1, MIGRATE.MOVABLE, [40]);
    const r = run(['got 8', 'got 9', 'freed 31', 'freed 41'], { annotations, frames: [8, 300, 301, 302, 400, 9, 304] });
    expect(r.asked).toEqual([
      `alloc ${MOVABLE} 0 0`,
      `bulk ${KERNEL} 2 0`,
      `bulk ${KERNEL} 1 1`,
      `alloc ${MOVABLE} 1 1`,
      `alloc ${MOVABLE} 0 0`,
      `bulk ${KERNEL} 1 0`,
      'free 301 0 0',
      'free 401 0 0',
    ]);
    expect(r.counts).toMatchObject({ bulkPages: 6, unknownFrees: 0, reallocations: 0, partialFrees: 1 });
    // They are no requests of the trace.
    expect([r.total, r.exact]).toEqual([2, 2]);
  });

  it('pages that a bulk allocation does not get are asked for one by one', () => {
    const annotations = noAnnotations();
    annotations.hidden.add(0, 0, 0, 0, MIGRATE.UNMOVABLE, [30, 31]);
    const r = run(['got 8'], { annotations, frames: [300] });
    expect(r.asked).toEqual([`bulk ${KERNEL} 2 0`, `alloc ${KERNEL} 0 0`, `alloc ${MOVABLE} 0 0`]);
    expect(r.counts).toMatchObject({ bulkPages: 1, failedInModel: 2 });
  });

  it('an allocation told of late takes place early, and once', () => {
    const r = run(['got 8', 'freed 2048', 'got 9 c1'], {
      annotations: { early: [{ at: 1, event: 2 }] },
      frames: [8, 9],
      on: ownedAt(2048),
    });
    expect(r.asked).toEqual([`alloc ${MOVABLE} 0 0`, `alloc ${MOVABLE} 0 1`, 'free 2048 0 0']);
    expect([r.total, r.exact, r.counts.applied]).toEqual([2, 2, 3]);
  });

  it('a free that found the lists locked goes to the head of the free lists', () => {
    const on = rig();
    on.lists.placeFree(2, 0, MIGRATE.MOVABLE);
    const { asked, lists } = run(['got 8', 'got 9', 'freed 8', 'freed 9'], {
      on,
      annotations: { direct: new Set([2]) },
      frames: [100, 102],
    });
    // Not through the list, as the free of page 9.
    expect(asked.slice(2)).toEqual(['free 102 0 0']);
    expect([lists.firstFree(on.zone, 0, MIGRATE.MOVABLE), lists.listed(0)]).toEqual([100, [102]]);
  });

  it('sizes of the lists change before their event', () => {
    const on = rig();
    const zone = on.kernel.get(Core.Zones).all[on.zone];
    const seen: number[] = [];
    run(['got 8', 'got 9', 'got 10'], {
      on,
      annotations: { sizes: [{ at: 1, zone: on.zone, batch: 15, highMin: 90, highMax: 91 }] },
      frames: [8, 9, 10],
      log: () => seen.push(zone.pcpBatch),
    });
    expect(seen).toEqual([4, 15, 15]);
    expect([zone.pcpHighMin, zone.pcpHighMax, on.lists.refreshed]).toEqual([90, 91, 2]);
  });

  it('the start state is corrected: types at once, late blocks at their time', () => {
    const on = rig();
    on.lists.placeFree(64, 2, MIGRATE.MOVABLE);
    on.lists.placeFree(512, 2, MIGRATE.MOVABLE);
    on.lists.placeFree(1024, 0, MIGRATE.MOVABLE);
    const seen: boolean[][] = [];
    const corrections = {
      types: new Map([[512, MIGRATE.UNMOVABLE]]),
      late: [
        { row: 1024, order: 0, until: Infinity },
        { row: 64, order: 2, until: 1 },
      ],
    };
    const { replay, lists } = run(['got 8', 'got 9'], {
      on,
      annotations: { corrections },
      frames: [8, 9],
      log: (said) => said.startsWith('alloc') && seen.push([on.lists.isFree(64), on.lists.isFree(1024)]),
    });
    expect(lists.pageblockType(512)).toBe(MIGRATE.UNMOVABLE);
    expect(seen).toEqual([
      [false, false],
      [true, false],
    ]);
    replay.giveLate(Infinity);
    expect([lists.freeOrder(64), lists.freeOrder(1024)]).toEqual([2, 0]);
  });

  it('a page that compaction moved lives on where no event says', () => {
    const begin = ['mm_compaction_begin', 0, 0, 0, 0, 'sync'] as const;
    const end = ['mm_compaction_end', 0, 0, 0, 0, 'sync', 'success'] as const;
    const r = run(['got 8', begin, 'freed 8', end, 'freed 700'], { frames: [100] });
    // The content of 8 moved to 700, which stands for the same frame of the model.
    expect(r.asked).toEqual([`alloc ${MOVABLE} 0 0`, 'free 100 0 0']);
    expect(r.counts).toMatchObject({ moved: 1, unknownFrees: 0, released: 0, informative: 2 });
    // Another task frees as ever meanwhile.
    expect(run(['got 8', begin, 'freed 8 by:other'], { frames: [100] }).counts.moved).toBe(0);
  });
});

describe('marks of a machine that boots', () => {
  const booting = (annotations?: Partial<Annotations>) => {
    const on = rig();
    const zone = on.kernel.get(Core.Zones).all[on.zone];
    Object.assign(zone.watermark, { min: 10, low: 20, high: 30, promo: 40 });
    zone.lowmemReserve[0] = 7;
    const seen: number[][] = [];
    run(['got 8', 'got 9 by:pgdatinit0', 'got 10', 'got 11 by:init', 'got 12'], {
      on,
      annotations,
      fromBoot: true,
      frames: [8, 9, 10, 11, 12],
      log: () => seen.push([zone.watermark.low, zone.lowmemReserve[0]]),
    });
    return seen;
  };

  it('are zero until the first initcall behind deferred initialisation', () => {
    expect(booting()).toEqual([
      [0, 0],
      [0, 0],
      [0, 0],
      [20, 7],
      [20, 7],
    ]);
  });

  it('come with the last sizes of the lists, where those are known', () => {
    const sizes = [
      { at: 1, zone: rig().zone, batch: 1, highMin: 9, highMax: 9 },
      { at: 4, zone: rig().zone, batch: 4, highMin: 9, highMax: 9 },
    ];
    expect(booting({ sizes }).map(([low]) => low)).toEqual([0, 0, 0, 0, 20]);
  });
});

describe('another machine', () => {
  it('serves the requests that it can, and takes back what they stand for', () => {
    const elsewhere = rig('6.12', 4, 1000, 1024);
    const r = run(['got 2000', 'freed 2000', 'freed 600'], { elsewhere, frames: [5] });
    expect(r.asked).toEqual([`alloc ${MOVABLE} 0 0`, 'free 5 0 0']);
    // Memory that it does not have is not handed over.
    expect(r.counts).toMatchObject({ unknownFrees: 1, released: 0 });
    expect(r.firstDivergence).toMatchObject({ model: BASE + 5, recorded: BASE + 2000 });
  });
});

function ownedAt(row: number): Rig {
  const on = rig();
  on.lists.placeAllocated(row, 0);
  return on;
}
