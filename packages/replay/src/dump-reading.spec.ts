import { KIND, MIGRATE } from '@replug/core';
import { EventColumnsBuilder, packUnit, type EventColumns } from '@replug/workload';
import { describe, expect, it } from 'vitest';
import { findDumpReading } from './dump-reading.ts';

const MS = 1e6;
const WRITE = 'GFP_HIGHUSER_MOVABLE|__GFP_COMP|__GFP_WRITE';

/** Events at their times: `w` a page for writing of the reader, `x` of another task that writes, `o` another task's own. */
function timeline(...events: readonly (readonly [who: 'w' | 'x' | 'o', ms: number, cpu?: number])[]): EventColumns {
  const builder = new EventColumnsBuilder();
  const flags = builder.flagTexts.intern('.....');
  events.forEach(([who, ms, cpu = 0], i) => {
    const gfp = builder.gfpTexts.intern(who === 'o' ? 'GFP_KERNEL' : WRITE);
    const task = builder.internTask({ w: 'reader', x: 'writer', o: 'other' }[who], 7);
    builder.pushPage(KIND.mm_page_alloc, ms * MS, cpu, flags, task, 64 + i, packUnit(0, MIGRATE.MOVABLE, 0), gfp);
  });
  return builder.finish();
}

/** Small files 0.1 ms apart, then 8 reads of 1 ms that fill two pages each, 0.05 ms apart; `wait` more before the k-th. */
function dump(small: number, wait: (k: number) => number = () => 0): ['w', number][] {
  const events: ['w', number][] = [];
  let at = 0;
  for (let k = 0; k < small; k++) events.push(['w', (at += 0.1)]);
  for (let k = 0; k < 8; k++) events.push(['w', (at += 1 + wait(k))], ['w', (at += 0.05)]);
  return events;
}

const pieces = (events: EventColumns, options: { pfns?: number; pageSize?: number; smallFiles?: number } = {}) =>
  findDumpReading(events, { from: 0, to: events.length, pfns: 16 * 512, pageSize: 4096, ...options })?.pieces.map(
    ({ index, end }) => [index, end],
  );

describe('a dump that is written while events go on', () => {
  it('is read two pages at a time, behind three small files', () => {
    expect(pieces(timeline(...dump(3)))).toEqual(
      // Nothing happened while it was read: each part before the first page of its own read.
      Array.from({ length: 16 }, (_, page) => [3 + (page & ~1), (page + 1) * 512]),
    );
  });

  it('goes on evenly while it is read: what happens in its middle lies between the two halves', () => {
    const events = [...dump(3)] as ['w' | 'o', number, number?][];
    // The first read lasts from 0.3 to 1.3 ms; on another CPU something happens at 0.9 ms: after ¼, before ¾.
    events.splice(3, 0, ['o', 0.9, 1]);
    expect(pieces(timeline(...events))!.slice(0, 3)).toEqual([
      [3, 512],
      [4, 1024],
      [6, 1536],
    ]);
  });

  it('stands still while another task runs on its CPU', () => {
    // The second read takes 11 ms; for 10 of them another task runs: 0.1 ms before, 0.9 ms after.
    const events = [...dump(3, (k) => (k === 1 ? 10 : 0))] as ['w' | 'o', number][];
    events.splice(5, 0, ['o', 1.45], ['o', 6], ['o', 11.45]);
    expect(pieces(timeline(...events))!.slice(2, 4)).toEqual([
      [8, 1536],
      [8, 2048],
    ]);
  });

  it('a task that waits at every second read still fills two pages with each', () => {
    const events = [...dump(3)] as ['w' | 'o', number][];
    const late: ['w' | 'o', number][] = [];
    let shift = 0;
    for (const [k, [who, ms]] of events.entries()) {
      // Before the reads 1, 3, 5 and 7 another task has the CPU for 5 ms.
      if (k >= 5 && (k - 5) % 4 === 0) {
        late.push(['o', ms + shift - 0.5], ['o', ms + shift + 4.5]);
        shift += 5;
      }
      late.push([who, ms + shift]);
    }
    // Half of a late read was done before the other task ran, half after it.
    const indices = pieces(timeline(...late))!.map(([index]) => index);
    expect(indices.slice(0, 8)).toEqual([3, 3, 5, 7, 9, 9, 11, 13]);
  });

  it('is not what a task writes at one pace', () => {
    expect(pieces(timeline(...Array.from({ length: 40 }, (_, k): ['x', number] => ['x', k])))).toBeUndefined();
  });

  it('is nothing when too few pages were written, or none', () => {
    expect(pieces(timeline(...dump(0).slice(0, 10)))).toBeUndefined();
    expect(pieces(timeline(['o', 1]))).toBeUndefined();
    expect(pieces(timeline())).toBeUndefined();
  });

  it('in pages of 64 KiB, begins behind as many pages as there were small files', () => {
    const events: ['w', number][] = [1, 1.1, 1.2, 11, 16, 23, 31].map((ms) => ['w', ms]);
    const big = { pfns: 4 * 8192, pageSize: 65536 };
    const found = pieces(timeline(...events), { ...big, smallFiles: 3 })!;
    expect(found.filter(([, end]) => end % 8192 === 0)).toEqual([
      [3, 8192],
      [4, 16384],
      [5, 24576],
      [6, 32768],
    ]);
    expect(found).toHaveLength(64);
    expect(pieces(timeline(...events), big)).toBeUndefined();
    // Small files take as long as the dump: it is not one.
    expect(
      pieces(timeline(...events.map((_, k): ['w', number] => ['w', k])), { ...big, smallFiles: 3 }),
    ).toBeUndefined();
  });
});
