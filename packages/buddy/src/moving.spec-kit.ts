/**
 * Properties of moving pages against a naive page map: which contents lie at each page, kept by hand from what is asked and
 * what moves are told, with validate() after each step. Whether a range can be isolated or allocated is predicted from the
 * map alone, page by page.
 */
import { Core, ERRNO, GFP_MASKS, MIGRATE, PAGE_CLASS, Reclaimer, type KernelProfile } from '@replug/core';
import fc from 'fast-check';
import { MOVES, World, type SmallArch } from './moving-world.spec-kit.ts';

const { GFP_KERNEL, GFP_HIGHUSER_MOVABLE } = GFP_MASKS;
/** What a block is used for: the request, and the class that it gets afterwards. */
const USES = [
  { gfp: GFP_HIGHUSER_MOVABLE, cls: PAGE_CLASS.LRU_ANON },
  { gfp: GFP_HIGHUSER_MOVABLE, cls: PAGE_CLASS.LRU_ANON },
  { gfp: GFP_HIGHUSER_MOVABLE, cls: PAGE_CLASS.LRU_FILE },
  { gfp: GFP_HIGHUSER_MOVABLE, cls: PAGE_CLASS.MOVABLE },
  { gfp: GFP_KERNEL | 0x10, cls: PAGE_CLASS.SLAB },
  { gfp: GFP_KERNEL, cls: PAGE_CLASS.KERNEL },
] as const;
type Step =
  | {
      readonly kind: 'alloc';
      readonly use: number;
      readonly order: number;
      readonly cpu: number;
      readonly many: number;
    }
  | { readonly kind: 'free'; readonly pick: number; readonly many: number }
  | { readonly kind: 'pin' | 'move'; readonly pick: number }
  | { readonly kind: 'isolate' | 'offline'; readonly at: number; readonly blocks: number }
  | { readonly kind: 'contig'; readonly at: number; readonly pages: number }
  | { readonly kind: 'undo' | 'release'; readonly pick: number }
  | { readonly kind: 'reclaim'; readonly pages: number }
  | { readonly kind: 'drain' };

const pick = fc.nat(1 << 20);
const at = fc.nat(8191);
/** Orders below 4 as they are; then a pageblock, a half of the largest block, and the largest. */
const orderOf = (world: World, order: number): number =>
  order < 4 ? order : Math.log2(order === 4 ? world.block : world.most) - (order === 5 ? 1 : 0);

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('alloc' as const),
      use: fc.nat(USES.length - 1),
      order: fc.constantFrom(0, 0, 0, 1, 2, 3, 4, 5, 6),
      cpu: fc.nat(1),
      many: fc.constantFrom(1, 4, 60),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('free' as const), pick, many: fc.constantFrom(1, 3, 40) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('pin' as const, 'move' as const), pick }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom('isolate' as const, 'offline' as const),
      at,
      blocks: fc.integer({ min: 1, max: 4 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('contig' as const), at, pages: fc.integer({ min: 1, max: 1500 }) }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('undo' as const, 'release' as const), pick }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reclaim' as const), pages: fc.nat(100) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('drain' as const) }) },
);

function run(world: World, s: Step): void {
  const { allocator, ranges, migrator, kernel, live, pages } = world;
  switch (s.kind) {
    case 'alloc':
      for (let i = 0; i < s.many; i++) {
        const { gfp, cls } = USES[s.use];
        const row = allocator.alloc(gfp, orderOf(world, s.order), s.cpu);
        if (row < 0) return;
        world.add(row, orderOf(world, s.order), cls);
      }
      return;
    case 'free':
      for (let i = 0; i < s.many && live.length > 0; i++) {
        const contents = live[(s.pick + i * 7) % live.length];
        for (let page = 0; page < contents.rows.length; page += 2 ** contents.order)
          if (contents.rows[page] >= 0) allocator.free(contents.rows[page], contents.order, i % 2);
        world.forget(contents);
      }
      return;
    case 'pin': {
      if (live.length === 0) return;
      const contents = live[s.pick % live.length];
      contents.pinned = !contents.pinned;
      const there = contents.rows.filter((row) => row >= 0);
      const whole = contents.rows.length === 2 ** contents.order;
      // The pieces of a huge page that was split are pinned one by one.
      (whole ? [there[s.pick % there.length]] : there).forEach((row) => {
        if (contents.pinned) migrator.setPinned(row, true);
      });
      if (!contents.pinned) for (const row of there) migrator.setPinned(row, false);
      return;
    }
    case 'move': {
      if (live.length === 0) return;
      const contents = live[s.pick % live.length];
      const before = kernel.contractHash();
      const heads = contents.rows.filter((row, i) => row >= 0 && i % 2 ** contents.order === 0);
      const outcome = migrator.migratePages(Int32Array.from(heads), heads.length, { reason: 'syscall_or_cpuset' });
      const movable = MOVES.has(contents.cls) && !contents.pinned;
      if (!movable && outcome.migrated > 0) throw new Error(`contents ${contents.id} moved`);
      if (outcome.errno === 0 && outcome.migrated !== contents.rows.filter((row) => row >= 0).length)
        throw new Error('a move of a part is no error');
      if (kernel.contractHash() !== before) throw new Error('a move changed the contract hash');
      return;
    }
    case 'isolate':
    case 'offline': {
      const start = Math.floor(world.pfn(s.at) / world.block) * world.block;
      const end = Math.min(start + s.blocks * world.block, world.endOfZone(start));
      const before = kernel.contractHash();
      const can = world.isolable(start, end);
      const seen = ranges.unmovable(start, end, { migratetype: MIGRATE.MOVABLE });
      const doubtful = world.doubtful(start, end);
      if (!doubtful && (seen === undefined) !== can) throw new Error(`unmovable() says ${seen?.why}, the pages ${can}`);
      const outcome = ranges.isolate(start, end, { migratetype: MIGRATE.MOVABLE });
      // 6.1 gets blocks that lie across an end out of the way before it knows whether the rest can be isolated.
      const lost = doubtful && world.dropped() > 0;
      if (!doubtful && (outcome.errno === 0) !== can)
        throw new Error(`isolate() says ${outcome.errno}, the pages ${can}`);
      if (outcome.errno !== 0) {
        if (!lost && kernel.contractHash() !== before) throw new Error('a refused isolation changed the contract hash');
        return;
      }
      // As every caller in the kernel does: pages on per-CPU lists could still be given out of an isolated pageblock.
      allocator.drainAllPages(-1);
      world.isolated.push([start, end]);
      if (s.kind === 'isolate') return;
      world.check();
      offline(world, start, end);
      return;
    }
    case 'undo': {
      if (world.isolated.length === 0) return;
      const [[start, end]] = world.isolated.splice(s.pick % world.isolated.length, 1);
      ranges.undoIsolation(start, end, MIGRATE.MOVABLE);
      return;
    }
    case 'contig': {
      const start = world.pfn(s.at);
      const end = Math.min(start + 1 + (s.pages % (3 * world.block)), world.endOfZone(start));
      contig(world, start, end);
      return;
    }
    case 'release': {
      if (world.taken.length === 0) return;
      const [[start, end]] = world.taken.splice(s.pick % world.taken.length, 1);
      ranges.free(start, end);
      return;
    }
    case 'reclaim': {
      const zones = kernel.get(Core.Zones).all.filter((z) => z.populated);
      const freed = kernel.get(Reclaimer).reclaim(zones[0].index, s.pages);
      if (world.dropped() !== freed) throw new Error(`${freed} pages were reclaimed, others are missing`);
      return;
    }
    case 'drain':
      allocator.drainAllPages(-1);
      void pages;
  }
}

/** Moves everything movable out of an isolated range, as memory offlining does; pinned contents stay. */
function offline(world: World, start: number, end: number): void {
  const { migrator, kernel, ranges } = world;
  const before = kernel.contractHash();
  world.allocator.drainAllPages(-1);
  const outcome = migrator.migrateRange(start, end, { reason: 'memory_hotplug' });
  if (kernel.contractHash() !== before) throw new Error('offlining changed the contract hash');
  let left = 0;
  for (let pfn = start; pfn < end; pfn++) if (world.at.has(world.pages.pfnToRow(pfn))) left++;
  const stayed = outcome.failed.reduce((sum, f) => sum + f.pages, 0);
  if (left > stayed) throw new Error(`${left} pages stayed in the range, ${stayed} were told`);
  const test = ranges.testIsolated(start, end, true);
  // A free block that begins before the range, isolated as well: the test looks for the head of a block at its start.
  const first = world.pages.pfnToRow(start);
  if (test !== 0 && world.lists.freeHead(first) >= 0 && world.lists.freeHead(first) !== first) return;
  if ((test === 0) !== (left === 0)) throw new Error(`test says ${test} with ${left} pages in the range`);
}

function contig(world: World, start: number, end: number): void {
  const { ranges, kernel } = world;
  const can = world.isolable(start, end);
  const doubtful = world.doubtful(start, end);
  const before = kernel.contractHash();
  const outcome = ranges.alloc(start, end, MIGRATE.MOVABLE);
  if (outcome.errno === 0) world.taken.push([start, end]);
  const gone = world.dropped();
  if (gone !== outcome.reclaimed) throw new Error(`${outcome.reclaimed} pages dropped, ${gone} are missing`);
  if (outcome.errno === 0) {
    if (!doubtful && !can) throw new Error('a range with unmovable pages was allocated');
    for (let pfn = start; pfn < end; pfn++)
      if (world.at.has(world.pages.pfnToRow(pfn))) throw new Error(`pfn ${pfn} was allocated with its contents`);
    return;
  }
  if (outcome.reclaimed === 0 && kernel.contractHash() !== before)
    throw new Error('a refusal changed the contract hash');
  const excused = outcome.errno === -ERRNO.ENOMEM || doubtful;
  if (can && !excused) throw new Error(`alloc() says ${outcome.errno}, the pages say yes: ${outcome.blocker?.why}`);
}

export function movingProperty(
  arch: SmallArch,
  profile: KernelProfile,
  runs: number,
  length = 30,
  seed = 20121129,
): void {
  fc.assert(
    fc.property(fc.boolean(), fc.array(step, { minLength: 1, maxLength: length }), (nodes, steps) => {
      const world = new World(arch, profile, nodes);
      using _ = world.kernel;
      for (const s of steps) {
        run(world, s);
        world.check();
      }
      for (const [start, end] of world.isolated.splice(0)) world.ranges.undoIsolation(start, end, MIGRATE.MOVABLE);
      for (const [start, end] of world.taken.splice(0)) world.ranges.free(start, end);
      for (const contents of [...world.live]) {
        for (let i = 0; i < contents.rows.length; i += 2 ** contents.order)
          if (contents.rows[i] >= 0) world.allocator.free(contents.rows[i], contents.order, 0);
        world.forget(contents);
      }
      world.allocator.drainAllPages(-1);
      world.check();
      const zones = world.kernel.get(Core.Zones).all;
      const free = zones.reduce((sum, z) => sum + world.allocator.freePages(z.index), 0);
      if (free !== world.managed) throw new Error(`${free} of ${world.managed} pages free after all came back`);
      // Nothing is pinned or away from home any more: the largest blocks are whole again.
      for (const zone of zones) {
        const largest = world.lists.freeBlocks(zone.index, Math.log2(world.most));
        if (zone.populated && largest !== Math.floor(zone.managedPages / world.most))
          throw new Error('the largest blocks did not merge again');
      }
    }),
    { numRuns: runs, seed, endOnFailure: true },
  );
}
