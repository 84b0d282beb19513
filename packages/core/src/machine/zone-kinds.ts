/**
 * Zone types as data: a further kind is a row here, not a branch elsewhere.
 *
 * Models: include/linux/mmzone.h enum zone_type, mm/page_alloc.c zone_names[], sysctl_lowmem_reserve_ratio[].
 */
export interface ZoneKind {
  /** The kernel's name, as printed in /proc/zoneinfo. */
  readonly name: string;
  /** Position in the order low → high. */
  readonly rank: number;
  /** Kernel allocations may come from here (GFP_USER reaches it): counted by nr_free_buffer_pages and khugepaged. */
  readonly kernel: boolean;
  /** Only movable requests enter (gfp_zone = ZONE_MOVABLE). */
  readonly movableOnly: boolean;
  /** highmem: excluded from the lowmem share of min_free_kbytes. */
  readonly highmem: boolean;
  /** Pages are never given to the page allocator (ZONE_DEVICE). */
  readonly device: boolean;
  /** Default of vm.lowmem_reserve_ratio. */
  readonly lowmemReserveRatio: number;
}

const kind = (rank: number, name: string, lowmemReserveRatio: number, traits: Partial<ZoneKind> = {}): ZoneKind => ({
  name,
  rank,
  kernel: true,
  movableOnly: false,
  highmem: false,
  device: false,
  lowmemReserveRatio,
  ...traits,
});

export const ZONE_KINDS = {
  DMA: kind(0, 'DMA', 256),
  DMA32: kind(1, 'DMA32', 256),
  Normal: kind(2, 'Normal', 32),
  HighMem: kind(3, 'HighMem', 0, { kernel: false, highmem: true }),
  /** Of the virtio-mem letter, in no kernel: movable requests prefer it, others come when Normal is exhausted. */
  PreferMovable: kind(3.5, 'PreferMovable', 0),
  Movable: kind(4, 'Movable', 0, { kernel: false, movableOnly: true }),
  Device: kind(5, 'Device', 0, { kernel: false, device: true }),
} as const satisfies Record<string, ZoneKind>;

export type ZoneName = keyof typeof ZONE_KINDS;
