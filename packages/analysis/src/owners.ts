/**
 * Whose page is it? For every block in hand at an instant its last known owner: from page_owner of the dump before, then from the
 * events up to the instant, with what a later page_owner tells of allocations that are older.
 *
 *   const owners = ownersAt(recording, { kind: 'step', ref: 'after' });
 *   const row = ownerOf(owners, 0x1f2a);
 *   console.log(row < 0 ? 'nobody' : owners.comms[owners.comm[row]]);
 *
 * page_owner is printed over seconds, and each record names the time of its allocation on the clock that `global` and `local`
 * traces have. So a dump needs no time of its own: pages are printed in ascending order, and none was printed before the latest
 * allocation that stands above it. What an event says of a page before that, the dump knows already.
 *
 * What no event tells stays unknown: blocks that compaction moved, blocks taken before both the trace and the first dump.
 */
import { KIND } from '@replug/core';
import {
  emptyEvents,
  eventPfn,
  resolveTime,
  stepLabel,
  type EventColumns,
  type PageOwner,
  type Recording,
  type ResolvedTime,
  type Step,
  type Time,
} from '@replug/workload';
import { noOwners } from './errors.ts';
import { OwnedBlocks } from './owners-blocks.ts';

/** Blocks in hand, one a row, ascending by pfn and apart from each other. */
export interface Owners {
  readonly length: number;
  readonly pfn: Float64Array;
  readonly order: Uint8Array;
  /** Indices into the dictionaries; 0 is none. */
  readonly comm: Int32Array;
  readonly gfp: Int32Array;
  readonly stack: Int32Array;
  /** -1 where it is not told. */
  readonly pid: Int32Array;
  /** When it was allocated, ns on the trace clock; NaN for unknown. */
  readonly since: Float64Array;
  /** Row of the event that tells; -1 where a dump does. */
  readonly event: Int32Array;
  readonly comms: readonly string[];
  readonly gfpTexts: readonly string[];
  readonly stacks: readonly string[];
  /** Order of a pageblock; undefined when nothing tells. */
  readonly pageblockOrder: number | undefined;
  readonly at: ResolvedTime;
  /** The dump that it starts from, and the later one that adds stacks; undefined for none. */
  readonly base: Step | undefined;
  readonly later: Step | undefined;
  readonly counts: OwnerCounts;
}

export interface OwnerCounts {
  /** Blocks of the dump that it starts from. */
  base: number;
  /** Allocations and frees that were applied; that the dump knew already. */
  applied: number;
  known: number;
  /** Frees of pages that nobody was known to have. */
  unknownFrees: number;
  /** Blocks that only the later dump tells; that it adds a stack to. */
  added: number;
  stacks: number;
}

export interface OwnerOptions {
  /**
   * The stack of an event's allocation, lines joined by newlines. Default: the call chain that the trace has of it.
   */
  readonly stackOf?: (event: number) => string | undefined;
}

/** An event is written this long after the time that page_owner keeps of the same allocation, at most; ns. */
const SAME = 10_000_000;
/** The clocks of the two differ by no more; ns. */
const SKEW = 100_000;

/** Errors: RP6007 (neither page_owner nor events), RP3xxx (times). */
export function ownersAt(recording: Recording, time: Time, options: OwnerOptions = {}): Owners {
  const events = recording.trace?.events ?? emptyEvents();
  const dumps = recording.steps.flatMap((step) => dumpOf(recording, step));
  if (dumps.length === 0 && events.length === 0) throw noOwners(recording.name);
  const at = resolveTime(recording, time);
  const { base, later } = chooseDumps(dumps, events.length === 0 ? undefined : at.ns, at.step);
  const state = new State(events, options);
  if (base !== undefined) state.start(base);
  state.apply(base, at.eventIndex);
  if (later !== undefined) state.look(later, events.length === 0 ? Infinity : at.ns);
  const told = [base, later, ...dumps].find((dump) => dump?.owner.pageblockOrder !== undefined);
  return {
    ...state.finish(),
    pageblockOrder:
      recording.steps.find((s) => s.pagetypeinfo !== undefined)?.pagetypeinfo?.pageblockOrder ??
      told?.owner.pageblockOrder,
    at,
    base: base?.step,
    later: later?.step,
    counts: state.counts,
  };
}

/** Row of the block that covers a page; -1 when nobody is known to have it. */
export function ownerOf({ length, pfn: heads, order }: Owners, pfn: number): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (heads[middle] <= pfn) low = middle + 1;
    else high = middle;
  }
  return low > 0 && pfn < heads[low - 1] + 2 ** order[low - 1] ? low - 1 : -1;
}

interface Dump {
  readonly step: Step;
  readonly owner: PageOwner;
  /** Rows ascending by pfn. */
  readonly rows: Int32Array;
  /** Time of the latest allocation in it, ns; where the kernel tells none, that of its step; -Infinity for unknown. */
  readonly end: number;
}

function dumpOf(recording: Recording, step: Step): Dump[] {
  const owner = step.pageOwner?.();
  if (owner === undefined || owner.groups !== undefined) return [];
  const { length, pfn, time } = owner;
  const rows = new Int32Array(length);
  let count = 0;
  let ascending = true;
  let end = 0;
  for (let row = 0; row < length; row++) {
    if (!(pfn[row] >= 0)) continue;
    if (count > 0 && pfn[row] < pfn[rows[count - 1]]) ascending = false;
    rows[count++] = row;
    if (time[row] > end) end = time[row];
  }
  const sorted = rows.subarray(0, count);
  if (!ascending) sorted.sort((a, b) => pfn[a] - pfn[b]);
  return [{ step, owner, rows: sorted, end: end > 0 ? end : stepTime(recording, step) }];
}

function stepTime(recording: Recording, step: Step): number {
  try {
    return resolveTime(recording, { kind: 'step', ref: stepLabel(step) }).ns;
  } catch {
    return -Infinity;
  }
}

/** The last dump that was whole by `ns`, and the first that was not. Without a trace: that of the step, else the one before. */
function chooseDumps(
  dumps: readonly Dump[],
  ns: number | undefined,
  step: Step | undefined,
): { base?: Dump; later?: Dump } {
  if (ns === undefined) {
    const until = dumps.filter((dump) => step === undefined || dump.step.number <= step.number);
    return { base: until.at(-1) };
  }
  return { base: dumps.filter((dump) => dump.end <= ns).at(-1), later: dumps.find((dump) => dump.end > ns) };
}

/** The blocks in hand while events pass, and the texts of their owners. */
class State {
  readonly counts: OwnerCounts = { base: 0, applied: 0, known: 0, unknownFrees: 0, added: 0, stacks: 0 };
  private readonly blocks = new OwnedBlocks();
  private readonly comms = new Texts();
  private readonly gfpTexts = new Texts();
  private readonly stacks = new Texts();
  private readonly events: EventColumns;
  private readonly options: OwnerOptions;

  constructor(events: EventColumns, options: OwnerOptions) {
    this.events = events;
    this.options = options;
  }

  start(dump: Dump): void {
    const fill = this.filler(dump.owner);
    for (const row of dump.rows) fill(this.blocks.take(dump.owner.pfn[row], dump.owner.order[row]), row);
    this.counts.base = this.blocks.size;
  }

  /** HOT. Events before row `until`. */
  apply(dump: Dump | undefined, until: number): void {
    const { events, blocks, counts, options } = this;
    const { kind, unit, time, gfp, task, tasks } = events;
    const knownUntil = dump === undefined ? undefined : printedAfter(dump);
    const comms = tasks.map(({ comm }) => this.comms.intern(comm));
    const gfps = events.gfpTexts.map((text) => this.gfpTexts.intern(text));
    const chains = events.stacks?.map((text) => this.stacks.intern(text)) ?? [0];
    for (let row = 0; row < until; row++) {
      const isAlloc = kind[row] === KIND.mm_page_alloc;
      if (!isAlloc && kind[row] !== KIND.mm_page_free) continue;
      const pfn = eventPfn(events, row);
      if (pfn < 0) continue;
      const order = unit[row] & 15;
      const ns = time[row];
      if (knownUntil !== undefined && ns < knownUntil(pfn)) {
        counts.known++;
        continue;
      }
      const slot = blocks.at(pfn);
      const since = slot < 0 ? NaN : blocks.since[slot];
      // In a dump already: the same allocation, or one after this event.
      const inDump = slot >= 0 && blocks.event[slot] < 0 && since > 0;
      if (inDump && (since > ns + SKEW || (isAlloc && ns - since < SAME && blocks.order[slot] === order))) {
        counts.known++;
        continue;
      }
      counts.applied++;
      if (!isAlloc) {
        if (!blocks.free(pfn, order)) counts.unknownFrees++;
        continue;
      }
      const taken = blocks.take(pfn, order);
      blocks.comm[taken] = comms[task[row]] ?? 0;
      blocks.pid[taken] = tasks[task[row]]?.pid ?? -1;
      blocks.gfp[taken] = gfps[gfp[row]] ?? 0;
      const told = options.stackOf?.(row);
      blocks.stack[taken] = told === undefined ? chains[events.stack?.[row] ?? 0] : this.stacks.intern(told);
      blocks.since[taken] = ns;
      blocks.event[taken] = row;
    }
  }

  /** What a later dump tells of allocations up to `ns`: whoever has a page since before then and afterwards had it then. */
  look({ owner, rows }: Dump, ns: number): void {
    const { blocks, counts } = this;
    const { pfn, order, time, moved } = owner;
    const fill = this.filler(owner);
    for (const row of rows) {
      if (time[row] > ns || (time[row] === 0 && ns < Infinity && owner.gfpMasks[owner.gfp[row]] !== 0)) continue;
      const slot = blocks.covering(pfn[row]);
      if (slot < 0) {
        fill(blocks.take(pfn[row], order[row]), row);
        counts.added++;
        continue;
      }
      if (blocks.pfn[slot] !== pfn[row] || blocks.order[slot] !== order[row]) continue;
      const age = blocks.since[slot] - time[row];
      // The kernel takes the owner along when it moves a page, and its time with it.
      if ((age > -SKEW && age < SAME) || moved[row] > 0) {
        if (blocks.stack[slot] === 0 && owner.stack[row] > 0) counts.stacks++;
        fill(slot, row);
      }
    }
  }

  finish() {
    const { blocks, comms, gfpTexts, stacks } = this;
    const slots = blocks.sorted();
    const { length } = slots;
    const gather = <T extends { [at: number]: number }>(from: T, to: T): T => {
      for (let i = 0; i < length; i++) to[i] = from[slots[i]];
      return to;
    };
    return {
      length,
      pfn: gather(blocks.pfn, new Float64Array(length)),
      order: gather(blocks.order, new Uint8Array(length)),
      comm: gather(blocks.comm, new Int32Array(length)),
      gfp: gather(blocks.gfp, new Int32Array(length)),
      stack: gather(blocks.stack, new Int32Array(length)),
      pid: gather(blocks.pid, new Int32Array(length)),
      since: gather(blocks.since, new Float64Array(length)),
      event: gather(blocks.event, new Int32Array(length)),
      comms: comms.texts,
      gfpTexts: gfpTexts.texts,
      stacks: stacks.texts,
    };
  }

  /** Fills a slot from a row of a dump. */
  private filler(owner: PageOwner): (slot: number, row: number) => void {
    const { blocks } = this;
    const comms = owner.comms.map((text) => this.comms.intern(text));
    const gfps = owner.gfpTexts.map((text) => this.gfpTexts.intern(text));
    const stacks = owner.stacks.map((text) => this.stacks.intern(text));
    return (slot, row) => {
      blocks.comm[slot] = comms[owner.comm[row]];
      blocks.pid[slot] = owner.pid[row];
      blocks.gfp[slot] = gfps[owner.gfp[row]];
      blocks.stack[slot] = stacks[owner.stack[row]];
      blocks.since[slot] = owner.time[row] > 0 ? owner.time[row] : NaN;
      blocks.event[slot] = -1;
    };
  }
}

/** By page, the time before which it was not printed: the latest allocation among the records before it. */
function printedAfter({ owner, rows }: Dump): (pfn: number) => number {
  const heads = Float64Array.from(rows, (row) => owner.pfn[row]);
  const latest = new Float64Array(rows.length + 1);
  rows.forEach((row, i) => (latest[i + 1] = Math.max(latest[i], owner.time[row])));
  return (pfn) => {
    let low = 0;
    let high = heads.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (heads[middle] <= pfn) low = middle + 1;
      else high = middle;
    }
    return latest[low];
  };
}

/** Distinct texts; the first is the empty one. */
class Texts {
  readonly texts: string[] = [''];
  private readonly index = new Map<string, number>([['', 0]]);

  intern(text: string): number {
    let index = this.index.get(text);
    if (index === undefined) {
      index = this.texts.length;
      this.texts.push(text);
      this.index.set(text, index);
    }
    return index;
  }
}
