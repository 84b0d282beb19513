/**
 * The text of a trace from a file into columns, beside a C program (text-import.c, cc -O2) that fills the same columns from
 * the same file in the same run. The figure is the ratio of medians of CPU time, C over ours: 0.5 is half the speed of C. A
 * checksum over all columns and all rows tells that both read the same.
 *
 * Beside it, where they are installed: `grep -c` on the same file, and what others need for an event: `perf script` for a
 * recording made now of the same events, and `trace-cmd report` for a recorded trace.dat (REPLUG_TRACE_DAT).
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, createWriteStream, existsSync, mkdtempSync, openSync, rmSync, statSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { TRACEPOINTS } from '@replug/core';
import { isPageEvent, type EventColumns } from '@replug/workload';
import { contentOf, openRecording } from '../src/index.ts';

const ROUNDS = 9;
/** Rounds before those that count: the engine compiles the hot loop in them. */
const WARM = 4;
/** Copies of the text in the long one. */
const COPIES = 12;
// tools/bench.mjs runs in the repository's root.
const trace = process.env.REPLUG_TRACE ?? 'fixtures/captures/s390x-6.1-exact-anonhog/trace/trace.txt.xz';
const folder = mkdtempSync(join(tmpdir(), 'replug-bench-'));
const text = join(folder, 'trace.txt');

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1];

function print(name: string, figures: Readonly<Record<string, number | string>>): void {
  const shown = Object.entries(figures).map(
    ([key, value]) => `${key} ${typeof value === 'string' || Number.isInteger(value) ? value : value.toFixed(2)}`,
  );
  console.log(`${name}: ${shown.join(', ')}`);
  console.log(JSON.stringify({ bench: name, ...figures }));
}

/** As in text-import.c; rows that are no page events have no place in `args` there. */
function checksum(events: EventColumns): number {
  let sum = 0x811c9dc5 | 0;
  const add = (value: number) => (sum = Math.imul(sum ^ value, 0x01000193));
  for (let i = 0; i < events.length; i++) {
    add((events.time[i] % 2 ** 32) | 0);
    add(Math.floor(events.time[i] / 2 ** 32));
    add(isPageEvent(events.kind[i]) ? events.pfnLow[i] : 0);
    for (const column of ['pfnHigh', 'kind', 'unit', 'flags', 'cpu', 'gfp', 'task'] as const) add(events[column][i]);
  }
  return sum >>> 0;
}

interface Round {
  readonly ms: number;
  readonly wallMs: number;
  readonly events: EventColumns;
}

/** No forced collection before it: that would throw away the compiled loop as well. */
async function ours(path: string, jobs: number): Promise<Round> {
  const [since, before] = [performance.now(), process.cpuUsage()];
  const { trace: read } = await openRecording(path, { jobs });
  const { user, system } = process.cpuUsage(before);
  return { ms: (user + system) / 1e3, wallMs: performance.now() - since, events: read!.events };
}

/** Millions of events a second by the clock. */
async function rate(path: string, jobs: number): Promise<number> {
  const all: number[] = [];
  for (let i = 0; i < 3; i++) {
    const { wallMs, events } = await ours(path, jobs);
    all.push(events.length / 1e3 / wallMs);
  }
  return median(all);
}

/** CPU time of a command that reads or writes one file, ms; undefined when it is not installed or fails. */
function cpuOf(command: string, args: readonly string[], lines?: string): number | undefined {
  const out = lines === undefined ? 'ignore' : openSync(lines, 'w');
  try {
    const shell = ['-c', 'TIMEFORMAT="%U %S"; time "$@" 3>&2 2>/dev/null', 'bash', command, ...args];
    const { status, stderr } = spawnSync('bash', shell, { stdio: ['ignore', out, 'pipe'], encoding: 'utf8' });
    const [user, system] = stderr.trim().split('\n').at(-1)!.split(' ').map(Number);
    return status === 0 ? (user + system) * 1e3 : undefined;
  } finally {
    if (typeof out === 'number') closeSync(out);
  }
}

const countEvents = (path: string) =>
  Number(spawnSync('grep', ['-acE', ' (kmem:)?mm_page_[a-z_]+: ', path], { encoding: 'utf8' }).stdout);

function others(name: string, command: string, args: readonly string[], oursAnEvent: number): void {
  const lines = join(folder, 'lines.txt');
  const ms = cpuOf(command, args, lines);
  if (ms === undefined) {
    console.log(`${name}: not installed, or it cannot run here`);
    return;
  }
  const events = countEvents(lines);
  print(name, { events, 'M events/s': events / 1e3 / ms, 'times as long as ours an event': ms / events / oursAnEvent });
}

try {
  const to = createWriteStream(text);
  for await (const chunk of contentOf(trace)) to.write(chunk.slice());
  await new Promise((resolve) => to.end(resolve));
  const program = join(folder, 'text-import');
  execFileSync('cc', ['-O2', '-o', program, join('packages', 'trace-import', 'bench', 'text-import.c')]);
  const names = TRACEPOINTS.map((t) => t.name);
  const inC = JSON.parse(execFileSync(program, [text, String(WARM + ROUNDS), ...names], { encoding: 'utf8' })) as {
    ms: number;
    events: number;
    checksum: number;
  }[];
  const one: Round[] = [];
  for (let i = 0; i < WARM + ROUNDS; i++) one.push(await ours(text, 1));
  one.splice(0, WARM);
  const [c, mine] = [median(inC.slice(WARM).map((r) => r.ms)), median(one.map((r) => r.ms))];
  const { events } = one[0];
  const megabytes = statSync(text).size / 1e6;
  print('text import', {
    MB: megabytes,
    events: events.length,
    'ours ms': mine,
    'C ms': c,
    'speed beside C': c / mine,
    goal: 0.5,
    'same checksums': checksum(events) === inC[0].checksum && events.length === inC[0].events ? 1 : 0,
    'M events/s': events.length / 1e3 / mine,
    'MB/s': megabytes / (mine / 1e3),
  });
  // Threads begin with nothing compiled: only a long text tells what they are good for.
  const long = join(folder, 'long.txt');
  const all = createWriteStream(long);
  for (let i = 0; i < COPIES; i++) for await (const chunk of contentOf(text)) all.write(chunk.slice());
  await new Promise((resolve) => all.end(resolve));
  print('jobs', {
    MB: megabytes * COPIES,
    cores: availableParallelism(),
    'M events/s by the clock, 1 job': await rate(long, 1),
    '2 jobs': await rate(long, 2),
  });
  // Not to /dev/null: there grep stops at its first match.
  const grep = cpuOf('grep', ['-c', 'mm_page', text], join(folder, 'count.txt'));
  if (grep !== undefined) print('grep -c', { ms: grep, 'MB/s': megabytes / (grep / 1e3) });

  const oursAnEvent = mine / events.length;
  const recorded = join(folder, 'perf.data');
  const load = 'for (let i = 0; i < 8; i++) Buffer.alloc(2e8, 1)';
  const kinds = ['alloc', 'free', 'free_batched', 'alloc_zone_locked', 'pcpu_drain'].map((k) => `kmem:mm_page_${k}`);
  spawnSync('perf', [
    'record',
    '-q',
    '-a',
    '-m',
    '8M',
    '-e',
    kinds.join(','),
    '-o',
    recorded,
    '--',
    process.execPath,
    '-e',
    load,
  ]);
  others('perf script', 'perf', ['script', '-i', recorded], oursAnEvent);
  const dat = process.env.REPLUG_TRACE_DAT;
  if (dat !== undefined && existsSync(dat)) others('trace-cmd report', 'trace-cmd', ['report', dat], oursAnEvent);
  else console.log('trace-cmd report: REPLUG_TRACE_DAT names no trace.dat');
} finally {
  rmSync(folder, { recursive: true });
}
