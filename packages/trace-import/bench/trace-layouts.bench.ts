/**
 * Every layout of a trace to columns, MB of text a second: the events of the shipped x86-64 trace printed anew in each of
 * them. The default layout is what the hot loop reads; the others go line by line through OddLines, wholly or in part.
 */
import { Account, FtraceTextReader, readContent } from '../src/index.ts';
import { printedEvents, PRINTERS } from '../src/layouts.spec-kit.ts';
import { seededRandom } from '../src/testing/index.ts';

const ROUNDS = 8;
// tools/bench.mjs runs in the repository's root.
const path = process.env.REPLUG_TRACE ?? 'fixtures/captures/x86_64-6.12-exact-fileio/trace/trace.txt.xz';
const events = printedEvents(new TextDecoder().decode(await readContent(path)));

for (const [layout, print] of Object.entries(PRINTERS)) {
  const bytes = new TextEncoder().encode(print(events, seededRandom(1)));
  let least = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const since = performance.now();
    const reader = new FtraceTextReader(new Account(path, layout));
    reader.push(bytes);
    const { length } = reader.finish().events;
    if (length !== events.length) throw new Error(`${layout}: ${length} of ${events.length} events`);
    least = Math.min(least, performance.now() - since);
  }
  const [megabytes, perSecond] = [bytes.length / 1e6, events.length / least / 1e3];
  const speed = `${(bytes.length / 1e3 / least).toFixed(0).padStart(4)} MB/s`;
  console.log(
    `${layout.padEnd(24)} ${megabytes.toFixed(1).padStart(5)} MB ${speed} ${perSecond.toFixed(2)} M events/s`,
  );
}
