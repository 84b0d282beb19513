/**
 * Properties of the allocator against a naive model: a map from page to holder, checked page by page after each step,
 * with validate() besides. The normal suite runs a few hundred sequences, the slow one thousands.
 */
import {
  Core,
  createKernel,
  FOUND,
  GFP_MASKS,
  MIGRATE,
  PAGE_STATE,
  PageAllocator,
  ZoneFreeLists,
  type Kernel,
  type KernelProfile,
} from '@replug/core';
import { borderMachine, smallMachine } from '@replug/core/testing';
import fc from 'fast-check';
import { buddy } from './plugin.ts';

const GFPS = [GFP_MASKS.GFP_KERNEL, GFP_MASKS.GFP_HIGHUSER_MOVABLE, GFP_MASKS.GFP_KERNEL | 0x10, GFP_MASKS.GFP_ATOMIC];

type Step =
  | { readonly kind: 'alloc'; readonly gfp: number; readonly order: number; readonly cpu: number }
  | { readonly kind: 'free'; readonly pick: number; readonly cpu: number }
  | { readonly kind: 'part'; readonly pick: number; readonly cpu: number }
  | { readonly kind: 'split'; readonly pick: number }
  | { readonly kind: 'drain' };

const cpu = fc.nat(1);
const pick = fc.nat(1 << 20);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('alloc' as const),
      gfp: fc.constantFrom(...GFPS),
      order: fc.nat(10),
      cpu,
    }),
  },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('free' as const), pick, cpu }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('part' as const), pick, cpu }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('split' as const), pick }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('drain' as const) }) },
);

function sound(kernel: Kernel): void {
  const [failure] = kernel.validate();
  if (failure !== undefined) throw new Error(failure.problem);
}

/** alloc/free/split/drain: what is handed out was free, is handed out once, and everything adds up. */
export function allocatorProperty(profile: KernelProfile, runs: number): void {
  fc.assert(
    fc.property(fc.boolean(), fc.array(step, { minLength: 1, maxLength: 60 }), (border, steps) => {
      using kernel = createKernel({
        machine: border ? borderMachine(profile) : smallMachine({ profile, pages: 3072 }),
        subsystems: [buddy()],
      });
      const allocator = kernel.get(PageAllocator);
      const managed = kernel.get(Core.Zones).all.reduce((sum, z) => sum + z.managedPages, 0);
      // The naive model: who holds which page, and the blocks.
      const held = new Set<number>();
      const blocks: { row: number; order: number }[] = [];
      for (const s of steps) {
        if (s.kind === 'alloc') {
          const row = allocator.alloc(s.gfp, s.order, s.cpu);
          if (row >= 0) {
            for (let at = row; at < row + 2 ** s.order; at++) {
              if (held.has(at)) throw new Error(`row ${at} handed out twice`);
              held.add(at);
            }
            blocks.push({ row, order: s.order });
          }
        } else if (s.kind === 'drain') {
          allocator.drainAllPages(-1);
        } else if (blocks.length > 0) {
          const [block] = blocks.splice(s.pick % blocks.length, 1);
          const { row, order } = block;
          if (s.kind === 'split') {
            allocator.splitPage(row, order);
            for (let at = row; at < row + 2 ** order; at++) blocks.push({ row: at, order: 0 });
          } else if (s.kind === 'part' && order > 0) {
            // The upper half goes, the lower stays.
            const half = order - 1;
            allocator.free(row + 2 ** half, half, s.cpu);
            for (let at = row + 2 ** half; at < row + 2 ** order; at++) held.delete(at);
            blocks.push({ row, order: half });
          } else if (s.kind === 'part') {
            blocks.push(block);
          } else {
            allocator.free(row, order, s.cpu);
            for (let at = row; at < row + 2 ** order; at++) held.delete(at);
          }
        }
        sound(kernel);
        for (const at of held) if (allocator.isFree(at)) throw new Error(`row ${at} is held and free`);
        checkTotal(kernel, managed, held.size);
      }
      for (const { row, order } of blocks) allocator.free(row, order, 0);
      allocator.drainAllPages(-1);
      sound(kernel);
      const free = kernel.get(Core.Zones).all.reduce((sum, z) => sum + allocator.freePages(z.index), 0);
      if (free !== managed) throw new Error(`${free} of ${managed} pages free after everything came back`);
    }),
    { numRuns: runs, seed: 20121129, endOnFailure: true },
  );
}

/** free + on CPU lists + held = managed. */
function checkTotal(kernel: Kernel, managed: number, held: number): void {
  const allocator = kernel.get(PageAllocator);
  const lists = kernel.get(ZoneFreeLists);
  let rest = 0;
  for (const zone of kernel.get(Core.Zones).all) {
    rest += allocator.freePages(zone.index);
    for (let c = 0; c < 2; c++) rest += lists.cpuCount(zone.index, c);
  }
  if (rest + held !== managed) throw new Error(`free and listed ${rest} + held ${held} is not managed ${managed}`);
}

const PAGES = 512;
type Verb = {
  readonly verb: 'locked' | 'alloc' | 'free' | 'drain' | 'direct' | 'hold';
  readonly at: number;
  readonly order: number;
  readonly cpu: number;
  readonly type: number;
};
const verb: fc.Arbitrary<Verb> = fc.record({
  verb: fc.constantFrom('locked', 'alloc', 'free', 'drain', 'direct', 'hold'),
  at: fc.nat(PAGES - 1),
  order: fc.constantFrom(0, 0, 0, 1, 2, 3, 5),
  cpu,
  type: fc.nat(2),
});

/** Verbs in any order, also senseless ones: each page is where the last verb that named it put it. */
export function verbsProperty(profile: KernelProfile, runs: number): void {
  fc.assert(
    fc.property(fc.array(verb, { minLength: 1, maxLength: 60 }), (verbs) => {
      using kernel = createKernel({
        machine: smallMachine({ profile, pages: PAGES, startPfn: 0x8000 }),
        subsystems: [buddy({ start: 'nothing' })],
      });
      const lists = kernel.get(ZoneFreeLists);
      const { state } = kernel.get(Core.Pages);
      lists.placeFree(0, 8, MIGRATE.MOVABLE);
      // The naive model: F free, C on a CPU's list, A allocated, H held, ? unknown.
      const where: string[] = Array.from({ length: PAGES }, (_, row) => (row < 256 ? 'F' : '?'));
      for (const { verb: name, at, order, cpu: on, type } of verbs) {
        const row = at & -(1 << order);
        const put = (holder: string) => where.fill(holder, row, row + 2 ** order);
        // A block on a CPU's list that loses a part is no list entry any more: its rest is in somebody's hands.
        for (const other of listedBlocksCut(state, row, order))
          where.fill('A', other.row, other.row + 2 ** other.order);
        if (name === 'locked') {
          lists.takeToCpu(row, order, type, on);
          put(order <= 3 ? 'C' : 'H');
        } else if (name === 'alloc') {
          const found = lists.handOut(row, order);
          if (found === FOUND.EXPECTED && where[row] !== 'C' && where[row] !== 'H')
            throw new Error('expected without reason');
          put('A');
        } else if (name === 'free') {
          if (order > 3) continue;
          lists.freeToCpu(row, order, on);
          put('C');
        } else if (name === 'drain') {
          lists.drain(row, order, type);
          put('F');
        } else if (name === 'direct') {
          lists.freeDirect(row, order, false);
          put('F');
        } else {
          const taken = lists.hold(row, 2 ** order);
          const free = where.slice(row, row + 2 ** order).filter((w) => w === 'F').length;
          if (taken !== free) throw new Error(`held ${taken} of ${free} free pages`);
          for (let p = row; p < row + 2 ** order; p++) if (where[p] === 'F') where[p] = 'H';
        }
        sound(kernel);
        for (let p = 0; p < PAGES; p++) {
          if (lists.freeHead(p) >= 0 !== (where[p] === 'F')) throw new Error(`page ${p}: model says ${where[p]}`);
        }
      }
    }),
    { numRuns: runs, seed: 20130227, endOnFailure: true },
  );
}

/** Blocks on CPU lists that (row, order) would cut: larger ones around it. */
function listedBlocksCut(state: Uint8Array, row: number, order: number): { row: number; order: number }[] {
  const cut: { row: number; order: number }[] = [];
  for (let have = order + 1; have <= 3; have++) {
    const head = row & -(1 << have);
    if (state[head] === (PAGE_STATE.PCP | have)) cut.push({ row: head, order: have });
  }
  return cut;
}
