/**
 * Decisions that core owns: each has a default and may be taken over by at most one subsystem. They are filled while
 * subsystems are created and read once the kernel is sealed, so they add no edge to the graph of needs.
 */
import { defineSlot } from '../host/slot.ts';
import type { Row } from '../base/units.ts';

/**
 * Which zone (index into Zones.all) a page that is being freed goes to. Asked for every block that leaves an owner while
 * `pending`; otherwise, as with null, it is the page's own zone and frees cost what they cost without the slot.
 */
export type FreedPageZone = {
  /** Some page may have to go elsewhere. */
  readonly pending: boolean;
  /** `changed` is called whenever `pending` changes. */
  watch(changed: () => void): void;
  /**
   * The zone for a block that was in `zone`; its pages are that zone's when this returns. -1: the block lies in several
   * zones now and has been given back in pieces.
   */
  zoneOf(row: Row, order: number, zone: number, cpu: number): number;
} | null;
export const FreedPageZone = defineSlot<FreedPageZone>('core.freedPageZone', null);

/**
 * How a block of pages that comes online is handed over. Returns true when the taker keeps it (a balloon, virtio-mem);
 * false: it goes to the page allocator.
 */
export type OnlinePage = ((row: Row, order: number) => boolean) | null;
export const OnlinePage = defineSlot<OnlinePage>('core.onlinePage', null);

/** Lets a zone grow when an allocation finds it below its mark (deferred struct page init). True: try again. */
export type GrowZone = ((zone: number, order: number) => boolean) | null;
export const GrowZone = defineSlot<GrowZone>('core.growZone', null);

/** What the sysfs files of a memory block do beyond showing the block; by block id. null: they can only be read. */
export type MemoryBlockFiles = {
  /** A write to `state` or `online`: 0, or a negative errno. */
  writeState(id: number, text: string): number;
  writeOnline(id: number, text: string): number;
  /** `valid_zones` of an offline block: the zones it could go to, the default one first. */
  zones(id: number): string;
} | null;
export const MemoryBlockFiles = defineSlot<MemoryBlockFiles>('core.memoryBlockFiles', null);
