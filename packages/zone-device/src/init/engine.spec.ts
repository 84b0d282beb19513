import { seededRandom, VirtualClock } from '@replug/core';
import { describe, expect, it } from 'vitest';
import { MemmapEngine } from './engine.ts';
import { PieceLayout } from './piece-layout.ts';
import type { NodePower } from './work-pool.ts';

const node = (nid: number, cpus = 8, bytesPerSecond = 1e15): NodePower => ({ nid, cpus, cores: cpus, bytesPerSecond });
const TEN_NS = { nsPerPage: 10, bytesPerPage: 128 };

function engineOf(...nodes: NodePower[]) {
  const clock = new VirtualClock();
  return { clock, engine: new MemmapEngine(clock, nodes) };
}

describe('how fast', () => {
  it('eight threads of ten ns a page: an eighth of the time of one', () => {
    for (const [threads, ns] of [
      [1, 10_240_000],
      [8, 1_280_000],
    ]) {
      const { clock, engine } = engineOf(node(0));
      const job = engine.start({ nid: 0, layout: PieceLayout.partitioned(0, 2 ** 20, threads, 128), cost: TEN_NS });
      engine.wait(job);
      expect(clock.now).toBeCloseTo((ns / 1e6) * 1.024 * 1e6, 0);
    }
  });

  it('threads beyond the cores add a fifth of one, beyond the CPUs nothing', () => {
    const times = [2, 4, 8].map((threads) => {
      const { clock, engine } = engineOf({ nid: 0, cpus: 4, cores: 2, bytesPerSecond: 1e15 });
      engine.wait(engine.start({ nid: 0, layout: PieceLayout.partitioned(0, 240_000, threads, 10), cost: TEN_NS }));
      return clock.now;
    });
    expect(times[0]).toBeCloseTo(1_200_000, 0);
    expect(times[1]).toBeCloseTo(1_000_000, 0);
    expect(times[2]).toBeCloseTo(1_000_000, 0);
  });

  it('memory bandwidth bounds a node, and only that node', () => {
    // 128 bytes a page at 12.8 GB/s: 10 ns a page, whatever the threads.
    const { clock, engine } = engineOf(node(0, 8, 12.8e9), node(1, 8));
    const slow = engine.start({ nid: 0, layout: PieceLayout.partitioned(0, 100_000, 8, 4), cost: TEN_NS });
    const fast = engine.start({ nid: 1, layout: PieceLayout.partitioned(200_000, 300_000, 8, 4), cost: TEN_NS });
    engine.wait(fast);
    expect(clock.now).toBeCloseTo(125_000, 0);
    engine.wait(slow);
    expect(clock.now).toBeCloseTo(1_000_000, 0);
  });

  it('populating comes first, and a share of the pages may be all that is written', () => {
    const { clock, engine } = engineOf(node(0));
    const layout = PieceLayout.partitioned(0, 512_000, 1, 10, 512);
    const job = engine.start({ nid: 0, layout, cost: TEN_NS, populateNs: 777, share: 0.25 });
    engine.wait(job);
    expect([job.populatedAt, job.doneAt]).toEqual([777, clock.now]);
    expect(clock.now).toBeCloseTo(777 + 128_000 * 10, 3);
  });
});

describe('a fault', () => {
  it('takes over 1/1024 and is served long before the rest', () => {
    const { clock, engine } = engineOf(node(0, 64));
    const layout = PieceLayout.partitioned(0, 2 ** 27, 8, 128);
    const job = engine.start({ nid: 0, layout, cost: TEN_NS, populateNs: 1e6 });
    // Deep in a thread's run: nobody has begun it. 2^17 pages at 10 ns: 1.3 ms, behind the mapping of the memmap.
    const outcome = engine.sync(job, 2 ** 26 + 2 ** 23, 1, 0);
    expect(outcome).toMatchObject({ taken: 1, waited: 0 });
    expect(clock.now).toBeCloseTo(1e6 + 2 ** 17 * 10, 0);
    expect([job.phase, job.stolen, job.job.usable(2 ** 26 + 2 ** 23), job.job.usable(2 ** 26 - 1)]).toEqual([
      'initialising',
      1,
      true,
      false,
    ]);
    engine.wait(job);
    // The thread of that run had one piece less to do; the others set the time.
    expect(clock.now).toBeCloseTo(1e6 + 2 ** 24 * 10, 0);
    expect(engine.sync(job, 0, 10, 0)).toEqual({ taken: 0, waited: 0, ns: 0 });
  });

  it('waits for what a thread has in its hands', () => {
    const { clock, engine } = engineOf(node(0));
    const job = engine.start({ nid: 0, layout: PieceLayout.partitioned(0, 1000, 1, 10), cost: TEN_NS });
    clock.advance(300);
    expect(engine.sync(job, 50, 1, 0)).toMatchObject({ taken: 0, waited: 1, ns: 700 });
  });

  it('before it the page is an error by name; a range may reach out of the job', () => {
    const { engine } = engineOf(node(0));
    const job = engine.start({ nid: 0, layout: PieceLayout.partitioned(100, 1100, 2, 5), cost: TEN_NS });
    expect(() => engine.assertUsable(600)).toThrow(/RP2437/);
    expect(engine.sync(job, 0, 5000, 0).ns).toBeGreaterThan(0);
    engine.assertUsable(600);
    expect([job.phase, engine.jobs.length]).toEqual(['done', 0]);
  });

  it('inside the work itself is an error rather than a hang', () => {
    const { engine } = engineOf(node(0));
    const layout = PieceLayout.partitioned(0, 10, 1, 1);
    const job = engine.start({ nid: 0, layout, cost: TEN_NS, onPiece: () => void engine.sync(job, 5, 1, 0) });
    expect(() => engine.wait(job)).toThrow(/RP2438/);
  });
});

it('refuses powers and work that are none', () => {
  expect(() => engineOf(node(0, 0))).toThrow(/RP2436/);
  expect(() => engineOf({ nid: 0, cpus: 2, cores: 4, bytesPerSecond: 1 })).toThrow(/RP2436/);
  const { engine } = engineOf(node(0));
  expect(() => engine.pool.begin(3, 1, TEN_NS, () => undefined)).toThrow(/RP2436/);
  expect(() => engine.pool.begin(0, NaN, TEN_NS, () => undefined)).toThrow(/RP2436/);
});

it('400 runs by chance: every page once, faults never early, no time is lost or gained', () => {
  const random = seededRandom(7);
  for (let run = 0; run < 400; run++) {
    const cpus = 1 + random.below(6);
    const { clock, engine } = engineOf(node(0, cpus, 1e8 * (1 + random.below(100))));
    const pages = 1 + random.below(2000);
    const count = new Uint8Array(pages);
    const layout =
      random.below(2) === 0
        ? PieceLayout.partitioned(0, pages, 1 + random.below(8), 1 + random.below(20))
        : PieceLayout.cursor(0, pages, 1 + random.below(8), 1 + random.below(50), 1);
    const onPiece = (start: number, end: number): void => {
      for (let pfn = start; pfn < end; pfn++) count[pfn]++;
    };
    const job = engine.start({ nid: 0, layout, cost: TEN_NS, populateNs: random.below(500), onPiece });
    for (let fault = 0; fault < 4; fault++) {
      clock.advance(random.below(4000));
      const pfn = random.below(pages);
      const length = 1 + random.below(pages - pfn);
      engine.sync(job, pfn, length, 0);
      if (count.subarray(pfn, pfn + length).some((times) => times !== 1)) expect(`run ${run}: page too early`).toBe('');
    }
    engine.wait(job);
    if (count.some((times) => times !== 1)) expect(`run ${run}: a page not once`).toBe('');
    expect(clock.now).toBeGreaterThanOrEqual((pages * 10) / (cpus + 1) - 1);
    expect(engine.pool.active).toBe(0);
  }
});
