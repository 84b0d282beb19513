import { KIND, Machine, type ZoneFreeLists } from '@replug/core';
import { borderMachine } from '@replug/core/testing';
import { EventColumnsBuilder, type EventColumns } from '@replug/workload';
import { describe, expect, it } from 'vitest';
import { sampleTimes, SeriesSampler } from './sampling.ts';

/** Frees at the given seconds; at each of `extfrag` [row, pfn] a fallback. */
function eventsAt(seconds: readonly number[], fallbackPfns: readonly number[] = []): EventColumns {
  const builder = new EventColumnsBuilder();
  const task = builder.internTask('sh', 1);
  const flags = builder.flagTexts.intern('.....');
  for (const s of seconds) builder.pushPage(KIND.mm_page_free, s * 1e9, 0, flags, task, 5, 0);
  for (const pfn of fallbackPfns) {
    const values = [pfn, 0, 9, 9, 0, 1, 0, 1];
    builder.pushArgs(KIND.mm_page_alloc_extfrag, seconds.at(-1)! * 1e9, 0, flags, task, values);
  }
  return builder.finish();
}

describe('instants', () => {
  const events = eventsAt([10, 10.4, 11, 11.2, 13.5]);

  it('begin with the first event, go on in steps, and end behind the last', () => {
    expect(sampleTimes(events, 0, 5, 1e9)).toEqual([
      { time: 10e9, index: 0 },
      { time: 11e9, index: 2 },
      { time: 12e9, index: 4 },
      { time: 13e9, index: 4 },
      { time: 13.5e9, index: 5 },
    ]);
  });

  it('stay within the span', () => {
    expect(sampleTimes(events, 1, 4, 1e9)).toEqual([
      { time: 10.4e9, index: 1 },
      { time: 11.2e9, index: 4 },
    ]);
    expect(sampleTimes(events, 3, 3, 1e9)).toEqual([]);
  });

  it('are bounded', () => {
    expect(() => sampleTimes(events, 0, 5, 1)).toThrow('RP5006');
    expect(() => sampleTimes(eventsAt([0, 1e6]), 0, 2, 1e6)).toThrow('at most every 100000 ms');
    expect(sampleTimes(events, 0, 5, 1e9, 5).length).toBe(5);
    expect(() => sampleTimes(events, 0, 5, 1e9, 4)).toThrow('RP5006');
  });
});

/** Two zones with pages of machine `borderMachine`; index of node 0's DMA32 and node 1's. */
const lists = (free: (zone: number, order: number) => number): ZoneFreeLists =>
  ({ freeBlocks: free, cpuCount: (zone: number, cpu: number) => zone * 10 + cpu }) as unknown as ZoneFreeLists;

describe('a sampler', () => {
  it('keeps counts, indices and fallbacks of each zone in columns', () => {
    const machine = new Machine(borderMachine());
    // Pages 1 + 4 · 2 free in every zone.
    let pairs = 4;
    const events = eventsAt([1, 2], [0x1000, 0x1001, 0x2000]);
    const sampler = new SeriesSampler(
      machine,
      lists((_, order) => (order === 0 ? 1 : order === 1 ? pairs : 0)),
      { every: 1e9, events },
    );
    sampler.sample(1e9, 2);
    pairs = 0;
    sampler.sample(2e9, 5);
    sampler.fallback(0x2000);
    sampler.fallback(0xffffffff);
    sampler.sample(3e9, 5);
    const series = sampler.finish();
    expect(series).toMatchObject({
      every: 1e9,
      time: [1e9, 2e9, 3e9],
      event: [2, 5, 5],
      dropped: 0,
      pageblockOrder: 9,
    });
    const of = (node: number, name: string) => series.zones.find((z) => z.node === node && z.zone === name)!;
    const low = of(0, 'DMA32');
    expect(low.freePages).toEqual([9, 1, 1]);
    expect(low.free.slice(0, 3)).toEqual([
      [1, 1, 1],
      [4, 0, 0],
      [0, 0, 0],
    ]);
    expect(low.fallbacks).toEqual([0, 2, 0]);
    expect(of(1, 'DMA32').fallbacks).toEqual([0, 1, 1]);
    // 9 pages, 8 of them in pairs: 1 of 9 is unusable for order 1, all for order 2.
    expect(low.unusable[1]).toEqual([111, 1000, 1000]);
    expect(low.unusable[2][0]).toBe(1000);
    // Order 1 with one page free: 1000 - (1000 + 500) / 1.
    expect(low.fragmentation[1]).toEqual([-1000, -500, -500]);
    const { index } = machine.zones.find(0, 'DMA32')!;
    expect(low.cpuPages).toEqual([index * 20 + 1, index * 20 + 1, index * 20 + 1]);
  });

  it('drops what is beyond its limit', () => {
    const sampler = new SeriesSampler(
      new Machine(borderMachine()),
      lists(() => 0),
      { every: 1, maxSamples: 2 },
    );
    for (let i = 0; i < 5; i++) sampler.sample(i, i);
    const { time, dropped, zones } = sampler.finish();
    expect([time, dropped]).toEqual([[0, 1], 3]);
    expect(zones[0].freePages.length).toBe(2);
  });
});
