/**
 * Who holds each page: what debugfs page_owner told at an instant, one row an allocation, as columns.
 *
 *   pfn        f64   first page of the block; -1 where the text has no PFN line
 *   order      u8
 *   type       u8    index into `types`: the migratetype that the request asked for; 0 where it is not told
 *   blockType  u8    index into `types`: the migratetype of the pageblock
 *   gfp        u16   index into `gfpTexts` and `gfpMasks`
 *   pid, tgid  i32   -1 where the kernel does not tell (before 5.11, before 5.18)
 *   comm       u32   index into `comms`; 0 is none
 *   time       f64   when it was allocated, ns on the kernel's local clock; 0 where it is not told
 *   freeTime   f64   when the page was freed the last time before, ns; 0 for never or not told
 *   flagsLow, flagsHigh  u32   the page flags as the kernel holds them, bits 0–31 and 32–63; they differ between kernels
 *   flagNames  u16   index into `flagTexts`: their names, without node, zone and what else has a value
 *   stack      u32   index into `stacks`; 0 is none
 *   moved      u8    index into `reasons`: why the page was migrated last; 0 for not migrated
 *   memcg      u32   index into `memcgs`; 0 is none
 *   marks      u8    MARK bits
 *
 * Entry 0 of every dictionary is the empty text. A file that page_owner_sort wrote has groups instead of single pages:
 * `groups` then tells how many records and pages each row stands for.
 */
import { builderFinished } from './errors.ts';

/** Bits of `marks`. */
export const PAGE_OWNER_MARK = { slab: 1, viaObjcg: 2, offlineMemcg: 4 } as const;

/** The dictionaries in front of the columns. */
export interface PageOwnerTexts {
  readonly types: readonly string[];
  /** Names as the kernel prints them; the mask of the same index is in `gfpMasks`. */
  readonly gfpTexts: readonly string[];
  readonly gfpMasks: readonly number[];
  readonly comms: readonly string[];
  readonly flagTexts: readonly string[];
  /** Lines `symbol+0x1/0x2`, innermost first, joined by newlines. */
  readonly stacks: readonly string[];
  readonly reasons: readonly string[];
  readonly memcgs: readonly string[];
  /** Order of a pageblock, where PFN and Block of the records leave one possible. */
  readonly pageblockOrder?: number;
}

export interface PageOwner extends PageOwnerTexts {
  readonly length: number;
  readonly pfn: Float64Array;
  readonly order: Uint8Array;
  readonly type: Uint8Array;
  readonly blockType: Uint8Array;
  readonly gfp: Uint16Array;
  readonly pid: Int32Array;
  readonly tgid: Int32Array;
  readonly comm: Uint32Array;
  readonly time: Float64Array;
  readonly freeTime: Float64Array;
  readonly flagsLow: Uint32Array;
  readonly flagsHigh: Uint32Array;
  readonly flagNames: Uint16Array;
  readonly stack: Uint32Array;
  readonly moved: Uint8Array;
  readonly memcg: Uint32Array;
  readonly marks: Uint8Array;
  /** Of a file of groups: records and pages by row. */
  readonly groups?: { readonly times: Float64Array; readonly pages: Float64Array };
}

const FIRST_CAPACITY = 4096;

/**
 * Growing columns: reserve a row, store into it, raise `length`, `finish()` once. Rows are zero until they are stored to, and
 * what was never touched takes no memory, so nothing is copied to its exact length at the end.
 */
export class PageOwnerBuilder {
  length = 0;
  capacity = FIRST_CAPACITY;
  pfn = new Float64Array(FIRST_CAPACITY);
  order = new Uint8Array(FIRST_CAPACITY);
  type = new Uint8Array(FIRST_CAPACITY);
  blockType = new Uint8Array(FIRST_CAPACITY);
  gfp = new Uint16Array(FIRST_CAPACITY);
  pid = new Int32Array(FIRST_CAPACITY);
  tgid = new Int32Array(FIRST_CAPACITY);
  comm = new Uint32Array(FIRST_CAPACITY);
  time = new Float64Array(FIRST_CAPACITY);
  freeTime = new Float64Array(FIRST_CAPACITY);
  flagsLow = new Uint32Array(FIRST_CAPACITY);
  flagsHigh = new Uint32Array(FIRST_CAPACITY);
  flagNames = new Uint16Array(FIRST_CAPACITY);
  stack = new Uint32Array(FIRST_CAPACITY);
  moved = new Uint8Array(FIRST_CAPACITY);
  memcg = new Uint32Array(FIRST_CAPACITY);
  marks = new Uint8Array(FIRST_CAPACITY);
  times = new Float64Array(0);
  pages = new Float64Array(0);
  private finished = false;

  /** Makes room for one more row, all zero. */
  reserve(): void {
    if (this.length < this.capacity) return;
    const capacity = this.capacity * 2;
    this.pfn = grown(this.pfn, new Float64Array(capacity));
    this.order = grown(this.order, new Uint8Array(capacity));
    this.type = grown(this.type, new Uint8Array(capacity));
    this.blockType = grown(this.blockType, new Uint8Array(capacity));
    this.gfp = grown(this.gfp, new Uint16Array(capacity));
    this.pid = grown(this.pid, new Int32Array(capacity));
    this.tgid = grown(this.tgid, new Int32Array(capacity));
    this.comm = grown(this.comm, new Uint32Array(capacity));
    this.time = grown(this.time, new Float64Array(capacity));
    this.freeTime = grown(this.freeTime, new Float64Array(capacity));
    this.flagsLow = grown(this.flagsLow, new Uint32Array(capacity));
    this.flagsHigh = grown(this.flagsHigh, new Uint32Array(capacity));
    this.flagNames = grown(this.flagNames, new Uint16Array(capacity));
    this.stack = grown(this.stack, new Uint32Array(capacity));
    this.moved = grown(this.moved, new Uint8Array(capacity));
    this.memcg = grown(this.memcg, new Uint32Array(capacity));
    this.marks = grown(this.marks, new Uint8Array(capacity));
    this.capacity = capacity;
  }

  /** Says how many records and pages the row in hand stands for. */
  group(times: number, pages: number): void {
    if (this.times.length <= this.length) {
      this.times = grown(this.times, new Float64Array(this.capacity));
      this.pages = grown(this.pages, new Float64Array(this.capacity));
    }
    this.times[this.length] = times;
    this.pages[this.length] = pages;
  }

  /** The frozen columns. Calling it twice is an error (RP3006). */
  finish(texts: PageOwnerTexts): PageOwner {
    if (this.finished) throw builderFinished();
    this.finished = true;
    const { length } = this;
    const grouped = this.times.length > 0;
    if (grouped) this.group(0, 0);
    return {
      ...texts,
      length,
      pfn: this.pfn.subarray(0, length),
      order: this.order.subarray(0, length),
      type: this.type.subarray(0, length),
      blockType: this.blockType.subarray(0, length),
      gfp: this.gfp.subarray(0, length),
      pid: this.pid.subarray(0, length),
      tgid: this.tgid.subarray(0, length),
      comm: this.comm.subarray(0, length),
      time: this.time.subarray(0, length),
      freeTime: this.freeTime.subarray(0, length),
      flagsLow: this.flagsLow.subarray(0, length),
      flagsHigh: this.flagsHigh.subarray(0, length),
      flagNames: this.flagNames.subarray(0, length),
      stack: this.stack.subarray(0, length),
      moved: this.moved.subarray(0, length),
      memcg: this.memcg.subarray(0, length),
      marks: this.marks.subarray(0, length),
      ...(grouped && { groups: { times: this.times.subarray(0, length), pages: this.pages.subarray(0, length) } }),
    };
  }
}

function grown<T extends { set(source: T): void }>(from: T, to: T): T {
  to.set(from);
  return to;
}

export interface OwnedBlock {
  readonly pfn: number;
  readonly order: number;
  /** Row of the record that tells. */
  readonly row: number;
}

/**
 * Blocks that somebody owned, ascending by pfn and apart from each other; rows without a pfn are left out, and those that
 * `keep` does not want.
 */
export function ownedBlocks(owner: PageOwner, keep?: (row: number) => boolean): OwnedBlock[] {
  const { length, pfn, order } = owner;
  if (owner.groups !== undefined) return [];
  const rows: number[] = [];
  for (let row = 0; row < length; row++) if (pfn[row] >= 0 && (keep === undefined || keep(row))) rows.push(row);
  rows.sort((a, b) => pfn[a] - pfn[b] || order[b] - order[a]);
  const blocks: OwnedBlock[] = [];
  let end = 0;
  for (const row of rows) {
    // The file is read over a while: a block that was split or freed meanwhile may be told twice. The first word counts.
    if (pfn[row] < end) continue;
    blocks.push({ pfn: pfn[row], order: order[row], row });
    end = pfn[row] + 2 ** order[row];
  }
  return blocks;
}
