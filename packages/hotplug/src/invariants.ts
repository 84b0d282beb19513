/** What holds between any two operations: counts of zones, blocks against zones, nothing left isolated. */
import { MIGRATE, type MemoryBlock } from '@replug/core';
import type { HotplugContext } from './context.ts';

/** Problems found; empty when all holds. */
export function hotplugProblems(context: HotplugContext): string[] {
  return [
    ...zoneProblems(context),
    ...blockProblems(context),
    ...isolationProblems(context),
    ...groupProblems(context),
  ];
}

function zoneProblems({ deps: { machine } }: HotplugContext): string[] {
  return machine.zones.all
    .filter((z) => !z.kind.device)
    .filter((z) => !(z.spannedPages >= z.presentPages && z.presentPages >= z.managedPages && z.managedPages >= 0))
    .map(
      (z) => `node ${z.nid} ${z.name}: spanned ${z.spannedPages}, present ${z.presentPages}, managed ${z.managedPages}`,
    );
}

function blockProblems({ deps: { machine } }: HotplugContext): string[] {
  const problems: string[] = [];
  const present = new Float64Array(machine.zones.all.length);
  const { pages } = machine;
  for (const block of machine.blocks.all()) {
    const { id, startPfn, pages: size, state, zone } = block;
    const first = pages.pfnToRow(startPfn);
    const last = pages.pfnToRow(startPfn + size - 1);
    if (state === 'going-offline') problems.push(`memory${id} is going offline`);
    if (state === 'offline' && zone !== undefined) problems.push(`memory${id} is offline in ${zone.name}`);
    if (state === 'offline' && (pages.zoneOf(first) >= 0 || pages.zoneOf(last) >= 0)) {
      problems.push(`memory${id} is offline and its pages are in a zone`);
    }
    if (state !== 'online' || zone === undefined || block.early) continue;
    present[zone.index] += size;
    if (pages.zoneOf(first) !== zone.index || pages.zoneOf(last) !== zone.index) {
      problems.push(`memory${id} says ${zone.name}, its pages do not`);
    }
    if (startPfn < zone.startPfn || startPfn + size > zone.endPfn) problems.push(`memory${id} is outside its zone`);
  }
  for (const zone of machine.zones.all) {
    if (present[zone.index] > zone.presentPages) {
      problems.push(
        `node ${zone.nid} ${zone.name}: blocks of ${present[zone.index]} pages, present ${zone.presentPages}`,
      );
    }
  }
  return problems;
}

function isolationProblems({ deps: { machine, allocator } }: HotplugContext): string[] {
  const per = 2 ** machine.description.arch.pageblockOrder;
  const isolated = (block: MemoryBlock): boolean => {
    for (let pfn = block.startPfn; pfn < block.startPfn + block.pages; pfn += per) {
      const row = machine.pages.pfnToRow(pfn);
      if (row >= 0 && machine.pages.zoneOf(row) >= 0 && allocator.pageblockType(row) === MIGRATE.ISOLATE) return true;
    }
    return false;
  };
  return [...machine.blocks.all()].filter(isolated).map(({ id }) => `memory${id} has isolated pageblocks`);
}

function groupProblems({ groups, deps: { machine } }: HotplugContext): string[] {
  const problems: string[] = [];
  for (const group of groups.all()) {
    let kernel = 0;
    let movable = 0;
    let blocks = 0;
    for (const block of machine.blocks.all()) {
      if (block.groupId !== group.id) continue;
      blocks++;
      if (block.zone?.kind.movableOnly === true) movable += block.pages;
      else if (block.zone !== undefined) kernel += block.pages;
    }
    if (blocks !== group.blocks || kernel !== group.presentKernelPages || movable !== group.presentMovablePages) {
      problems.push(
        `group ${group.id}: ${group.blocks} blocks, kernel ${group.presentKernelPages}, movable ${group.presentMovablePages}`,
      );
    }
  }
  return problems;
}
