/**
 * The state behind the formulas: when each quantity is recomputed, and from what it finds at that moment.
 *
 * Nothing here follows `managed` by itself. Memory given back after boot, or taken and returned by virtio-mem, only changes
 * the page counts (`adjustManaged`); marks, list sizes and reserves stay what they were until one of these happens:
 *
 *   boot, block online/offline       all of it: min_free_kbytes, marks, thresholds, reserves, then khugepaged's second pass
 *   write min_free_kbytes, watermark_scale_factor, khugepaged on/off      marks (boost := 0), list sizes
 *   write percpu_pagelist_high_fraction (a different value), CPU up/down  list sizes of populated zones
 *   any access to lowmem_reserve_ratio, a read too                        reserves
 *
 * Models: mm/page_alloc.c init_per_zone_wmark_min(), setup_per_zone_wmarks(), the sysctl handlers, page_alloc_cpu_online();
 * mm/memory_hotplug.c online_pages(), offline_pages(); mm/khugepaged.c start_stop_khugepaged(); 6.1 and 6.12.
 * Left out: totalreserve_pages is computed when asked (`totalreserve`), not kept.
 */
import { lowmemReserve, totalreservePages } from './lowmem-reserve.ts';
import { calculateMinFreeKbytes, freeBufferPages, recommendedMinFreeKbytes } from './min-free-kbytes.ts';
import {
  BOOT_PAGESET,
  MIN_HIGH_FRACTION,
  pagesetSize,
  percpuDriftMark,
  splitCpus,
  statThreshold,
} from './pageset-sizing.ts';
import { SIZING_PROFILES, type SizingProfile, type SizingProfileId, type SizingZone } from './sizing-zone.ts';
import { defaultSysctls, untuned, type SizingSysctl, type SizingSysctls, type TunedZone } from './tuned-zone.ts';
import { setupZoneMarks } from './watermarks.ts';

/** Below this much memory the huge page code leaves itself switched off at boot. Bytes. */
export const THP_LEAST_RAM = 512 * 2 ** 20;

/**
 * PMD-sized huge pages: `absent` not built in or not offered by the MMU; `never` switched off on the command line (the code
 * still starts and redoes the default); `enabled` always or madvise.
 */
export type ThpMode = 'absent' | 'never' | 'enabled';

export interface TuningOptions {
  readonly profile: SizingProfileId;
  readonly pageShift: number;
  readonly pageblockPages: number;
  /** Node by node, low → high, every configured kind of every node. */
  readonly zones: readonly SizingZone[];
  /** Online CPUs with their nodes (node 0 without NUMA). */
  readonly cpus: readonly { readonly cpu: number; readonly nid: number }[];
  readonly thp: ThpMode;
}

export class MemoryTuning {
  readonly zones: TunedZone[];
  readonly sysctl: SizingSysctls;
  /** The last value written to min_free_kbytes; −1: none. */
  userMinFreeKbytes = -1;
  /** khugepaged runs: block online/offline take its second pass. */
  khugepaged = false;
  readonly #profile: SizingProfile;
  readonly #options: TuningOptions;
  readonly #cpus = new Map<number, number>();

  constructor(options: TuningOptions) {
    this.#options = options;
    this.#profile = SIZING_PROFILES[options.profile];
    this.zones = options.zones.map(untuned);
    for (const { cpu, nid } of options.cpus) this.#cpus.set(cpu, nid);
    this.sysctl = defaultSysctls(this.zones);
  }

  /** From the first pagesets to khugepaged. `managed` must be that of this moment: before initrd and init memory return. */
  boot(): void {
    for (const zone of this.zones) if (zone.present > 0) this.#setupPagesets(zone);
    this.#initMarks();
    const ram = this.zones.reduce((sum, z) => sum + z.managed, 0) * 2 ** this.#options.pageShift;
    if (this.#options.thp === 'enabled' && ram >= THP_LEAST_RAM) this.switchKhugepaged(true);
    else if (this.#options.thp === 'never' && ram >= THP_LEAST_RAM) this.switchKhugepaged(false);
  }

  /** Huge pages were enabled or disabled (`transparent_hugepage/enabled`). */
  switchKhugepaged(on: boolean): void {
    this.khugepaged = on;
    this.#recommend();
  }

  /** Pages enter or leave the allocator without any recomputation: memory freed after boot, virtio-mem, ballooning. */
  adjustManaged(index: number, pages: number): void {
    this.zones[index].managed += pages;
  }

  /** Pages that appear or go; a zone that gets its first ones gets its lists. No other recomputation. */
  adjustPresent(index: number, pages: number): void {
    const zone = this.zones[index];
    if (zone.present === 0 && pages > 0) this.#setupPagesets(zone);
    zone.present += pages;
  }

  /** init_per_zone_wmark_min() and khugepaged's pass after it: what a block going online or offline redoes. */
  recompute(): void {
    this.#initMarks();
  }

  /** zone_pcp_reset(): a zone without pages has the lists that it had at boot. */
  resetPagesets(index: number): void {
    this.zones[index].pageset = BOOT_PAGESET;
  }

  /** A node appears with (empty) zones; nodes stay in ascending order. Returns the index of its first zone. */
  addNode(zones: readonly SizingZone[]): number {
    const at = this.zones.findIndex((z) => z.nid > zones[0].nid);
    const index = at < 0 ? this.zones.length : at;
    this.zones.splice(index, 0, ...zones.map(untuned));
    return index;
  }

  /** online_pages() succeeded: `present` pages of a block joined a zone, `managed` of them the allocator (fewer: virtio-mem). */
  blockOnlined(index: number, present: number, managed = present): void {
    const zone = this.zones[index];
    if (zone.present === 0) this.#setupPagesets(zone);
    zone.present += present;
    zone.spanned = Math.max(zone.spanned, zone.present);
    zone.managed += managed;
    this.#initMarks();
  }

  /** A node and its zones are gone (its last block was removed). No recomputation. */
  removeNode(nid: number): void {
    for (let i = this.zones.length - 1; i >= 0; i--) if (this.zones[i].nid === nid) this.zones.splice(i, 1);
  }

  /** offline_pages() succeeded: `present` pages left a zone, `managed` of them the allocator. */
  blockOfflined(index: number, present: number, managed = present): void {
    const zone = this.zones[index];
    this.offlineAttempted(index);
    zone.managed -= managed;
    zone.present -= present;
    this.#initMarks();
    if (zone.present === 0) zone.pageset = BOOT_PAGESET;
  }

  /** zone_pcp_disable() and _enable(): an offline attempt, even a failed one, writes the wanted sizes to all lists. */
  offlineAttempted(index: number): void {
    const zone = this.zones[index];
    if (zone.present > 0) zone.pageset = zone.pagesetWanted;
  }

  /**
   * A value is written. Returns false where the kernel answers −EINVAL and keeps the old one.
   * `lowmem_reserve_ratio` takes as many values as given and keeps the rest.
   */
  writeSysctl(name: SizingSysctl, value: number | readonly number[]): boolean {
    if (name === 'lowmem_reserve_ratio') return this.#writeRatios(typeof value === 'number' ? [value] : value);
    const number = typeof value === 'number' ? value : value[0];
    if (!Number.isInteger(number) || number < 0) return false;
    switch (name) {
      case 'min_free_kbytes':
        this.sysctl.min_free_kbytes = number;
        this.userMinFreeKbytes = number;
        this.#setupMarks();
        return true;
      case 'watermark_scale_factor':
        if (number < 1 || number > 3000) return false;
        this.sysctl.watermark_scale_factor = number;
        this.#setupMarks();
        return true;
      case 'watermark_boost_factor':
        this.sysctl.watermark_boost_factor = number;
        return true;
      case 'percpu_pagelist_high_fraction': {
        if (number > 0 && number < MIN_HIGH_FRACTION) return false;
        const changed = number !== this.sysctl.percpu_pagelist_high_fraction;
        this.sysctl.percpu_pagelist_high_fraction = number;
        if (changed) this.#updatePopulated(false);
        return true;
      }
    }
  }

  /** A value is read. Reading lowmem_reserve_ratio recomputes the reserves, as in the kernel. */
  readSysctl<K extends SizingSysctl>(name: K): SizingSysctls[K] {
    if (name === 'lowmem_reserve_ratio') this.#setupReserves();
    return this.sysctl[name];
  }

  /** A CPU comes up: lists are sized before it counts among the online ones, thresholds after. */
  cpuOnline(cpu: number, nid: number): void {
    this.#updatePopulated(true);
    this.#cpus.set(cpu, nid);
    this.#refreshThresholds();
  }

  cpuOffline(cpu: number): void {
    this.#cpus.delete(cpu);
    this.#updatePopulated(false);
    this.#refreshThresholds();
  }

  /** totalreserve_pages. */
  get totalreserve(): number {
    const { zones } = this;
    return totalreservePages(
      zones,
      zones.map((z) => z.marks),
      zones.map((z) => z.reserve),
      zones.map((z) => z.boost),
    );
  }

  /** nr_free_buffer_pages() now. */
  get freeBufferPages(): number {
    return freeBufferPages(
      this.zones,
      this.zones.map((z) => z.marks.high + z.boost),
    );
  }

  #initMarks(): void {
    const { pageShift } = this.#options;
    this.sysctl.min_free_kbytes = calculateMinFreeKbytes(
      this.freeBufferPages,
      pageShift,
      this.sysctl.min_free_kbytes,
      this.userMinFreeKbytes,
    );
    this.#setupMarks();
    this.#refreshThresholds();
    this.#setupReserves();
    if (this.khugepaged) this.#recommend();
  }

  #recommend(): void {
    const { pageShift, pageblockPages } = this.#options;
    const bufferPages = this.freeBufferPages;
    const current = this.sysctl.min_free_kbytes;
    this.sysctl.min_free_kbytes = this.khugepaged
      ? Math.max(current, recommendedMinFreeKbytes(this.zones, bufferPages, pageblockPages, pageShift))
      : calculateMinFreeKbytes(bufferPages, pageShift, current, this.userMinFreeKbytes);
    this.#setupMarks();
  }

  #setupMarks(): void {
    const marks = setupZoneMarks(this.zones, {
      minFreeKbytes: this.sysctl.min_free_kbytes,
      watermarkScaleFactor: this.sysctl.watermark_scale_factor,
      pageShift: this.#options.pageShift,
      profile: this.#profile,
    });
    this.zones.forEach((zone, i) => {
      zone.marks = marks[i];
      zone.boost = 0;
    });
    for (const zone of this.zones) this.#updatePagesets(zone, false);
  }

  #updatePopulated(comingUp: boolean): void {
    for (const zone of this.zones) if (zone.present > 0) this.#updatePagesets(zone, comingUp);
  }

  #setupPagesets(zone: TunedZone): void {
    zone.pageset = BOOT_PAGESET;
    this.#updatePagesets(zone, false, true);
  }

  /** A zone without pages shares the boot lists, so it only remembers what it wants. */
  #updatePagesets(zone: TunedZone, comingUp: boolean, hasLists = zone.present > 0): void {
    const nodeCpus = [...this.#cpus.values()].filter((nid) => nid === zone.nid).length;
    const size = pagesetSize({
      managed: zone.managed,
      low: zone.marks.low + zone.boost,
      pageShift: this.#options.pageShift,
      cpus: splitCpus(nodeCpus, this.#cpus.size, comingUp),
      highFraction: this.sysctl.percpu_pagelist_high_fraction,
      profile: this.#profile,
    });
    const old = zone.pagesetWanted;
    if (size.batch === old.batch && size.highMin === old.highMin && size.highMax === old.highMax) return;
    zone.pagesetWanted = size;
    if (hasLists) zone.pageset = size;
  }

  #refreshThresholds(): void {
    const cpus = this.#cpus.size;
    for (const zone of this.zones) {
      if (zone.present === 0) continue;
      zone.statThreshold = statThreshold(zone.managed, cpus, this.#options.pageShift);
      zone.driftMark = percpuDriftMark(zone.marks, zone.boost, zone.statThreshold, cpus) || zone.driftMark;
    }
  }

  #setupReserves(): void {
    for (const nid of new Set(this.zones.map((z) => z.nid))) {
      const own = this.zones.filter((z) => z.nid === nid);
      const reserves = lowmemReserve(own, this.sysctl.lowmem_reserve_ratio);
      own.forEach((zone, i) => (zone.reserve = reserves[i]));
    }
  }

  #writeRatios(values: readonly number[]): boolean {
    const valid = values.every(Number.isInteger);
    if (valid) {
      this.sysctl.lowmem_reserve_ratio = this.sysctl.lowmem_reserve_ratio.map((old, i) => {
        const value = values[i] ?? old;
        return value < 1 ? 0 : value;
      });
    }
    this.#setupReserves();
    return valid;
  }
}
