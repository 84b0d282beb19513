import { Core, KIND, MIGRATE } from '@replug/core';
import { describe, expect, it } from 'vitest';
import { migratetypeTable } from '../recorded.ts';
import { BASE, rig, trace, type FieldEvent } from '../streams.spec-kit.ts';
import { ENDED, findOperations } from './operations.ts';

// x86-64: pageblocks of 512 pages.
const BLOCK = 512;
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

function find(...lines: readonly (string | FieldEvent)[]) {
  const machine = rig().kernel.get(Core.Machine);
  const events = trace(...lines);
  const input = { events, pages: machine.pages, from: 0, to: events.length, migratetype: migratetypeTable(true) };
  const { ranges, takes } = findOperations(input);
  const shown = ranges.map((r) => [r.begin, r.end, r.start - BASE, r.stop - BASE, r.ended]);
  return { shown, takes };
}

describe('a range that is found empty', () => {
  it('went offline: isolated behind the drains of its task, before the first page freed for good', () => {
    const { shown } = find(
      'taken 512', // 0: leaves the ordinary lists
      'got 512',
      'freed 600 by:other',
      'drained 700', // 3, 4: zone_pcp_disable() of the task
      'drained 701',
      'freed 512', // 5: moved
      test(512, 1024),
    );
    expect(shown).toEqual([[5, 6, 512, 1024, ENDED.OFFLINE]]);
  });

  it('without drains, behind the last event that took a page off its lists', () => {
    expect(find('taken 512', 'got 512', 'freed 512', test(512, 1024)).shown).toEqual([
      [2, 3, 512, 1024, ENDED.OFFLINE],
    ]);
    expect(find(test(512, 1024)).shown).toEqual([[0, 0, 512, 1024, ENDED.OFFLINE]]);
  });

  it('a drain to the ISOLATE list is no sign of ordinary use', () => {
    const isolated = `drained 513 t${MIGRATE.ISOLATE} by:other`;
    expect(find('freed 513 by:other', isolated, test(512, 1024)).shown[0][0]).toBe(0);
    expect(find('freed 513 by:other', 'drained 513 by:other', test(512, 1024)).shown[0][0]).toBe(2);
  });

  it('is aligned out to pageblocks, and ends where the machine ends', () => {
    expect(find(test(600, 700)).shown).toEqual([[0, 0, 512, 1024, ENDED.OFFLINE]]);
    const section = 32768;
    expect(find(test(0, 2 ** 40)).shown[0][3]).toBe(section);
    expect(find(test(2 ** 40, 2 ** 41)).shown).toEqual([]);
    expect(find(test(1024, 512)).shown).toEqual([]);
  });
});

describe('a contiguous allocation', () => {
  it('scans before the test and takes its pages after it; isolated before the drains that lead up to the scan', () => {
    const { shown, takes } = find(
      'got 9 by:other',
      'drained 8',
      'drained 7',
      scan(512, 1024),
      test(512, 1024),
      take(512, 1024),
    );
    expect(shown).toEqual([[1, 4, 512, 1024, ENDED.TAKEN]]);
    expect(takes).toEqual([5]);
  });

  it('drains of another time, with another task between on the CPU, lead up to nothing', () => {
    const { shown } = find('drained 8', 'got 9 by:other', scan(512, 1024), test(512, 1024), take(512, 1024));
    expect(shown[0][0]).toBe(2);
  });

  it('that fails is undone', () => {
    expect(find(scan(512, 1024), test(512, 1024, 'fail')).shown).toEqual([[0, 1, 512, 1024, ENDED.UNDONE]]);
  });

  it('of a range that was given up before is another one', () => {
    const { shown } = find(scan(2048, 2560), scan(512, 1024), test(512, 1024), take(512, 1024));
    expect(shown).toEqual([[1, 2, 512, 1024, ENDED.TAKEN]]);
  });

  it('and then the offlining of the same range are two operations', () => {
    const lines = [scan(0, BLOCK), test(0, BLOCK), take(0, BLOCK), test(0, BLOCK)];
    expect(find(...lines).shown).toEqual([
      [0, 1, 0, 512, ENDED.TAKEN],
      [2, 3, 0, 512, ENDED.OFFLINE],
    ]);
  });
});

it('a test that fails while a block goes offline says nothing: it is repeated', () => {
  expect(find(test(512, 1024, 'fail'), 'freed 512', test(512, 1024)).shown).toEqual([[0, 2, 512, 1024, ENDED.OFFLINE]]);
});

it('a trace without a test has no operations', () => {
  expect(KIND.test_pages_isolated).toBeGreaterThan(0);
  expect(find('taken 0', scan(0, 512)).shown).toEqual([]);
});
