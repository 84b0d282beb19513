import { KIND } from '@replug/core';
import { describe, expect, it } from 'vitest';
import {
  emptyEvents,
  EventColumnsBuilder,
  eventWord,
  filterEvents,
  firstEventAtOrAfter,
  packUnit,
  sliceByTime,
  sliceEvents,
} from './builder.ts';
import { eventArg, eventPfn, NO_PAGE_HIGH } from './events.ts';

describe('EventColumnsBuilder', () => {
  it('stores page events in the fixed columns', () => {
    const builder = new EventColumnsBuilder();
    const task = builder.internTask('snapz', 185);
    const flags = builder.flagTexts.intern('d..3.');
    builder.pushPage(KIND.mm_page_alloc_zone_locked, 16250379000, 1, flags, task, 0x12_3456_789a, packUnit(9, 2, 1));
    builder.pushPage(
      KIND.mm_page_alloc,
      16250380000,
      0,
      flags,
      task,
      -1,
      packUnit(3, 1, 0),
      builder.gfpTexts.intern('GFP_KERNEL'),
    );
    const events = builder.finish();
    expect(events.length).toBe(2);
    expect([eventPfn(events, 0), eventPfn(events, 1)]).toEqual([0x12_3456_789a, -1]);
    expect(events.pfnHigh[1]).toBe(NO_PAGE_HIGH);
    expect([events.unit[0], events.unit[1]]).toEqual([9 | (2 << 4) | (1 << 7), 3 | (1 << 4)]);
    expect(events.tasks[events.task[0]]).toEqual({ comm: 'snapz', pid: 185 });
    expect(events.args).toHaveLength(0);
  });

  it('stores all other events as values', () => {
    const builder = new EventColumnsBuilder();
    const mode = builder.words.intern('sync');
    builder.pushArgs(KIND.mm_compaction_begin, 1000, 0, 0, builder.internTask('init', 1), [1, 2, 3, 4, mode]);
    builder.pushArgs(KIND.mm_compaction_isolate_freepages, 2000, 0, 0, 0, [5, 6, 7, 8]);
    const events = builder.finish();
    expect([0, 1, 2, 3].map((i) => eventArg(events, 1, i))).toEqual([5, 6, 7, 8]);
    expect(eventWord(events, 0, 4)).toBe('sync');
  });

  it('interns: the same text gives the same index', () => {
    const builder = new EventColumnsBuilder();
    expect(['a', 'b', 'a'].map((t) => builder.words.intern(t))).toEqual([0, 1, 0]);
    expect(
      [
        ['x', 1],
        ['x', 2],
        ['x', 1],
      ].map(([c, p]) => builder.internTask(c as string, p as number)),
    ).toEqual([0, 1, 0]);
  });

  it('grows', () => {
    const builder = new EventColumnsBuilder();
    for (let i = 0; i < 10_000; i++) {
      builder.pushPage(KIND.mm_page_free, i, 0, 0, 0, i, 0);
      builder.pushArgs(KIND.mm_compaction_isolate_freepages, i, 0, 0, 0, [i, i, i, i]);
    }
    const events = builder.finish();
    expect(events.length).toBe(20_000);
    expect(eventPfn(events, 19_998)).toBe(9999);
    expect(eventArg(events, 19_999, 3)).toBe(9999);
    expect(events.time).toHaveLength(20_000);
  });

  it('finishes once', () => {
    const builder = new EventColumnsBuilder();
    builder.finish();
    expect(() => builder.finish()).toThrow(/RP3006/);
  });
});

describe('slices', () => {
  const builder = new EventColumnsBuilder();
  for (const time of [0, 0, 10, 20, 20, 30]) builder.pushPage(KIND.mm_page_free, time, 0, 0, 0, time, 0);
  const events = builder.finish();

  it.each([
    [-1, 0],
    [0, 0],
    [1, 2],
    [10, 2],
    [20, 3],
    [21, 5],
    [30, 5],
    [31, 6],
  ])('the first event at or after %d is row %d', (ns, row) => {
    expect(firstEventAtOrAfter(events, ns)).toBe(row);
  });

  it('by time: from included, to left out', () => {
    expect([...sliceByTime(events, 10, 30).time]).toEqual([10, 20, 20]);
    expect(sliceByTime(events, 30, 10).length).toBe(0);
  });

  it('by row', () => {
    const slice = sliceEvents(events, 2, 4);
    expect([eventPfn(slice, 0), eventPfn(slice, 1)]).toEqual([10, 20]);
  });

  it('of nothing', () => {
    expect(firstEventAtOrAfter(emptyEvents(), 5)).toBe(0);
  });
});

describe('filtered events', () => {
  const builder = new EventColumnsBuilder();
  const sync = builder.words.intern('sync');
  const [init, other] = [builder.internTask('init', 1), builder.internTask('sh', 2)];
  builder.pushPage(KIND.mm_page_alloc, 10, 0, 3, init, 0x12_3456_789a, packUnit(3, 1, 0), 5);
  builder.pushArgs(KIND.mm_compaction_begin, 20, 1, 0, other, [1, 2, 3, 4, sync]);
  builder.pushPage(KIND.mm_page_free, 30, 2, 0, init, 7, 0);
  builder.pushPage(KIND.mm_page_alloc, 40, 3, 0, other, -1, 0);
  builder.pushArgs(KIND.mm_compaction_isolate_freepages, 50, 0, 0, init, [5, 6, 7, 8]);
  const events = builder.finish();

  it('are those of the kinds asked for, in order, with all that they had', () => {
    const kept = filterEvents(events, (kind) => kind === KIND.mm_page_alloc);
    expect([kept.length, [...kept.time], [...kept.cpu]]).toEqual([2, [10, 40], [0, 3]]);
    expect([eventPfn(kept, 0), eventPfn(kept, 1)]).toEqual([0x12_3456_789a, -1]);
    expect([kept.unit[0], kept.flags[0], kept.gfp[0]]).toEqual([3 | (1 << 4), 3, 5]);
    expect([...kept.task].map((task) => kept.tasks[task].comm)).toEqual(['init', 'sh']);
  });

  it('keep the values of events of several fields', () => {
    const kept = filterEvents(events, (kind) => kind > KIND.mm_page_pcpu_drain);
    expect(kept.length).toBe(2);
    expect(eventWord(kept, 0, 4)).toBe('sync');
    expect([0, 1, 2, 3].map((field) => eventArg(kept, 1, field))).toEqual([5, 6, 7, 8]);
  });

  it('leave the original as it is, also when nothing is left', () => {
    expect(filterEvents(events, () => false).length).toBe(0);
    expect(filterEvents(emptyEvents(), () => true).length).toBe(0);
    expect([events.length, ...events.time]).toEqual([5, 10, 20, 30, 40, 50]);
  });
});
