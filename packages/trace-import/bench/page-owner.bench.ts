/**
 * page_owner to columns, MB of text a second of CPU time: the file of REPLUG_PAGE_OWNER (a page_owner dump, compressed or not), or
 * records that are made up; decompressed before the clock starts, in chunks of 64 KiB.
 *
 * Beside it, where REPLUG_PAGE_OWNER_SORT names the kernel's tools/mm/page_owner_sort: its CPU time on the same text. It reads the
 * text and sorts records of the same text together, as it always does; the figure is the ratio of the medians.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Account, PageOwnerReader, readContent } from '../src/index.ts';

const ROUNDS = 9;
/** Rounds before those that count: the engine compiles the hot loop in them. */
const WARM = 4;
const CHUNK = 1 << 16;
const path = process.env.REPLUG_PAGE_OWNER;
const sort = process.env.REPLUG_PAGE_OWNER_SORT;

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1];

/** 40,000 records with 300 stacks of 14 lines, which come in runs. */
function madeUp(): Uint8Array {
  let text = '';
  for (let i = 0; i < 40_000; i++) {
    const stack = Math.imul(i >> 4, 2654435761) >>> 0;
    text +=
      `Page allocated via order 0, mask 0x140cca(GFP_HIGHUSER_MOVABLE|__GFP_COMP), pid 25, tgid 25 (kworker/u4:${stack % 7}), ts ${2e9 + i} ns\n` +
      `PFN 0x${i.toString(16)} type Movable Block ${i >> 9} type Movable Flags 0x20138(uptodate|dirty|lru|active|swapbacked|zone=0)\n`;
    for (let line = 0; line < 14; line++) text += ` function_number_${(stack + line * 7) % 300}+0x1654/0x1738\n`;
    text += '\n';
  }
  return new TextEncoder().encode(text);
}

const bytes = path === undefined ? madeUp() : await readContent(path);
const times: number[] = [];
let records = 0;
for (let round = 0; round < WARM + ROUNDS; round++) {
  const reader = new PageOwnerReader(new Account('bench', 'page-owner'));
  const before = process.cpuUsage();
  for (let at = 0; at < bytes.length; at += CHUNK) reader.push(bytes.subarray(at, at + CHUNK));
  records = reader.finish().length;
  const { user, system } = process.cpuUsage(before);
  if (round >= WARM) times.push((user + system) / 1e3);
}
const ours = median(times);
const rate = (ms: number) => `${(bytes.length / 1e3 / ms).toFixed(0)} MB/s`;
console.log(`${(bytes.length / 1e6).toFixed(1)} MB, ${records} records`);
console.log(`columns          ${ours.toFixed(1)} ms of CPU, ${rate(ours)}`);

if (sort === undefined) console.log('page_owner_sort  REPLUG_PAGE_OWNER_SORT is not set');
else {
  const folder = mkdtempSync(join(tmpdir(), 'replug-bench-'));
  try {
    const [text, sorted] = [join(folder, 'page_owner.txt'), join(folder, 'sorted.txt')];
    writeFileSync(text, bytes);
    const theirs = median(Array.from({ length: 5 }, () => cpuOf(sort, [text, sorted])));
    console.log(`page_owner_sort  ${theirs.toFixed(1)} ms of CPU, ${rate(theirs)}`);
    console.log(`ratio            ${(theirs / ours).toFixed(1)} (goal 8)`);
    console.log(JSON.stringify({ bench: 'page-owner', records, ms: ours, sortMs: theirs, ratio: theirs / ours }));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** CPU time of a command, ms. */
function cpuOf(command: string, args: readonly string[]): number {
  const shell = ['-c', 'TIMEFORMAT="%U %S"; time "$@" >/dev/null 3>&2 2>/dev/null', 'bash', command, ...args];
  const { status, stderr } = spawnSync('bash', shell, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} failed`);
  const [user, system] = stderr.trim().split('\n').at(-1)!.split(' ').map(Number);
  return (user + system) * 1e3;
}
