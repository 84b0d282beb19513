/**
 * Where memory blocks lie: their state and zone as sysfs says them, holes as iomem does, the zones as zoneinfo does.
 *
 * Without sysfs the blocks are those of the architecture's section size, and a block's zone is the one populated zone whose
 * span it meets; both are named as assumed.
 *
 * Models: drivers/base/memory.c, mm/memory_hotplug.c offline_pages() (System RAM without holes, one zone), 6.12.
 */
import { ARCH_PROFILES } from '@replug/core';
import type { IomemRange, MemoryBlock, Recording, Step, ZoneinfoZone } from '@replug/workload';

export interface BlockPlace {
  readonly id: number;
  readonly state: string;
  readonly zone: string | undefined;
  readonly node: number | undefined;
  /** Pages that are no System RAM according to iomem; 0 where it does not tell. */
  readonly holes: number;
}

export interface Places {
  readonly blockSize: number;
  readonly blockPages: number;
  readonly pageblockPages: number;
  /** Block by id; undefined for one that is not there. */
  of(id: number): BlockPlace | undefined;
  /** Blocks that sysfs lists, ascending; undefined where nothing does. */
  readonly listed: readonly number[] | undefined;
  readonly zones: readonly ZoneinfoZone[];
  readonly notes: readonly string[];
}

const GUESSED_BLOCK = 128 * 2 ** 20;
const GUESSED_PAGEBLOCK = 2 ** 9;

export function placesOf(recording: Recording, step: Step): Places {
  const { pageSize } = recording;
  const notes: string[] = [];
  const arch = Object.values(ARCH_PROFILES).find(
    (p) => p.machine === (recording.arch === 'ppc64' ? 'ppc64le' : recording.arch) && 2 ** p.pageShift === pageSize,
  );
  const listed = step.memoryBlocks;
  const blockSize = listed?.blockSize ?? (arch === undefined ? GUESSED_BLOCK : 2 ** arch.sectionSizeBits);
  if (listed === undefined) notes.push(`no file lists memory blocks: ${blockSize / 2 ** 20} MiB each is assumed`);
  const order =
    step.pagetypeinfo?.pageblockOrder ?? recording.steps.find((s) => s.pagetypeinfo)?.pagetypeinfo?.pageblockOrder;
  if (order === undefined && arch === undefined)
    notes.push('nothing tells the size of a pageblock: 512 pages are assumed');
  const blockPages = blockSize / pageSize;
  const zones = step.zoneinfo?.zones ?? [];
  if (zones.length === 0) notes.push('no zoneinfo: room for migration elsewhere is not looked at');
  const ram = (step.iomem ?? []).filter(({ name }) => name.startsWith('System RAM'));
  const blocks = new Map(listed?.blocks.map((block) => [block.id, block]));
  return {
    blockSize,
    blockPages,
    pageblockPages: 2 ** (order ?? arch?.pageblockOrder ?? Math.log2(GUESSED_PAGEBLOCK)),
    listed: listed?.blocks.map(({ id }) => id).sort((a, b) => a - b),
    zones,
    notes,
    of(id) {
      const block = blocks.get(id);
      if (listed !== undefined && block === undefined) return undefined;
      const spanning = zonesAt(zones, id * blockPages, (id + 1) * blockPages);
      const zone = block === undefined ? spanning.map(({ name }) => name) : zoneNames(block);
      return {
        id,
        state: block?.state ?? 'unknown',
        zone: zone.length === 1 ? zone[0] : undefined,
        node: nodeOf(block, spanning),
        holes: ram.length === 0 ? 0 : blockPages - covered(ram, id * blockSize, (id + 1) * blockSize) / pageSize,
      };
    },
  };
}

/** Names of the zones of an online block; of one that is not, none. */
function zoneNames({ state, validZones }: MemoryBlock): readonly string[] {
  return state === 'offline' ? [] : validZones;
}

function nodeOf(block: MemoryBlock | undefined, spanning: readonly ZoneinfoZone[]): number | undefined {
  if (block?.nodes.length === 1) return block.nodes[0];
  const nodes = new Set(spanning.map(({ node }) => node));
  return nodes.size === 1 ? [...nodes][0] : undefined;
}

/** Zones with pages whose span meets [start, end). */
function zonesAt(zones: readonly ZoneinfoZone[], start: number, end: number): ZoneinfoZone[] {
  return zones.filter(
    ({ startPfn, spanned, present }) =>
      startPfn !== undefined && present > 0 && startPfn < end && startPfn + spanned > start,
  );
}

/** Bytes of [start, end) that the ranges cover. Those inside others (`depth`) add nothing. */
function covered(ranges: readonly IomemRange[], start: number, end: number): number {
  let bytes = 0;
  let until = start;
  for (const range of [...ranges].sort((a, b) => a.start - b.start)) {
    const from = Math.max(until, range.start);
    const to = Math.min(end, range.end + 1);
    if (to > from) bytes += to - from;
    until = Math.max(until, Math.min(end, range.end + 1));
  }
  return bytes;
}
