/** The buddy allocator as a subsystem. */
import {
  AllocatorPreview,
  Compaction,
  ContiguousRanges,
  Core,
  defineSubsystem,
  FreedPageZone,
  GrowZone,
  MIGRATE,
  OnlinePage,
  PageAllocator,
  PageMigrator,
  Reclaimer,
  ZoneFreeLists,
  ZoneSizing,
} from '@replug/core';
import { BuddyAllocator } from './allocator.ts';
import { Blocks } from './blocks.ts';
import { releaseBootMemory } from './boot.ts';
import { ContigMigration } from './contig-migrate.ts';
import { BuddyContiguousRanges } from './contig-range.ts';
import { BuddyCompaction, compactForRequest, ProactiveCompaction, publishCompaction } from './compaction/index.ts';
import { FreeArea } from './free-area.ts';
import { hashOwners } from './hash-owners.ts';
import { PageIdentity } from './identity.ts';
import { Isolation } from './isolation.ts';
import { publishMetrics } from './metrics.ts';
import { BlockMover } from './migrate.ts';
import { BuddyMigrator } from './migrator.ts';
import { PcpLists } from './pcp-lists.ts';
import { BuddyPreview } from './preview.ts';
import { BuddyReclaimer, PageDropper } from './reclaimer.ts';
import { Rmqueue } from './rmqueue.ts';
import { BuddyZoneSizing } from './zone-sizing.ts';
import { validate, validateMoved } from './validate.ts';
import { ZoneVerbs } from './verbs.ts';
import { publishViews } from './views/index.ts';
import { applyTuning, publishSysctls, tuningOf } from './zone-tuning.ts';

export interface BuddyOptions {
  /**
   * What the allocator owns when the kernel boots: `boot-memory` all memory that is not reserved; `nothing` – a recorded
   * baseline is placed by zone-level verbs.
   */
  readonly start: 'boot-memory' | 'nothing';
  /**
   * A request that may wait compacts before it fails, and nodes are compacted ahead of need. Default false: compaction runs
   * when it is asked for (compact_memory, the Compaction contract).
   */
  readonly compaction: boolean;
  /**
   * A request that may wait drops page cache before it fails. Default false: a replay of what a kernel did must not free by
   * itself.
   */
  readonly reclaim: boolean;
}

/** vm.stat_interval: how often a CPU folds its counters and lets idle lists shrink. 1 s, ns. */
const STAT_INTERVAL = 1e9;

const DEFAULTS: BuddyOptions = { start: 'boot-memory', compaction: false, reclaim: false };

/**
 * A page allocator that behaves as the kernel's: free lists, per-CPU lists, watermarks, fallback.
 * Provides PageAllocator and ZoneFreeLists, and on top of them Compaction, PageMigrator, ContiguousRanges and Reclaimer;
 * publishes /proc/{buddyinfo,pagetypeinfo,zoneinfo}, the extfrag files and the vm sysctls that size zones.
 */
export const buddy = (options: Partial<BuddyOptions> = {}) =>
  defineSubsystem({
    id: 'buddy',
    needs: { machine: Core.Machine, tracepoints: Core.Tracepoints, clock: Core.Clock, log: Core.Log },
    provides: {
      allocator: PageAllocator,
      zoneLists: ZoneFreeLists,
      preview: AllocatorPreview,
      sizing: ZoneSizing,
      compaction: Compaction,
      migrator: PageMigrator,
      ranges: ContiguousRanges,
      reclaimer: Reclaimer,
    },
    create: ({ machine, tracepoints, clock, log }, scope) => {
      const { start, compaction: compacts, reclaim } = { ...DEFAULTS, ...options };
      const { pages, zones, description } = machine;
      const area = new FreeArea(machine, { retypeOnMerge: description.profile === '6.12' });
      const pcp = new PcpLists(machine);
      const rmqueue = new Rmqueue(machine, area, tracepoints, description.profile, (zone) =>
        allocator.refreshZoneMarks(zone),
      );
      const allocator = new BuddyAllocator(machine, tracepoints, area, pcp, rmqueue);
      const sources = { machine, zones, pages, area, pcp };
      const tuning = tuningOf(machine);
      const sizing = new BuddyZoneSizing({
        machine,
        tuning,
        log,
        clock,
        refreshMarks: () => allocator.refreshMarks(),
        refreshZonelists: () => allocator.refreshZonelists(),
      });
      allocator.useSizing(sizing);
      const blocks = new Blocks(pages, area);
      const identity = new PageIdentity(pages, () => allocator.watchFrees());
      allocator.useIdentity(identity);
      const mover = new BlockMover(pages, identity);
      const isolation = new Isolation(machine, area, blocks, tracepoints);
      const moving = { machine, area, allocator, blocks, identity, mover, tracepoints, clock };
      const migrator = new BuddyMigrator(moving);
      const dropper = new PageDropper(moving);
      const reclaimer = new BuddyReclaimer(moving, dropper);
      if (reclaim) allocator.useReclaim((list, order, gfp) => reclaimer.forRequest(list, order, gfp));
      const migration = new ContigMigration(machine, blocks, migrator, dropper, tracepoints);
      isolation.useMigration((head, order) => {
        const start = pages.rowToPfn(head);
        return migration.empty(start, start + 2 ** order, MIGRATE.MOVABLE, 0);
      });
      const ranges = new BuddyContiguousRanges({ ...moving, isolation, migrator, migration, sizing });
      const compaction = new BuddyCompaction({
        machine,
        area,
        allocator,
        tracepoints,
        moveContents: (source, order, target, cpu) => {
          mover.moveBlock(source, target, order);
          allocator.free(source, order, cpu);
        },
        isPinned: (row, count) => identity.isPinned(row, count),
        markOk: (zone, order, mark, highest, flags) => allocator.markOk(zone, order, mark, highest, flags),
      });
      if (compacts) allocator.useCompaction(compactForRequest(pages, compaction));
      publishCompaction(scope, machine, compaction);
      publishViews(scope, sources);
      publishMetrics(scope, sources);
      publishSysctls(scope, tuning, () => {
        applyTuning(machine, tuning);
        allocator.refreshMarks();
      });
      scope.invariant('free lists and per-CPU lists', () => [...validate(sources), ...validateMoved(pages, identity)]);
      scope.hash('state', (hasher) => {
        area.hashLists(hasher, pages, pcp);
        reclaimer.hash(hasher);
      });
      scope.hash('contract', (hasher) => hashOwners(hasher, pages, area, identity));
      scope.onSeal(() => {
        allocator.bindSlots(scope.useSlot(FreedPageZone), scope.useSlot(GrowZone));
        ranges.bindSlot(scope.useSlot(OnlinePage));
      });
      scope.onBoot(() => {
        if (start === 'boot-memory') releaseBootMemory(machine, area);
        tuning.boot();
        for (const [name, value] of Object.entries(description.sysctl)) {
          const file = name.replace(/^vm[./]/, '');
          if (file in tuning.sysctl)
            tuning.writeSysctl(file as 'min_free_kbytes', value.trim().split(/\s+/).map(Number));
        }
        applyTuning(machine, tuning);
        allocator.refresh();
        if (compacts) new ProactiveCompaction(machine, area, compaction).start(clock);
        const tick = (): void => {
          allocator.decay();
          clock.at(clock.now + STAT_INTERVAL, tick);
        };
        clock.at(clock.now + STAT_INTERVAL, tick);
      });
      scope.onDispose(() => {
        for (const name of pages.columnNames()) if (name.startsWith('buddy.')) pages.dropExtra(name);
      });
      return {
        allocator,
        zoneLists: new ZoneVerbs(pages, area, pcp, allocator, identity),
        preview: new BuddyPreview(machine, area, pcp, rmqueue),
        sizing,
        compaction,
        migrator,
        ranges,
        reclaimer,
      };
    },
  });
