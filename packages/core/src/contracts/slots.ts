/**
 * Decisions that core owns: each has a default and may be taken over by at most one subsystem. They are filled while
 * subsystems are created and read once the kernel is sealed, so they add no edge to the graph of needs.
 */
import { defineSlot } from '../host/slot.ts';
import type { Row } from '../base/units.ts';

/**
 * Which zone (index into Zones.all) a page that is being freed goes to; asked for every block that leaves an owner.
 * null: the page's own zone, and nobody is asked.
 */
export type FreedPageZone = ((row: Row, order: number, zone: number) => number) | null;
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
