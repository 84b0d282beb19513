/**
 * Memory blocks: the unit in which memory goes online and offline, memoryN in sysfs, N = physical address / block size.
 *
 * A block has one zone and one node, or none: a block that spans several, or has a hole, can never be taken offline.
 * Models: drivers/base/memory.c struct memory_block, early_node_zone_for_memory_block(), 6.12.
 */
import type { Machine } from './machine.ts';
import type { Zone } from './zones.ts';

export interface MemoryBlock {
  readonly id: number;
  readonly startPfn: number;
  readonly pages: number;
  /** Nodes that have pages in it, ascending. */
  readonly nids: readonly number[];
  /** The one zone of all its pages; undefined when there are several, or a hole. */
  readonly zone: Zone | undefined;
}

/** Pages of a memory block. */
export function pagesPerBlock({ description }: Machine): number {
  return description.memoryBlockSize / 2 ** description.arch.pageShift;
}

/** Ids of the blocks that have memory, ascending. */
export function memoryBlockIds(machine: Machine): number[] {
  const pages = pagesPerBlock(machine);
  const ids = new Set<number>();
  for (const { start, end } of machine.memory) {
    for (let id = Math.floor(start / pages); id * pages < end; id++) ids.add(id);
  }
  return [...ids].sort((a, b) => a - b);
}

/** A block by id; undefined when there is no memory in it. */
export function memoryBlock(machine: Machine, id: number): MemoryBlock | undefined {
  const pages = pagesPerBlock(machine);
  const startPfn = id * pages;
  const inside = machine.memory.filter((r) => r.start < startPfn + pages && r.end > startPfn);
  if (inside.length === 0) return undefined;
  const nids = [...new Set(inside.map((r) => r.nid))].sort((a, b) => a - b);
  return { id, startPfn, pages, nids, zone: oneZone(machine, startPfn, pages) };
}

function oneZone(machine: Machine, startPfn: number, pages: number): Zone | undefined {
  const present = machine.memory.reduce(
    (sum, r) => sum + Math.max(0, Math.min(r.end, startPfn + pages) - Math.max(r.start, startPfn)),
    0,
  );
  if (present < pages) return undefined;
  // Zone borders and span ends are where a block may stop being of one zone.
  const borders = machine.zones.all.flatMap((z) => (z.spannedPages > 0 ? [z.startPfn, z.endPfn] : []));
  const zones = [startPfn, ...borders.filter((b) => b > startPfn && b < startPfn + pages)].map((pfn) =>
    machine.zoneOfRow(machine.pages.pfnToRow(pfn)),
  );
  return zones.every((z) => z === zones[0]) ? zones[0] : undefined;
}
