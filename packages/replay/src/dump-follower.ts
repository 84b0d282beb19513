/**
 * Compares a kpageflags dump that took a while to read with the model as it was when each part was read: the replay stops at
 * every piece (dump-reading.ts), and the pages of the piece are looked at then.
 */
import type { ArchProfile, Machine, ZoneFreeLists } from '@replug/core';
import type { EventColumns, PageFlags, Step } from '@replug/workload';
import { comparePages, type PageAgreement } from './checkpoint.ts';
import { findDumpReading, type DumpReading } from './dump-reading.ts';
import type { Stop } from './span.ts';

/** A dump that is read while events go on. */
export interface FollowedDump {
  readonly flags: PageFlags;
  readonly reading: DumpReading;
}

/** How a stop's dump was read; undefined without one, when it was read in an instant, and when the events do not tell. */
export function followedDump(
  events: EventColumns,
  { step, index, next }: Stop,
  { pageShift }: ArchProfile,
): FollowedDump | undefined {
  if (!readLate(step)) return undefined;
  const flags = step.pageFlags();
  if (flags === undefined) return undefined;
  const window = { from: index, to: next, pfns: flags.length, pageSize: 2 ** pageShift };
  const reading = findDumpReading(events, { ...window, smallFiles: smallFiles(step) });
  return reading && { flags, reading };
}

/** Tracing went on, and nobody timed the dump by itself. */
function readLate({ hasPageFlags, when }: Step): boolean {
  const timed = Object.keys(when?.reads ?? {}).some((name) => name.startsWith('kpageflags'));
  return hasPageFlags && when?.tracing === 'unchanged' && !timed;
}

/** What was read together comes before the dump, and so does the note of when that was. */
function smallFiles({ when }: Step): number | undefined {
  return when?.order === undefined ? undefined : when.order.length + 1;
}

export class DumpFollower {
  /** The event before which the next pages are looked at; Infinity: the dump is done. */
  next: number;
  private piece = 0;
  private pfn = 0;
  private readonly free: Uint8Array;
  private readonly dump: FollowedDump;
  private readonly machine: Machine;
  private readonly lists: ZoneFreeLists;

  constructor(dump: FollowedDump, machine: Machine, lists: ZoneFreeLists) {
    this.dump = dump;
    this.machine = machine;
    this.lists = lists;
    this.free = new Uint8Array(machine.pages.slotCount << machine.pages.sectionShift);
    this.next = dump.reading.pieces[0].index;
  }

  /** The event before which the last of the dump was read. */
  get end(): number {
    return this.dump.reading.pieces.at(-1)!.index;
  }

  /** Looks at what was read before event i. */
  reach(i: number): void {
    const { pieces } = this.dump.reading;
    for (; this.piece < pieces.length && pieces[this.piece].index <= i; this.piece++) this.look(pieces[this.piece].end);
    this.next = pieces[this.piece]?.index ?? Infinity;
  }

  /** `start`: the free pages at the span's start. */
  agreement(start: Uint8Array): PageAgreement {
    return comparePages(this.machine, this.free, start, this.dump.flags);
  }

  private look(end: number): void {
    const { pages } = this.machine;
    for (; this.pfn < end; this.pfn++) {
      const row = pages.pfnToRow(this.pfn);
      if (row >= 0 && this.lists.freeHead(row) >= 0) this.free[row] = 1;
    }
  }
}
