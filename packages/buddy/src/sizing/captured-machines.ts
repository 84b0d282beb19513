/** Zones of real machines, for the specs of this folder. All numbers are those of the named capture's zoneinfo. */
import type { SizingZone, SizingZoneKind } from './sizing-zone.ts';

type Row = readonly [nid: number, kind: SizingZoneKind, managed: number, present?: number];

export const zonesOf = (...rows: readonly Row[]): SizingZone[] =>
  rows.map(([nid, kind, managed, present = managed]) => ({ nid, kind, managed, present, spanned: present }));

/** x86_64-6.12-exact-anonhog: 2 nodes of 384 MiB, 2 CPUs. */
export const ANONHOG = zonesOf(
  [0, 'DMA', 3840, 3998],
  [0, 'DMA32', 83006, 94208],
  ...([
    [0, 'Normal', 0],
    [0, 'Movable', 0],
    [0, 'Device', 0],
    [1, 'DMA', 0],
  ] as const),
  [1, 'DMA32', 96609, 98269],
  ...([
    [1, 'Normal', 0],
    [1, 'Movable', 0],
    [1, 'Device', 0],
  ] as const),
);
/** kB that came back after boot: `Freeing unused …` (kernel image, on node 0) and initrd (node 1). */
export const ANONHOG_BACK = [
  [1, (2028 + 4256 + 584) / 4],
  [6, 8708 / 4],
] as const;

/** s390x-6.1-static-2G-movablecore512M: 1 CPU. */
export const MOVABLECORE = zonesOf([0, 'DMA', 389300, 393216], [0, 'Normal', 0], [0, 'Movable', 121009, 131072]);

/** s390x-6.1-offline: 2 GiB in eight blocks of 65536 pages, 1 CPU. */
export const OFFLINE = zonesOf([0, 'DMA', 510309, 524288], [0, 'Normal', 0], [0, 'Movable', 0]);
/** kB: initrd, early sccb, init memory, all in DMA. */
export const S390_BACK = (5696 + 12 + 3604) / 4;

/** x86_64-6.12-dimm: 2 nodes of 512 MiB, 2 CPUs, before any DIMM. */
export const DIMM = zonesOf(
  [0, 'DMA', 3840, 3998],
  [0, 'DMA32', 124816, 126976],
  ...([
    [0, 'Normal', 0],
    [0, 'Movable', 0],
    [0, 'Device', 0],
    [1, 'DMA', 0],
  ] as const),
  [1, 'DMA32', 102734, 131037],
  ...([
    [1, 'Normal', 0],
    [1, 'Movable', 0],
    [1, 'Device', 0],
  ] as const),
);

/** Zones less the pages that came back after boot. */
export function before(
  zones: readonly SizingZone[],
  back: readonly (readonly [index: number, pages: number])[],
): SizingZone[] {
  return zones.map((z, i) => ({ ...z, managed: z.managed - (back.find(([index]) => index === i)?.[1] ?? 0) }));
}
