/**
 * Steady state: 1 M pages, 60 % full, mixed orders – the model, with per-CPU lists, zones, watermarks and migratetypes on,
 * beside a plain C buddy (steady-state.c, cc -O2) that runs the same operations in the same run.
 *
 * Both draw from the same seeded generator and decide alike, so that the checksum over operation, slot, order and success
 * must be equal. Rounds alternate between the two programs; the figure is the ratio of medians of CPU time.
 */
import {
  createKernel,
  GFP_MASKS,
  PageAllocator,
  parseMachineShorthand,
  seededRandom,
  type KernelProfile,
} from '@replug/core';
import { buddy } from '../src/index.ts';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { benchFolder, median, printFigure } from './bench-kit.ts';

const PAGES = 1 << 20;
const OPERATIONS = 4_000_000;
const ROUNDS = 7;
/** A slot holds a block: its row, and its order in the low bits. */
const enum SLOT {
  ORDER_BITS = 4,
  ORDER_MASK = 15,
}

/** 3/4 order 0, the rest geometric up to 9. */
function orderOf(random: number): number {
  if ((random & 3) !== 0) return 0;
  const bits = (random >>> 2) | 512;
  return Math.min(9, 31 - Math.clz32(bits & -bits));
}

interface Round {
  readonly ns: number;
  readonly checksum: number;
}

/** One model machine in steady state; each call runs the same operations from where it stands. */
function model(profile: KernelProfile): () => Round {
  const kernel = createKernel({
    machine: parseMachineShorthand(`s390x,4224M,kernel=${profile}`),
    subsystems: [buddy()],
  });
  const allocator = kernel.get(PageAllocator);
  const random = seededRandom(1);
  const blocks = new Int32Array(PAGES);
  const target = Math.floor((PAGES * 6) / 10);
  let slots = 0;
  let used = 0;
  while (used < target) {
    const order = orderOf(random.uint32());
    blocks[slots++] = (allocator.alloc(GFP_MASKS.GFP_KERNEL, order, 0) << SLOT.ORDER_BITS) | order;
    used += 1 << order;
  }
  const sequence = Uint32Array.from({ length: OPERATIONS }, () => random.uint32());
  return () => {
    const { ns, checksum, ...rest } = round(allocator, sequence, blocks, slots, used, target);
    ({ slots, used } = rest);
    return { ns, checksum };
  };
}

/** The loop that is measured, everything it touches in locals as in the C program. */
function round(
  allocator: PageAllocator,
  sequence: Uint32Array,
  blocks: Int32Array,
  slotsBefore: number,
  usedBefore: number,
  target: number,
): Round & { slots: number; used: number } {
  let slots = slotsBefore;
  let used = usedBefore;
  let sum = 0x811c9dc5 | 0;
  const gfp = GFP_MASKS.GFP_KERNEL;
  const operations = sequence.length;
  const before = process.cpuUsage();
  for (let i = 0; i < operations; i++) {
    const r = sequence[i];
    if (used >= target) {
      const slot = (r * slots * 2 ** -32) | 0;
      const block = blocks[slot];
      const order = block & SLOT.ORDER_MASK;
      allocator.free(block >> SLOT.ORDER_BITS, order, 0);
      used -= 1 << order;
      slots--;
      blocks[slot] = blocks[slots];
      sum = Math.imul(sum ^ (slot * 16 + order), 0x01000193);
    } else {
      const order = orderOf(r);
      const row = allocator.alloc(gfp, order, 0);
      if (row >= 0) {
        blocks[slots++] = (row << SLOT.ORDER_BITS) | order;
        used += 1 << order;
      }
      sum = Math.imul(sum ^ (order * 2 + (row >= 0 ? 1 : 0)), 0x01000193);
    }
  }
  const { user, system } = process.cpuUsage(before);
  return { ns: ((user + system) * 1000) / operations, checksum: sum >>> 0, slots, used };
}

/** All rounds of the C program in one process. */
function yardstick(program: string): Round[] {
  return JSON.parse(execFileSync(program, [String(OPERATIONS), String(ROUNDS)], { encoding: 'utf8' })) as Round[];
}

const folder = mkdtempSync(join(tmpdir(), 'replug-bench-'));
try {
  const program = join(folder, 'steady-state');
  execFileSync('cc', ['-O2', '-o', program, join(benchFolder, 'steady-state.c')]);
  // Both profiles live in this process, so that no call site sees only one of them.
  const machines = { '6.12': model('6.12'), '6.1': model('6.1') };
  for (const run of Object.values(machines)) run();
  const reference = yardstick(program);
  const c = median(reference.map((r) => r.ns));
  for (const [profile, run] of Object.entries(machines)) {
    const rounds = Array.from({ length: ROUNDS - 1 }, run);
    const same = rounds.every((r, i) => r.checksum === reference[i + 1].checksum);
    const ns = median(rounds.map((r) => r.ns));
    printFigure(`steady state, profile ${profile}`, {
      'model ns/op': ns,
      'C ns/op': c,
      ratio: ns / c,
      goal: 1.5,
      'same checksums': same ? 1 : 0,
    });
  }
} finally {
  rmSync(folder, { recursive: true });
}
