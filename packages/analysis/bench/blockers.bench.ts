/**
 * Page classes and counts by memory block from kpageflags and kpagecount of a large machine, beside a C program (blockers.c,
 * cc -O2) that reads the same two files in the same pieces by the same rules. The figure is the ratio of medians of CPU time,
 * ours over C; a checksum over the counts of all blocks must be equal.
 *
 * The files are made from the seeded generator, as runs of pages such as dumps hold them; REPLUG_GIB says of how much memory
 * (default 64; 1024 needs 4 GiB of disk). Resident memory is that of the whole process after the last round.
 */
import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seededRandom } from '@replug/core';
import { blockers } from '../src/index.ts';
import { actionTables, BlockScan } from '../src/blockers/block-scan.ts';
import { readPageFiles } from '../src/blockers/page-files.ts';

const ROUNDS = 5;
const GIB = Number(process.env.REPLUG_GIB ?? 64);
/** Pages of 1 GiB; of a memory block. */
const PER_GIB = 2 ** 18;
const BLOCK = 2 ** 15;
const folder = mkdtempSync(join(tmpdir(), 'replug-bench-'));
const flags = join(folder, 'kpageflags');
const counts = join(folder, 'kpagecount');

const bits = (...positions: number[]): number => positions.reduce((word, n) => (word | (1 << n)) >>> 0, 0);
const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1];

/** 4 GiB of pages; the file repeats it, each time from another place. */
function writeFiles(): void {
  const random = seededRandom(7);
  const pages = 4 * PER_GIB;
  const words = new Uint32Array(2 * pages);
  const mapped = new Uint32Array(2 * pages);
  const anon = bits(3, 5, 11, 12, 14);
  for (let at = 0; at < pages;) {
    const kind = random.uint32() % 100;
    const length = Math.min(pages - at, kind < 40 ? 2 ** (random.uint32() % 10) : 1 + (random.uint32() % 64));
    for (let i = 0; i < length; i++, at++) {
      if (kind < 25) words[2 * at] = bits(10);
      else if (kind < 40) words[2 * at] = (anon | bits(22, i === 0 ? 15 : 16)) >>> 0;
      else if (kind < 65) words[2 * at] = random.uint32() % 2 === 0 ? bits(3, 5) : bits(2, 3, 5);
      else if (kind < 90) words[2 * at] = anon;
      else if (kind < 93) words[2 * at] = bits(7);
      else if (kind < 96) words[2 * at] = bits(26);
      else if (kind < 98) words[2 * at + 1] = 1;
      if (kind >= 25 && kind < 40) mapped[2 * at] = 1;
      if (kind >= 65 && kind < 90) mapped[2 * at] = 1 + (random.uint32() % 3);
    }
  }
  for (const [path, from] of [
    [flags, words],
    [counts, mapped],
  ] as const) {
    const bytes = new Uint8Array(from.buffer);
    const fd = openSync(path, 'w');
    for (let i = 0; i < GIB / 4; i++) {
      const start = (i * 7919 * 8) % bytes.length;
      writeSync(fd, bytes, start, bytes.length - start);
      if (start > 0) writeSync(fd, bytes, 0, start);
    }
    closeSync(fd);
  }
}

interface Round {
  readonly ms: number;
  readonly checksum: number;
}

async function ours(): Promise<Round> {
  const { normal } = actionTables(true);
  const scan = new BlockScan(BLOCK, () => normal);
  const before = process.cpuUsage();
  await readPageFiles(
    { flags, counts },
    { bigEndian: false, onPages: (pfn, bytes, pages) => scan.add(pfn, bytes, pages) },
  );
  scan.finish();
  const { user, system } = process.cpuUsage(before);
  let checksum = 0x811c9dc5 | 0;
  for (const tally of scan.tallies)
    for (const count of tally.counts) checksum = Math.imul(checksum ^ count, 0x01000193);
  return { ms: (user + system) / 1e3, checksum: checksum >>> 0 };
}

function inC(program: string): Round {
  const script = `${program} ${flags} ${counts} ${BLOCK}; times`;
  const [checksum, , children] = execFileSync('bash', ['-c', script], { encoding: 'utf8' }).trim().split('\n');
  const seconds = [...children.matchAll(/(\d+)m([\d.]+)s/g)].reduce(
    (sum, [, m, s]) => sum + 60 * Number(m) + Number(s),
    0,
  );
  return { ms: seconds * 1e3, checksum: Number(checksum) };
}

try {
  writeFiles();
  const program = join(folder, 'blockers');
  execFileSync('cc', ['-O2', '-o', program, join('packages', 'analysis', 'bench', 'blockers.c')]);
  const [own, c]: [Round[], Round[]] = [[], []];
  for (let i = 0; i <= ROUNDS; i++) {
    const [a, b] = [await ours(), inC(program)];
    if (a.checksum !== b.checksum) throw new Error(`checksums differ: ${a.checksum} and ${b.checksum}`);
    if (i > 0) {
      own.push(a);
      c.push(b);
    }
  }
  const since = performance.now();
  const report = await blockers(folder);
  const seconds = (performance.now() - since) / 1e3;
  const [msOwn, msC] = [median(own.map(({ ms }) => ms)), median(c.map(({ ms }) => ms))];
  const figures = {
    'GiB of memory': GIB,
    'M pages': (GIB * PER_GIB) / 1e6,
    'ns a page': (msOwn * 1e6) / (GIB * PER_GIB),
    'C ns a page': (msC * 1e6) / (GIB * PER_GIB),
    'ours/C': msOwn / msC,
    'blockers s': seconds,
    blocks: report.blocks.length,
    'resident MiB': process.resourceUsage().maxRSS / 1024,
  };
  console.log(
    `blockers: ${Object.entries(figures)
      .map(([key, value]) => `${key} ${Math.round(value * 100) / 100}`)
      .join(', ')}`,
  );
  console.log(JSON.stringify({ bench: 'blockers', ...figures }));
} finally {
  rmSync(folder, { recursive: true });
}
