/**
 * .rpw files: events a second written and read, bytes an event on disk and in memory.
 *
 * Two million events, seeded: blocks taken to a CPU's list, handed out, freed and drained near each other, as a running machine
 * does it; so they pack about as a real trace does. `write` is deflate and file; `chunks` reads chunk by chunk and keeps
 * none; `whole` makes one Recording of the file.
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KIND, seededRandom } from '@replug/core';
import { EventColumnsBuilder, packUnit, type EventColumns, type Recording } from '../src/index.ts';
import { openRpw, readRpw, writeRpw } from '../src/node/index.ts';

const EVENTS = 2_000_000;
const ROUNDS = 7;
const folder = mkdtempSync(join(tmpdir(), 'replug-bench-'));
const path = join(folder, 'bench.rpw');

function someEvents(): EventColumns {
  const random = seededRandom(1);
  const builder = new EventColumnsBuilder();
  const flags = ['.....', 'd..1.', 'd..2.'].map((text) => builder.flagTexts.intern(text));
  const gfps = ['', 'GFP_KERNEL', 'GFP_HIGHUSER_MOVABLE'].map((text) => builder.gfpTexts.intern(text));
  const tasks = Array.from({ length: 200 }, (_, i) => builder.internTask(`task-${i}`, 100 + i));
  let time = 1e9;
  let task = tasks[0];
  let pfn = 0x10000;
  while (builder.length < EVENTS) {
    if (random.below(50) === 0) task = tasks[random.below(tasks.length)];
    if (random.below(8) === 0) pfn = 0x1000 + random.below(1 << 20);
    const order = random.below(20) === 0 ? 3 : 0;
    const cpu = random.below(2);
    for (const kind of [
      KIND.mm_page_alloc_zone_locked,
      KIND.mm_page_alloc,
      KIND.mm_page_free,
      KIND.mm_page_pcpu_drain,
    ]) {
      time += 1000 * random.below(4);
      const gfp = kind === KIND.mm_page_alloc ? gfps[1 + random.below(2)] : 0;
      builder.pushPage(kind, time, cpu, flags[kind % 3], task, pfn, packUnit(order, 1, 0), gfp);
    }
    pfn += 1 << order;
  }
  return builder.finish();
}

const events = someEvents();
const recording: Recording = {
  ...{ name: 'bench', path: '', arch: 'x86_64', pageSize: 4096, kernel: '6.12.0', commandLine: '', bigEndian: false },
  steps: [],
  trace: { path: 'trace.txt', events, counts: {}, lost: 0, clock: 'global', fromBoot: false },
  files: [],
  warnings: [],
};

async function best(work: () => Promise<number>): Promise<number> {
  let least = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const since = performance.now();
    if ((await work()) !== events.length) throw new Error('events are missing');
    least = Math.min(least, performance.now() - since);
  }
  return events.length / least / 1000;
}

async function readChunks(): Promise<number> {
  const open = await openRpw(path);
  let rows = 0;
  for await (const chunk of open.events()) rows += chunk.length;
  await open.close();
  return rows;
}

const write = await best(async () => (await writeRpw(recording, path)).events);
const chunks = await best(readChunks);
const whole = await best(async () => (await readRpw(path)).trace!.events.length);
const bytes = statSync(path).size;
const columns = Object.values(events).filter((column) => ArrayBuffer.isView(column)) as ArrayBufferView[];
const inMemory = columns.reduce((sum, column) => sum + column.byteLength, 0) / events.length;
const result = {
  events: events.length,
  bytesPerEvent: bytes / events.length,
  bytesPerEventInMemory: inMemory,
  writeEventsPerSecond: write * 1e6,
  writeMegabytesPerSecond: write * inMemory,
  chunksEventsPerSecond: chunks * 1e6,
  wholeEventsPerSecond: whole * 1e6,
};
console.log(
  `${events.length} events, ${result.bytesPerEvent.toFixed(2)} bytes each on disk (goal 8), ${inMemory} in memory (goal 24)`,
);
console.log(`write   ${write.toFixed(1)} M events/s, ${result.writeMegabytesPerSecond.toFixed(0)} MB/s of columns`);
console.log(`chunks  ${chunks.toFixed(1)} M events/s (goal 20)`);
console.log(`whole   ${whole.toFixed(1)} M events/s (goal 20)`);
console.log(JSON.stringify(result));
rmSync(folder, { recursive: true });
