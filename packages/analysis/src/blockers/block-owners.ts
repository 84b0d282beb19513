/**
 * Whose pages stop the blocks: the owners of blocking pages, grouped by stack (by task and gfp flags where there is none) and
 * ranked by the blocks that they stop. Pages without a record are told by their class: boot memory never has one.
 */
import { KIND, MOVABILITY, PAGE_CLASS, PAGE_CLASS_NAMES } from '@replug/core';
import type { BlockOwnerReport } from '@replug/report';
import {
  BYTE_MOVABILITY,
  byteOfGfp,
  CLASS_MASK,
  eventPfn,
  isPageEvent,
  stepLabel,
  type EventColumns,
} from '@replug/workload';
import { ownerOf, type Owners } from '../owners.ts';
import { ACTION, firstBit, type BlockTally } from './block-scan.ts';

/**
 * Lets owners decide pages without flags: what somebody has was handed out, and the gfp flags tell how; what nobody has lies on
 * a CPU's list, provided that page_owner told all pages (`owners.base`) or that an event gave the page back (`seenFree`).
 */
export function settleDoubts(
  tally: BlockTally,
  blockPages: number,
  owners: Owners,
  seenFree: ReadonlySet<number>,
): void {
  const { mayBlock, actions, blockingClasses } = tally;
  if (mayBlock === undefined) return;
  const startPfn = tally.id * blockPages;
  for (let at = firstBit(mayBlock, 0, blockPages); at >= 0; at = firstBit(mayBlock, at + 1, blockPages)) {
    const row = ownerOf(owners, startPfn + at);
    if (row < 0 && owners.base === undefined && !seenFree.has(startPfn + at)) continue;
    mayBlock[at >>> 3] &= ~(1 << (at & 7));
    actions[ACTION.MAY_BLOCK]--;
    if (row < 0) actions[ACTION.NOTHING]++;
    else if (BYTE_MOVABILITY[byteOfGfp(owners.gfpTexts[owners.gfp[row]])] === MOVABILITY.MOVABLE)
      actions[ACTION.MOVE]++;
    else {
      actions[ACTION.BLOCKS]++;
      blockingClasses[PAGE_CLASS.KERNEL]++;
      tally.blocking ??= new Uint8Array(mayBlock.length);
      tally.blocking[at >>> 3] |= 1 << (at & 7);
    }
  }
}

/**
 * Doubtful pages whose last event before the instant left them on a list. HOT: once an event.
 *
 * @param until events before this row
 */
export function seenFree(
  tallies: readonly BlockTally[],
  blockPages: number,
  events: EventColumns,
  until: number,
): ReadonlySet<number> {
  const doubted = new Map<number, Uint8Array>();
  for (const { id, mayBlock } of tallies) if (mayBlock !== undefined) doubted.set(id, mayBlock);
  const free = new Set<number>();
  if (doubted.size === 0) return free;
  for (let row = 0; row < until; row++) {
    if (!isPageEvent(events.kind[row])) continue;
    const pfn = eventPfn(events, row);
    if (pfn < 0) continue;
    const isFree = events.kind[row] !== KIND.mm_page_alloc;
    const end = pfn + (1 << (events.unit[row] & 15));
    for (let at = pfn; at < end; at++) {
      const id = Math.floor(at / blockPages);
      const bits = doubted.get(id);
      if (bits === undefined) break;
      const offset = at - id * blockPages;
      if (((bits[offset >>> 3] >>> (offset & 7)) & 1) === 0) continue;
      if (isFree) free.add(at);
      else free.delete(at);
    }
  }
  return free;
}

interface Draft {
  readonly stack: number;
  readonly class: number;
  pages: number;
  readonly blocks: Set<number>;
  alone: number;
  youngest: number;
  oldest: number;
  readonly comms: Map<number, number>;
  readonly pids: Map<number, number>;
  readonly gfps: Map<number, number>;
  readonly classes: Uint32Array;
}

export interface BlockOwners {
  readonly owners: readonly BlockOwnerReport[];
  readonly keptByFirstThree: number;
}

/** Owners of the blocking pages of `tallies`, those of blocked blocks. */
export function blockOwners(
  tallies: readonly BlockTally[],
  blockPages: number,
  owners: Owners | undefined,
): BlockOwners {
  const drafts = new Map<string, Draft>();
  const inBlock = new Map<number, Set<Draft>>();
  for (const { id, blocking, mayBlock, actions, bytes, blockingClasses } of tallies) {
    const here = new Set<Draft>();
    inBlock.set(id, here);
    if (owners === undefined || bytes === undefined) {
      for (let use = 0; use <= CLASS_MASK; use++) {
        if (blockingClasses[use] > 0) addPages(drafts, here, id, use, blockingClasses[use], undefined, -1);
      }
      // Blocked by the number of pages without flags alone.
      if (here.size === 0) addPages(drafts, here, id, PAGE_CLASS.KERNEL, actions[ACTION.MAY_BLOCK], undefined, -1);
      continue;
    }
    const bits = blocking ?? mayBlock;
    for (let at = firstBit(bits, 0, blockPages); at >= 0; at = firstBit(bits, at + 1, blockPages)) {
      const row = ownerOf(owners, id * blockPages + at);
      addPages(drafts, here, id, bytes[at] & CLASS_MASK, 1, owners, row);
    }
  }
  for (const here of inBlock.values()) if (here.size === 1) for (const draft of here) draft.alone++;
  const ranked = [...drafts.values()].sort(
    (a, b) => b.blocks.size - a.blocks.size || b.pages - a.pages || first(a.blocks) - first(b.blocks),
  );
  const three = new Set(ranked.slice(0, 3));
  const kept = [...inBlock.values()].filter((here) => here.size > 0 && [...here].every((draft) => three.has(draft)));
  return { owners: ranked.map((draft) => finish(draft, owners)), keptByFirstThree: kept.length };
}

const first = (blocks: ReadonlySet<number>): number => blocks.values().next().value ?? 0;

function addPages(
  drafts: Map<string, Draft>,
  here: Set<Draft>,
  block: number,
  use: number,
  pages: number,
  owners: Owners | undefined,
  row: number,
): void {
  const stack = owners === undefined || row < 0 ? 0 : owners.stack[row];
  const key =
    owners === undefined || row < 0
      ? `class ${use}`
      : stack > 0
        ? `stack ${stack}`
        : `task ${owners.comm[row]} ${owners.gfp[row]}`;
  let draft = drafts.get(key);
  if (draft === undefined) {
    const [comms, pids, gfps] = [new Map<number, number>(), new Map<number, number>(), new Map<number, number>()];
    const classes = new Uint32Array(CLASS_MASK + 1);
    draft = {
      ...{ stack, class: use, pages: 0, blocks: new Set(), alone: 0 },
      ...{ youngest: Infinity, oldest: -Infinity, comms, pids, gfps, classes },
    };
    drafts.set(key, draft);
  }
  here.add(draft);
  draft.blocks.add(block);
  draft.pages += pages;
  draft.classes[use] += pages;
  if (owners === undefined || row < 0) return;
  count(draft.comms, owners.comm[row]);
  count(draft.pids, owners.pid[row]);
  count(draft.gfps, owners.gfp[row]);
  const age = owners.at.ns - owners.since[row];
  if (age < draft.youngest) draft.youngest = age;
  if (age > draft.oldest) draft.oldest = age;
}

const count = (counts: Map<number, number>, key: number): void => void counts.set(key, (counts.get(key) ?? 0) + 1);

function finish(draft: Draft, owners: Owners | undefined): BlockOwnerReport {
  const stack = owners?.stacks[draft.stack] ?? '';
  const pid = most(draft.pids);
  const seconds = (ns: number) => (Number.isFinite(ns) ? ns / 1e9 : null);
  const mostly = draft.classes.indexOf(Math.max(...draft.classes));
  return {
    stack: draft.stack === 0 || stack === '' ? [] : stack.split('\n'),
    comm: owners?.comms[most(draft.comms) ?? 0] ?? '',
    pid: pid === undefined || pid < 0 ? null : pid,
    gfp: owners?.gfpTexts[most(draft.gfps) ?? 0] ?? '',
    class: PAGE_CLASS_NAMES[mostly],
    pages: draft.pages,
    blocks: draft.blocks.size,
    alone: draft.alone,
    blockIds: [...draft.blocks].sort((a, b) => a - b),
    age: { youngest: seconds(draft.youngest), oldest: seconds(draft.oldest) },
  };
}

/** The key that was counted most; undefined for none. */
function most(counts: ReadonlyMap<number, number>): number | undefined {
  let best: number | undefined;
  let pages = 0;
  for (const [key, n] of counts) if (n > pages) [best, pages] = [key, n];
  return best;
}

/** Where the owners come from, in words. */
export function ownersSource(owners: Owners): string {
  const { base, later, counts } = owners;
  const parts = base === undefined ? [] : [`page_owner of ${stepLabel(base)}`];
  if (counts.applied > 0 || base === undefined) parts.push(`${counts.applied} events`);
  if (later !== undefined) parts.push(`page_owner of ${stepLabel(later)}`);
  return parts.join(', ');
}
