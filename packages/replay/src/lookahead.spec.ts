import { ARCH_PROFILES, KIND, PageMap } from '@replug/core';
import { EventColumnsBuilder, type EventColumns } from '@replug/workload';
import { describe, expect, it } from 'vitest';
import { BEFORE, lookAhead, WAY } from './lookahead.ts';
import { migratetypeTable } from './recorded.ts';

/** Events of order-0 movable pages by pfn, in order. */
function trace(
  ...steps: (readonly ['locked' | 'alloc' | 'free' | 'drain', number] | readonly ['isolate', number, number, number])[]
): EventColumns {
  const builder = new EventColumnsBuilder();
  const kinds = {
    locked: KIND.mm_page_alloc_zone_locked,
    alloc: KIND.mm_page_alloc,
    free: KIND.mm_page_free,
    drain: KIND.mm_page_pcpu_drain,
  };
  steps.forEach((step, i) => {
    if (step[0] === 'isolate') {
      const [, start, end, taken] = step;
      builder.pushArgs(KIND.mm_compaction_isolate_freepages, i, 0, 0, 0, [start, end, end - start, taken]);
    } else {
      builder.pushPage(kinds[step[0]], i, 0, 0, 0, step[1], 1 << 4, 0);
    }
  });
  return builder.finish();
}

function look(events: EventColumns) {
  const pages = new PageMap(ARCH_PROFILES['x86-64'], 32768);
  pages.addSection(0);
  return lookAhead(events, pages, {
    from: 0,
    to: events.length,
    migratetype: migratetypeTable(true),
    typesOfLists: true,
    onlyRequests: false,
  });
}

describe('what the next event of a page tells', () => {
  it('of the instant before the first event', () => {
    const { before } = look(trace(['locked', 1], ['alloc', 2], ['free', 3], ['drain', 4]));
    expect([...before.subarray(0, 6)]).toEqual([
      BEFORE.NOTHING,
      BEFORE.FREE,
      BEFORE.ON_CPU,
      BEFORE.ALLOCATED,
      BEFORE.ON_CPU,
      BEFORE.NOTHING,
    ]);
  });

  it('a page that leaves the free lists without a drain was freed directly', () => {
    const { way } = look(
      trace(
        ['free', 7],
        ['locked', 7],
        ['free', 8],
        ['drain', 8],
        ['locked', 8],
        ['free', 9],
        ['alloc', 9],
        ['free', 10],
      ),
    );
    expect([way[0], way[2], way[5], way[7]]).toEqual([WAY.DIRECT, WAY.CPU_LIST, WAY.CPU_LIST, WAY.UNKNOWN]);
  });

  it('a scan that took everything names its pages, one that took some makes them unsure', () => {
    const { before, way } = look(trace(['free', 16], ['isolate', 16, 20, 4], ['isolate', 32, 64, 8], ['free', 40]));
    expect(way[0]).toBe(WAY.DIRECT);
    expect([before[17], before[40]]).toEqual([BEFORE.FREE, BEFORE.UNSURE]);
  });

  it('learns the type of a pageblock from the first block that leaves or comes', () => {
    const { blockType } = look(trace(['alloc', 600], ['locked', 513], ['free', 5]));
    expect([blockType[0], blockType[1]]).toEqual([0, 2]);
  });

  it('ignores orders and alignments that no kernel has', () => {
    const builder = new EventColumnsBuilder();
    builder.pushPage(KIND.mm_page_alloc_zone_locked, 0, 0, 0, 0, 4, 15, 0);
    builder.pushPage(KIND.mm_page_alloc_zone_locked, 1, 0, 0, 0, 5, 3, 0);
    expect(look(builder.finish()).before.every((b) => b === BEFORE.NOTHING)).toBe(true);
  });
});
