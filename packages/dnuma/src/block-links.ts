/**
 * Memory blocks after a change of layout: their nodes – the links between nodeN and memoryN – and their one zone, if they
 * have one. A block in which pages still wait has none: it cannot go offline until they are where they belong.
 *
 * Models: drivers/base/node.c register_memory_block_under_node(), mm/memory_hotplug.c test_pages_in_a_zone(), 6.12.
 */
import { pagesInside, type Machine, type Zone } from '@replug/core';
import type { MemLayout } from './layout.ts';
import type { LookupMarks } from './marks.ts';

/** Brings a block up to date; true when its nodes changed. */
export function refreshBlock(machine: Machine, layout: MemLayout, marks: LookupMarks, id: number): boolean {
  const block = machine.blocks.edit(id);
  if (block === undefined || block.state !== 'online' || block.groupId >= 0) return false;
  const end = block.startPfn + block.pages;
  const nids = new Set<number>();
  for (let at = layout.find(block.startPfn); at < layout.length; at++) {
    const from = Math.max(block.startPfn, at < 0 ? 0 : layout.borders[at]);
    const to = Math.min(end, layout.endOf(at));
    if (from >= end) break;
    if (pagesInside(machine.memory, from, to) === 0) continue;
    const nid = at < 0 ? -1 : layout.nids[at];
    if (nid >= 0) nids.add(nid);
    else for (const known of nidsThere(machine, from, to)) nids.add(known);
  }
  const now = [...nids].sort((a, b) => a - b);
  const changed = now.length !== block.nids.length || now.some((nid, i) => nid !== block.nids[i]);
  if (now.length > 0) block.nids = now;
  block.zone = now.length === 1 ? zoneOfAll(machine, marks, block.startPfn, end) : undefined;
  return changed;
}

/** Nodes that the pages of a hole are on. */
function nidsThere(machine: Machine, start: number, end: number): number[] {
  const seen = new Set<number>();
  eachRun(machine, start, end, (zone) => void (zone >= 0 && seen.add(machine.zones.all[zone].nid)));
  return [...seen];
}

/** The zone that all memory of a range is in, when nothing of it waits. */
function zoneOfAll(machine: Machine, marks: LookupMarks, start: number, end: number): Zone | undefined {
  let found = -2;
  eachRun(machine, start, end, (zone, row, stop) => {
    if (marks.any(row, stop - row)) found = -1;
    else if (found === -2) found = zone;
    else if (found !== zone) found = -1;
  });
  return found >= 0 ? machine.zones.all[found] : undefined;
}

/** Runs of pages of one zone, memory or not. */
function eachRun(
  { pages }: Machine,
  start: number,
  end: number,
  tell: (zone: number, row: number, stop: number) => void,
): void {
  const per = 2 ** pages.sectionShift;
  for (let pfn = start; pfn < end;) {
    const stop = Math.min(end, (Math.floor(pfn / per) + 1) * per);
    const row = pages.pfnToRow(pfn);
    if (row >= 0) {
      const last = row + (stop - pfn);
      const uniform = pages.sectionZone[row >>> pages.sectionShift];
      for (let at = row; at < last;) {
        let to = last;
        const zone = uniform || pages.zoneOverride[at];
        if (uniform === 0) for (to = at + 1; to < last && pages.zoneOverride[to] === zone;) to++;
        tell(zone - 1, at, to);
        at = to;
      }
    }
    pfn = stop;
  }
}
