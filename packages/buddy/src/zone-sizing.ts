/**
 * ZoneSizing: changes of present and managed pages at run time, and the recomputations that the kernel makes after them.
 *
 * Models: mm/page_alloc.c adjust_managed_page_count(), init_per_zone_wmark_min(), build_all_zonelists(), zone_pcp_reset();
 * mm/memory_hotplug.c adjust_present_page_count(), 6.1 and 6.12.
 */
import { MIGRATE_TYPES, type KernelLog, type Machine, type VirtualClock, type ZoneSizing } from '@replug/core';
import type { MemoryTuning } from './sizing/index.ts';
import { applyTuning } from './zone-tuning.ts';

export interface SizingParts {
  readonly machine: Machine;
  readonly tuning: MemoryTuning;
  readonly log: KernelLog;
  readonly clock: VirtualClock;
  /** The allocator takes over what was computed. */
  readonly refreshMarks: () => void;
  /** The allocator takes over the node orders. */
  readonly refreshZonelists: () => void;
}

export class BuddyZoneSizing implements ZoneSizing {
  private readonly parts: SizingParts;

  constructor(parts: SizingParts) {
    this.parts = parts;
  }

  adjustManaged(zone: number, pages: number): void {
    const { machine, tuning } = this.parts;
    machine.zones.all[zone].managedPages += pages;
    tuning.adjustManaged(zone, pages);
  }

  adjustPresent(zone: number, pages: number): void {
    const { machine, tuning } = this.parts;
    const one = machine.zones.all[zone];
    one.presentPages += pages;
    tuning.adjustPresent(zone, pages);
    this.apply();
  }

  recompute(): void {
    this.parts.tuning.recompute();
    this.apply();
  }

  resetPagesets(zone: number): void {
    this.parts.tuning.resetPagesets(zone);
    this.apply();
  }

  refreshPagesets(zone: number): void {
    this.parts.tuning.offlineAttempted(zone);
    this.apply();
  }

  rebuildZonelists(): void {
    const { machine, log, clock, refreshZonelists } = this.parts;
    const { zones } = machine;
    machine.rebuildZonelists(new Set(zones.nodes.filter((n) => n.cpus.length > 0).map((n) => n.nid)));
    refreshZonelists();
    const online = zones.nodes.filter((n) => n.online).length;
    const total = zones.all.reduce(
      (sum, z) => sum + Math.max(0, z.managedPages - z.watermark.high - z.watermarkBoost),
      0,
    );
    const grouping =
      total < 2 ** machine.description.arch.pageblockOrder * (MIGRATE_TYPES - (machine.description.cma ? 0 : 1))
        ? 'off'
        : 'on';
    clock.charge('zonelistRebuild', online);
    log.info(`Built ${online} zonelists, mobility grouping ${grouping}.  Total pages: ${total}`);
  }

  private apply(): void {
    const { machine, tuning, refreshMarks } = this.parts;
    machine.zones.all.forEach((zone, i) => (tuning.zones[i].spanned = zone.spannedPages));
    applyTuning(machine, tuning);
    refreshMarks();
  }
}
