/**
 * A layout change on the real allocator. First its time, on the clock and of the CPU: machines of 64 GiB to 1 TiB (REPLUG_GIB), 4 KiB pages, every
 * other block of 64 KiB free, striped in 2 MiB over 4 nodes – the time a piece must not grow with their number; and 64 GiB
 * with every other single page free. Then what dnuma costs the free path as long as no layout is pending: the same frees on
 * a machine with it and on one without, rounds of both in turn, medians with the middle half's spread.
 */
import { buddy } from '@replug/buddy';
import { createKernel, GFP_MASKS, PageAllocator, parseMachineShorthand, type AnySubsystem } from '@replug/core';
import { dnuma, DnumaToken, striped } from '@replug/dnuma';

const report = (name: string, figures: Readonly<Record<string, number>>): void => {
  const shown = Object.entries(figures).map(([k, v]) => `${k} ${Number.isInteger(v) ? v : v.toFixed(3)}`);
  console.log(`${name}: ${shown.join(', ')}`);
  console.log(JSON.stringify({ bench: name, ...figures }));
};
/** Milliseconds of CPU time so far, user and system. */
const cpu = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};
const LARGEST = Number(process.env.REPLUG_GIB ?? 1024);

function commit(gib: number, order: number): void {
  using kernel = createKernel({
    machine: parseMachineShorthand(`x86-64,${gib}G,nodes=4,cpus=4`),
    subsystems: [buddy(), dnuma()],
  });
  const allocator = kernel.get(PageAllocator);
  // All of it in blocks of one order, in the order of addresses; then every other one is freed.
  const rows = new Int32Array((gib * 2 ** 18) >> order);
  let count = 0;
  for (;;) {
    const row = allocator.alloc(GFP_MASKS.GFP_HIGHUSER_MOVABLE, order, 0);
    if (row < 0) break;
    rows[count++] = row;
  }
  rows.subarray(0, count).sort();
  for (let i = 0; i < count; i += 2) allocator.free(rows[i], order, 0);
  const layouts = kernel.get(DnumaToken);
  const [began, cpuBegan] = [performance.now(), cpu()];
  layouts.commit(striped(0, layouts.endOfMemory, 512, [0, 1, 2, 3]));
  const [seconds, cpuSeconds] = [(performance.now() - began) / 1000, (cpu() - cpuBegan) / 1000];
  const { pieces, transplantFromFreelist, zonelistRebuilds } = layouts.counts;
  report(`commit, ${gib} GiB, free blocks of order ${order}`, {
    seconds,
    'CPU seconds': cpuSeconds,
    pieces,
    'moved pages': transplantFromFreelist,
    'waiting pages': layouts.marks.count,
    'ns a piece': (cpuSeconds * 1e9) / pieces,
    'ns a page of memory': (cpuSeconds * 1e9) / (gib * 2 ** 18),
    rebuilds: zonelistRebuilds,
  });
}

const PAIRS = 2_000_000;
const HELD = 4096;
const ROUNDS = 41;

/** Frees and allocations of single pages in an order that never changes; ns for each pair. */
function steady(subsystems: AnySubsystem[]): () => number {
  const kernel = createKernel({
    machine: parseMachineShorthand('x86-64,4G,nodes=2,cpus=2'),
    subsystems: [buddy(), ...subsystems],
  });
  const allocator = kernel.get(PageAllocator);
  const held = Int32Array.from({ length: HELD }, () => allocator.alloc(GFP_MASKS.GFP_KERNEL, 0, 0));
  return () => {
    let at = 1;
    const before = process.cpuUsage();
    for (let i = 0; i < PAIRS; i++) {
      at = (Math.imul(at, 1103515245) + 12345) & (HELD - 1);
      allocator.free(held[at], 0, 0);
      held[at] = allocator.alloc(GFP_MASKS.GFP_KERNEL, 0, 0);
    }
    const { user, system } = process.cpuUsage(before);
    return ((user + system) * 1000) / PAIRS;
  };
}

function freePath(): void {
  const machines = [steady([]), steady([dnuma()])];
  for (const run of [...machines, ...machines]) run();
  const times: [number[], number[]] = [[], []];
  // Whoever is second profits or suffers: they take turns.
  for (let round = 0; round < ROUNDS; round++)
    for (const which of round % 2 === 0 ? [0, 1] : [1, 0]) times[which].push(machines[which]());
  const [without, plugged] = times.map((all) => {
    all.sort((a, b) => a - b);
    return { median: all[ROUNDS >> 1], low: all[ROUNDS >> 2], high: all[(3 * ROUNDS) >> 2] };
  });
  report('free and alloc of a page, no layout pending', {
    'without ns': without.median,
    'without 25 %': without.low,
    'without 75 %': without.high,
    'with dnuma ns': plugged.median,
    'with 25 %': plugged.low,
    'with 75 %': plugged.high,
    ratio: plugged.median / without.median,
  });
}

freePath();
// The first run warms the code up.
for (const gib of [16, 64, 256, 1024]) if (gib <= LARGEST) commit(gib, 4);
commit(64, 0);
