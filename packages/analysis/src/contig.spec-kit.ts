/**
 * What ContiguousRanges says of every pageblock of a recorded state, against a check of the same pageblocks page by page that
 * knows nothing of it: classes of the pages in use, and which pages are free.
 *
 * Each pageblock is isolated and given back, then allocated and given back; contents move on the way, so the verdict of a
 * pageblock is taken before anything moves. Moving movable pages about changes no other pageblock's verdict.
 */
import {
  ContiguousRanges,
  Core,
  createKernel,
  ERRNO,
  MIGRATE,
  PAGE_CLASS,
  PAGE_CLASS_NAMES,
  PageAllocator,
  ZoneFreeLists,
  type Kernel,
} from '@replug/core';
import { buddy } from '@replug/buddy';
import { describeRecorded, restoreOwners, restoreStep } from '@replug/replay';
import type { Recording, Step } from '@replug/workload';
import { expect } from 'vitest';

export interface ContigCensus {
  readonly pageblocks: number;
  /** Pageblocks that alloc() took. */
  readonly allocated: number;
  readonly migrated: number;
  readonly reclaimed: number;
  /** Refused pageblocks by the rule that was broken first. */
  readonly refused: Readonly<Record<string, number>>;
}

/** The machine of a step, with an owner for every page in use. */
export function stateOf(recording: Recording, step: Step): Kernel {
  const machine = describeRecorded(recording, step, []);
  const kernel = createKernel({ machine, subsystems: [buddy({ start: 'nothing' })] });
  restoreStep(kernel, step);
  restoreOwners(kernel, step);
  return kernel;
}

const FREE = 255;
const HOLE = 254;
const GOES: ReadonlySet<number> = new Set([
  PAGE_CLASS.LRU_ANON,
  PAGE_CLASS.LRU_FILE,
  PAGE_CLASS.THP,
  PAGE_CLASS.MOVABLE_OPS,
  PAGE_CLASS.MOVABLE,
  PAGE_CLASS.PINNED,
]);

/** One page a byte: its class, FREE (lists of zones and CPUs), or HOLE. */
function pageWise(kernel: Kernel, start: number, pages: number): Uint8Array {
  const map = kernel.get(Core.Pages);
  const bytes = new Uint8Array(pages);
  let until = 0;
  for (let i = 0; i < pages; i++) {
    const row = map.pfnToRow(start + i);
    if (row < 0 || map.zoneOf(row) < 0) {
      bytes[i] = HOLE;
      continue;
    }
    const own = map.state[row];
    if (own >> 4 === 1 || own >> 4 === 2) until = Math.max(until, i + 2 ** (own & 15));
    const free = i < until || kernel.get(PageAllocator).isFree(row);
    bytes[i] = free ? FREE : map.pageClass[row] & 31;
  }
  return bytes;
}

/** The rule that isolation would refuse a pageblock by, read off its pages; '' for none. */
function verdictOf(bytes: Uint8Array, from: number, size: number, movableZone: boolean, hugetlb: boolean): string {
  for (let i = from; i < from + size; i++) {
    const cls = bytes[i];
    if (cls === FREE) continue;
    if (cls === HOLE || cls === PAGE_CLASS.HOLE) return 'hole';
    if (cls === PAGE_CLASS.RESERVED) return 'reserved';
    if (movableZone || GOES.has(cls)) continue;
    if (cls === PAGE_CLASS.HUGETLB && hugetlb) continue;
    return cls === PAGE_CLASS.FREE || cls === PAGE_CLASS.PCP ? 'unknown' : PAGE_CLASS_NAMES[cls];
  }
  return '';
}

/** Runs both over all pageblocks of a state. `hashEvery`: how often the contract hash is compared on the way. */
export function census(kernel: Kernel, hashEvery: number): ContigCensus {
  const { description } = kernel.get(Core.Machine);
  const ranges = kernel.get(ContiguousRanges);
  const allocator = kernel.get(PageAllocator);
  const lists = kernel.get(ZoneFreeLists);
  const pages = kernel.get(Core.Pages);
  const size = 2 ** description.arch.pageblockOrder;
  const hugetlb = description.arch.machine !== 's390x';
  const refused: Record<string, number> = {};
  let pageblocks = 0;
  let allocated = 0;
  let migrated = 0;
  let reclaimed = 0;
  allocator.drainAllPages(-1);
  const start = kernel.contractHash();
  const verdicts: { pfn: number; verdict: string; type: number; stuck: boolean }[] = [];
  for (const zone of kernel.get(Core.Zones).all) {
    if (!zone.populated) continue;
    const first = Math.floor(zone.startPfn / size) * size;
    const bytes = pageWise(kernel, first, Math.ceil((zone.endPfn - first) / size) * size);
    for (let pfn = first; pfn < zone.endPfn; pfn += size) {
      const row = pages.pfnToRow(pfn);
      // A hole, or a pageblock that zones share, is nothing that anybody isolates.
      if (row < 0 || pages.zoneOf(row) !== zone.index || pages.zoneOf(row + size - 1) !== zone.index) continue;
      const type = lists.pageblockType(row);
      const movableZone = zone.name === 'Movable';
      let verdict = verdictOf(bytes, pfn - first, size, movableZone, hugetlb);
      if (type === MIGRATE.CMA) verdict = 'cma';
      // What isolation lets pass in ZONE_MOVABLE stays when it cannot move.
      const stuck = verdict === '' && movableZone && verdictOf(bytes, pfn - first, size, false, hugetlb) !== '';
      verdicts.push({ pfn, verdict, type, stuck });
    }
  }
  const options = { migratetype: MIGRATE.MOVABLE };
  verdicts.forEach(({ pfn, verdict }, i) => {
    const where = `pageblock at pfn 0x${pfn.toString(16)}`;
    const seen = ranges.unmovable(pfn, pfn + size, options);
    expect(seen?.why ?? '', where).toBe(verdict);
    const outcome = ranges.isolate(pfn, pfn + size, options);
    expect(outcome.errno, where).toBe(verdict === '' ? 0 : -ERRNO.EBUSY);
    expect(outcome.blocker?.pfn, where).toBe(seen?.pfn);
    if (verdict === '') ranges.undoIsolation(pfn, pfn + size, MIGRATE.MOVABLE);
    if (i % hashEvery === 0) expect(kernel.contractHash(), `${where}, isolated and given back`).toBe(start);
  });
  expect(kernel.contractHash(), 'after every pageblock was isolated once').toBe(start);
  verdicts.forEach(({ pfn, verdict, stuck }, i) => {
    const where = `pageblock at pfn 0x${pfn.toString(16)}`;
    const before = i % hashEvery === 0 ? kernel.contractHash() : undefined;
    const outcome = ranges.alloc(pfn, pfn + size, MIGRATE.MOVABLE);
    pageblocks++;
    migrated += outcome.migrated;
    reclaimed += outcome.reclaimed;
    const expected = verdict === '' && !stuck ? 0 : -ERRNO.EBUSY;
    // Only where contents find no place elsewhere may a pageblock be refused that could be emptied.
    if (outcome.errno !== -ERRNO.ENOMEM) expect(outcome.errno, where).toBe(expected);
    if (outcome.errno === 0) {
      allocated++;
      ranges.free(pfn, pfn + size);
      allocator.drainAllPages(-1);
    } else {
      const why = outcome.errno === -ERRNO.ENOMEM ? 'no-memory' : (outcome.blocker?.why ?? 'none');
      refused[why] = (refused[why] ?? 0) + 1;
    }
    if (before !== undefined && outcome.reclaimed === 0)
      expect(kernel.contractHash(), `${where}, allocated and given back, or refused`).toBe(before);
  });
  if (reclaimed === 0) expect(kernel.contractHash(), 'after every pageblock was allocated once').toBe(start);
  expect(kernel.validate()).toEqual([]);
  return { pageblocks, allocated, migrated, reclaimed, refused };
}

/** One line of the table. */
export function lineOf(name: string, { pageblocks, allocated, migrated, reclaimed, refused }: ContigCensus): string {
  const reasons = Object.entries(refused)
    .sort(([, a], [, b]) => b - a)
    .map(([why, count]) => `${why} ${count}`)
    .join(', ');
  return `| ${name} | ${pageblocks} | ${allocated} | ${migrated} | ${reclaimed} | ${reasons} |`;
}
