/** What the steps of hotplug share: the machine, the allocator's contracts, the chain, settings, and counts. */
import {
  MEM,
  memoryNotify,
  memoryNotifyOf,
  type ContiguousRanges,
  type KernelLog,
  type Machine,
  type MemoryAction,
  type MemoryBlock,
  type MemoryNotifiers,
  type MemoryNotify,
  type NotifyOutcome,
  type PageAllocator,
  type PageMigrator,
  type VirtualClock,
  type Zone,
  type ZoneSizing,
} from '@replug/core';
import { Memmap } from './memmap.ts';
import { MemoryGroups } from './memory-groups.ts';
import type { HotplugSettings } from './options.ts';
import { ZoneChoice } from './zone-choice.ts';

export interface HotplugDeps {
  readonly machine: Machine;
  readonly allocator: PageAllocator;
  readonly ranges: ContiguousRanges;
  readonly migrator: PageMigrator;
  readonly sizing: ZoneSizing;
  readonly notifiers: MemoryNotifiers;
  readonly clock: VirtualClock;
  readonly log: KernelLog;
}

export class HotplugContext {
  readonly deps: HotplugDeps;
  readonly settings: HotplugSettings;
  readonly groups: MemoryGroups;
  readonly choice: ZoneChoice;
  readonly memmap: Memmap;
  readonly counts = {
    added: 0,
    removed: 0,
    onlined: 0,
    onlineRefused: 0,
    offlined: 0,
    offlineRefused: 0,
    /** Of those refused: would have been tried again until a signal came. */
    retrying: 0,
    /** Adding refused because the page map has no rows left (sparePages). */
    outOfRows: 0,
    migrated: 0,
  };
  private depth = 0;
  private recomputeDue = false;
  private rebuildDue = false;

  constructor(deps: HotplugDeps, settings: HotplugSettings) {
    this.deps = deps;
    this.settings = settings;
    this.groups = new MemoryGroups(deps.machine);
    this.choice = new ZoneChoice(deps.machine, settings, this.groups);
    this.memmap = new Memmap(deps.machine, deps.allocator);
  }

  /** An operation on several blocks: with `batchUpdates` what is recomputed is recomputed once, at its end. */
  batch<T>(work: () => T): T {
    if (!this.settings.batchUpdates) return work();
    this.depth++;
    try {
      return work();
    } finally {
      if (--this.depth === 0) {
        if (this.recomputeDue) this.deps.sizing.recompute();
        if (this.rebuildDue) this.deps.sizing.rebuildZonelists();
        this.recomputeDue = this.rebuildDue = false;
      }
    }
  }

  /** init_per_zone_wmark_min(). */
  recompute(): void {
    if (this.depth > 0) this.recomputeDue = true;
    else this.deps.sizing.recompute();
  }

  rebuildZonelists(): void {
    if (this.depth > 0) this.rebuildDue = true;
    else this.deps.sizing.rebuildZonelists();
  }

  notify(action: MemoryAction, payload: MemoryNotify): NotifyOutcome {
    const { notifiers, clock } = this.deps;
    const outcome = memoryNotify(notifiers, action, payload);
    if (outcome.calls > 0) clock.charge('notifierCall', outcome.calls);
    return outcome;
  }

  /** Tells a block's owner that its altmap comes or goes; 6.1 has no such actions. */
  notifyAltmap(action: typeof MEM.PREPARE_ONLINE | typeof MEM.FINISH_OFFLINE, block: MemoryBlock): NotifyOutcome {
    const { startPfn, pages, altmapPages } = block;
    const payload = memoryNotifyOf(startPfn + altmapPages, pages - altmapPages, {
      altmapStartPfn: altmapPages > 0 ? startPfn : 0,
      altmapNrPages: altmapPages,
    });
    if (this.deps.machine.description.profile === '6.1') return { result: 0, calls: 0, errno: 0, stopped: false };
    return this.notify(action, payload);
  }

  /** Present pages of a zone and of a block's group change together. */
  adjustPresent(zone: Zone, block: MemoryBlock, pages: number): void {
    if (block.early) zone.presentEarlyPages += pages;
    this.deps.sizing.adjustPresent(zone.index, pages);
    const group = this.groups.get(block.groupId);
    if (group === undefined) return;
    if (zone.kind.movableOnly) group.presentMovablePages += pages;
    else group.presentKernelPages += pages;
  }

  /** All columns of a block's pages become what they are before anything happened to them; the zone is left before. */
  wipe(block: MemoryBlock): void {
    for (const nr of this.sectionsOf(block)) {
      this.deps.machine.pages.removeSection(nr);
      this.deps.machine.pages.addSection(nr);
    }
  }

  /** Numbers of a block's sections. */
  sectionsOf({ startPfn, pages }: Pick<MemoryBlock, 'startPfn' | 'pages'>): number[] {
    const per = 2 ** this.deps.machine.pages.sectionShift;
    return Array.from({ length: pages / per }, (_, i) => startPfn / per + i);
  }
}
