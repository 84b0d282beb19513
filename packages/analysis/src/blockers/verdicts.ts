/**
 * What offlining a block would come to, in the order in which the kernel finds out.
 *
 * Models: drivers/base/memory.c memory_block_offline(), mm/memory_hotplug.c offline_pages(), mm/page_isolation.c, 6.1 and 6.12.
 */
import { PAGE_CLASS, PAGE_CLASS_NAMES } from '@replug/core';
import type { BlockReport, BlockVerdict } from '@replug/report';
import { CLASS_MASK, DOUBT_NAMES } from '@replug/workload';
import { ACTION, firstBit, metFirst, type BlockTally } from './block-scan.ts';
import type { BlockPlace, Places } from './places.ts';
import type { Room } from './room.ts';

export interface Circumstances {
  /** Most pages that the lists of all CPUs can hold of the block's zone; undefined where nothing tells. */
  readonly cpuListPages: number | undefined;
  readonly room: Room | undefined;
  /** A pageblock of CMA lies in it; `maybe`: the zone has some, and nothing tells where. */
  readonly cma: 'yes' | 'maybe' | 'no';
}

/** Pages named of a block. */
const NAMED = 8;

export function judge(places: Places, place: BlockPlace, tally: BlockTally, facts: Circumstances): BlockReport {
  const { blockPages, pageblockPages } = places;
  const startPfn = place.id * blockPages;
  const { counts, actions, blocking, mayBlock } = tally;
  const [verdict, why] = verdictOf(place, tally, facts, places);
  const told = verdict !== 'offline' && verdict !== 'invalid';
  const named = told ? metFirst(blocking ?? mayBlock, blockPages, pageblockPages) : -1;
  return {
    block: place.id,
    startPfn,
    pages: blockPages,
    state: place.state,
    zone: place.zone ?? null,
    node: place.node ?? null,
    verdict,
    why,
    classes: byClass(counts),
    doubts: byDoubt(counts),
    toMove: actions[ACTION.MOVE],
    blocking: {
      count: actions[ACTION.BLOCKS],
      first: firstPages(blocking, blockPages, startPfn),
      named: named < 0 ? null : startPfn + named,
      classes: namedClasses(tally.blockingClasses),
    },
    uncertain: actions[ACTION.MAY_BLOCK],
    room: facts.room ?? null,
  };
}

function verdictOf(
  place: BlockPlace,
  { counts, actions, blockingClasses }: BlockTally,
  { cpuListPages, room, cma }: Circumstances,
  places: Places,
): [BlockVerdict, string] {
  if (place.state !== 'online' && place.state !== 'unknown') return ['offline', `it is ${place.state}`];
  if (place.state === 'online' && place.zone === undefined) return ['invalid', 'it has pages of several zones'];
  const holes = Math.max(place.holes, countOf(counts, PAGE_CLASS.HOLE));
  if (holes >= places.blockPages) return ['offline', 'there is no memory here'];
  if (holes > 0) return ['invalid', `no memory at ${pagesText(holes)} of it`];
  if (cma === 'yes') return ['blocked', 'it has a pageblock of a CMA area'];
  const blocking = actions[ACTION.BLOCKS];
  if (blocking > 0) return ['blocked', `${pagesText(blocking)} cannot be moved: ${classText(blockingClasses)}`];
  const doubtful = actions[ACTION.MAY_BLOCK];
  if (doubtful > 0) {
    if (cpuListPages !== undefined && doubtful > cpuListPages)
      return ['blocked', `${pagesText(doubtful)} without flags, and the CPUs' lists hold ${cpuListPages} at most`];
    return ['uncertain', `${pagesText(doubtful)} that nothing tells of: kernel memory, or on a CPU's list`];
  }
  const stays = actions[ACTION.STAYS];
  if (stays > 0) return ['retries', `${pagesText(stays)} of the kernel that isolation passes over`];
  const toMove = actions[ACTION.MOVE];
  if (room !== undefined && toMove > room.free + room.reclaimable)
    return [
      'retries',
      `${pagesText(toMove)} to move, room for ${room.free} elsewhere and ${room.reclaimable} by reclaim`,
    ];
  if (cma === 'maybe') return ['uncertain', 'its zone has CMA areas, and nothing tells where'];
  if (room !== undefined && toMove > room.free)
    return ['offlinable', `${pagesText(toMove)} to move, ${toMove - room.free} of them only after reclaim`];
  return ['offlinable', toMove === 0 ? 'nothing has to be moved' : `${pagesText(toMove)} to move`];
}

const pagesText = (count: number): string => (count === 1 ? '1 page' : `${count} pages`);

/** `reserved 282, slab 10`: most first. */
function classText(pages: Uint32Array): string {
  return Object.entries(namedClasses(pages))
    .sort(([, a], [, b]) => b - a)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ');
}

function countOf(counts: Uint32Array, use: number): number {
  let pages = 0;
  for (let byte = use; byte < 256; byte += CLASS_MASK + 1) pages += counts[byte];
  return pages;
}

/** Pages by name of their class. */
export function byClass(counts: Uint32Array): Record<string, number> {
  const classes: Record<string, number> = {};
  PAGE_CLASS_NAMES.forEach((name, use) => {
    const pages = countOf(counts, use);
    if (pages > 0) classes[name] = pages;
  });
  return classes;
}

export function byDoubt(counts: Uint32Array): Record<string, number> {
  const doubts: Record<string, number> = {};
  for (let byte = CLASS_MASK + 1; byte < 256; byte++) {
    const name = DOUBT_NAMES[byte >> 5];
    if (counts[byte] > 0) doubts[name] = (doubts[name] ?? 0) + counts[byte];
  }
  return doubts;
}

function firstPages(bits: Uint8Array | undefined, pages: number, startPfn: number): number[] {
  const first: number[] = [];
  for (let at = firstBit(bits, 0, pages); at >= 0 && first.length < NAMED; at = firstBit(bits, at + 1, pages))
    first.push(startPfn + at);
  return first;
}

function namedClasses(pages: Uint32Array): Record<string, number> {
  const classes: Record<string, number> = {};
  PAGE_CLASS_NAMES.forEach((name, use) => {
    if (pages[use] > 0) classes[name] = pages[use];
  });
  return classes;
}
