/**
 * Hands the memory of a freshly described machine to the allocator: all of a zone's memory that is not reserved, in the
 * largest aligned blocks, in ascending order, to the list tails – as memblock does at the end of boot.
 *
 * Models: mm/memblock.c memblock_free_all(), __free_memory_core(); mm/page_alloc.c __free_pages_core(), 6.12.
 */
import type { Machine } from '@replug/core';
import type { FreeArea } from './free-area.ts';

/** Every maximal block costs one entry of the side table, so a terabyte is handed over in milliseconds. */
export function releaseBootMemory(machine: Machine, area: FreeArea): void {
  const { pages, description } = machine;
  const holes = [...description.reserved].sort((a, b) => a.start - b.start);
  const section = 2 ** pages.sectionShift;
  for (const range of description.memory) {
    let at = range.start;
    for (const hole of holes) {
      if (hole.end <= at || hole.start >= range.end) continue;
      if (hole.start > at) release(at, Math.min(hole.start, range.end));
      at = Math.max(at, hole.end);
    }
    if (at < range.end) release(at, range.end);
  }

  function release(start: number, end: number): void {
    for (let pfn = start; pfn < end;) {
      const row = pages.pfnToRow(pfn);
      const zone = pages.zoneOf(row);
      let order = 0;
      const stop = Math.min(end, (Math.floor(pfn / section) + 1) * section);
      while (
        order < area.maxOrder &&
        pfn % (2 << order) === 0 &&
        pfn + (2 << order) <= stop &&
        sameZone(row, order, zone)
      )
        order++;
      if (zone >= 0) area.freeOne(row, zone, order, area.pageblockType(row), true);
      pfn += 2 ** order;
    }
  }

  /** Zone borders are looked at only where a section is shared by zones. */
  function sameZone(row: number, order: number, zone: number): boolean {
    return pages.zoneOf(row + (2 << order) - 1) === zone;
  }
}
