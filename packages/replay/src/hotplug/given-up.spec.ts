import { describe, expect, it } from 'vitest';
import { BASE, trace, type FieldEvent } from '../streams.spec-kit.ts';
import { findGivenUp } from './given-up.ts';
import { ENDED, type RangeOperation } from './operations.ts';

// Memory blocks of 1024 pages.
const BLOCK = 1024;
const begins = (reason = 'memory_hotplug'): FieldEvent => ['mm_migrate_pages_start', 'MIGRATE_SYNC', reason];
const done = (reason = 'memory_hotplug'): FieldEvent => ['mm_migrate_pages', 1, 0, 0, 0, 0, 0, 'MIGRATE_SYNC', reason];

function find(lines: readonly (string | FieldEvent)[], tested: readonly RangeOperation[] = []) {
  const events = trace(...lines);
  const found = findGivenUp({ events, from: 0, to: events.length, blockPages: BLOCK, tested });
  return found.map((r) => [r.begin, r.end, r.start - BASE, r.stop - BASE, r.ended]);
}

describe('an attempt to offline that no test of the range ends', () => {
  const attempt = [
    'taken 1030',
    'got 1030',
    'drained 40', // 2: zone_pcp_disable()
    'freed 50 by:other',
    begins(), // 4
    'taken 2100',
    'got 2100',
    'got 2101', // a target that is not needed
    'freed 2101',
    'freed 1030',
    'freed 1031',
    done(), // 11
    begins(),
    'failed',
    done(), // 14: nothing moved, the same block
    'freed 60',
  ];

  it('isolates the block that was moved, from the drains to the last migration', () => {
    expect(find(attempt)).toEqual([[3, 14, 1024, 2048, ENDED.UNDONE]]);
  });

  it('without drains, from behind the last event that took a page of the block', () => {
    expect(find(attempt.map((line) => (line === 'drained 40' ? 'freed 40' : line)))[0][0]).toBe(2);
  });

  it('is none when the range was found empty in the end', () => {
    const tested = { begin: 3, end: 15, start: BASE + 1024, stop: BASE + 2048, ended: ENDED.OFFLINE };
    expect(find(attempt, [tested])).toEqual([]);
    expect(find(attempt, [{ ...tested, begin: 0, end: 2 }])).toHaveLength(1);
  });

  it('is none of compaction or contiguous allocation', () => {
    const reason = (to: string) =>
      attempt.map((line) =>
        typeof line === 'string' ? line : (line.map((v) => (v === 'memory_hotplug' ? to : v)) as never),
      );
    expect(find(reason('compaction'))).toEqual([]);
    expect(find(reason('contig_range'))).toEqual([]);
  });

  it('two blocks of one task are two attempts', () => {
    expect(find([begins(), 'freed 1', done(), begins(), 'freed 1024', 'freed 1025', 'freed 3', done()])).toEqual([
      [0, 2, 0, 1024, ENDED.UNDONE],
      [0, 7, 1024, 2048, ENDED.UNDONE],
    ]);
  });
});
