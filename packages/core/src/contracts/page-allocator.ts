/** What a page allocator offers to whoever needs pages. Hot: rows and small integers in, rows out, -1 for none. */
import { token } from '../host/token.ts';
import type { Row } from '../base/units.ts';

export interface PageAllocator {
  /**
   * Allocates 2^order contiguous pages for a request made on a CPU, preferring the node `nid` (default: the CPU's).
   * Returns the first row, or -1 when no zone of the zonelist can give them.
   */
  alloc(gfp: number, order: number, cpu: number, nid?: number): Row;
  /**
   * Takes up to `count` single pages at once from a CPU's list, into `rows`, and returns how many it got: fewer when the
   * zone's marks or lists forbid more. Tells no tracepoint, as the kernel's alloc_pages_bulk() does not.
   */
  allocBulk(gfp: number, count: number, cpu: number, rows: Int32Array, nid?: number): number;
  /** Gives 2^order pages back from a CPU. The block must be allocated; giving back a part of a larger block splits it. */
  free(row: Row, order: number, cpu: number): void;
  /** Turns one allocated block of an order into 2^order pages that are freed one by one. */
  splitPage(row: Row, order: number): void;
  /** Hands 2^order pages that the allocator never saw over to it, at the list's tail (boot, onlining). Adds to managed. */
  release(row: Row, order: number): void;
  /** Returns all pages on per-CPU lists of a zone (index; -1: all zones) to the free lists. */
  drainAllPages(zone: number): void;
  /** True when the page is part of a block on a zone's free list. */
  isFree(row: Row): boolean;
  /** NR_FREE_PAGES of a zone (index): free pages without those of isolated pageblocks. Exact, without per-CPU deltas. */
  freePages(zone: number): number;
  /** Marks, reserves or per-CPU list sizes of the zones were changed from outside: takes them over. */
  refresh(): void;
  /** MIGRATE_* of the pageblock that a row lies in. */
  pageblockType(row: Row): number;
}

export const PageAllocator = token<PageAllocator>()('core.PageAllocator', { provider: 'buddy() from @replug/buddy' });
