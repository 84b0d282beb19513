/**
 * What the contract hash takes from the allocator: who holds which contents, and which pageblocks are set apart.
 *
 * - An allocated page counts by where its contents were first allocated, not by where they are: moving them changes nothing
 *   that anybody was promised. So the sum over all pages is hashed, whose order does not matter. Which pages were allocated
 *   together does not count either: a huge page may be split on its way.
 * - A page that compaction or isolation holds counts by its place: it has no contents.
 * - Free pages hash alike wherever they are kept: draining a list or merging blocks changes no promise.
 * - Of the pageblock types CMA and ISOLATE are promises. The others are how the allocator groups what it gives, and change
 *   with every fallback and when an isolation is undone (to the type that its caller names).
 */
import { MIGRATE, PAGE_STATE, STATE_HOLDER_MASK, STATE_ORDER_MASK, type Hasher, type PageMap } from '@replug/core';
import type { FreeArea } from './free-area.ts';
import type { PageIdentity } from './identity.ts';

export function hashOwners(hasher: Hasher, pages: PageMap, area: FreeArea, identity: PageIdentity): void {
  const block = 1 << area.pageblockOrder;
  const { state } = pages;
  // Two sums modulo 2^32 over the pages, of differently mixed names.
  let a = 0;
  let b = 0;
  let held = 0;
  for (const section of pages.sections()) {
    const first = section * 2 ** pages.sectionShift;
    const base = pages.pfnToRow(first);
    for (let offset = 0; offset < 1 << pages.sectionShift; offset++) {
      const row = base + offset;
      if ((row & (block - 1)) === 0) {
        const type = area.pageblockType(row);
        if (type === MIGRATE.CMA || type === MIGRATE.ISOLATE) hasher.integer(first + offset).word(type);
      }
      const holder = state[row] & STATE_HOLDER_MASK;
      if (holder !== PAGE_STATE.ALLOCATED && holder !== PAGE_STATE.HELD) continue;
      const size = 1 << (state[row] & STATE_ORDER_MASK);
      for (let at = 0; at < size; at++) {
        const pfn = holder === PAGE_STATE.ALLOCATED ? identity.firstPfn(row + at) : first + offset + at;
        const name = mix(Math.floor(pfn / 4294967296) ^ mix((pfn | 0) ^ Math.imul(holder, 0x9e3779b9)));
        a = (a + name) | 0;
        b = (b + mix(name ^ 0x5bd1e995)) | 0;
        held++;
      }
    }
  }
  hasher.word(a).word(b).integer(held);
}

function mix(value: number): number {
  let v = value | 0;
  v = Math.imul(v ^ (v >>> 16), 0x85ebca6b);
  v = Math.imul(v ^ (v >>> 13), 0xc2b2ae35);
  return v ^ (v >>> 16);
}
