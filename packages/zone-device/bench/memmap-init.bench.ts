/**
 * Page records of 64 GiB of 4 KiB pages, 1 GiB of them, written by threads, beside memset of the same bytes in C; and the
 * time until a page in the middle may be used. Cold: memory that nobody has touched; warm: the same memory again. CPU: of all
 * threads together, which a busy machine disturbs less.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { recordWords, type RecordPlan } from '../src/index.ts';
import { RecordThreads } from '../src/node/index.ts';

const PAGES = 2 ** 24;
const BYTES = PAGES * 64;
const ROUNDS = 5;
const plan: RecordPlan = { start: 2 ** 24, end: 2 ** 25, data: 2 ** 24, nid: 0, type: 3, shift: 0 };
/** Inside a thread's run: no thread begins there. */
const MIDDLE = 2 ** 24 + Math.floor(PAGES * 0.7);

interface Round {
  readonly cold: number;
  readonly warm: number;
  readonly coldCpu: number;
  readonly warmCpu: number;
}

const folder = mkdtempSync(join(tmpdir(), 'replug-memset-'));
const program = join(folder, 'memset');
execFileSync('cc', ['-O2', '-pthread', '-o', program, join(benchFolder(), 'memset.c')]);

for (const threads of [1, 2]) {
  const pool = await RecordThreads.start(threads);
  const ours: Round[] = [];
  const c: Round[] = [];
  const usable: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    // One after the other in every round: whatever else the machine does meets both.
    const printed = execFileSync(program, [String(BYTES), String(threads), '1'], { encoding: 'utf8' });
    const [cold, warm, coldCpu, warmCpu] = printed.split(' ').map((ns) => Number(ns) / 1e6);
    c.push({ cold, warm, coldCpu, warmCpu });
    const words = recordWords(plan);
    const first = await timed(() => pool.begin(plan, undefined, words).finished);
    const again = await timed(() => pool.begin(plan, undefined, words).finished);
    ours.push({ cold: first.ms, warm: again.ms, coldCpu: first.cpu, warmCpu: again.cpu });
    const fresh = recordWords(plan);
    const since = performance.now();
    const underWay = pool.begin(plan, undefined, fresh);
    underWay.sync(MIDDLE);
    usable.push(performance.now() - since);
    await underWay.finished;
  }
  await pool.close();
  for (const [which, of] of [
    ['lowest', (values: readonly number[]) => Math.min(...values)],
    ['median', median],
  ] as const) {
    const figures: Record<string, number> = {};
    for (const key of ['cold', 'warm', 'coldCpu', 'warmCpu'] as const) {
      figures[`${key} ms`] = of(ours.map((one) => one[key]));
      figures[`C ${key} ms`] = of(c.map((one) => one[key]));
      figures[`ratio ${key}`] = figures[`${key} ms`] / figures[`C ${key} ms`];
    }
    figures['middle usable ms'] = of(usable);
    printFigure(`1 GiB of page records, ${threads} threads, ${which} of ${ROUNDS}`, figures);
  }
}
rmSync(folder, { recursive: true });

/** Milliseconds, by the wall and of CPU time. */
async function timed(work: () => Promise<unknown>): Promise<{ ms: number; cpu: number }> {
  const before = process.cpuUsage();
  const since = performance.now();
  await work();
  const { user, system } = process.cpuUsage(before);
  return { ms: performance.now() - since, cpu: (user + system) / 1000 };
}

function benchFolder(): string {
  for (let at = dirname(fileURLToPath(import.meta.url)); at !== dirname(at); at = dirname(at)) {
    const here = join(at, 'packages', 'zone-device', 'bench');
    if (existsSync(here)) return here;
  }
  throw new Error('run benchmarks inside the repository');
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

/** One line for people, one JSON line for machines. */
function printFigure(name: string, figures: Readonly<Record<string, number>>): void {
  const shown = Object.entries(figures).map(([key, value]) => `${key} ${value.toFixed(2)}`);
  console.log(`${name}: ${shown.join(', ')}`);
  console.log(JSON.stringify({ bench: name, ...figures }));
}
