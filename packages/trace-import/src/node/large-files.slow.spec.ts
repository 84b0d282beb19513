/** What takes long: texts of gigabytes, files made to keep a decoder busy, whole captures in slices. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { s390, sharedCaptures } from '../captures.spec-kit.ts';
import { IMPORTERS } from '../importers.ts';
import { bytesOf, RAW, unpack, zstdBlock, zstdHeader } from './packed.spec-kit.ts';
import { differences, readAlone, readInSlices } from './parallel-text.spec-kit.ts';
import { BLOCK } from './parallel-text.ts';
import { readContent } from './read-bytes.ts';
import { readFile } from './read-file.ts';

const MINUTES = 60_000;
const MB = 1e6;

let folder = '';
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'replug-large-'))));
afterAll(() => rmSync(folder, { recursive: true }));

describe('2 GB of text', () => {
  const LINE = '          task01-101     [001] .....     1.000000: sched_switch: prev_comm=a prev_pid=1 next_comm=b\n';
  const EVENT =
    '          task01-101     [001] .....     1.000000: mm_page_free: page=0000000000000001 pfn=0x1 order=0\n';
  const COPIES = 64;
  const LINES = 330_000;

  it.each([1, 2])('is never held, %i jobs', { timeout: 5 * MINUTES }, async (jobs) => {
    // Members of one file, each the same text: an event stored for ten that are only counted.
    const text = `${LINE.repeat(10)}${EVENT}`.repeat(LINES / 11);
    const member = gzipSync(text, { level: 1 });
    const path = join(folder, 'large.gz');
    writeFileSync(path, Buffer.concat(Array.from({ length: COPIES }, () => member)));
    globalThis.gc?.();
    const before = process.memoryUsage().rss;
    let peak = 0;
    const timer = setInterval(() => (peak = Math.max(peak, process.memoryUsage().rss)), 10);
    const { facts, account, bytes } = await readFile(path, 'large.gz', IMPORTERS.byId('ftrace-text')!, { jobs });
    clearInterval(timer);
    expect(bytes).toBe(text.length * COPIES);
    expect(bytes).toBeGreaterThan(2e9);
    expect(account).toMatchObject({ lines: LINES * COPIES, events: LINES * COPIES, skipped: {} });
    const { length } = facts.trace!.events;
    expect(length).toBe((LINES / 11) * COPIES);
    // Columns are held twice where they grow and where they are put together.
    const held = (peak - before) / MB - (2 * 24 * length) / MB;
    expect(held).toBeLessThan(jobs === 1 ? 150 : 300);
  });
});

it('a zstd file of tiny blocks with a large window is given up', { timeout: 5 * MINUTES }, async () => {
  // 1 KiB × 2^17 = 128 MiB, moved for each byte.
  const block = zstdBlock(RAW, [10], 1, false);
  const packed = bytesOf(zstdHeader(17 << 3), ...Array.from({ length: 100_000 }, () => block));
  const { code, content } = await unpack(folder, packed);
  expect(code).toBe('RP4008');
  expect(content.length).toBeLessThan(1000);
});

const captures = [s390, ...sharedCaptures.filter((path) => path.endsWith('x86_64-6.12-anonhog'))];
describe('whole captures in slices', () => {
  it.each(captures.map((path) => [path.split('/').at(-1)!, path]))('%s', { timeout: 5 * MINUTES }, async (_, path) => {
    const bytes = await readContent(join(path, 'trace/trace.txt.xz'));
    const alone = readAlone(bytes);
    for (const [jobs, blockSize] of [
      [2, BLOCK],
      [3, 1 << 20],
      [4, 777_777],
    ]) {
      expect(differences(alone, await readInSlices(bytes, jobs, blockSize)), `${jobs} × ${blockSize}`).toEqual([]);
    }
  });
});
