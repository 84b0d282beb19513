/**
 * Random sequences of add, online, offline, remove, alloc, free, pin and veto over the buddy allocator, against a naive model: a
 * map from block to its state and zone, a set of what was allocated. All invariants hold after each step; what was refused
 * left contractHash as it was; at the end, with everything freed and removed, zones are as at boot.
 */
import { buddy } from '@replug/buddy';
import {
  Core,
  createKernel,
  GFP_MASKS,
  MEM,
  MemoryHotplug,
  NOTIFY,
  PageAllocator,
  PageMigrator,
  type Kernel,
  type KernelProfile,
  type OnlineType,
} from '@replug/core';
import { BLOCK, hotplugMachine } from '@replug/core/testing';
import { hotplug } from '@replug/hotplug';
import fc from 'fast-check';

type Step =
  | { readonly kind: 'add'; readonly id: number; readonly blocks: number; readonly nid: number }
  | { readonly kind: 'online'; readonly id: number; readonly type: OnlineType; readonly veto: boolean }
  | { readonly kind: 'offline'; readonly id: number; readonly veto: boolean }
  | { readonly kind: 'remove'; readonly id: number }
  | { readonly kind: 'away'; readonly id: number; readonly blocks: number }
  | { readonly kind: 'alloc'; readonly movable: boolean; readonly order: number; readonly nid: number }
  | { readonly kind: 'free'; readonly pick: number }
  | { readonly kind: 'pin'; readonly pick: number }
  | { readonly kind: 'drain' };

/** Blocks 6 to 13 may come. */
const FIRST = 6;
const id = fc.integer({ min: FIRST, max: FIRST + 7 });
const TYPES: readonly OnlineType[] = ['online', 'online_kernel', 'online_movable'];
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('add' as const),
      id,
      blocks: fc.integer({ min: 1, max: 3 }),
      nid: fc.nat(2),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('online' as const),
      id,
      type: fc.constantFrom(...TYPES),
      veto: fc.integer({ min: 0, max: 5 }).map((n) => n === 0),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('offline' as const),
      id: fc.integer({ min: 0, max: FIRST + 7 }),
      veto: fc.integer({ min: 0, max: 5 }).map((n) => n === 0),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('remove' as const), id }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('away' as const), id, blocks: fc.integer({ min: 1, max: 2 }) }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('alloc' as const),
      movable: fc.boolean(),
      order: fc.constantFrom(0, 0, 0, 1, 3, 5),
      nid: fc.nat(2),
    }),
  },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('free' as const), pick: fc.nat(1 << 20) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('pin' as const), pick: fc.nat(1 << 20) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('drain' as const) }) },
);

/** Steps that may be refused. */
const CHANGES: ReadonlySet<Step['kind']> = new Set(['add', 'online', 'offline', 'remove', 'away']);

interface Held {
  row: number;
  readonly order: number;
  pinned: boolean;
}

export function hotplugProperty(profile: KernelProfile, runs: number): void {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 30, size: 'max' }), (steps) => {
      using kernel = createKernel({ machine: hotplugMachine(profile), subsystems: [buddy(), hotplug()] });
      run(kernel, steps);
    }),
    { numRuns: runs },
  );
}

function run(kernel: Kernel, steps: readonly Step[]): void {
  const memory = kernel.get(MemoryHotplug);
  const allocator = kernel.get(PageAllocator);
  const migrator = kernel.get(PageMigrator);
  const { pages, blocks } = kernel.get(Core.Machine);
  const chain = kernel.get(Core.MemoryNotifiers);
  const states = new Map<number, string>();
  const held: Held[] = [];
  const byRow = new Map<number, Held>();
  migrator.onMove((source, target) => {
    moved++;
    const one = byRow.get(source);
    if (one === undefined) return;
    byRow.delete(source);
    one.row = target;
    byRow.set(target, one);
  });
  const boot = zonesOf(kernel);
  const iomem = kernel.read('/proc/iomem');
  let moved = 0;
  const letGo = (index: number): void => {
    const [one] = held.splice(index, 1);
    if (one.pinned) migrator.setPinned(one.row, false);
    byRow.delete(one.row);
    allocator.free(one.row, one.order, 0);
  };

  for (const [i, one] of steps.entries()) {
    const before = CHANGES.has(one.kind) ? kernel.contractHash() : '';
    let errno = 0;
    moved = 0;
    switch (one.kind) {
      case 'add': {
        const wanted = Array.from({ length: one.blocks }, (_, n) => one.id + n);
        errno = memory.addMemory(one.nid, one.id * BLOCK, one.blocks * BLOCK);
        const clash = wanted.some((w) => states.has(w));
        if (errno !== (clash ? -17 : 0)) throw new Error(`step ${i}: add gave ${errno}`);
        if (errno === 0) for (const w of wanted) states.set(w, 'offline');
        break;
      }
      case 'online': {
        const veto = one.veto
          ? chain.register((action) => (action === MEM.GOING_ONLINE ? NOTIFY.BAD : NOTIFY.OK))
          : undefined;
        const unpublished = one.veto ? kernel.stateHash() : '';
        errno = memory.online(one.id, one.type);
        veto?.[Symbol.dispose]();
        if (one.veto && errno < 0 && kernel.stateHash() !== unpublished)
          throw new Error(`step ${i}: a veto left traces`);
        const state = states.get(one.id);
        const expected = state === undefined ? -19 : state === 'online' ? 1 : one.veto ? -1 : 0;
        if (errno !== expected) throw new Error(`step ${i}: online gave ${errno}, not ${expected}`);
        if (errno === 0) states.set(one.id, 'online');
        break;
      }
      case 'offline': {
        const veto = one.veto
          ? chain.register((action) => (action === MEM.GOING_OFFLINE ? NOTIFY.BAD : NOTIFY.OK))
          : undefined;
        const outcome = memory.offline(one.id);
        veto?.[Symbol.dispose]();
        errno = outcome.errno;
        const state = one.id < FIRST ? blocks.get(one.id)?.state : states.get(one.id);
        if (state === undefined && errno !== -19) throw new Error(`step ${i}: offline of no block gave ${errno}`);
        if (errno === 0 && one.id >= FIRST && state === 'online') states.set(one.id, 'offline');
        if (outcome.retrying === true && errno !== -4) throw new Error(`step ${i}: retrying with ${errno}`);
        break;
      }
      case 'remove':
        errno = memory.removeMemory(one.id * BLOCK, BLOCK);
        if (errno === 0 && states.get(one.id) !== 'offline') throw new Error(`step ${i}: removed what is not offline`);
        if (errno === 0) states.delete(one.id);
        break;
      case 'away': {
        const outcome = memory.offlineAndRemove(one.id * BLOCK, one.blocks * BLOCK);
        errno = outcome.errno;
        if (errno === 0) for (let n = 0; n < one.blocks; n++) states.delete(one.id + n);
        break;
      }
      case 'alloc': {
        const gfp = one.movable ? GFP_MASKS.GFP_HIGHUSER_MOVABLE : GFP_MASKS.GFP_KERNEL;
        const row = allocator.alloc(gfp, one.order, 0, kernel.get(Core.Zones).node(one.nid)!.online ? one.nid : 0);
        if (row < 0) break;
        const mine: Held = { row, order: one.order, pinned: false };
        held.push(mine);
        byRow.set(row, mine);
        break;
      }
      case 'free':
        if (held.length > 0) letGo(one.pick % held.length);
        break;
      case 'pin':
        if (held.length > 0) {
          const mine = held[one.pick % held.length];
          mine.pinned = !mine.pinned;
          migrator.setPinned(mine.row, mine.pinned);
        }
        break;
      case 'drain':
        allocator.drainAllPages(-1);
        break;
    }
    // Pages may have moved in an attempt that failed: then owners are elsewhere, and only counts are as they were.
    const moves = one.kind === 'away' || (one.kind === 'offline' && moved > 0);
    if (errno < 0 && !moves && kernel.contractHash() !== before) {
      throw new Error(`step ${i}: ${one.kind} refused with ${errno}, and something changed`);
    }
    for (const [w, state] of states) {
      if (memory.blockState(w) !== state)
        throw new Error(`step ${i}: memory${w} is ${memory.blockState(w)}, not ${state}`);
    }
    const [problem] = kernel.validate();
    if (problem !== undefined) throw new Error(`step ${i}, ${one.kind}: ${problem.name}: ${problem.problem}`);
    for (const { row } of held) {
      if (pages.zoneOf(row) < 0) throw new Error(`step ${i}: a page that is in use has no zone`);
    }
  }
  while (held.length > 0) letGo(held.length - 1);
  for (const w of [...states.keys()]) {
    const outcome = memory.offlineAndRemove(w * BLOCK, BLOCK);
    if (outcome.errno !== 0) throw new Error(`at the end, memory${w}: ${outcome.errno} ${outcome.reason}`);
  }
  for (let w = 0; w < FIRST; w++) {
    if (memory.blockState(w) === 'offline') memory.online(w, 'online_kernel');
  }
  if (kernel.read('/proc/iomem') !== iomem) throw new Error(`iomem at the end:\n${kernel.read('/proc/iomem')}`);
  const after = zonesOf(kernel);
  if (after !== boot) throw new Error(`zones at the end:\n${after}\nat boot:\n${boot}`);
}

const zonesOf = (kernel: Kernel): string =>
  kernel
    .get(Core.Zones)
    .all.map((z) => `${z.nid} ${z.name} ${z.startPfn}+${z.spannedPages} ${z.presentPages} ${z.managedPages}`)
    .join('\n');
