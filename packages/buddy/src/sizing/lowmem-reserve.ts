/**
 * The `protection` array of a zone, and the pages that are reserved in total.
 *
 * Models: mm/page_alloc.c setup_per_zone_lowmem_reserve(), calculate_totalreserve_pages(), 6.1 and 6.12 (no difference).
 */
import type { SizingZone, SizingZoneKind, ZoneMarks } from './sizing-zone.ts';

/** vm.lowmem_reserve_ratio by kind; the last configured kind is never asked. */
export const LOWMEM_RESERVE_RATIO_DEFAULT: Readonly<Record<SizingZoneKind, number>> = {
  DMA: 256,
  DMA32: 256,
  Normal: 32,
  HighMem: 0,
  Movable: 0,
  Device: 0,
};

/**
 * lowmem_reserve[j] of each zone of ONE node: what an allocation that could use zone j must leave free in zone i.
 * `zones` are the node's zones low → high, `ratios[i]` belongs to zone i (0 switches protection off). Pages.
 */
export function lowmemReserve(zones: readonly Pick<SizingZone, 'managed'>[], ratios: readonly number[]): number[][] {
  return zones.map((zone, i) => {
    const reserve = new Array<number>(zones.length).fill(0);
    const ratio = ratios[i] ?? 0;
    let above = 0;
    // The loop of the kernel ends before the last zone, whose row has nothing above anyway.
    for (let j = i + 1; j < zones.length; j++) {
      above += zones[j].managed;
      if (ratio >= 1 && zone.managed > 0) reserve[j] = Math.floor(above / ratio);
    }
    return reserve;
  });
}

/** totalreserve_pages: Σ over zones of min(managed, largest reserve + high mark with boost). Pages. */
export function totalreservePages(
  zones: readonly SizingZone[],
  marks: readonly ZoneMarks[],
  reserves: readonly (readonly number[])[],
  boosts: readonly number[] = [],
): number {
  return zones.reduce(
    (sum, z, i) => sum + Math.min(z.managed, Math.max(0, ...reserves[i]) + marks[i].high + (boosts[i] ?? 0)),
    0,
  );
}
