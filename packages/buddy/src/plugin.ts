/** The buddy allocator as a subsystem. */
import {
  AllocatorPreview,
  Core,
  defineSubsystem,
  FreedPageZone,
  GrowZone,
  PageAllocator,
  ZoneFreeLists,
  ZoneSizing,
} from '@replug/core';
import { BuddyAllocator } from './allocator.ts';
import { releaseBootMemory } from './boot.ts';
import { FreeArea } from './free-area.ts';
import { hashOwners } from './hash-owners.ts';
import { publishMetrics } from './metrics.ts';
import { PcpLists } from './pcp-lists.ts';
import { BuddyPreview } from './preview.ts';
import { Rmqueue } from './rmqueue.ts';
import { BuddyZoneSizing } from './zone-sizing.ts';
import { validate } from './validate.ts';
import { ZoneVerbs } from './verbs.ts';
import { publishViews } from './views/index.ts';
import { applyTuning, publishSysctls, tuningOf } from './zone-tuning.ts';

export interface BuddyOptions {
  /**
   * What the allocator owns when the kernel boots: `boot-memory` all memory that is not reserved; `nothing` – a recorded
   * baseline is placed by zone-level verbs.
   */
  readonly start: 'boot-memory' | 'nothing';
}

/** vm.stat_interval: how often a CPU folds its counters and lets idle lists shrink. 1 s, ns. */
const STAT_INTERVAL = 1e9;

const DEFAULTS: BuddyOptions = { start: 'boot-memory' };

/**
 * A page allocator that behaves as the kernel's: free lists, per-CPU lists, watermarks, fallback.
 * Provides PageAllocator and ZoneFreeLists; publishes /proc/{buddyinfo,pagetypeinfo,zoneinfo}, the extfrag files and the
 * vm sysctls that size zones.
 */
export const buddy = (options: Partial<BuddyOptions> = {}) =>
  defineSubsystem({
    id: 'buddy',
    needs: { machine: Core.Machine, tracepoints: Core.Tracepoints, clock: Core.Clock, log: Core.Log },
    provides: { allocator: PageAllocator, zoneLists: ZoneFreeLists, preview: AllocatorPreview, sizing: ZoneSizing },
    create: ({ machine, tracepoints, clock, log }, scope) => {
      const { start } = { ...DEFAULTS, ...options };
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
      publishViews(scope, sources);
      publishMetrics(scope, sources);
      publishSysctls(scope, tuning, () => {
        applyTuning(machine, tuning);
        allocator.refreshMarks();
      });
      scope.invariant('free lists and per-CPU lists', () => validate(sources));
      scope.hash('state', (hasher) => area.hashLists(hasher, pages, pcp));
      scope.hash('contract', (hasher) => hashOwners(hasher, pages, area));
      scope.onSeal(() => allocator.bindSlots(scope.useSlot(FreedPageZone), scope.useSlot(GrowZone)));
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
        zoneLists: new ZoneVerbs(pages, area, pcp, allocator),
        preview: new BuddyPreview(machine, area, pcp, rmqueue),
        sizing,
      };
    },
  });
