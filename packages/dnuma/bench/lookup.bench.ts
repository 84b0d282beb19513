/**
 * Lookups of a pfn's node in a layout of 8 TiB in stripes of 1 MiB (8 Mi pieces), beside a C program (lookup.c, cc -O2) that
 * searches the same arrays: at random pfns, where the last hit never helps, and at pfns one after the other, where it nearly
 * always does and the C program searches all the same. Rounds are CPU time; both add up the nodes found, which must agree.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { striped } from '../src/layout.ts';
import { LayoutLookup } from '../src/lookup.ts';

const PIECES = 2 ** 23;
const LOOKUPS = 2_000_000;
const ROUNDS = 7;

const source = ((): string => {
  for (let at = dirname(fileURLToPath(import.meta.url)); at !== dirname(at); at = dirname(at)) {
    const file = join(at, 'packages', 'dnuma', 'bench', 'lookup.c');
    if (existsSync(file)) return file;
  }
  throw new Error('run benchmarks inside the repository');
})();

interface Round {
  readonly ns: number;
  readonly sum: number;
}
const median = (rounds: readonly Round[]): number =>
  rounds.map(({ ns }) => ns).sort((a, b) => a - b)[rounds.length >> 1];

const lookup = new LayoutLookup(1);
lookup.use(striped(0, PIECES * 256, 256, [0, 1, 2, 3]));

function model(random: boolean): Round {
  let seed = 1;
  let sum = 0;
  const before = process.cpuUsage();
  for (let n = 0; n < LOOKUPS; n++) {
    seed ^= seed << 13;
    seed ^= seed >>> 17;
    seed ^= seed << 5;
    // PIECES * 256 is 2^31.
    sum += lookup.nid(random ? seed & 0x7fffffff : n, 0);
  }
  const { user, system } = process.cpuUsage(before);
  return { ns: ((user + system) * 1000) / LOOKUPS, sum };
}

const folder = mkdtempSync(join(tmpdir(), 'replug-bench-'));
try {
  const program = join(folder, 'lookup');
  execFileSync('cc', ['-O2', '-o', program, source]);
  for (const random of [true, false]) {
    const args = [PIECES, LOOKUPS, ROUNDS, Number(random)].map(String);
    const c = JSON.parse(execFileSync(program, args, { encoding: 'utf8' })) as Round[];
    model(random);
    const rounds = Array.from({ length: ROUNDS }, () => model(random));
    if (rounds.some(({ sum }) => sum !== c[0].sum)) throw new Error(`sums differ: ${rounds[0].sum}, ${c[0].sum}`);
    const [ns, cNs] = [median(rounds), median(c)];
    const name = `layout lookups, ${random ? 'random' : 'one after the other'}`;
    console.log(`${name}: ${ns.toFixed(1)} ns, C ${cNs.toFixed(1)} ns, ratio ${(ns / cNs).toFixed(2)}`);
    const perSecond = Math.round(1e9 / ns);
    console.log(JSON.stringify({ bench: name, 'model ns': ns, 'C ns': cNs, ratio: ns / cNs, perSecond }));
  }
} finally {
  rmSync(folder, { recursive: true });
}
