/**
 * Questions about owners: how many pages, in how many blocks and pageblocks, each group of owners has, and for how long. One pass
 * over the blocks, which are in order of their pages; then a sort of the ages.
 */
import { OWNER_KEYS, type OwnerGroupReport, type OwnerKey, type OwnersReport } from '@replug/report';
import { stepLabel, type Recording, type Time } from '@replug/workload';
import { ownersAt, type OwnerOptions, type Owners } from './owners.ts';

export interface OwnerGroupOptions extends OwnerOptions {
  /** The instant. Default: the end of the trace. */
  readonly at?: Time;
  /** What makes a group. Default: the stack. */
  readonly by?: OwnerKey;
  /** Groups that are told, those with most pages first. Default: all. */
  readonly top?: number;
}

/** Errors: as `ownersAt`. */
export function ownerGroups(recording: Recording, options: OwnerGroupOptions = {}): OwnersReport {
  const { at = { kind: 'end' }, by = OWNER_KEYS[0], top = Infinity } = options;
  const owners = ownersAt(recording, at, options);
  const { base, later, counts, length } = owners;
  const groups = groupsOf(owners, by);
  let pages = 0;
  let withStack = 0;
  for (let row = 0; row < length; row++) {
    pages += 2 ** owners.order[row];
    if (owners.stack[row] > 0) withStack += 2 ** owners.order[row];
  }
  const ns = owners.at.ns;
  return {
    name: recording.name,
    path: recording.path,
    pageSize: recording.pageSize,
    at: { time: Number.isNaN(ns) ? null : ns / 1e9, event: owners.at.eventIndex, note: owners.at.note },
    base: base === undefined ? null : stepLabel(base),
    later: later === undefined ? null : stepLabel(later),
    counts: { ...counts },
    by,
    blocks: length,
    pages,
    withStack,
    groupCount: groups.length,
    groups: groups.slice(0, top),
  };
}

/** Where nothing tells the order of a pageblock. */
const GUESSED_ORDER = 9;
/** Pageblocks that one allocation is spread over, 1 GiB in 2 MiB; a larger one is a damaged record's, and stands at its first. */
const MOST_SPANNED = 512;

interface Draft {
  readonly id: number;
  pages: number;
  blocks: number;
  pageblocks: number;
  /** The pageblock that was counted last. */
  last: number;
  readonly ages: number[];
  /** Pages by index of comm and of gfp. */
  readonly comms: Map<number, number>;
  readonly gfps: Map<number, number>;
}

/** Groups, those with most pages first; of as many pages, the one that comes first in memory. */
export function groupsOf(owners: Owners, by: OwnerKey): OwnerGroupReport[] {
  const { length, pfn, order, comm, gfp, stack } = owners;
  const blockPages = 2 ** (owners.pageblockOrder ?? GUESSED_ORDER);
  const drafts = new Map<number, Draft>();
  const draftOf = (id: number): Draft => {
    let draft = drafts.get(id);
    if (draft === undefined) {
      draft = { id, pages: 0, blocks: 0, pageblocks: 0, last: -1, ages: [], comms: new Map(), gfps: new Map() };
      drafts.set(id, draft);
    }
    return draft;
  };
  const add = (draft: Draft, row: number, pages: number): void => {
    draft.pages += pages;
    draft.comms.set(comm[row], (draft.comms.get(comm[row]) ?? 0) + pages);
    draft.gfps.set(gfp[row], (draft.gfps.get(gfp[row]) ?? 0) + pages);
  };
  const ids = by === 'stack' ? stack : by === 'comm' ? comm : gfp;
  for (let row = 0; row < length; row++) {
    const start = pfn[row];
    const end = start + 2 ** order[row];
    const first = Math.floor(start / blockPages);
    const last = Math.floor((end - 1) / blockPages);
    const draft = draftOf(by === 'block' ? first : ids[row]);
    draft.blocks++;
    const age = owners.at.ns - owners.since[row];
    if (!Number.isNaN(age)) draft.ages.push(age);
    draft.pageblocks += last - first + (draft.last === first ? 0 : 1);
    draft.last = last;
    if (by !== 'block' || first === last || last - first > MOST_SPANNED) add(draft, row, end - start);
    else
      for (let block = first; block <= last; block++)
        add(draftOf(block), row, Math.min(end, (block + 1) * blockPages) - Math.max(start, block * blockPages));
  }
  const ranked = [...drafts.values()].sort((a, b) => b.pages - a.pages);
  return ranked.map((draft) => groupReport(owners, by, draft, blockPages));
}

function groupReport(owners: Owners, by: OwnerKey, draft: Draft, blockPages: number): OwnerGroupReport {
  const { id, pages, blocks, pageblocks, comms, gfps } = draft;
  const ages = Float64Array.from(draft.ages).sort();
  const seconds = (share: number) => (ages.length === 0 ? null : ages[Math.round(share * (ages.length - 1))] / 1e9);
  const start = id * blockPages;
  const key =
    by === 'block'
      ? `0x${start.toString(16)}-0x${(start + blockPages - 1).toString(16)}`
      : { stack: owners.stacks, comm: owners.comms, gfp: owners.gfpTexts }[by][id];
  return {
    key,
    pages,
    blocks,
    pageblocks: owners.pageblockOrder === undefined ? null : pageblocks,
    age: { youngest: seconds(0), median: seconds(0.5), oldest: seconds(1) },
    comm: most(comms, owners.comms),
    comms: comms.size,
    gfp: most(gfps, owners.gfpTexts),
    gfps: gfps.size,
  };
}

/** The text with most pages. */
function most(counts: ReadonlyMap<number, number>, texts: readonly string[]): string {
  let best = 0;
  let pages = -1;
  for (const [id, count] of counts) {
    if (count <= pages) continue;
    best = id;
    pages = count;
  }
  return texts[best];
}
