/**
 * From "how much memory on how many nodes" to the ranges and zones a machine of an architecture boots with.
 *
 * What a real firmware decides is decided here once and named: x86-64 has a hole below 4 GiB (as QEMU's pc: memory above
 * 3 GiB continues at 4 GiB), pfn 0 and 0x9f–0xff are not memory; the kernel image and boot-time allocations are
 * KERNEL_RESERVED bytes on the first node (an assumption); each node's memmap lies at the top of its memory.
 *
 * Models: memblock, mm/mm_init.c find_usable_zone_for_movable(), free_area_init_node(), 6.12.
 */
import type { ArchProfile } from './arch-profiles.ts';
import type { MemoryRange, PfnRange, ZoneDescription } from './machine-description.ts';
import type { ZoneName } from './zone-kinds.ts';

const MiB = 2 ** 20;
const GiB = 2 ** 30;
/** Bytes taken before the allocator exists, besides the memmap. Assumed: 32 MiB. */
export const KERNEL_RESERVED = 32 * MiB;
/** Where x86-64 memory stops below 4 GiB when there is more (QEMU pc). */
const X86_LOW_END = 3 * GiB;

/** Memory ranges of nodes with the given sizes in bytes, one after another from physical address 0. */
export function bootMemory(arch: ArchProfile, nodeSizes: readonly number[]): MemoryRange[] {
  const pageSize = 2 ** arch.pageShift;
  const holes =
    arch.machine === 'x86_64'
      ? x86Holes(
          nodeSizes.reduce((a, b) => a + b, 0),
          pageSize,
        )
      : [];
  const ranges: MemoryRange[] = [];
  let at = 0;
  nodeSizes.forEach((size, nid) => {
    let left = Math.floor(size / pageSize);
    while (left > 0) {
      const hole = holes.find((h) => h.end > at);
      if (hole !== undefined && hole.start <= at) {
        // A small hole swallows memory, the hole below 4 GiB moves it up.
        if (!hole.moves) left -= Math.min(left, hole.end - at);
        at = hole.end;
        continue;
      }
      const end = Math.min(at + left, hole?.start ?? Infinity);
      ranges.push({ nid, start: at, end });
      left -= end - at;
      at = end;
    }
  });
  return ranges;
}

interface Hole extends PfnRange {
  readonly moves: boolean;
}

function x86Holes(total: number, pageSize: number): Hole[] {
  const pfn = (bytes: number) => bytes / pageSize;
  const holes: Hole[] = [
    { start: 0, end: 1, moves: false },
    { start: 0x9f, end: 0x100, moves: false },
  ];
  if (total > X86_LOW_END) holes.push({ start: pfn(X86_LOW_END), end: pfn(4 * GiB), moves: true });
  return holes;
}

/** Zones of boot memory: by the architecture's limits; `movable` gives the pfn from which a node's memory is ZONE_MOVABLE. */
export function bootZones(
  arch: ArchProfile,
  memory: readonly MemoryRange[],
  movable: ReadonlyMap<number, number> = new Map(),
): ZoneDescription[] {
  const pageSize = 2 ** arch.pageShift;
  const zones: ZoneDescription[] = [];
  for (const nid of new Set(memory.map((m) => m.nid))) {
    const own = memory.filter((m) => m.nid === nid);
    const start = own[0].start;
    const end = own.at(-1)!.end;
    const movableStart = movable.get(nid) ?? Infinity;
    let from = 0;
    const limits: { kind: ZoneName; end: number }[] = [
      ...arch.zoneLimits.map((l) => ({ kind: l.kind, end: l.end / pageSize })),
      { kind: 'Normal', end: Infinity },
    ];
    for (const { kind, end: limit } of limits) {
      add(nid, kind, Math.max(start, from), Math.min(end, limit, movableStart), own);
      from = limit;
    }
    if (movableStart < end) add(nid, 'Movable', Math.max(start, movableStart), end, own);
  }
  return zones;

  function add(nid: number, kind: ZoneName, start: number, end: number, own: readonly MemoryRange[]): void {
    if (start >= end || !own.some((m) => m.start < end && m.end > start)) return;
    // Holes count: a node's zones lie side by side from its first to its last page, cut at the limits.
    const last = Math.min(end, own.at(-1)!.end);
    zones.push({ nid, kind, startPfn: start, spannedPages: last - start });
  }
}

/** Memmap and kernel reservations of boot memory. */
export function bootReserved(arch: ArchProfile, memory: readonly MemoryRange[]): PfnRange[] {
  const pageSize = 2 ** arch.pageShift;
  const reserved: PfnRange[] = [];
  const first = memory.find((m) => m.end - m.start >= KERNEL_RESERVED / pageSize);
  if (first !== undefined) {
    const pages = Math.min(KERNEL_RESERVED / pageSize, Math.floor((first.end - first.start) / 4));
    reserved.push({ start: first.start, end: first.start + pages });
  }
  for (const nid of new Set(memory.map((m) => m.nid))) {
    const own = memory.filter((m) => m.nid === nid);
    const present = own.reduce((pages, m) => pages + (m.end - m.start), 0);
    let memmap = Math.ceil((present * arch.structPageSize) / pageSize);
    for (let i = own.length - 1; i >= 0 && memmap > 0; i--) {
      const take = Math.min(memmap, own[i].end - own[i].start);
      reserved.push({ start: own[i].end - take, end: own[i].end });
      memmap -= take;
    }
  }
  return reserved.sort((a, b) => a.start - b.start);
}
