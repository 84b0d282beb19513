import { openRecording } from '@replug/trace-import';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { inspect } from './inspect.ts';

const captures = fileURLToPath(new URL('../../../fixtures/captures/', import.meta.url));

describe('a capture', async () => {
  const report = inspect(await openRecording(join(captures, 'x86_64-6.12-exact-fileio')));

  it('has the documented names', () => {
    expect(report).toMatchObject({ arch: 'x86_64', pageSize: 4096, kernel: '6.12.113+deb12-amd64', nodes: 2, lost: 0 });
    expect(report.zones).toHaveLength(10);
    expect(report.zones[1]).toEqual({ node: 0, name: 'DMA32', spanned: 94208, present: 94208, managed: 83006 });
    expect(report.events.mm_page_alloc).toBe(22440);
    expect(report.timeRange).toEqual({ begin: 6.73001, end: 10.644901 });
    expect(report.files.find((f) => f.format === 'ftrace-text')).toMatchObject({
      path: 'trace/trace.txt.xz',
      lines: 76294,
      events: 76282,
      skipped: {},
    });
  });

  // freePages: nr_free_pages of the step's vmstat.
  it('describes the steps', () => {
    expect(report.steps[0]).toEqual({
      number: 1,
      name: 'before',
      time: 6.607238728,
      tracing: 'started-after-reading',
      zones: 10,
      freePages: 160447,
      memoryBlocks: 6,
      pageFlags: true,
    });
  });

  it('is plain data', () => {
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
  });
});

it('a single file has nulls and empty lists', async () => {
  const report = inspect(await openRecording(join(captures, 's390x-6.1-exact-anonhog/steps/01-before/buddyinfo')));
  expect(report).toMatchObject({ nodes: 1, zones: [], events: {}, timeRange: null, clockAlignment: null, lost: 0 });
});
