/** Random layouts, allocations, frees and commits against a model that knows the node of every page and nothing else. */
import { buddy } from '@replug/buddy';
import {
  ARCH_PROFILES,
  Core,
  createKernel,
  GFP_MASKS,
  PageAllocator,
  type ArchProfile,
  type Kernel,
  type KernelProfile,
  type MachineDescription,
} from '@replug/core';
import { dnuma, DnumaToken, layoutOf, type LayoutRange } from '@replug/dnuma';
import fc from 'fast-check';

export const NODES = 4;

/** `pages` pages on two of four nodes; `holes` of them reserved. */
export function modelMachine(arch: ArchProfile, profile: KernelProfile, pages: number): MachineDescription {
  const half = pages / 2;
  const distances = (nid: number): number[] => Array.from({ length: NODES }, (_, to) => (to === nid ? 10 : 20));
  return {
    arch: { ...arch, zoneKinds: ['Normal', 'Movable', 'Device'], zoneLimits: [] },
    profile,
    cpus: 4,
    nodes: Array.from({ length: NODES }, (_, nid) => ({
      nid,
      cpus: nid < 2 ? [2 * nid, 2 * nid + 1] : [],
      distances: distances(nid),
      online: nid < 2,
    })),
    memory: [
      { nid: 0, start: 0, end: half },
      { nid: 1, start: half, end: pages },
    ],
    zones: [
      { nid: 0, kind: 'Normal', startPfn: 0, spannedPages: half },
      { nid: 1, kind: 'Normal', startPfn: half, spannedPages: half },
    ],
    reserved: [{ start: 33, end: 70 }],
    memoryBlockSize: 2 ** arch.sectionSizeBits,
    sysctl: {},
    khugepaged: false,
    cma: false,
    sparePages: 0,
  };
}

export type Op =
  | { readonly kind: 'alloc'; readonly order: number; readonly gfp: number; readonly cpu: number; readonly nid: number }
  | { readonly kind: 'free'; readonly which: number; readonly cpu: number }
  | {
      readonly kind: 'commit';
      readonly cuts: readonly number[];
      readonly nids: readonly number[];
      readonly deferred: boolean;
    }
  | { readonly kind: 'step'; readonly ranges: number }
  | { readonly kind: 'undo' | 'wait' | 'drain' };

const GFPS = [GFP_MASKS.GFP_KERNEL, GFP_MASKS.GFP_HIGHUSER_MOVABLE, GFP_MASKS.GFP_ATOMIC];

export const ops = (pages: number, length: number): fc.Arbitrary<Op[]> => {
  const cpu = fc.nat(3);
  const alloc = fc.record({
    kind: fc.constant('alloc' as const),
    order: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 2, arbitrary: fc.nat(8) }),
    gfp: fc.nat(GFPS.length - 1),
    cpu,
    nid: fc.integer({ min: -1, max: NODES - 1 }),
  });
  const free = fc.record({ kind: fc.constant('free' as const), which: fc.nat(10000), cpu });
  const commit = fc.record({
    kind: fc.constant('commit' as const),
    cuts: fc.array(
      fc.oneof(
        fc.nat(pages - 1),
        fc.nat(pages / 64 - 1).map((n) => n * 64),
      ),
      { maxLength: 12 },
    ),
    // -1: a hole.
    nids: fc.array(fc.integer({ min: -1, max: NODES - 1 }), { minLength: 13, maxLength: 13 }),
    deferred: fc.boolean(),
  });
  const step = fc.record({ kind: fc.constant('step' as const), ranges: fc.integer({ min: 1, max: 5 }) });
  const other = fc.record({ kind: fc.constantFrom('undo' as const, 'wait' as const, 'drain' as const) });
  return fc.array(
    fc.oneof(
      { weight: 10, arbitrary: alloc },
      { weight: 8, arbitrary: free },
      { weight: 3, arbitrary: commit },
      { weight: 2, arbitrary: step },
      { weight: 2, arbitrary: other },
    ),
    { minLength: length / 2, maxLength: length, size: 'max' },
  );
};

/** Runs operations on a kernel and on the model, and compares after each. Returns what differs first. */
export function runModel(machine: MachineDescription, list: readonly Op[]): string | undefined {
  using kernel = createKernel({ machine, subsystems: [buddy(), dnuma()] });
  return new Model(kernel, machine).run(list);
}

class Model {
  private readonly kernel: Kernel;
  private readonly size: number;
  /** Node of each page, and its owner's number (0: nobody's). */
  private readonly node: Int8Array;
  private readonly owned: Uint8Array;
  private readonly wanted: Int8Array;
  private readonly blocks: { readonly row: number; readonly order: number }[] = [];
  private readonly history: Int8Array[] = [];
  private pending = false;

  constructor(kernel: Kernel, machine: MachineDescription) {
    this.kernel = kernel;
    this.size = machine.memory.at(-1)!.end;
    this.node = new Int8Array(this.size);
    this.owned = new Uint8Array(this.size);
    this.wanted = new Int8Array(this.size).fill(-1);
    for (const { start, end, nid } of machine.memory) this.node.fill(nid, start, end);
    this.wanted.set(this.node);
    this.history.push(Int8Array.from(this.wanted));
  }

  run(list: readonly Op[]): string | undefined {
    for (const [i, op] of list.entries()) {
      this.apply(op);
      const wrong = this.compare();
      if (wrong !== undefined) return `after ${i} ${JSON.stringify(op)}: ${wrong}`;
    }
    return undefined;
  }

  private apply(op: Op): void {
    const { kernel } = this;
    const allocator = kernel.get(PageAllocator);
    const layouts = kernel.get(DnumaToken);
    if (op.kind === 'alloc') {
      const order = Math.min(op.order, 8);
      const row = layouts.alloc(GFPS[op.gfp], order, op.cpu, op.nid < 0 ? 0 : op.nid);
      if (this.pending) this.sync();
      if (row < 0) return;
      this.blocks.push({ row, order });
      this.owned.fill(1, row, row + 2 ** order);
    } else if (op.kind === 'free') {
      if (this.blocks.length === 0) return;
      const [{ row, order }] = this.blocks.splice(op.which % this.blocks.length, 1);
      allocator.free(row, order, op.cpu);
      for (let at = row; at < row + 2 ** order; at++) {
        this.owned[at] = 0;
        if (this.wanted[at] >= 0) this.node[at] = this.wanted[at];
      }
    } else if (op.kind === 'commit') {
      const ranges = rangesOf(op.cuts, op.nids, this.size);
      if (ranges.length === 0) return;
      layouts.step();
      this.settleFree();
      layouts.commit(layoutOf(ranges), { deferred: op.deferred });
      this.wanted.fill(-1);
      for (const { start, end, nid } of ranges) this.wanted.fill(nid, start, end);
      this.history.push(Int8Array.from(this.wanted));
      this.pending = op.deferred;
      if (op.deferred) this.sync();
      else this.settleFree();
    } else if (op.kind === 'step') {
      layouts.step(op.ranges);
      this.sync();
    } else if (op.kind === 'undo') {
      if (this.history.length < 2) return;
      layouts.step();
      this.settleFree();
      layouts.undo();
      this.history.push(Int8Array.from(this.history.at(-2)!));
      this.wanted.set(this.history.at(-1)!);
      this.pending = false;
      this.settleFree();
    } else if (op.kind === 'wait') kernel.clock.advance(2e9);
    else allocator.drainAllPages(-1);
  }

  /** What nobody owns is where the layout wants it. */
  private settleFree(): void {
    for (let at = 0; at < this.size; at++)
      if (this.owned[at] === 0 && this.wanted[at] >= 0) this.node[at] = this.wanted[at];
    this.pending = false;
  }

  /** While a commit is under way, free pages may be on the old node or the new one: takes over which. */
  private sync(): void {
    const { pages, zones } = this.machine();
    for (let at = 0; at < this.size; at++) {
      if (this.owned[at] === 1 || this.wanted[at] < 0) continue;
      const nid = zones.all[pages.zoneOf(pages.pfnToRow(at))].nid;
      if (nid === this.wanted[at]) this.node[at] = nid;
    }
    this.pending = this.kernel.get(DnumaToken).queuedRanges > 0;
  }

  private machine() {
    return { pages: this.kernel.get(Core.Pages), zones: this.kernel.get(Core.Zones) };
  }

  private compare(): string | undefined {
    const { pages, zones } = this.machine();
    const present = new Array<number>(NODES).fill(0);
    for (let at = 0; at < this.size; at++) {
      const nid = zones.all[pages.zoneOf(pages.pfnToRow(at))].nid;
      if (nid !== this.node[at]) return `pfn ${at} is on node ${nid}, expected ${this.node[at]}`;
      present[nid]++;
    }
    for (const node of zones.nodes)
      if (node.presentPages !== present[node.nid])
        return `node ${node.nid} has ${node.presentPages} pages, counted ${present[node.nid]}`;
    const managed = zones.all.reduce((sum, zone) => sum + zone.managedPages, 0);
    if (managed !== this.size - 37) return `${managed} pages are managed, there are ${this.size - 37}`;
    const problem = this.kernel.validate()[0];
    return problem === undefined ? undefined : `${problem.owner} ${problem.name}: ${problem.problem}`;
  }
}

function rangesOf(cuts: readonly number[], nids: readonly number[], end: number): LayoutRange[] {
  const borders = [...new Set([0, ...cuts, end])].sort((a, b) => a - b);
  return borders
    .slice(1)
    .map((to, i) => ({ start: borders[i], end: to, nid: nids[i] }))
    .filter(({ nid }) => nid >= 0);
}

export const PPC = ARCH_PROFILES['ppc64-64k-radix'];
