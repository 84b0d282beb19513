/**
 * Fragments of other people's traces, each in a layout of its own: the importer against counts by hand, and against a count
 * of `name:` that shares nothing with it.
 */
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { eventArg, eventPfn, eventWord } from '@replug/workload';
import { describe, expect, it } from 'vitest';
import { dumpsFolder, filesBelow } from './captures.spec-kit.ts';
import { TRACE_FORMATS } from './ftrace-text/sniff.ts';
import { IMPORTERS } from './importers.ts';
import { accounted, importerCases, readChunks, type ImporterSample } from './testing/index.ts';

const folder = join(dumpsFolder, 'transcribed/ftrace');
const files = filesBelow(folder, /\.txt$/);

const EXPECTED: Readonly<Record<string, { importer: string } & ImporterSample['expected']>> = {
  'arm64-4.4-stacktrace-option.txt': {
    importer: 'ftrace-text',
    lines: 20,
    events: 3,
    comments: 17,
    details: { 'stack lines': 17 },
    counts: { mm_page_alloc: 3 },
  },
  'arm64-android-compaction-begin-end-vmscan.txt': {
    importer: 'ftrace-text',
    lines: 20,
    events: 20,
    counts: {
      mm_compaction_begin: 7,
      mm_compaction_end: 7,
      mm_vmscan_direct_reclaim_begin: 3,
      mm_vmscan_direct_reclaim_end: 3,
    },
  },
  'x86_64-2.6.32-mm_page_free_direct-duplicates.txt': {
    importer: 'ftrace-text',
    lines: 5,
    events: 5,
    counts: { mm_page_free_direct: 4, mm_page_alloc: 1 },
  },
  'x86_64-4.6-extfrag.txt': { importer: 'ftrace-text', lines: 1, events: 1, counts: { mm_page_alloc_extfrag: 1 } },
  'x86_64-4.8-compaction-mailwrapped.txt': {
    importer: 'ftrace-text',
    lines: 18,
    events: 7,
    comments: 11,
    details: { 'wrapped lines': 11 },
    counts: {
      mm_compaction_try_to_compact_pages: 1,
      mm_compaction_suitable: 1,
      mm_compaction_begin: 1,
      mm_compaction_finished: 1,
      mm_compaction_isolate_migratepages: 1,
      mm_compaction_isolate_freepages: 2,
    },
  },
  'x86_64-5.1-perf-script-callchain.txt': {
    importer: 'perf-script',
    lines: 22,
    events: 2,
    comments: 20,
    details: { 'stack lines': 19 },
    counts: { mm_page_alloc: 2 },
  },
  'x86_64-6.5-compaction-livelock.txt': {
    importer: 'ftrace-text',
    lines: 8,
    events: 8,
    counts: { mm_compaction_finished: 4, mm_compaction_isolate_migratepages: 4 },
  },
  'x86_64-6.x-trace-cmd-report-kmem-all.txt': {
    importer: 'ftrace-text',
    lines: 12,
    events: 12,
    counts: { mm_page_alloc: 4, kmalloc: 6, kmem_cache_alloc: 2 },
  },
  'x86_64-function_graph-mm_page_alloc.txt': {
    importer: 'function-graph',
    lines: 16,
    events: 4,
    comments: 12,
    details: { 'graph lines': 11, 'events without a time': 4, 'events without a task': 4 },
    counts: { mm_page_alloc: 4 },
  },
};

describe.skipIf(files.length === 0)('transcribed traces', () => {
  it('are those that are known here', () => {
    expect(files.map((path) => basename(path))).toEqual(Object.keys(EXPECTED).sort());
  });

  for (const path of files) {
    const { importer, ...expected } = EXPECTED[basename(path)] ?? { importer: 'ftrace-text', events: -1 };
    const bytes = new Uint8Array(readFileSync(path));
    describe(basename(path), () => {
      for (const { name, run } of importerCases(IMPORTERS, { importer, bytes, expected })) it(name, run);
    });
  }

  const eventsOf = (name: string) => {
    const bytes = new Uint8Array(readFileSync(join(folder, name)));
    return readChunks(IMPORTERS.detect(bytes)!, bytes, bytes.length).facts.trace!.events;
  };

  it('pfns, old names, old fields', () => {
    const old = eventsOf('x86_64-2.6.32-mm_page_free_direct-duplicates.txt');
    expect(eventPfn(old, 3)).toBe(1155800);
    expect([old.kind[3], old.time[3]]).toEqual([1, 4415255557000]);
    const wrapped = eventsOf('x86_64-4.8-compaction-mailwrapped.txt');
    // mode=1 is MIGRATE_SYNC_LIGHT: priority 1. gfp_mask is printed as a number.
    expect([eventArg(wrapped, 0, 0), eventWord(wrapped, 0, 1), eventArg(wrapped, 0, 2)]).toEqual([2, '0x27000c0', 1]);
    expect([0, 1, 2, 3].map((i) => eventArg(wrapped, 2, i))).toEqual([0x100000, 0x100000, 0x27fe00, 0x280000]);
    expect([0, 1, 2, 3].map((i) => eventArg(wrapped, 5, i))).toEqual([0x186a00, 0x186c00, 512, 0]);
    expect(eventPfn(eventsOf('x86_64-function_graph-mm_page_alloc.txt'), 1)).toBe(2344923);
  });
});

/** Events by name: the last word with a colon before the first field, by the names of this project's catalogue alone. */
function grepCounts(text: string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const [, name] of text.matchAll(/\b((?:mm|kmem)_\w+|kmalloc|kfree|test_pages_isolated): */g)) {
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

const texts = filesBelow(dumpsFolder, /./).filter((path) => {
  const format = IMPORTERS.detect(new Uint8Array(readFileSync(path)))?.id;
  return (TRACE_FORMATS as readonly string[]).includes(format ?? '');
});

it.skipIf(texts.length === 0)('every trace among the dumps has what grep counts in it', () => {
  expect(texts.length).toBeGreaterThanOrEqual(9);
  for (const path of texts) {
    const bytes = new Uint8Array(readFileSync(path));
    const { facts, account } = readChunks(IMPORTERS.detect(bytes)!, bytes, 1000);
    expect(facts.trace!.counts, path).toEqual(grepCounts(new TextDecoder().decode(bytes)));
    accounted(account, bytes);
    expect(account.skipped, path).toEqual({});
  }
});
