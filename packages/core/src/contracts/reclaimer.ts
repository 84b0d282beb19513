/**
 * Getting memory back from those who can do without it: clean page cache, and slab objects that shrinkers free.
 *
 * Models: mm/vmscan.c shrink_node(), fs/drop_caches.c drop_slab(), 6.12.
 */
import { token } from '../host/token.ts';
import type { Pfn } from '../base/units.ts';

export interface Reclaimer {
  /** Frees up to `pages` pages of clean page cache of a zone (index), oldest known first. Returns pages freed. */
  reclaim(zone: number, pages: number): number;
  /** echo 2 > /proc/sys/vm/drop_caches: slab pages whose objects are all reclaimable are freed. Returns pages freed. */
  dropSlab(): number;
  /** The same, for pages in [start, end) alone: what a driver would ask for before it unplugs a range. */
  dropSlabIn(start: Pfn, end: Pfn): number;
}

export const Reclaimer = token<Reclaimer>()('core.Reclaimer', { provider: 'buddy() from @replug/buddy' });
