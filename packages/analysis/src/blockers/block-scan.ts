/**
 * HOT. One pass over the class bytes of pages in ascending order: counts by block, and which pages stop the block.
 *
 * A page stops its block by the decision list of isolation; pageblock by pageblock it comes to one table from class byte to
 * action for blocks of ZONE_MOVABLE, and one for all others: in ZONE_MOVABLE isolation looks for reserved pages only and
 * takes the rest to be movable.
 *
 * Models: mm/page_isolation.c has_unmovable_pages(), start_isolate_page_range(), 6.1 and 6.12.
 */
import { MOVABILITY, PAGE_CLASS } from '@replug/core';
import { BYTE_MOVABILITY, CLASS_MASK } from '@replug/workload';

/** What offlining does with a page, by class byte. */
export const ACTION = {
  /** Nothing to do: free, poisoned, unplugged. */
  NOTHING: 0,
  MOVE: 1,
  /** Refuses: EBUSY. */
  BLOCKS: 2,
  /** Refuses if it is what it may be. */
  MAY_BLOCK: 3,
  /** Isolation lets it pass, and nothing ever takes it away. */
  STAYS: 4,
} as const;

const OF_MOVABILITY: Readonly<Record<number, number>> = {
  [MOVABILITY.MOVABLE]: ACTION.MOVE,
  [MOVABILITY.UNMOVABLE]: ACTION.BLOCKS,
  [MOVABILITY.UNCERTAIN]: ACTION.MAY_BLOCK,
  [MOVABILITY.NOTHING]: ACTION.NOTHING,
};
/** Kernel memory that is no page of a file or a process by its own flags. */
const STAYING: ReadonlySet<number> = new Set([PAGE_CLASS.SLAB, PAGE_CLASS.PAGE_TABLE, PAGE_CLASS.DEVICE]);

/** `hugeMoves`: the architecture can migrate hugetlb pages. */
export function actionTables(hugeMoves: boolean): { readonly normal: Uint8Array; readonly movable: Uint8Array } {
  const normal = new Uint8Array(256);
  const movable = new Uint8Array(256);
  for (let byte = 0; byte < 256; byte++) {
    const use = byte & CLASS_MASK;
    const action = OF_MOVABILITY[BYTE_MOVABILITY[byte]];
    // A hole makes the block invalid as a whole; that is not the page's to say.
    if (use === PAGE_CLASS.HOLE) normal[byte] = ACTION.NOTHING;
    else if (use === PAGE_CLASS.HUGETLB && !hugeMoves) normal[byte] = ACTION.BLOCKS;
    else normal[byte] = action;
    if (use === PAGE_CLASS.RESERVED) movable[byte] = ACTION.BLOCKS;
    else if (STAYING.has(use)) movable[byte] = ACTION.STAYS;
    else movable[byte] = action === ACTION.MOVE ? ACTION.MOVE : ACTION.NOTHING;
  }
  return { normal, movable };
}

/** What the pass found out about a block. */
export interface BlockTally {
  readonly id: number;
  /** Pages by class byte. */
  readonly counts: Uint32Array;
  /** Pages by action. */
  readonly actions: Uint32Array;
  /** One bit a page, from the first of the block on, by action; absent where there is none. */
  blocking?: Uint8Array;
  mayBlock?: Uint8Array;
  /** Blocking pages by class. */
  readonly blockingClasses: Uint32Array;
  /** The class bytes themselves, where they were asked to be kept. */
  readonly bytes?: Uint8Array;
}

export class BlockScan {
  readonly tallies: BlockTally[] = [];
  /** First page behind those that were told. */
  end = 0;
  private readonly blockPages: number;
  private readonly actionsOf: (id: number) => Uint8Array | undefined;
  private readonly counts = new Uint32Array(256);
  private id = -1;
  private actions: Uint8Array | undefined;
  private blocking: Uint8Array | undefined;
  private mayBlock: Uint8Array | undefined;
  private readonly keeps: boolean;
  private bytes: Uint8Array | undefined;

  /**
   * @param actionsOf the table of a block, undefined for one that is not asked for
   * @param keeps keep a block's class bytes
   */
  constructor(blockPages: number, actionsOf: (id: number) => Uint8Array | undefined, keeps = false) {
    this.blockPages = blockPages;
    this.actionsOf = actionsOf;
    this.keeps = keeps;
  }

  /** Bytes of pages [pfn, pfn + pages); pages between calls are not told. */
  add(pfn: number, bytes: Uint8Array, pages: number): void {
    const { blockPages, counts } = this;
    for (let at = 0; at < pages;) {
      const id = Math.floor((pfn + at) / blockPages);
      if (id !== this.id) this.enter(id);
      const start = id * blockPages;
      const stop = Math.min(pages, start + blockPages - pfn);
      const { actions } = this;
      if (actions === undefined) {
        at = stop;
        continue;
      }
      this.bytes?.set(bytes.subarray(at, stop), pfn + at - start);
      for (; at < stop; at++) {
        const byte = bytes[at];
        counts[byte]++;
        const action = actions[byte];
        if (action === ACTION.BLOCKS || action === ACTION.MAY_BLOCK) this.note(pfn + at - start, action);
      }
    }
    this.end = pfn + pages;
  }

  finish(): void {
    this.enter(-1);
  }

  private note(offset: number, action: number): void {
    const bytes = Math.ceil(this.blockPages / 8);
    const bits =
      action === ACTION.BLOCKS ? (this.blocking ??= new Uint8Array(bytes)) : (this.mayBlock ??= new Uint8Array(bytes));
    bits[offset >>> 3] |= 1 << (offset & 7);
  }

  private enter(id: number): void {
    if (this.actions !== undefined) this.tallies.push(this.tally(this.actions));
    this.id = id;
    this.counts.fill(0);
    this.blocking = this.mayBlock = undefined;
    this.actions = id < 0 ? undefined : this.actionsOf(id);
    this.bytes = this.keeps && this.actions !== undefined ? new Uint8Array(this.blockPages) : undefined;
  }

  private tally(table: Uint8Array): BlockTally {
    const counts = this.counts.slice();
    const actions = new Uint32Array(5);
    const blockingClasses = new Uint32Array(CLASS_MASK + 1);
    for (let byte = 0; byte < 256; byte++) {
      actions[table[byte]] += counts[byte];
      if (table[byte] === ACTION.BLOCKS) blockingClasses[byte & CLASS_MASK] += counts[byte];
    }
    const { id, blocking, mayBlock, bytes } = this;
    return { id, counts, actions, blocking, mayBlock, blockingClasses, bytes };
  }
}

/** Offset of the first bit set in [from, to); -1 for none. */
export function firstBit(bits: Uint8Array | undefined, from: number, to: number): number {
  if (bits === undefined) return -1;
  for (let at = from; at < to; at++) {
    if ((at & 7) === 0 && bits[at >>> 3] === 0) at += 7;
    else if (((bits[at >>> 3] >>> (at & 7)) & 1) === 1) return at;
  }
  return -1;
}

/**
 * The page that the kernel meets first: it isolates the pageblock at the start, then the one at the end, then the rest in
 * order. -1 for none.
 */
export function metFirst(bits: Uint8Array | undefined, pages: number, pageblock: number): number {
  const first = firstBit(bits, 0, Math.min(pageblock, pages));
  if (first >= 0) return first;
  const last = firstBit(bits, Math.max(0, pages - pageblock), pages);
  return last >= 0 ? last : firstBit(bits, 0, pages);
}
