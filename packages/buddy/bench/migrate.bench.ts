/**
 * Bookkeeping of migration: contents of half a million pages change places – the model's moveBlock() beside a C loop over
 * the same columns (migrate.c, cc -O2) that moves the same blocks in the same order, single pages and huge ones.
 *
 * Both draw from the same seeded generator; the checksum over the whole machine after each round must be equal. The figure
 * is the ratio of medians of CPU time.
 */
import { ARCH_PROFILES, createKernel, Core, seededRandom } from '@replug/core';
import { smallMachine } from '@replug/core/testing';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BlockMover } from '../src/migrate.ts';
import { PageIdentity } from '../src/identity.ts';
import { benchFolder, median, printFigure } from './bench-kit.ts';

const PAGES = 1 << 20;
const HALF = PAGES / 2;
const ROUNDS = 7;
const ALLOCATED = 0x30;

interface Round {
  readonly ns: number;
  readonly checksum: number;
}

function model(order: number): Round[] {
  const arch = ARCH_PROFILES['x86-64'];
  using kernel = createKernel({ machine: smallMachine({ arch, pages: PAGES, startPfn: PAGES }), subsystems: [] });
  const pages = kernel.get(Core.Pages);
  const identity = new PageIdentity(pages, () => {});
  const mover = new BlockMover(pages, identity);
  const { state, pageClass } = pages;
  const blocks = HALF >> order;
  const at = Int32Array.from({ length: blocks }, (_, i) => i << order);
  const spare = Int32Array.from({ length: blocks }, (_, i) => HALF + (i << order));
  for (const row of at) {
    state[row] = ALLOCATED | order;
    pageClass.fill(3, row, row + (1 << order));
  }
  const random = seededRandom(1);
  const rounds: Round[] = [];
  for (let r = 0; r < ROUNDS; r++) {
    for (let i = blocks - 1; i > 0; i--) {
      const j = random.uint32() % (i + 1);
      [spare[i], spare[j]] = [spare[j], spare[i]];
    }
    const before = process.cpuUsage();
    for (let i = 0; i < blocks; i++) {
      const source = at[i];
      const target = spare[i];
      mover.moveBlock(source, target, order);
      state[source] = 0;
      at[i] = target;
      spare[i] = source;
    }
    const { user, system } = process.cpuUsage(before);
    let sum = 0x811c9dc5 | 0;
    for (let row = 0; row < PAGES; row++) sum = Math.imul(sum ^ (identity.movedTo(row) + 1 + state[row]), 0x01000193);
    rounds.push({ ns: ((user + system) * 1000) / HALF, checksum: sum >>> 0 });
  }
  return rounds;
}

const folder = mkdtempSync(join(tmpdir(), 'replug-bench-'));
try {
  const program = join(folder, 'migrate');
  execFileSync('cc', ['-O2', '-o', program, join(benchFolder, 'migrate.c')]);
  for (const order of [0, 9]) {
    const text = execFileSync(program, [String(order), String(ROUNDS)], { encoding: 'utf8' });
    const reference = JSON.parse(text) as Round[];
    const rounds = model(order);
    const ns = median(rounds.slice(1).map((r) => r.ns));
    const c = median(reference.slice(1).map((r) => r.ns));
    printFigure(`migrate, order ${order}`, {
      'model ns/page': ns,
      'C ns/page': c,
      ratio: ns / c,
      'model Mpages/s': 1000 / ns,
      'same checksums': rounds.every((r, i) => r.checksum === reference[i].checksum) ? 1 : 0,
    });
  }
} finally {
  rmSync(folder, { recursive: true });
}
