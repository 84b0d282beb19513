/**
 * A state with exactly the free blocks that buddyinfo and pagetypeinfo count. The files tell how many blocks of each
 * order and type a zone has, not where; kpageflags, where there is one, tells where and may have been read a moment later.
 * So the counts decide, and the flags (or ascending order) choose among the places.
 *
 * Two free buddies would merge, so from the largest order down every region left over is split, and at most one half of
 * a split region becomes free at its order. That keeps as many places as possible for the smaller orders.
 */
import {
  MIGRATE,
  MIGRATETYPE_NAMES,
  type Machine,
  type MemoryRange,
  type PageMap,
  type PfnRange,
  type Zone,
  type ZoneDescription,
  type ZoneFreeLists,
} from '@replug/core';
import type { Step } from '@replug/workload';

export interface CountsPlaced {
  /** Blocks that no place was left for (0 unless the files contradict each other). */
  readonly unplaced: number;
  /** Blocks on a list of another type than their pageblock's. */
  readonly mistyped: number;
}

/** What page flags tell of places, a byte a row: pages that lie in a free block, and pages that show no flag at all. */
export interface PlaceHints {
  readonly free: Uint8Array;
  readonly bare: Uint8Array;
}

export function placeCounts(machine: Machine, lists: ZoneFreeLists, step: Step, hints?: PlaceHints): CountsPlaced {
  let unplaced = 0;
  let mistyped = 0;
  for (const zone of machine.zones.all) {
    if (!zone.populated) continue;
    const wanted = wantedCounts(step, zone, machine.description.arch.maxPageOrder);
    if (wanted === undefined) continue;
    const chosen = choosePlaces(machine, zone, wanted, hints?.free);
    unplaced += chosen.unplaced;
    mistyped += assignTypes(machine, lists, step, zone, wanted, chosen.rows);
  }
  for (const zone of machine.zones.all) placeCpuPages(machine, lists, step, zone, hints?.bare);
  return { unplaced, mistyped };
}

/** Free blocks by [order][type]; undefined when no file counts the zone. */
function wantedCounts(step: Step, zone: Zone, maxOrder: number): number[][] | undefined {
  const all = (step.pagetypeinfo?.free ?? []).filter((r) => r.node === zone.nid && r.name === zone.name);
  // A list too long to be counted (`>100000`) makes the zone's rows useless.
  const rows = all.some((r) => r.saturated.length > 0) ? [] : all;
  const total = step.buddyinfo?.find((z) => z.node === zone.nid && z.name === zone.name);
  if (rows.length === 0 && total === undefined) return undefined;
  return Array.from({ length: maxOrder + 1 }, (_, order) => {
    const byType = MIGRATETYPE_NAMES.map((name) => rows.find((r) => r.type === name)?.counts[order] ?? 0);
    // Without pagetypeinfo everything counts as movable. With it, it decides: buddyinfo was read a moment earlier.
    if (rows.length === 0) byType[MIGRATE.MOVABLE] = total?.counts[order] ?? 0;
    return byType;
  });
}

interface Places {
  /** Rows of free blocks by order, ascending. */
  readonly rows: readonly number[][];
  readonly unplaced: number;
}

function choosePlaces(
  machine: Machine,
  zone: Zone,
  wanted: readonly (readonly number[])[],
  hint: Uint8Array | undefined,
): Places {
  const { pages } = machine;
  const { maxPageOrder } = pages.arch;
  const roots = rootRegions(machine, zone);
  const rows: number[][] = wanted.map(() => []);
  let unplaced = 0;
  let left: number[] = [];
  for (let order = maxPageOrder; order >= 0; order--) {
    const need = wanted[order].reduce((a, b) => a + b, 0);
    const size = 2 ** order;
    // One candidate a root or a split pair; the better half stands for its pair.
    const candidates: { row: number; other: number; score: number }[] = roots[order].map((row) => ({
      row,
      other: -1,
      score: score(row, order),
    }));
    for (const parent of left) {
      const low = score(parent, order);
      const high = score(parent + size, order);
      candidates.push(
        high > low
          ? { row: parent + size, other: parent, score: high }
          : { row: parent, other: parent + size, score: low },
      );
    }
    if (hint !== undefined) candidates.sort((a, b) => b.score - a.score || a.row - b.row);
    unplaced += Math.max(0, need - candidates.length);
    left = [];
    candidates.forEach(({ row, other }, i) => {
      if (i < need) rows[order].push(row);
      else left.push(row);
      if (other >= 0) left.push(other);
    });
    rows[order].sort((a, b) => a - b);
  }
  return { rows, unplaced };

  /** 2: the flags show exactly this block; 1: all of its pages free, in a larger block; below: the share in use, negative. */
  function score(row: number, order: number): number {
    if (hint === undefined) return 0;
    const size = 2 ** order;
    let free = 0;
    for (let at = row; at < row + size; at++) free += hint[at];
    if (free < size) return -free / size;
    const buddy = row ^ size;
    if (order === maxPageOrder) return 2;
    for (let at = buddy; at < buddy + size; at++) if (hint[at] === 0 || pages.zoneOf(at) !== zone.index) return 2;
    return 1;
  }
}

/** A zone's memory as maximal aligned regions, by order. */
function rootRegions(machine: Machine, zone: Zone): number[][] {
  const { pages, description } = machine;
  const max = pages.arch.maxPageOrder;
  const roots: number[][] = Array.from({ length: max + 1 }, () => []);
  for (const range of description.zones
    .filter((z) => z.nid === zone.nid && z.kind === zone.name)
    .flatMap((z) => z.members ?? membersOf(z, description.memory))) {
    for (let pfn = range.start; pfn < range.end;) {
      let order = 0;
      while (order < max && pfn % 2 ** (order + 1) === 0 && pfn + 2 ** (order + 1) <= range.end) order++;
      roots[order].push(pages.pfnToRow(pfn));
      pfn += 2 ** order;
    }
  }
  return roots;
}

/** Without members of its own, a zone has what memory its node has in its span. */
function membersOf({ nid, startPfn, spannedPages }: ZoneDescription, memory: readonly MemoryRange[]): PfnRange[] {
  return memory
    .filter((m) => m.nid === nid)
    .map((m) => ({ start: Math.max(m.start, startPfn), end: Math.min(m.end, startPfn + spannedPages) }))
    .filter((m) => m.start < m.end);
}

/** Gives every chosen block a type and every pageblock one, both as counted. Returns blocks whose pageblock differs. */
function assignTypes(
  machine: Machine,
  lists: ZoneFreeLists,
  step: Step,
  zone: Zone,
  wanted: readonly (readonly number[])[],
  rows: readonly (readonly number[])[],
): number {
  const { pages } = machine;
  const { pageblockOrder, maxPageOrder } = pages.arch;
  const blockType = new Map<number, number>();
  const typeOf = rows.map((list) => new Array<number>(list.length).fill(-1));
  for (let order = maxPageOrder; order >= 0; order--) {
    const left = [...wanted[order]];
    // First the blocks whose pageblock is decided, then those that decide one.
    for (const decided of [true, false]) {
      rows[order].forEach((row, i) => {
        const known = blockType.get(row >>> pageblockOrder);
        if (typeOf[order][i] >= 0 || (known !== undefined) !== decided) return;
        const type = known !== undefined ? (left[known] > 0 ? known : -1) : left.findIndex((n) => n > 0);
        if (type < 0) return;
        left[type]--;
        typeOf[order][i] = type;
        for (let at = row; at < row + 2 ** order; at += 1 << pageblockOrder) {
          if (!blockType.has(at >>> pageblockOrder)) blockType.set(at >>> pageblockOrder, type);
        }
      });
    }
    rows[order].forEach((_, i) => {
      if (typeOf[order][i] >= 0) return;
      const type = left.findIndex((n) => n > 0);
      left[type]--;
      typeOf[order][i] = type;
    });
  }
  countPageblocks(pages, step, zone, blockType);
  for (const [block, type] of blockType) lists.setPageblockType(block << pageblockOrder, type);
  let mistyped = 0;
  rows.forEach((list, order) =>
    list.forEach((row, i) => {
      lists.placeFree(row, order, typeOf[order][i]);
      if (blockType.get(row >>> pageblockOrder) !== typeOf[order][i]) mistyped++;
    }),
  );
  return mistyped;
}

/** Makes the pageblock types add up to the counted ones, changing as few decided ones as possible. */
function countPageblocks(pages: PageMap, step: Step, zone: Zone, blockType: Map<number, number>): void {
  const counted = step.pagetypeinfo?.blocks.find((b) => b.node === zone.nid && b.name === zone.name);
  if (counted === undefined) return;
  const { pageblockOrder } = pages.arch;
  const left = MIGRATETYPE_NAMES.map((name) => counted.counts[step.pagetypeinfo!.migratetypes.indexOf(name)] ?? 0);
  const undecided: number[] = [];
  // The kernel samples positions from the zone's start on; so does the view.
  for (let pfn = zone.startPfn; pfn < zone.endPfn; pfn += 1 << pageblockOrder) {
    const row = pages.pfnToRow(pfn);
    if (row < 0 || pages.zoneOf(row) !== zone.index) continue;
    const block = row >>> pageblockOrder;
    const type = blockType.get(block);
    if (type !== undefined && left[type] > 0) left[type]--;
    else undecided.push(block);
  }
  for (const block of undecided) {
    let type = left.findIndex((n) => n > 0);
    if (type < 0) type = MIGRATE.MOVABLE;
    else left[type]--;
    blockType.set(block, type);
  }
}

/**
 * Pages of the per-CPU lists: as many single pages as zoneinfo counts. Page flags do not tell such pages from pages of the
 * kernel, but they are among those without any flag: these come first.
 */
function placeCpuPages(
  machine: Machine,
  lists: ZoneFreeLists,
  step: Step,
  zone: Zone,
  bare: Uint8Array | undefined,
): void {
  const recorded = step.zoneinfo?.zones.find((z) => z.node === zone.nid && z.name === zone.name);
  if (recorded === undefined || !zone.managed) return;
  const { pages } = machine;
  const wanted = recorded.pagesets.filter((set) => set.cpu < machine.description.cpus);
  const left = wanted.map((set) => set.count);
  let turn = 0;
  for (const plain of bare === undefined ? [false] : [true, false]) {
    for (let pfn = zone.endPfn - 1; pfn >= zone.startPfn; pfn--) {
      while (turn < wanted.length && left[turn] === 0) turn++;
      if (turn === wanted.length) return;
      const row = pages.pfnToRow(pfn);
      if (row < 0 || pages.zoneOf(row) !== zone.index || pages.state[row] !== 0 || lists.freeHead(row) >= 0) continue;
      if (plain && bare![row] === 0) continue;
      lists.placeOnCpu(row, 0, MIGRATE.MOVABLE, wanted[turn].cpu);
      left[turn]--;
    }
  }
}
