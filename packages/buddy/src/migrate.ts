/**
 * HOT. The bookkeeping of a migration: contents go from one block to another. What chooses the blocks, takes the target and
 * frees the source is not here: memory offlining and contiguous allocation do it in migrator.ts, compaction with its own
 * scanners.
 *
 * Models: mm/migrate.c migrate_folio_move(), folio_migrate_flags(), mm/page_owner.c __folio_copy_owner(), 6.1 and 6.12.
 */
import { PAGE_STATE, type PageMap } from '@replug/core';
import { notAllocated } from './errors.ts';
import type { PageIdentity } from './identity.ts';

export class BlockMover {
  private readonly pages: PageMap;
  private readonly identity: PageIdentity;
  private readonly state: Uint8Array;
  private readonly pageClass: Uint8Array;

  constructor(pages: PageMap, identity: PageIdentity) {
    this.pages = pages;
    this.identity = identity;
    this.state = pages.state;
    this.pageClass = pages.pageClass;
  }

  /**
   * Moves the contents of an allocated block to a block of the same order that the caller has in hand (allocated, or taken
   * off the lists and held). Class and identity go along; the target is allocated afterwards, and so still is the source, now
   * empty: the caller frees it. Fires no tracepoint and charges nothing. Error: RP2006.
   */
  moveBlock(source: number, target: number, order: number): void {
    const { state, pageClass } = this;
    const allocated = PAGE_STATE.ALLOCATED | order;
    if (state[source] !== allocated) throw notAllocated(this.pages.rowToPfn(source), order);
    state[target] = allocated;
    if (order === 0) pageClass[target] = pageClass[source];
    else pageClass.copyWithin(target, source, source + (1 << order));
    this.identity.move(source, target, order);
  }
}
