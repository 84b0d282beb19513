/**
 * Every trace of the shared captures against an independent count: xz and grep, or the capture's own counts.json.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Account } from './account.ts';
import { filesBelow, sharedCaptures, unaccounted } from './captures.spec-kit.ts';
import { FtraceTextReader } from './ftrace-text/ftrace-text.ts';
import { openRecording } from './node/open-recording.ts';
import { contentOf } from './node/read-bytes.ts';

const traced = sharedCaptures.filter((path) => existsSync(join(path, 'trace/trace.txt.xz')));

/** Events by name: the word after the time, by a pipeline that shares nothing with the reader. */
function grepCounts(trace: string): Record<string, number> {
  const pipeline = `xz -dc '${trace}' | LC_ALL=C grep -ao '[0-9]: [a-z_0-9]*: ' | LC_ALL=C sort | uniq -c`;
  const { stdout } = spawnSync('bash', ['-c', pipeline], { encoding: 'utf8', maxBuffer: 1 << 26 });
  const counts: Record<string, number> = {};
  for (const [, count, name] of stdout.matchAll(/(\d+) \d: (\w+): /g))
    counts[name] = (counts[name] ?? 0) + Number(count);
  return counts;
}

describe.skipIf(traced.length === 0)('every shared trace', () => {
  it.each(traced.map((path) => [path.split('/').at(-1)!, path]))('%s', { timeout: 300_000 }, async (_, path) => {
    const recording = await openRecording(path, { pageFlags: false });
    const trace = recording.trace!;
    expect(trace.counts).toEqual(grepCounts(join(path, 'trace/trace.txt.xz')));
    const account = recording.files.find((f) => f.format === 'ftrace-text')!;
    expect(account.skipped).toEqual({});
    expect(unaccounted(account)).toBe(0);
    expect(account.comments).toBe(12);
    expect(trace.events.length).toBe(account.events);

    const own = join(path, 'trace/counts.json');
    if (existsSync(own)) {
      const { by_event, events_in_text } = JSON.parse(readFileSync(own, 'utf8'));
      expect(trace.counts).toEqual(by_event);
      expect(account.events).toBe(events_in_text);
    }
    // Times never decrease in file order.
    const { time, length } = trace.events;
    let decreasing = 0;
    for (let i = 1; i < length; i++) if (time[i] < time[i - 1]) decreasing++;
    expect(decreasing).toBe(0);
  });
});

const windows = sharedCaptures.flatMap((path) => filesBelow(join(path, 'trace'), /^trace-.*\.txt\.xz$/));

/** Beginnings of traces that were too long to keep. */
describe.skipIf(windows.length === 0)('every part of a shared trace', () => {
  it.each(windows)('%s', { timeout: 300_000 }, async (path) => {
    const account = new Account(path, 'ftrace-text');
    const reader = new FtraceTextReader(account);
    for await (const chunk of contentOf(path)) reader.push(chunk);
    expect(reader.finish().counts).toEqual(grepCounts(path));
    expect(account.finish()).toMatchObject({ comments: 12, skipped: {} });
    expect(unaccounted(account.finish())).toBe(0);
  });
});
