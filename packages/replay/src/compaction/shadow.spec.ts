import {
  COMPACT_RESULT,
  Core,
  PAGE_CLASS,
  PAGE_STATE,
  type Compaction,
  type CompactionRun,
  type CompactRequest,
  type CompactScan,
} from '@replug/core';
import { describe, expect, it } from 'vitest';
import { BASE, rig, trace, type FieldEvent } from '../streams.spec-kit.ts';
import { CompactionShadow } from './shadow.ts';

const ZONE_END = BASE + 4096;
const begin: FieldEvent = ['mm_compaction_begin', BASE, BASE, ZONE_END - 512, ZONE_END, 'sync'];
const go: FieldEvent = ['mm_compaction_finished', 0, 'Normal', -1, 'continue'];
const over: FieldEvent = ['mm_compaction_finished', 0, 'Normal', -1, 'complete'];
const done: FieldEvent = ['mm_compaction_end', BASE, BASE, BASE, ZONE_END, 'sync', 'complete'];
const sources = (...numbers: [number, number, number, number]): FieldEvent => [
  'mm_compaction_isolate_migratepages',
  BASE + numbers[0],
  BASE + numbers[1],
  numbers[2],
  numbers[3],
];
const free = (...numbers: [number, number, number, number]): FieldEvent => [
  'mm_compaction_isolate_freepages',
  BASE + numbers[0],
  BASE + numbers[1],
  numbers[2],
  numbers[3],
];

/** Says the same scans whatever it is told, and gives targets in the order in which their blocks were taken. */
class Scripted implements CompactionRun {
  zone = 0;
  migratePfn = 0;
  freePfn = 0;
  toMigrate = 0;
  freePages = 0;
  searching = false;
  readonly told: string[] = [];
  private readonly targets: number[] = [];
  standAt = (migrate: number, end: number) => void this.told.push(`at ${migrate - BASE} ${end - BASE}`);
  beginTurn = () => void this.told.push('turn');
  nextSources(scan: CompactScan, rows: Int32Array): number {
    Object.assign(scan, { start: BASE, end: BASE + 64, scanned: 64, taken: 2 });
    rows.set([3, 5]);
    return 2;
  }
  tookSources = (scan: CompactScan) => void this.told.push(`sources ${scan.taken}`);
  nextFree(scan: CompactScan, heads: Int32Array): number {
    Object.assign(scan, { start: BASE + 1024, end: BASE + 1026, scanned: 2, taken: 2 });
    heads.set([1024]);
    return 1;
  }
  tookFree(scan: CompactScan, heads: Int32Array, orders: Uint8Array, blocks: number): void {
    this.told.push(`free ${scan.taken}: ${blocks}`);
    for (let k = 0; k < blocks; k++)
      for (let at = heads[k]; at < heads[k] + (1 << orders[k]); at++) this.targets.push(at);
  }
  nextTarget = () => this.targets.shift() ?? -1;
  giveBack = (row: number) => void this.targets.unshift(row);
  dropTarget = (row: number) => {
    const at = this.targets.indexOf(row);
    if (at >= 0) this.targets.splice(at, 1);
    return at >= 0;
  };
  migrated(moved: number, failed: number): boolean {
    this.told.push(`moved ${moved} ${failed}`);
    return false;
  }
  finished = () => COMPACT_RESULT.COMPLETE;
  end(each: (row: number, order: number) => void): void {
    for (const row of this.targets.splice(0)) each(row, 0);
  }
}

/** Runs events past a shadow; frees are told before they would be applied. */
function shadow(...lines: (string | FieldEvent)[]) {
  const { kernel, lists } = rig();
  const machine = kernel.get(Core.Machine);
  const run = new Scripted();
  const requests: CompactRequest[] = [];
  const compaction = {
    shadow: (_zone: number, request: CompactRequest) => (requests.push(request), run),
  } as unknown as Compaction;
  const events = trace(...lines);
  const made = new CompactionShadow({ machine, lists, compaction, events });
  for (const row of [3, 5, 700]) {
    lists.placeAllocated(row, 0);
    machine.pages.pageClass[row] = PAGE_CLASS.LRU_ANON;
  }
  lists.placeFree(1024, 1, 1);
  const kept: number[] = [];
  const taken: (readonly number[] | undefined)[] = [];
  for (let i = 0; i < events.length; i++) {
    const line = lines[i];
    if (typeof line === 'string') {
      if (made.beforeFree(i, Number(line.split(' ')[1]), 0)) kept.push(i);
    } else if (line[0] === 'mm_compaction_isolate_freepages') {
      const heads = made.expectFree(i);
      taken.push(heads);
      made.tookFree(i, heads);
      for (const head of heads ?? []) lists.hold(head, 1 << lists.freeOrder(head));
    } else made.event(i, events.kind[i]);
  }
  return { report: made.report, told: run.told, requests, kept, taken, pages: machine.pages };
}

const BATCH = [begin, go, sources(0, 64, 64, 2), free(1024, 1026, 2, 2)] as const;
const migrated = (moved: number, failed = 0): FieldEvent => ['mm_compaction_migratepages', moved, failed];

describe('compaction beside a recorded run', () => {
  it('compares each scan, and gives the contents of each source to the next target', () => {
    const { report, told, requests, pages } = shadow(...BATCH, 'freed 5', 'freed 3', migrated(2), over, done);
    expect(requests).toMatchObject([{ order: -1, mode: 2, wholeZone: true, ignoreSkip: true, direct: false }]);
    expect(told).toEqual(['at 0 3584', 'turn', 'sources 2', 'free 2: 1', 'moved 2 0']);
    expect(report!.scans).toEqual({
      'migrate.sync': { total: 1, exact: 1, start: 1, scanned: 1, taken: 1 },
      'free.sync': { total: 1, exact: 1, start: 1, scanned: 1, taken: 1 },
    });
    expect(report!.moved).toEqual({ told: 2, named: 2, unnamed: 0 });
    expect([pages.state[1024], pages.state[1025]]).toEqual([PAGE_STATE.ALLOCATED, PAGE_STATE.ALLOCATED]);
    expect([pages.pageClass[1024], pages.pageClass[1025]]).toEqual([PAGE_CLASS.LRU_ANON, PAGE_CLASS.LRU_ANON]);
  });

  it.each([
    ['other pages taken', sources(0, 64, 64, 1), 'migrate.lru-unknown'],
    ['other pages stepped over', sources(0, 64, 60, 2), 'migrate.compound-unknown'],
    ['a pageblock passed over', sources(512, 576, 64, 2), 'migrate.pageblock-unknown'],
    ['from within the pageblock', sources(1, 64, 63, 2), 'migrate.other-start'],
  ] as const)('names why a scan differs: %s', (_, scan, cause) => {
    expect(shadow(begin, go, scan).report!.byCause).toEqual({ [cause]: 1 });
  });

  it('takes the blocks of a scan only when all its numbers are right', () => {
    const { taken, report } = shadow(begin, go, sources(0, 64, 64, 2), free(1024, 1026, 1, 2));
    expect(taken).toEqual([undefined]);
    expect(report!.byCause).toEqual({ 'free.compound-unknown': 1 });
  });

  it('an interrupt frees no source, nor does a page of another pageblock', () => {
    const { report } = shadow(...BATCH, 'freed 5 irq', 'freed 700', migrated(1, 1));
    expect(report!.moved).toEqual({ told: 1, named: 0, unnamed: 0 });
  });

  it('a source without an isolated page left is counted', () => {
    const { report } = shadow(begin, go, sources(0, 64, 64, 2), 'freed 5', migrated(1, 1));
    expect(report!.moved).toEqual({ told: 1, named: 0, unnamed: 1 });
  });

  it('an isolated page that is freed while sources move stays isolated', () => {
    expect(shadow(...BATCH, 'freed 1025', 'freed 5', migrated(1, 1)).kept).toEqual([4]);
  });

  it('pages given back at the end are expected in their order', () => {
    const { report } = shadow(...BATCH, 'freed 5', migrated(1, 1), over, 'freed 1025', done);
    expect(report!.released).toEqual({ blocks: 1, inOrder: 1 });
  });
});

describe('events that make no sense', () => {
  it('scans without a run are left alone', () => {
    expect(shadow(sources(0, 64, 64, 2), free(1024, 1026, 2, 2), migrated(2), over, done).report).toBeUndefined();
    expect(shadow(['mm_compaction_begin', 0, 0, 16, 16, 'sync'], go, sources(0, 64, 64, 2)).report).toBeUndefined();
  });

  it.each([
    ['upside down', sources(64, 0, 64, 2)],
    ['below the zone', sources(-64, 0, 64, 2)],
    ['behind the zone', sources(5000, 5064, 64, 2)],
    ['of two pageblocks', sources(500, 600, 100, 2)],
    ['far away', sources(2 ** 45, 2 ** 45 + 64, 64, 2)],
    ['with more taken than scanned', sources(0, 64, 64, 65)],
    ['with negative numbers', sources(0, 64, -1, 2)],
  ])('a range %s is counted and moves nothing', (_, scan) => {
    const { report, told } = shadow(begin, go, scan);
    expect(report).toMatchObject({ runs: 1, impossible: 1, scans: {} });
    expect(told).toEqual(['at 0 3584', 'turn']);
  });

  it('an order that no block has starts no run', () => {
    const { report, told } = shadow(
      begin,
      ['mm_compaction_finished', 0, 'Normal', 2 ** 40, 'continue'],
      sources(0, 64, 64, 2),
    );
    expect(report).toMatchObject({ runs: 1, impossible: 1, scans: {} });
    expect(told).toEqual([]);
  });

  it('a run that begins outside of its zone stands where a run of its kind begins', () => {
    const { report, told } = shadow(['mm_compaction_begin', BASE, 2 ** 50, 5, ZONE_END, 'sync'], go);
    expect(report!.impossible).toBe(1);
    expect(told).toEqual(['turn']);
  });
});
