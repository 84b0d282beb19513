/**
 * Memory blocks: the unit in which memory goes online and offline, memoryN in sysfs, N = physical address / block size.
 * The table is live: boot memory is in it and online; whoever provides hotplug adds, changes and removes.
 *
 * A block has one zone, or none: one that spans several zones or nodes can never be taken offline.
 * Models: drivers/base/memory.c struct memory_block, early_node_zone_for_memory_block(), 6.12. Left out: a boot block whose
 * pages are all of one zone but which a second zone's span covers has that one here and none in the kernel (a boot layout
 * has no such block; a machine rebuilt from a later dump does).
 */
import type { Machine } from './machine.ts';
import { pagesInside } from './memory-ranges.ts';
import type { Zone } from './zones.ts';

/** What is written to memoryN/state and auto_online_blocks. */
export type OnlineType = 'offline' | 'online' | 'online_kernel' | 'online_movable';
export type MemoryBlockState = 'online' | 'offline' | 'going-offline';

export interface MemoryBlock {
  readonly id: number;
  readonly startPfn: number;
  readonly pages: number;
  /** Nodes that have pages in it, ascending. */
  readonly nids: readonly number[];
  /** The one zone of an online block; undefined when it is offline or has several. */
  readonly zone: Zone | undefined;
  readonly state: MemoryBlockState;
  /** Memory group; -1 for none. */
  readonly groupId: number;
  /** Pages at its start that hold its own memmap. */
  readonly altmapPages: number;
  /** Poisoned pages in it. */
  readonly poisoned: number;
  /** Was there at boot. */
  readonly early: boolean;
}

/** A block as its owner, the hotplug core, sees it. */
export type MutableMemoryBlock = { -readonly [K in keyof MemoryBlock]: MemoryBlock[K] };

/** Pages of a memory block. */
export function pagesPerBlock({ description }: Machine): number {
  return description.memoryBlockSize / 2 ** description.arch.pageShift;
}

export class MemoryBlocks {
  /** Pages of a block. */
  readonly blockPages: number;
  private readonly table = new Map<number, MutableMemoryBlock>();
  private ascending: number[] | undefined;

  constructor(machine: Machine) {
    this.blockPages = pagesPerBlock(machine);
    const per = this.blockPages;
    for (const { start, end, nid } of machine.memory) {
      for (let id = Math.floor(start / per); id * per < end; id++) {
        const known = this.table.get(id);
        if (known === undefined) this.table.set(id, bootBlock(id, per, nid));
        else if (!known.nids.includes(nid)) known.nids = [...known.nids, nid].sort((a, b) => a - b);
      }
    }
    for (const block of this.table.values()) block.zone = bootZone(machine, block);
  }

  get(id: number): MemoryBlock | undefined {
    return this.table.get(id);
  }

  /** Ids, ascending. */
  ids(): readonly number[] {
    this.ascending ??= [...this.table.keys()].sort((a, b) => a - b);
    return this.ascending;
  }

  get size(): number {
    return this.table.size;
  }

  /** All blocks, in no order. */
  all(): Iterable<MemoryBlock> {
    return this.table.values();
  }

  // For the hotplug core

  /** A block to be changed. */
  edit(id: number): MutableMemoryBlock | undefined {
    return this.table.get(id);
  }

  /** Adds an offline block of one node. */
  add(id: number, nid: number, groupId = -1, altmapPages = 0): MutableMemoryBlock {
    const block: MutableMemoryBlock = {
      ...bootBlock(id, this.blockPages, nid),
      state: 'offline',
      groupId,
      altmapPages,
      early: false,
    };
    this.table.set(id, block);
    this.ascending = undefined;
    return block;
  }

  remove(id: number): void {
    this.table.delete(id);
    this.ascending = undefined;
  }
}

const bootBlock = (id: number, pages: number, nid: number): MutableMemoryBlock => ({
  id,
  startPfn: id * pages,
  pages,
  nids: [nid],
  zone: undefined,
  state: 'online',
  groupId: -1,
  altmapPages: 0,
  poisoned: 0,
  early: true,
});

function bootZone(machine: Machine, { startPfn, pages, nids }: MemoryBlock): Zone | undefined {
  if (nids.length > 1) return undefined;
  const end = startPfn + pages;
  const crossing = machine.zones
    .node(nids[0])!
    .zones.filter((z) => z.populated && z.startPfn < end && z.endPfn > startPfn);
  if (crossing.length <= 1) return crossing[0];
  if (pagesInside(machine.memory, startPfn, end) < pages) return undefined;
  // Span ends, and borders of the section where pages say their zone one by one, are where the zone may change.
  const { pages: map } = machine;
  const zoneAt = (pfn: number): number => map.zoneOf(map.pfnToRow(pfn));
  const borders = crossing.flatMap((z) => [z.startPfn, z.endPfn]).filter((pfn) => pfn > startPfn && pfn < end);
  const first = zoneAt(startPfn);
  return [end - 1, ...borders].every((pfn) => zoneAt(pfn) === first) ? machine.zones.all[first] : undefined;
}

/** Ids of the blocks that have memory, ascending. */
export function memoryBlockIds(machine: Machine): readonly number[] {
  return machine.blocks.ids();
}

/** A block by id; undefined when there is none. */
export function memoryBlock(machine: Machine, id: number): MemoryBlock | undefined {
  return machine.blocks.get(id);
}
