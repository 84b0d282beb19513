import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { eventStack } from '@replug/workload';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ppc, unaccounted, x86 } from '../captures.spec-kit.ts';
import { openRecording } from './open-recording.ts';
import { differences, readAlone, readInSlices } from './parallel-text.spec-kit.ts';
import { NotInSlices } from './parallel-text.ts';
import { readContent } from './read-bytes.ts';
import { TextThreads } from './text-threads.ts';
import { workerProgram } from './worker-program.ts';

let folder = '';
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'replug-parallel-'))));
afterAll(() => rmSync(folder, { recursive: true }));

const event = (i: number, more = '') =>
  `${`task${i % 40}`.padStart(16)}-${String(100 + (i % 40)).padEnd(7)} [00${i % 4}] ..${'.Ndx'[i % 4]}.. ${String(i).padStart(5)}.000000: mm_page_free: page=0000000012345678 pfn=0x${i.toString(16)} order=0${more}\n`;
const other = (i: number, fields: string) =>
  `            perf-7       [001] ..... ${String(i).padStart(5)}.000000: ${fields}\n`;

const chain = (i: number) => event(i).replace(/mm_page_free.*/, 'kernel_stack: <stack trace>');

/** Call chains, lines broken by a mail program, damage, marks of lost events, words that come late. */
const mixed = [
  '# tracer: nop\n# entries-in-buffer/entries-written: 4000/4007   #P:4\n',
  ...Array.from({ length: 4000 }, (_, i) => {
    if (i % 100 === 7) return `${event(i)}${chain(i)} => __free_pages\n => do_exit_${i % 3}\n`;
    if (i % 100 === 20) return event(i).replace(' pfn', '\npfn');
    if (i % 100 === 33) return 'CPU:2 [LOST 2 EVENTS]\nnonsense\n';
    if (i % 100 === 40) return other(i, `mm_vmscan_wakeup_kswapd: nid=0 order=2 gfp_flags=GFP_${i}`);
    if (i % 100 === 41) return other(i, `tracing_mark_write: mark ${i}`);
    if (i % 100 === 42) return other(i, `strange_${i}: a=1`);
    if (i % 100 === 43) return event(i, ' junk').replace('order=0', 'order=x');
    return event(i);
  }),
].join('');

describe('slices give what one reader gives', () => {
  it.each([
    ['ppc64le', ppc, 2, 300_000],
    ['x86-64', x86, 3, 1_000_003],
  ])('%s', async (_, capture, jobs, blockSize) => {
    const bytes = await readContent(join(capture, 'trace/trace.txt.xz'));
    expect(differences(readAlone(bytes), await readInSlices(bytes, jobs, blockSize))).toEqual([]);
  });

  it.each([1, 3])('all kinds of lines, %i threads', async (jobs) => {
    const bytes = new TextEncoder().encode(mixed);
    const alone = readAlone(bytes);
    for (const blockSize of [3001, 100_000, 10_000_000]) {
      const sliced = await readInSlices(bytes, jobs, blockSize);
      expect(differences(alone, sliced), `blocks of ${blockSize}`).toEqual([]);
    }
    // What the text was made of.
    expect(alone.trace).toMatchObject({ lost: 80, cpus: 4, tracer: 'nop' });
    expect(alone.trace.counts).toMatchObject({ tracing_mark_write: 40, mm_vmscan_wakeup_kswapd: 40, strange_3942: 1 });
    expect(alone.account.skipped).toEqual({ 'not-an-event-line': 40, 'bad-fields': 40 });
    expect(alone.account.samples).toHaveLength(10);
    expect(unaccounted(alone.account)).toBe(0);
    expect(alone.trace.events.stacks).toHaveLength(4);
    expect(eventStack(alone.trace.events, 7)).toBe('__free_pages\ndo_exit_1');
    expect(alone.trace.events.stack!.filter((index) => index > 0)).toHaveLength(40);
  });
});

describe('what cannot be cut', () => {
  it('a block without an event line', async () => {
    const bytes = new TextEncoder().encode(`${event(1)}${'nonsense\n'.repeat(1000)}${event(2)}`);
    await expect(readInSlices(bytes, 2, 4096)).rejects.toBeInstanceOf(NotInSlices);
  });

  it('more flags than a column can number, which one reader counts as bad', async () => {
    const flags = (i: number) => event(i).replace(/\.\.[.Ndx]\.\. /, `f${String(i).padStart(3, 'x')}z `);
    const bytes = new TextEncoder().encode(Array.from({ length: 400 }, (_, i) => flags(i)).join(''));
    await expect(readInSlices(bytes, 2, 8000)).rejects.toBeInstanceOf(NotInSlices);
  });

  it('a call chain from its event, which another cpu came between', async () => {
    const text = Array.from(
      { length: 200 },
      (_, i) => `${event(8 * i)}${event(8 * i + 1)}${chain(8 * i)} => do_exit\n`,
    );
    const bytes = new TextEncoder().encode(text.join(''));
    await expect(readInSlices(bytes, 2, 4096)).rejects.toBeInstanceOf(NotInSlices);
    const { events } = readAlone(bytes).trace;
    expect(events.stack!.every((index, row) => index === (row % 2 === 0 ? 1 : 0))).toBe(true);
  });

  it('is read on one thread instead', async () => {
    const path = join(folder, 'uncut.txt');
    writeFileSync(path, `${event(1)}${'nonsense\n'.repeat(1_000_000)}${event(2)}`);
    const { trace, files } = await openRecording(path, { jobs: 2 });
    expect(trace!.events.length).toBe(2);
    expect(files[0]).toMatchObject({ lines: 1_000_002, events: 2, skipped: { 'not-an-event-line': 1_000_000 } });
  });
});

describe('openRecording', () => {
  it.each([1, 2])('a cut trace keeps its whole lines, %i jobs', async (jobs) => {
    const path = join(folder, `cut-${jobs}.gz`);
    const text = Array.from({ length: 5000 }, (_, i) => event(i)).join('');
    const packed = gzipSync(text);
    writeFileSync(path, packed.subarray(0, packed.length - 500));
    const { trace, files, warnings } = await openRecording(path, { jobs });
    expect(warnings.map((w) => w.name)).toEqual(['file-truncated']);
    const [account] = files;
    const count = trace!.events.length;
    expect(count).toBeGreaterThan(4000);
    expect(trace!.events.time[count - 1]).toBe((count - 1) * 1e9);
    expect(account).toMatchObject({ lines: count + 1, events: count, skipped: { 'file-truncated': 1 } });
    expect(account.details).toMatchObject({ 'file-truncated': 1 });
    // The sample is the beginning of the next line.
    expect(account.samples[0].line).toBe(count + 1);
    expect(event(count).startsWith(account.samples[0].text)).toBe(true);
  });

  it('gives the same with jobs', async () => {
    const [alone, sliced] = [await openRecording(ppc), await openRecording(ppc, { jobs: 2 })];
    expect(sliced.files).toEqual(alone.files);
    expect(sliced.warnings).toEqual([]);
    expect(sliced.trace!.counts).toEqual(alone.trace!.counts);
  });

  it('a single file beyond the limits is an error, in a folder a warning', async () => {
    const path = join(folder, 'folder', 'trace.txt');
    const { mkdirSync } = await import('node:fs');
    mkdirSync(join(folder, 'folder'));
    writeFileSync(path, event(1).repeat(100));
    await expect(openRecording(path, { maxBytes: 1000 })).rejects.toMatchObject({ code: 'RP4007' });
    const { warnings } = await openRecording(join(folder, 'folder'), { maxBytes: 1000 });
    expect(warnings[0].name).toBe('file-unreadable');
    expect(warnings[0].text).toContain('RP4007');
  });

  it('a dump that was cut is no dump', async () => {
    const path = join(folder, 'zoneinfo.gz');
    const packed = gzipSync('Node 0, zone      DMA\n  pages free     1\n'.repeat(1000));
    writeFileSync(path, packed.subarray(0, packed.length - 9));
    await expect(openRecording(path)).rejects.toMatchObject({ code: 'RP4005' });
  });
});

describe('threads', () => {
  it.each([
    ['throws', 'throw new Error("no")'],
    ['ends', 'process.exit(3)'],
    [
      'tells a failure',
      'import{parentPort}from"node:worker_threads";parentPort.on("message",()=>parentPort.postMessage({failure:"no"}))',
    ],
  ])('one that %s is RP4011', async (_, program) => {
    const threads = new TextThreads('trace', new URL(`data:text/javascript,${program}`), 2, () => undefined);
    await threads.send(new ArrayBuffer(10), 10, 'ftrace-text').catch(() => undefined);
    await expect(threads.drain()).rejects.toMatchObject({ code: 'RP4011' });
    await threads.close();
  });

  it('hold at most two slices more than there are threads', async () => {
    const taken: number[] = [];
    const threads = new TextThreads('trace', await workerProgram(), 2, ({ number }) => taken.push(number));
    const bytes = new TextEncoder().encode(event(1).repeat(2000));
    for (let i = 0; i < 12; i++) {
      await threads.send(bytes.slice().buffer, bytes.length, 'ftrace-text');
      expect(i + 1 - taken.length).toBeLessThanOrEqual(4);
    }
    await threads.drain();
    expect(taken).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    await threads.close();
  });
});
