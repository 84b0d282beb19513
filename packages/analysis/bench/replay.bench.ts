/**
 * Replays of whole recordings that were written to a .rpw file and read back: events a second of the loop over the events, in
 * each of the three ways, with what comes before it (look-ahead, start state) and what comes between (checkpoints, the state's
 * hash) apart from it; bytes an event in memory and on disk.
 *
 * CPU time, medians of the rounds that count; the first round is what one replay costs, for nothing is compiled yet. Told of
 * every event, a replay says itself where its loop begins and where it goes on after a checkpoint; that costs the loop about
 * a nanosecond an event. The ways run one after the other in one process, the recorded one first.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { findSpan, replayPolicy, replayRecorded, type Annotations, type Span } from '@replug/replay';
import { openRecording } from '@replug/trace-import';
import type { EventColumns, Recording } from '@replug/workload';
import { readRpw, writeRpw } from '@replug/workload/node';
import { recordedKernel } from '../src/index.ts';

const ROUNDS = 7;
/** Rounds before those that count: the engine compiles the loops in them. */
const WARM = 3;
/** Events a second of the recorded loop. */
const GOAL = 5e6;
// tools/bench.mjs runs in the repository's root.
const shared = join(process.env.REPLUG_SHARED ?? '../shared', 'captures', 'x86_64-6.12-anonhog');
const captures = ['fixtures/captures/s390x-6.1-exact-anonhog', ...(existsSync(shared) ? [shared] : [])];
const folder = mkdtempSync(join(tmpdir(), 'replug-bench-'));

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1];

/** CPU time of this process so far, ms. */
function cpuTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e3;
}

function print(name: string, figures: Readonly<Record<string, number>>): void {
  const shown = Object.entries(figures).map(
    ([key, value]) => `${key} ${Number.isInteger(value) ? value : value.toFixed(2)}`,
  );
  console.log(`${name}: ${shown.join(', ')}`);
  console.log(JSON.stringify({ bench: name, ...figures }));
}

interface Hooks {
  readonly onEvent: (row: number) => void;
  readonly onProgress: () => void;
}

interface Phases {
  readonly before: number;
  readonly loop: number;
  readonly between: number;
}

/** The parts of one replay, ms: the loop runs from an event that was waited for to the next call of `onProgress`. */
function phasesOf(span: Span, replay: (hooks: Hooks) => void): Phases {
  const marks = span.stops.map((stop) => stop.index);
  let awaited = span.from;
  let before = -1;
  let [loop, between] = [0, 0];
  const start = cpuTime();
  let since = start;
  const resume = (row: number) => {
    const now = cpuTime();
    if (before < 0) before = now - start;
    else between += now - since;
    since = now;
    awaited = marks.find((mark) => mark > row) ?? -1;
  };
  replay({
    onEvent: (row) => {
      if (row === awaited) resume(row);
    },
    onProgress: () => {
      const now = cpuTime();
      loop += now - since;
      since = now;
    },
  });
  return { before, loop, between: between + cpuTime() - since };
}

/** Medians of a way of replaying, each round on a kernel of its own. */
function measure(name: string, way: string, recording: Recording, replay: Replay, goal?: number): void {
  const span = findSpan(recording, { kind: 'start' }, { kind: 'end' });
  const rounds: Phases[] = [];
  let first = 0;
  for (let i = 0; i < WARM + ROUNDS; i++) {
    const kernel = recordedKernel(recording, span);
    const phases = phasesOf(span, (hooks) => replay(kernel, span, hooks));
    if (i === 0) first = phases.before + phases.loop + phases.between;
    if (i >= WARM) rounds.push(phases);
    kernel.dispose();
  }
  const [before, loop, between] = (['before', 'loop', 'between'] as const).map((key) =>
    median(rounds.map((r) => r[key])),
  );
  const events = span.to - span.from;
  print(`${way} ${name}`, {
    events,
    'M events/s of the loop': events / 1e3 / loop,
    ...(goal === undefined ? {} : { goal: goal / 1e6 }),
    'loop ms': loop,
    'ns an event': (loop * 1e6) / events,
    'look-ahead and start state ms': before,
    checkpoints: span.stops.length,
    'checkpoints and hash ms': between,
    'M events/s in all': events / 1e3 / (before + loop + between),
    'first round ms': first,
  });
}

type Replay = (kernel: ReturnType<typeof recordedKernel>, span: Span, hooks: Hooks) => void;

const recorded: Replay = (kernel, span, hooks) => void replayRecorded(kernel, span, hooks);
const predict: Replay = (kernel, span, hooks) => void replayRecorded(kernel, span, { ...hooks, predict: true });
const policy =
  (annotations: Annotations | undefined): Replay =>
  (kernel, span, hooks) =>
    void replayPolicy(kernel, span, { ...hooks, annotations });

/** What a prediction finds; a policy replay serves it too. */
function annotationsOf(recording: Recording): Annotations | undefined {
  const span = findSpan(recording, { kind: 'start' }, { kind: 'end' });
  using kernel = recordedKernel(recording, span);
  return replayRecorded(kernel, span, { predict: true }).annotations;
}

function bytesOf({ time, pfnLow, pfnHigh, kind, unit, flags, cpu, gfp, task, args }: EventColumns): number {
  const columns = [time, pfnLow, pfnHigh, kind, unit, flags, cpu, gfp, task, args];
  return columns.reduce((sum, column) => sum + column.byteLength, 0);
}

/** The recording as a file gives it back. */
async function throughFile(path: string): Promise<Recording> {
  const opened = await openRecording(path);
  const [whole, eventsOnly] = [join(folder, `${basename(path)}.rpw`), join(folder, 'events.rpw')];
  const { bytes } = await writeRpw(opened, whole);
  const { bytes: ofEvents } = await writeRpw({ ...opened, steps: [] }, eventsOnly);
  const reads: number[] = [];
  let recording = await readRpw(whole);
  for (let i = 0; i < WARM + ROUNDS; i++) {
    const since = cpuTime();
    recording = await readRpw(whole);
    if (i >= WARM) reads.push(cpuTime() - since);
  }
  const { events } = recording.trace!;
  print(`recording ${basename(path)}`, {
    events: events.length,
    'bytes an event in memory': bytesOf(events) / events.length,
    'on disk': ofEvents / events.length,
    'on disk with its dumps': bytes / events.length,
    'read ms': median(reads),
  });
  return recording;
}

try {
  const recordings: Recording[] = [];
  for (const path of captures) recordings.push(await throughFile(path));
  for (const recording of recordings) measure(recording.name, 'recorded', recording, recorded, GOAL);
  for (const recording of recordings) measure(recording.name, 'predict', recording, predict);
  for (const recording of recordings) measure(recording.name, 'policy', recording, policy(annotationsOf(recording)));
} finally {
  rmSync(folder, { recursive: true });
}
