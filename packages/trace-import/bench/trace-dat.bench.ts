/**
 * A trace.dat into columns beside the text of the same trace, and `trace-cmd report` of it: CPU time from the file to the
 * columns, medians. REPLUG_TRACE_CAPTURE names a capture that has both; the shared captures are used where they are at hand.
 */
import { spawnSync } from 'node:child_process';
import { createWriteStream, existsSync, mkdtempSync, openSync, closeSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { contentOf, openRecording } from '../src/index.ts';

const WARM = 4;
const ROUNDS = 9;

const shared = process.env.REPLUG_SHARED ?? join('..', 'shared');
const capture = process.env.REPLUG_TRACE_CAPTURE ?? join(shared, 'captures', 'x86_64-6.12-anonhog');
const packed = ['trace.txt', 'trace.dat'].map((name) => join(capture, 'trace', `${name}.xz`));

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

/** CPU time of opening a file, ms, and the events in it. */
async function opened(path: string): Promise<{ ms: number; events: number }> {
  const rounds: number[] = [];
  let events = 0;
  for (let i = 0; i < WARM + ROUNDS; i++) {
    const before = process.cpuUsage();
    const { trace } = await openRecording(path);
    const { user, system } = process.cpuUsage(before);
    rounds.push((user + system) / 1e3);
    events = trace!.events.length;
  }
  return { ms: median(rounds.slice(WARM)), events };
}

/** CPU time of a command, ms; undefined where it is not installed. Its output goes to a file. */
function cpuOf(command: string, args: readonly string[], out: string): number | undefined {
  const to = openSync(out, 'w');
  const line = `{ "$@"; } >&3 2>/dev/null; status=$?; times >&2; exit $status`;
  try {
    const { status, stderr } = spawnSync('bash', ['-c', line, 'bash', command, ...args], {
      stdio: ['ignore', 'ignore', 'pipe', to],
      encoding: 'utf8',
    });
    if (status !== 0) return undefined;
    const children = stderr.trim().split('\n').at(-1)!;
    return [...children.matchAll(/(\d+)m([\d.]+)s/g)].reduce(
      (sum, [, m, s]) => sum + Number(m) * 6e4 + Number(s) * 1e3,
      0,
    );
  } finally {
    closeSync(to);
  }
}

if (!packed.every((path) => existsSync(path))) {
  console.log(`trace.dat: no capture with both at ${capture}`);
} else {
  const folder = mkdtempSync(join(tmpdir(), 'replug-bench-'));
  try {
    const [text, dat] = ['trace.txt', 'trace.dat'].map((name) => join(folder, name));
    for (const [i, path] of [text, dat].entries()) {
      const to = createWriteStream(path);
      for await (const chunk of contentOf(packed[i])) to.write(chunk.slice());
      await new Promise((resolve) => to.end(resolve));
    }
    const fromDat = await opened(dat);
    const fromText = await opened(text);
    const report = cpuOf('trace-cmd', ['report', dat], join(folder, 'report.txt'));
    const rate = ({ ms, events }: { ms: number; events: number }) => events / 1e3 / ms;
    const figures = {
      MB: statSync(dat).size / 1e6,
      events: fromDat.events,
      'trace.dat ms': fromDat.ms,
      'text ms': fromText.ms,
      'M events/s': rate(fromDat),
      'text, M events/s': rate(fromText),
      'times as fast as the text': rate(fromDat) / rate(fromText),
      ...(report !== undefined && {
        'trace-cmd report ms': report,
        'times as fast as trace-cmd report': report / fromDat.ms,
      }),
    };
    const shown = Object.entries(figures).map(([name, value]) => `${name} ${value.toFixed(value < 100 ? 2 : 0)}`);
    console.log(`trace.dat: ${shown.join(', ')}`);
    console.log(JSON.stringify({ name: 'trace.dat', ...figures }));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
