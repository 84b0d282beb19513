import { openRecording } from '@replug/trace-import';
import { KIND } from '@replug/core';
import { EventColumnsBuilder, packUnit, type Recording } from '@replug/workload';
import { beforeAll, describe, expect, it } from 'vitest';
import { nameOf, shipped } from './captures.spec-kit.ts';
import { traceText } from './export.spec-kit.ts';
import { pageFlagNames } from './page-flag-names.ts';
import { pageHistory } from './page.ts';

const capture = (name: string) => shipped.find((path) => nameOf(path).startsWith(name))!;
let x86: Recording;
let s390: Recording;
let ppc: Recording;
beforeAll(async () => {
  [x86, s390, ppc] = await Promise.all(['x86_64', 's390x', 'ppc64le'].map((name) => openRecording(capture(name))));
});

/** Rows whose block or range covers a page, found in the text by other means than the columns. */
function rowsInText(lines: readonly string[], pfn: number): number[] {
  return lines.flatMap((line, row) => {
    const block = /pfn=0x([0-9a-f]+) (?:order|alloc_order=\d+ fallback_order)=(\d+)/.exec(line);
    if (block !== null) {
      const head = Number.parseInt(block[1], 16);
      return pfn >= head && pfn < head + 2 ** Number(block[2]) && !line.includes('page=0000000000000000 ') ? [row] : [];
    }
    const range = /range=\(0x([0-9a-f]+) ~ 0x([0-9a-f]+)\).* nr_taken=(\d+)/.exec(line);
    if (range === null || range[3] === '0') return [];
    return pfn >= Number.parseInt(range[1], 16) && pfn < Number.parseInt(range[2], 16) ? [row] : [];
  });
}

describe('events of a page', () => {
  it.each([
    ['x86_64', [0x3401, 0x1853d, 0x12de5, 0x2b17, 0x1a8be, 0x2f61e]],
    ['ppc64le', [0x10, 0x2f95, 0x2f96, 0x275e, 0x3fd0]],
  ])('of %s are those that the text has', (name, pfns) => {
    const lines = traceText(capture(name)).split('\n').slice(12);
    const recording = name === 'x86_64' ? x86 : ppc;
    for (const pfn of pfns) {
      // Without those that change the type of its pageblock only.
      const events = pageHistory(recording, pfn).events.filter(({ what }) => what !== 'retyped');
      expect([pfn, events.map(({ event }) => event)]).toEqual([pfn, rowsInText(lines, pfn)]);
    }
  });

  it('tell what was done to a page inside a larger block', () => {
    const { events, before, holder, place, steps } = pageHistory(x86, 0x3401);
    expect(
      events.map((e) => [e.event, e.time, e.what, e.head, e.order, `${e.comm}-${e.pid}`, e.cpu, e.state, e.gap]),
    ).toEqual([
      [18245, 7.205426, 'fallback', 0x3400, 10, 'init-1', 0, 'held', false],
      [18870, 7.232245, 'allocated', 0x3400, 1, 'init-1', 0, 'in-use', false],
      [18987, 7.237751, 'freed', 0x3400, 1, 'head-301', 1, 'on-cpu-list', false],
      [72243, 9.961444, 'drained', 0x3400, 1, 'snapx-505', 1, 'free', false],
    ]);
    expect(events[1]).toMatchObject({ gfp: 'GFP_KERNEL_ACCOUNT|__GFP_ZERO', migratetype: 'Unmovable', pages: 2 });
    expect(events[2].since).toBeCloseTo(0.005506, 9);
    expect(before.state).toBe('free');
    expect(holder).toMatchObject({ state: 'free', since: 9.961444, comm: 'snapx', pid: 505, order: 1, head: 0x3400 });
    expect(holder.age).toBeCloseTo(10.644901 - 9.961444, 9);
    expect(place).toEqual({
      node: 0,
      zone: 'DMA32',
      memoryBlock: 0,
      pageblock: { start: 0x3400, pages: 512, migratetype: 'Unmovable', event: expect.any(Number) },
    });
    expect(steps.map(({ step, flags }) => [step, flags])).toEqual([
      ['01-before', ['buddy']],
      ['02-after', ['buddy']],
    ]);
  });

  it('show where something left no event', () => {
    const { events } = pageHistory(s390, 0xb801);
    expect(events.length).toBe(26);
    // Freed by a worker with no allocation since it came to the CPU's list.
    expect(events.filter(({ gap }) => gap).map(({ event, what }) => [event, what])).toEqual([
      [342168, 'freed'],
      [368228, 'freed'],
    ]);
  });
});

describe('the holder at an instant', () => {
  const seconds = (at: number) => ({ at: { kind: 'seconds', seconds: at } }) as const;

  it.each([
    [8, 'free', null],
    [8.2, 'on-cpu-list', 8.138355],
    [9.5, 'in-use', 8.361631],
    [10, 'on-cpu-list', 9.992353],
    [16, 'free', 15.003505],
  ])('%d s: %s', (at, state, since) => {
    expect(pageHistory(s390, 0xb801, seconds(at)).holder).toMatchObject({ state, since });
  });

  it('names the owner', () => {
    const { holder } = pageHistory(s390, 0xb801, seconds(9.5));
    expect(holder).toMatchObject({ comm: 'anonhog', pid: 153, cpu: 0, gfp: 'GFP_KERNEL', order: 0, head: 0xb801 });
    expect(holder.age).toBeCloseTo(9.5 - 8.361631, 9);
    expect(holder.why).toBe('taken by anonhog-153 on CPU 0 (GFP_KERNEL, order 0, head 0xb801)');
  });

  it('names the owner with the call chain that the trace keeps', () => {
    const { events } = s390.trace!;
    expect(pageHistory(s390, 0xb801, seconds(9.5))).not.toHaveProperty('owner');
    const stack = new Uint32Array(events.length);
    stack[pageHistory(s390, 0xb801, seconds(9.5)).holder.event!] = 1;
    const kept = { ...s390, trace: { ...s390.trace!, events: { ...events, stack, stacks: ['', 'alloc\nfault'] } } };
    expect(pageHistory(kept, 0xb801, seconds(9.5)).owner).toMatchObject({
      comm: 'anonhog',
      head: 0xb801,
      since: 8.361631,
      stack: ['alloc', 'fault'],
    });
  });

  it('is told by a later dump where no event does', () => {
    const { holder, events } = pageHistory(s390, 0xb801);
    expect(events.at(-1)).toMatchObject({ what: 'freed', state: 'freed', order: 2, head: 0xb800 });
    expect(holder.state).toBe('on-cpu-list');
    expect(holder.why).toContain('page flags of 04-after: none');
  });

  it('of a page without events is what the dumps say', () => {
    const flags = x86.steps[0].pageFlags()!;
    const named = new Set(traceText(capture('x86_64')).match(/pfn=0x[0-9a-f]+/g));
    const isReserved = (high: number, pfn: number) =>
      pfn > 0 && (high & 1) === 1 && !named.has(`pfn=0x${pfn.toString(16)}`);
    const reserved = flags.high.findIndex(isReserved);
    const { holder, events, place } = pageHistory(x86, reserved);
    expect([events, holder.state, holder.since]).toEqual([[], 'in-use', null]);
    expect(holder.why).toContain('reserved');
    expect(place).toMatchObject({ node: 0, zone: 'DMA' });
  });
});

describe('a page that is not there', () => {
  it('is an error that names the memory', () => {
    expect(() => pageHistory(s390, 0x20000)).toThrow('RP6003');
    expect(() => pageHistory(s390, 0x20000)).toThrow('0x0-0x1ffff');
  });

  it('but has a struct page, is told: the first page of x86', () => {
    expect(pageHistory(x86, 0)).toMatchObject({ place: null, events: [], holder: { state: 'in-use' } });
  });

  it('but named by an event, is told', () => {
    const recording = traced((builder, task, flags) =>
      builder.pushPage(KIND.mm_page_free, 1e9, 0, flags, task, 0x20000, packUnit(15, 0, 0)),
    );
    expect(pageHistory({ ...recording, steps: s390.steps }, 0x20001).events).toMatchObject([
      { order: 15, pages: 32768 },
    ]);
  });

  it('is an error too when nothing tells of single pages', () => {
    const bare = { ...traced(() => {}), steps: [{ ...s390.steps[0], hasPageFlags: false }] };
    expect(() => pageHistory(bare, 5)).toThrow('RP6004');
  });
});

describe('a trace alone', () => {
  it('is told without a machine', () => {
    const recording = traced((builder, task, flags) => {
      builder.gfpTexts.intern('GFP_KERNEL');
      builder.pushPage(KIND.mm_page_alloc_zone_locked, 1e9, 0, flags, task, 0x100, packUnit(4, 0, 0));
      builder.pushPage(KIND.mm_page_alloc, 2e9, 0, flags, task, 0x100, packUnit(4, 0, 0), 0);
      builder.pushPage(KIND.mm_page_alloc, 2e9, 0, flags, task, -1, packUnit(4, 0, 0), 0);
      builder.pushPage(KIND.mm_page_free, 3e9, 0, flags, task, 0x10f, packUnit(0, 0, 0));
    });
    const { events, place, steps, before } = pageHistory(recording, 0x10f);
    expect([place, steps, before.state]).toEqual([null, [], 'free']);
    expect(events.map(({ what, state }) => [what, state])).toEqual([
      ['taken', 'held'],
      ['allocated', 'in-use'],
      ['freed', 'freed'],
    ]);
    // Its neighbour was not freed with it.
    expect(pageHistory(recording, 0x10e).holder).toMatchObject({ state: 'in-use', since: 2 });
    expect(pageHistory(recording, 0x10e, { at: { kind: 'start' } }).holder).toMatchObject({
      state: 'free',
      since: null,
    });
  });
});

/** A recording of nothing but events. */
function traced(fill: (builder: EventColumnsBuilder, task: number, flags: number) => void): Recording {
  const builder = new EventColumnsBuilder();
  fill(builder, builder.internTask('sh', 7), builder.flagTexts.intern('.....'));
  const trace = { path: 't', events: builder.finish(), counts: {}, lost: 0, clock: '', fromBoot: false };
  return { ...s390, steps: [], trace };
}

it('names flags as page-types does', () => {
  expect(pageFlagNames((1 << 10) | (1 << 5), 1)).toEqual(['lru', 'buddy', 'reserved']);
  expect(pageFlagNames(1 << 31, 1 << 15)).toEqual(['bit31', 'bit47']);
  expect(pageFlagNames(0, 0)).toEqual([]);
});
