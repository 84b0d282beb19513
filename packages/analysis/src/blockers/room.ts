/**
 * Room for the pages of a block elsewhere: free pages of the zones that migration may use, above the min mark and the
 * reserve against requests of the source's kind, and what direct reclaim could add before the kernel gives up a try.
 *
 * Pages leave for other nodes while another one has memory, else for their own. What comes from ZONE_MOVABLE may go to any
 * zone, what comes from another zone to all but ZONE_MOVABLE. Reclaim is the page cache of those zones, and anonymous pages
 * as far as swap has room.
 *
 * Models: mm/memory_hotplug.c do_migrate_range(), mm/migrate.c alloc_migration_target(), 6.1 and 6.12.
 */
import { ZONE_KINDS } from '@replug/core';
import type { Step, ZoneinfoZone } from '@replug/workload';

export interface Room {
  readonly free: number;
  readonly reclaimable: number;
}

const isMovable = (zone: string): boolean => zone === ZONE_KINDS.Movable.name;
/** Zones that no request for migration is served from. */
const NEVER: ReadonlySet<string> = new Set(['Device', 'HighMem']);

/**
 * @param freeInside free pages of the block itself, which are isolated first
 * @param swapFree pages
 */
export function roomFor(
  zones: readonly ZoneinfoZone[],
  source: { readonly zone: string; readonly node: number },
  freeInside: number,
  swapFree: number,
): Room {
  const withMemory = new Set(zones.filter(({ present }) => present > 0).map(({ node }) => node));
  const others = [...withMemory].some((node) => node !== source.node);
  let free = 0;
  let reclaimable = 0;
  for (const zone of zones) {
    const own = zone.node === source.node;
    if (zone.present === 0 || NEVER.has(zone.name) || own === others) continue;
    if (isMovable(zone.name) && !isMovable(source.zone)) continue;
    const onCpus = zone.pagesets.reduce((sum, { count }) => sum + count, 0);
    const inside = own && zone.name === source.zone ? freeInside : 0;
    free += Math.max(0, zone.free + onCpus - inside - zone.min - reserveOf(zones, zone, source.zone));
    const { nr_zone_active_file: active = 0, nr_zone_inactive_file: inactive = 0 } = zone.stats;
    reclaimable += active + inactive;
    const { nr_zone_active_anon: anon = 0, nr_zone_inactive_anon: inactiveAnon = 0 } = zone.stats;
    reclaimable += Math.min(swapFree, anon + inactiveAnon);
  }
  return { free, reclaimable };
}

/** Pages that the zone keeps from requests which could have been served by higher zones. */
function reserveOf(zones: readonly ZoneinfoZone[], zone: ZoneinfoZone, source: string): number {
  // protection[] is by the kernel's own zone indices: the zones of a node in the order of zoneinfo.
  const kinds = zones.filter(({ node }) => node === zone.node).map(({ name }) => name);
  const request = kinds.indexOf(isMovable(source) ? 'Movable' : 'Normal');
  return request < 0 ? 0 : (zone.protection[request] ?? 0);
}

/** Free swap in pages; 0 where nothing tells. */
export function swapFreeOf(step: Step, pageSize: number): number {
  return Math.floor(((step.meminfo?.SwapFree ?? 0) * 1024) / pageSize);
}
