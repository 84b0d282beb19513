/**
 * Every shared capture that has a trace.dat or raw pages: the same stream as the kernel's own text of the same buffer where
 * there is one, and the counts of counts.json, which were made by other means.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Recording } from '@replug/workload';
import { sharedCaptures } from '../captures.spec-kit.ts';
import { openRecording } from '../node/open-recording.ts';
import { differences, printedTime, rowOf } from './same-trace.spec-kit.ts';

const TIMEOUT = 300_000;
const has = (path: string, name: string) => existsSync(join(path, 'trace', name));
const named = (paths: readonly string[]) => paths.map((path) => [path.split('/').at(-1)!, path] as const);

const withDat = sharedCaptures.filter((path) => has(path, 'trace.dat.xz'));
const both = withDat.filter((path) => has(path, 'trace.txt.xz'));
const datOnly = withDat.filter((path) => !has(path, 'trace.txt.xz'));
const rawOf = (path: string) => readdirSync(join(path, 'trace')).filter((name) => /^raw\.cpu\d+/.test(name));
const withRaw = both.filter((path) => rawOf(path).length > 0);

const open = (path: string, trace: 'text' | 'dat' | 'raw') => openRecording(path, { trace, pageFlags: false });

function counts(path: string): {
  events_in_text?: number;
  entries_per_stats: number;
  by_event?: Record<string, number>;
} {
  return JSON.parse(readFileSync(join(path, 'trace/counts.json'), 'utf8'));
}

function everyRecordCounted(recording: Recording, format: string): void {
  const account = recording.files.find((file) => file.format === format)!;
  expect(account.skipped).toEqual({});
  expect(account.events).toBe(account.details?.records);
}

describe.skipIf(both.length === 0)('trace.dat beside text', () => {
  it.each(named(both))('%s', { timeout: TIMEOUT }, async (_, path) => {
    const [text, dat] = [await open(path, 'text'), await open(path, 'dat')];
    expect(dat.trace!.path).toBe('trace/trace.dat.xz');
    expect(differences(text, dat)).toBe('');
    everyRecordCounted(dat, 'trace-dat');
  });
});

describe.skipIf(withRaw.length === 0)('raw pages beside text', () => {
  it.each(named(withRaw))('%s', { timeout: TIMEOUT }, async (_, path) => {
    const [text, raw] = [await open(path, 'text'), await open(path, 'raw')];
    everyRecordCounted(raw, 'raw-pages');
    const missing = raw.warnings.some(({ name }) => name === 'pages-missing');
    if (!missing) {
      expect(differences(text, raw)).toBe('');
      return;
    }
    // The pages of one cpu were kept: what the text has of that cpu.
    const cpus = new Set(rawOf(path).map((name) => Number(/\d+/.exec(name)![0])));
    const rows = ({ trace }: Recording, time: (ns: number) => number) =>
      Array.from({ length: trace!.events.length }, (_, i) => i)
        .filter((i) => cpus.has(trace!.events.cpu[i]))
        .map((i) => rowOf(trace!.events, i, time).join(' '));
    expect(rows(raw, printedTime).join('\n') === rows(text, (ns) => ns).join('\n')).toBe(true);
  });
});

describe.skipIf(datOnly.length === 0)('trace.dat alone', () => {
  it.each(named(datOnly))('%s', { timeout: TIMEOUT }, async (_, path) => {
    const dat = await openRecording(path, { pageFlags: false });
    everyRecordCounted(dat, 'trace-dat');
    const { by_event, entries_per_stats } = counts(path);
    expect(dat.trace!.events.length).toBe(entries_per_stats);
    if (by_event !== undefined) expect(dat.trace!.counts).toEqual(by_event);
  });
});
