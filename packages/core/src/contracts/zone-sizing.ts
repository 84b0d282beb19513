/**
 * The one place where a zone's present and managed pages change at run time. Changing them recomputes marks, reserves and
 * per-CPU list sizes exactly when the kernel does: a block going online or offline does, a balloon or virtio-mem does not.
 *
 * Zones are indices into Zones.all.
 * Models: mm/memory_hotplug.c adjust_present_page_count(), mm/page_alloc.c adjust_managed_page_count(),
 * init_per_zone_wmark_min(), zone_pcp_update(), zone_pcp_reset(), 6.1 and 6.12.
 */
import { token } from '../host/token.ts';

export interface ZoneSizing {
  /** Pages enter (+) or leave (−) the allocator: boot memory given back, virtio-mem, dnuma. Recomputes nothing. */
  adjustManaged(zone: number, pages: number): void;
  /** Pages of a zone appear (+) or go (−). Recomputes nothing but what a zone that gets its first pages needs (its pagesets). */
  adjustPresent(zone: number, pages: number): void;
  /** online_pages() or offline_pages() has changed the counters: min_free_kbytes, marks, reserves, thresholds, per-CPU sizes. */
  recompute(): void;
  /** A zone lost its last present page: its lists fall back to boot sizes. After `recompute()`. */
  resetPagesets(zone: number): void;
  /** zone_pcp_enable() at the end of an attempt to offline, even a failed one: wanted sizes are written to all lists. */
  refreshPagesets(zone: number): void;
  /**
   * build_all_zonelists(): node orders and zonelists follow the zones that have managed pages; mobility grouping is decided
   * anew. Logs "Built %u zonelists, mobility grouping %s.  Total pages: %ld" and charges one rebuild.
   */
  rebuildZonelists(): void;
}

export const ZoneSizing = token<ZoneSizing>()('core.ZoneSizing', { provider: 'buddy() from @replug/buddy' });
