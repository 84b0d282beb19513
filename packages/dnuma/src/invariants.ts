/** What holds between any two operations once a layout is in force. Walks every page; for tests and `--validate`. */
import { MIGRATE, PAGE_CLASS, PAGE_STATE, type Machine, type ZoneFreeLists } from '@replug/core';
import type { Dnuma } from './dnuma.ts';
import { MemoryWalk } from './memory-walk.ts';

const LIMIT = 20;

export function layoutProblems(machine: Machine, lists: ZoneFreeLists, dnuma: Dnuma): string[] {
  const found = dnuma.slab.problems();
  if (!dnuma.committed) return found;
  const { pages } = machine;
  const marked = dnuma.marks.recount(pages.capacity);
  if (marked !== dnuma.marks.count) found.push(`${dnuma.marks.count} marks are counted, there are ${marked}`);
  const walk = new MemoryWalk(machine);
  const settled = dnuma.queuedRanges === 0;
  for (const { start, end, nid } of dnuma.current.ranges()) {
    walk.each(start, end, (row, stop) => {
      for (let at = row; at < stop && found.length < LIMIT; at++) {
        const zone = pages.zoneOf(at);
        const own = zone < 0 ? nid : machine.zones.all[zone].nid;
        const pfn = (): string => `pfn 0x${pages.rowToPfn(at).toString(16)}`;
        if (own === nid) {
          if (dnuma.marks.has(at)) found.push(`${pfn()} is on its node ${nid} and marked`);
          continue;
        }
        const type = lists.pageblockType(at);
        if (dnuma.marks.has(at)) {
          if (settled && lists.freeHead(at) >= 0) found.push(`${pfn()} is free on node ${own} instead of ${nid}`);
        } else if (machine.zones.all[zone].kind.device) continue;
        else if (type !== MIGRATE.CMA && type !== MIGRATE.ISOLATE)
          found.push(`${pfn()} is on node ${own} instead of ${nid}, and not marked`);
      }
    });
  }
  for (const zone of machine.zones.all) {
    const { spannedPages, presentPages, managedPages } = zone;
    if (!zone.kind.device && !(spannedPages >= presentPages && presentPages >= managedPages && managedPages >= 0))
      found.push(
        `node ${zone.nid} ${zone.name}: spanned ${spannedPages}, present ${presentPages}, managed ${managedPages}`,
      );
  }
  return found;
}

/** Memory of each zone, counted page by page; where the machine was described by counts of its own they differ. Cold. */
export function countedPresent(machine: Machine): number[] {
  const counted = machine.zones.all.map(() => 0);
  const { pages } = machine;
  new MemoryWalk(machine).each(0, machine.memory.at(-1)!.end, (row, stop) => {
    for (let at = row; at < stop; at++) {
      if (pages.pageClass[at] === PAGE_CLASS.HOLE && pages.state[at] === PAGE_STATE.UNTOUCHED) continue;
      const zone = pages.zoneOf(at);
      if (zone >= 0) counted[zone]++;
    }
  });
  return counted;
}
