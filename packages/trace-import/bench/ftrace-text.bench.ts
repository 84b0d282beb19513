/**
 * ftrace text to columns, MB of text a second: the shipped s390x trace (58 MB), decompressed before the clock starts, in chunks
 * of 1 MiB. Beside it a loop that only counts newlines, byte by byte: what the engine gives at most for touching each
 * byte once.
 */
import { Account, FtraceTextReader, readContent } from '../src/index.ts';

const ROUNDS = 8;
const CHUNK = 1 << 20;
// tools/bench.mjs runs in the repository's root.
const path = process.env.REPLUG_TRACE ?? 'fixtures/captures/s390x-6.1-exact-anonhog/trace/trace.txt.xz';
const bytes = await readContent(path);

function best(what: () => number): { megabytes: number; result: number } {
  let least = Infinity;
  let result = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const since = performance.now();
    result = what();
    least = Math.min(least, performance.now() - since);
  }
  return { megabytes: bytes.length / 1e3 / least, result };
}

const reader = best(() => {
  const text = new FtraceTextReader(new Account(path, 'ftrace-text'));
  for (let at = 0; at < bytes.length; at += CHUNK) text.push(bytes.subarray(at, at + CHUNK));
  return text.finish().events.length;
});
const newlines = best(() => countNewlines(bytes));

function countNewlines(text: Uint8Array): number {
  let count = 0;
  for (let at = 0; at < text.length; at++) if (text[at] === 10) count++;
  return count;
}

console.log(`${(bytes.length / 1e6).toFixed(1)} MB, ${reader.result} events`);
console.log(`columns    ${reader.megabytes.toFixed(0)} MB/s (goal 400)`);
console.log(`newlines   ${newlines.megabytes.toFixed(0)} MB/s`);
