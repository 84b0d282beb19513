/** Traces of captures by kind, and files that are not read in one piece. Expected numbers are those of counts.json. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Recording } from '@replug/workload';
import { afterAll, describe, expect, it } from 'vitest';
import { differences, rowOf } from '../trace-dat/same-trace.spec-kit.ts';
import { FORMATS, free, headerPage, page, X86 } from '../ring-buffer/pages.spec-kit.ts';
import { smallTraceDat } from '../trace-dat/writer.spec-kit.ts';
import { openBytes } from './file-bytes.ts';
import { readContent } from './read-bytes.ts';
import { openRecording } from './open-recording.ts';

const fixtures = fileURLToPath(new URL('../../fixtures', import.meta.url));
const ppc = join(fixtures, 'ppc64le-6.1-boot');
const folder = mkdtempSync(join(tmpdir(), 'replug-open-trace-'));
afterAll(() => rmSync(folder, { recursive: true }));

const warnings = (recording: Recording) => recording.warnings.map(({ name }) => name);
const rows = ({ trace }: Recording) =>
  Array.from({ length: trace!.events.length }, (_, i) => rowOf(trace!.events, i, (ns) => ns));

describe('the same trace as text and as trace.dat', () => {
  it.each([
    ['ppc64le-6.1-boot', 3992],
    ['s390x-6.1-boot', 18080],
    ['x86_64-6.12-boot-1cpu', 19568],
  ])('%s: every field of every event, in the same order', async (name, count) => {
    const path = join(fixtures, name);
    const [text, dat] = [await openRecording(path), await openRecording(path, { trace: 'dat' })];
    expect(dat.trace!.path).toBe('trace/trace.dat.xz');
    expect(dat.trace!.events.length).toBe(count);
    expect(differences(text, dat)).toBe('');
    expect(text.files.find(({ format }) => format === 'ftrace-text')).toBeDefined();
    const account = dat.files.find(({ format }) => format === 'trace-dat')!;
    expect(account.skipped).toEqual({});
    expect(account.details).toMatchObject({ records: count });
  });

  it.each(['version-6.dat.xz', 'version-7-zstd.dat.xz'])('%s, which trace-cmd converted', async (name) => {
    const original = await openRecording(join(ppc, 'trace/trace.dat.xz'));
    const converted = await openRecording(join(ppc, name));
    expect(converted.trace!.events.length).toBe(3992);
    expect(rows(converted)).toEqual(rows(original));
    expect(converted.trace!.counts).toEqual(original.trace!.counts);
  });

  it('what only the machine knows is −1 without its dumps, and counted', async () => {
    const { trace, files } = await openRecording(join(ppc, 'trace/trace.dat.xz'));
    const extfrag = Array.from({ length: trace!.events.length }, (_, i) => rowOf(trace!.events, i, (ns) => ns)).filter(
      (row) => row[0] === 'mm_page_alloc_extfrag',
    );
    // pageblock_order is a variable of this kernel: neither it nor fragmenting can be told from the record.
    expect(extfrag).toHaveLength(4);
    expect(extfrag.map((row) => [row[9], row[12]])).toEqual(Array(4).fill([-1, -1]));
    expect(files[0].details).toMatchObject({ 'fields that the file does not tell': 8 });
  });
});

describe('the kind of a trace', () => {
  const capture = (name: string): string => {
    const path = join(folder, name);
    mkdirSync(join(path, 'trace/events/kmem/mm_page_free'), { recursive: true });
    writeFileSync(join(path, 'meta.txt'), 'arch: x86_64\n');
    return path;
  };

  it('is trace.dat where there is nothing else', async () => {
    const path = capture('dat');
    writeFileSync(join(path, 'trace/trace.dat'), smallTraceDat());
    const recording = await openRecording(path);
    expect(recording.trace).toMatchObject({ path: 'trace/trace.dat', counts: { mm_page_alloc: 1, mm_page_free: 1 } });
    expect(warnings(recording)).not.toContain('trace-dat-not-read');
    expect(warnings(await openRecording(path, { trace: 'raw' }))).toContain('other-trace-used');
  });

  it.each(['raw.cpu2', 'per_cpu/cpu2/trace_pipe_raw'])('is raw pages: %s', async (name) => {
    const path = capture(name.replaceAll('/', '-'));
    const machine = { ...X86, pageSize: 512 };
    mkdirSync(join(path, 'trace/per_cpu/cpu2'), { recursive: true });
    writeFileSync(join(path, 'trace', name), page(machine, 77, [{ delta: 1, payload: free(machine, 9, 5) }]));
    expect((await openRecording(path)).trace).toBeUndefined();
    writeFileSync(join(path, 'trace/events/kmem/mm_page_free/format'), FORMATS.mm_page_free.text);
    writeFileSync(join(path, 'trace/events/header_page'), headerPage(machine));
    writeFileSync(join(path, 'trace/saved_cmdlines'), '9 cat\n');
    const recording = await openRecording(path);
    expect(rows(recording)).toEqual([['mm_page_free', 78, 2, '.....', 'cat', 9, 5, 0, '']]);
    expect(recording.files.find(({ format }) => format === 'raw-pages')).toMatchObject({ path: 'trace', events: 1 });
  });

  it('that is damaged is told, and the rest of the capture is read', async () => {
    const path = capture('damaged');
    writeFileSync(join(path, 'trace/trace.dat'), smallTraceDat().subarray(0, 100));
    const recording = await openRecording(path);
    expect(recording.arch).toBe('x86_64');
    expect(recording.warnings.find(({ name }) => name === 'file-unreadable')?.text).toContain('RP4013');
  });

  it('a single damaged file is the error itself', async () => {
    const path = join(folder, 'cut.dat');
    writeFileSync(path, smallTraceDat().subarray(0, 100));
    await expect(openRecording(path)).rejects.toMatchObject({ code: 'RP4013' });
    writeFileSync(path, smallTraceDat(7).fill(0x39, 10, 11));
    await expect(openRecording(path)).rejects.toMatchObject({ code: 'RP4014' });
  });
});

describe('bytes of a file', () => {
  it('are read where they are wanted, compressed or not, from memory or a file without a name', async () => {
    const path = join(folder, 'bytes');
    const content = Uint8Array.from({ length: 3 << 20 }, (_, i) => (i >>> 10) ^ i);
    writeFileSync(path, content);
    spawnSync('gzip', ['-k', path]);
    for (const options of [{ name: path }, { name: `${path}.gz` }, { name: `${path}.gz`, maxInMemory: 1 << 20 }]) {
      const opened = await openBytes(options.name, options);
      const { bytes } = opened;
      expect(bytes.size).toBe(content.length);
      for (const [at, length] of [
        [0, 10],
        [(1 << 20) - 5, 10],
        [(1 << 20) + 7, 2 << 20],
        [content.length - 3, 10],
        [content.length, 10],
        [content.length + 99, 10],
      ]) {
        const into = new Uint8Array(length);
        const count = bytes.read(at, into);
        expect(Buffer.compare(into.subarray(0, count), content.subarray(at, at + length))).toBe(0);
      }
      opened.close();
    }
    await expect(openBytes(`${path}.gz`, { maxBytes: 1000 })).rejects.toMatchObject({ code: 'RP4007' });
    await expect(openBytes(path, { maxBytes: 1000 })).rejects.toMatchObject({ code: 'RP4007' });
  });

  it('that were cut are read up to there', async () => {
    const path = join(folder, 'capture-cut');
    cpSync(ppc, path, { recursive: true });
    rmSync(join(path, 'trace/trace.txt.xz'));
    const whole = await readContent(join(path, 'version-6.dat.xz'));
    rmSync(join(path, 'trace/trace.dat.xz'));
    // The second cpu's pages begin at 0x30000 and are two of 64 KiB: one of them is gone.
    writeFileSync(join(path, 'trace/trace.dat'), whole.subarray(0, 0x40000));
    const recording = await openRecording(path);
    expect(warnings(recording)).toContain('file-truncated');
    const account = recording.files.find(({ format }) => format === 'trace-dat')!;
    expect(account.details).toMatchObject({ pages: 2, 'bytes beyond the end of the file': 65536 });
  });
});
