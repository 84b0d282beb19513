/** What the contract hash takes from the allocator: pageblock types and who holds which pages, without the lists' order. */
import { PAGE_STATE, STATE_HOLDER_MASK, STATE_ORDER_MASK, type Hasher, type PageMap } from '@replug/core';
import type { FreeArea } from './free-area.ts';

/** Free pages hash alike wherever they are kept: draining a list or merging blocks changes no promise. */
export function hashOwners(hasher: Hasher, pages: PageMap, area: FreeArea): void {
  const block = 1 << area.pageblockOrder;
  for (const section of pages.sections()) {
    const first = section * 2 ** pages.sectionShift;
    const base = pages.pfnToRow(first);
    for (let offset = 0; offset < 1 << pages.sectionShift; offset++) {
      const row = base + offset;
      if ((row & (block - 1)) === 0) hasher.word(area.pageblockType(row));
      const holder = pages.state[row] & STATE_HOLDER_MASK;
      if (holder !== PAGE_STATE.ALLOCATED && holder !== PAGE_STATE.HELD) continue;
      hasher.integer(first + offset).word(pages.state[row] & (STATE_HOLDER_MASK | STATE_ORDER_MASK));
    }
  }
}
