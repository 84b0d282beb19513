import { KIND } from '@replug/core';
import { EventColumnsBuilder, packUnit, PageOwnerBuilder, type PageOwner, type Recording } from '@replug/workload';
import { describe, expect, it } from 'vitest';
import { ownerGroups } from './owners-groups.ts';
import { OwnedBlocks } from './owners-blocks.ts';
import { ownerOf, ownersAt } from './owners.ts';

const SECOND = 1e9;

/** Records `pfn, order, seconds, comm, stack`. */
function dump(...records: readonly (readonly [number, number, number, string, string])[]): PageOwner {
  const builder = new PageOwnerBuilder();
  const comms = [''];
  const stacks = [''];
  for (const [pfn, order, time, comm, stack] of records) {
    builder.reserve();
    const row = builder.length++;
    builder.pfn[row] = pfn;
    builder.order[row] = order;
    builder.time[row] = time * SECOND;
    builder.pid[row] = 7;
    builder.comm[row] = comms.push(comm) - 1;
    builder.stack[row] = stacks.push(stack) - 1;
  }
  const [types, gfpTexts, flagTexts, reasons, memcgs] = [[''], [''], [''], [''], ['']];
  return builder.finish({
    types,
    gfpTexts,
    gfpMasks: [0],
    comms,
    flagTexts,
    stacks,
    reasons,
    memcgs,
    pageblockOrder: 9,
  });
}

/** Events `seconds, pfn, order, comm` that take, and with an empty comm give back. */
function events(...list: readonly (readonly [number, number, number, string])[]) {
  const builder = new EventColumnsBuilder();
  builder.gfpTexts.intern('');
  const gfp = builder.gfpTexts.intern('GFP_KERNEL');
  const flags = builder.flagTexts.intern('');
  for (const [time, pfn, order, comm] of list) {
    const kind = comm === '' ? KIND.mm_page_free : KIND.mm_page_alloc;
    const task = builder.internTask(comm, 9);
    builder.pushPage(kind, time * SECOND, 0, flags, task, pfn, packUnit(order, 0, 0), comm === '' ? 0 : gfp);
  }
  return builder.finish();
}

function recording(dumps: readonly (PageOwner | undefined)[], trace?: ReturnType<typeof events>): Recording {
  return {
    name: 'r',
    path: 'r',
    arch: 'x86_64',
    pageSize: 4096,
    kernel: '',
    commandLine: '',
    bigEndian: false,
    steps: dumps.map((owner, i) => ({
      number: i + 1,
      name: `s${i + 1}`,
      path: '',
      hasPageFlags: false,
      pageFlags: () => undefined,
      ...(owner && { pageOwner: () => owner }),
    })),
    ...(trace && { trace: { path: '', events: trace, counts: {}, lost: 0, clock: 'global', fromBoot: false } }),
    files: [],
    warnings: [],
  };
}

const shown = (r: Recording, seconds?: number) => {
  const o = ownersAt(r, seconds === undefined ? { kind: 'end' } : { kind: 'seconds', seconds });
  return Array.from({ length: o.length }, (_, i) => [o.pfn[i], o.order[i], o.comms[o.comm[i]], o.stacks[o.stack[i]]]);
};

describe('owners at an instant', () => {
  const first = dump([0x10, 0, 1, 'a', 'sa'], [0x20, 3, 2, 'b', 'sb'], [0x40, 0, 1.5, 'c', 'sc']);

  it('are those of the dump without a trace', () => {
    const r = recording([first]);
    expect(shown(r)).toEqual([
      [0x10, 0, 'a', 'sa'],
      [0x20, 3, 'b', 'sb'],
      [0x40, 0, 'c', 'sc'],
    ]);
    const owners = ownersAt(r, { kind: 'end' });
    expect([0x10, 0x11, 0x1f, 0x20, 0x27, 0x28, 0x40, 0].map((pfn) => ownerOf(owners, pfn))).toEqual([
      0, -1, -1, 1, 1, -1, 2, -1,
    ]);
  });

  it('change with the events after the dump', () => {
    const trace = events([3, 0x10, 0, ''], [4, 0x10, 1, 'd'], [5, 0x24, 0, ''], [6, 0x99, 0, '']);
    expect(shown(recording([first], trace))).toEqual([
      [0x10, 1, 'd', ''],
      [0x20, 2, 'b', 'sb'],
      [0x25, 0, 'b', 'sb'],
      [0x26, 1, 'b', 'sb'],
      [0x40, 0, 'c', 'sc'],
    ]);
    expect(ownersAt(recording([first], trace), { kind: 'end' }).counts).toMatchObject({ applied: 4, unknownFrees: 1 });
  });

  it('have the call chains that a trace keeps', () => {
    const trace = events([3, 0x10, 0, ''], [4, 0x10, 1, 'd'], [5, 0x50, 0, 'e']);
    const kept = { ...trace, stack: Uint32Array.of(2, 1, 0), stacks: ['', 'alloc\nfault', 'free'] };
    const r = recording([first], kept);
    expect(shown(r).filter(([pfn]) => pfn === 0x10 || pfn === 0x50)).toEqual([
      [0x10, 1, 'd', 'alloc\nfault'],
      [0x50, 0, 'e', ''],
    ]);
    // 2 pages of the event, 9 of the dump.
    expect(ownerGroups(r, { by: 'stack' })).toMatchObject({ pages: 12, withStack: 11 });
    const own = ownersAt(r, { kind: 'end' }, { stackOf: (event) => (event === 2 ? 'mine' : undefined) });
    expect(Array.from(own.stack, (index) => own.stacks[index])).toEqual(['alloc\nfault', 'sb', 'sc', 'mine']);
  });

  it('do not change by events that the dump knows', () => {
    // 0x40 was printed after the record of 2 s above it; 0x20 is the very allocation of the event.
    const trace = events([1.9, 0x40, 0, ''], [1.95, 0x40, 0, 'x'], [2.00001, 0x20, 3, 'b'], [3, 0x1, 0, 'e']);
    expect(shown(recording([first], trace))).toEqual([
      [0x1, 0, 'e', ''],
      [0x10, 0, 'a', 'sa'],
      [0x20, 3, 'b', 'sb'],
      [0x40, 0, 'c', 'sc'],
    ]);
  });

  it('take the stack from a later dump, and what was taken before', () => {
    const later = dump([0x10, 0, 4, 'd', 'sd'], [0x50, 0, 0.5, 'old', 'so'], [0x60, 0, 20, 'new', 'sn']);
    const trace = events([3, 0x10, 0, ''], [4.00001, 0x10, 0, 'd'], [9, 0x20, 3, '']);
    const r = recording([first, later], trace);
    expect(shown(r, 8)).toEqual([
      [0x10, 0, 'd', 'sd'],
      [0x20, 3, 'b', 'sb'],
      [0x40, 0, 'c', 'sc'],
      [0x50, 0, 'old', 'so'],
    ]);
  });

  it('come from the events alone where there is no dump, with stacks where the trace has them', () => {
    const r = recording([undefined], events([3, 0x10, 0, 'a'], [4, 0x20, 2, 'b'], [5, 0x10, 0, '']));
    expect(shown(r)).toEqual([[0x20, 2, 'b', '']]);
    const owners = ownersAt(r, { kind: 'end' }, { stackOf: (event) => `stack of ${event}` });
    expect(owners.stacks[owners.stack[0]]).toBe('stack of 1');
  });

  it('cannot be told from nothing', () => {
    expect(() => ownersAt(recording([undefined]), { kind: 'end' })).toThrow(/RP6007/);
  });

  it('are grouped and ranked', () => {
    const trace = events([3, 0x1ff, 0, 'b'], [4, 0x400, 10, 'd'], [9, 0x10, 0, '']);
    const report = ownerGroups(recording([first], trace), { by: 'comm' });
    expect(report).toMatchObject({ base: '01-s1', later: null, blocks: 4, pages: 1034, withStack: 9, groupCount: 3 });
    expect(
      report.groups.map(({ key, pages, blocks, pageblocks, age }) => [key, pages, blocks, pageblocks, age.oldest]),
    ).toEqual([
      ['d', 1024, 1, 2, 5],
      ['b', 9, 2, 1, 7],
      ['c', 1, 1, 1, 7.5],
    ]);
    const blocks = ownerGroups(recording([first], trace), { by: 'block', top: 2 });
    expect(blocks.groups.map(({ key, pages, comm }) => [key, pages, comm])).toEqual([
      ['0x400-0x5ff', 512, 'd'],
      ['0x600-0x7ff', 512, 'd'],
    ]);
    expect(blocks.groupCount).toBe(3);
  });
});

it('blocks agree with a page by page model over 20,000 random takes and frees', () => {
  let state = 1;
  const random = (n: number) => ((state = (Math.imul(state, 1103515245) + 12345) >>> 0) % 65521) % n;
  const blocks = new OwnedBlocks();
  const model = new Int32Array(4096).fill(-1);
  for (let i = 0; i < 20_000; i++) {
    const order = random(3) === 0 ? random(11) : random(3);
    const pfn = random(4096 >> order) << order;
    const had = model.subarray(pfn, pfn + (1 << order)).some((owner) => owner >= 0);
    if (random(2) === 0) {
      blocks.pid[blocks.take(pfn, order)] = i;
      model.fill(i, pfn, pfn + (1 << order));
    } else {
      expect(blocks.free(pfn, order)).toBe(had);
      model.fill(-1, pfn, pfn + (1 << order));
    }
    if (i % 500 > 0) continue;
    const seen = new Int32Array(4096).fill(-1);
    for (const slot of blocks.sorted())
      seen.fill(blocks.pid[slot], blocks.pfn[slot], blocks.pfn[slot] + 2 ** blocks.order[slot]);
    expect(seen).toEqual(model);
  }
});
