/**
 * struct pages as they lie in memory: 64 bytes a page on shared memory, written by storing a prepared record again and
 * again. Optional: the model itself needs no more than a class and a count of users; with records, what the engine says is
 * initialised really is, and may have been written by other threads before the kernel boots.
 *
 * Units: pages; words of 32 bits. Errors: RP2471.
 * HOT: fillRecords(), once a piece; no objects per page.
 * Models: include/linux/mm_types.h struct page, mm/mm_init.c __init_single_page(), __init_zone_device_page(),
 * memmap_init_compound(), 6.12; writing by template as the 2026 series for zone-device pages does.
 */
import type { Hasher, Nid, Pfn } from '@replug/core';
import { startsUnused, type DevPagemap } from './dev-pagemap.ts';
import { recordsTooLarge } from './errors.ts';

/** Words of a record, and where its fields are. */
export const RECORD_WORDS = 16;
export const FIELD = {
  /** PG_reserved, PG_head. */
  FLAGS: 0,
  /** Zone type and node, as set_page_links() packs them above the flags. */
  LINKS: 1,
  /** First pfn of the pagemap, low and high word; in a tail its head's pfn. */
  PAGEMAP: 2,
  /** -1: not mapped. */
  MAPCOUNT: 12,
  COUNT: 13,
} as const;
export const FLAG = { RESERVED: 1 << 14, HEAD: 1 << 6, TAIL: 1 } as const;

/** What the records of a range are made of. */
export interface RecordPlan {
  /** Pages of the whole range, and the first that is data rather than memmap. */
  readonly start: Pfn;
  readonly end: Pfn;
  readonly data: Pfn;
  readonly nid: Nid;
  readonly type: number;
  readonly shift: number;
}

/** Records that were written before the kernel was created. */
export interface PreparedRecords {
  readonly plan: RecordPlan;
  readonly words: Uint32Array;
}

/** Position of ZONE_DEVICE among the kernel's zones. */
const ZONE_DEVICE = 4;
const MOST_BYTES = 2 ** 33;

export function planOf(pagemap: DevPagemap, nid: Nid, start: Pfn, end: Pfn): RecordPlan {
  const { type, altmap, vmemmapShift: shift = 0 } = pagemap;
  return { start, end, data: start + (altmap?.offset ?? 0), nid, type, shift };
}

/** Memory for the records of a plan, all zero. Throws RP2471. */
export function recordWords({ start, end }: RecordPlan): Uint32Array {
  const bytes = (end - start) * RECORD_WORDS * 4;
  if (bytes > MOST_BYTES) throw recordsTooLarge(bytes, MOST_BYTES);
  // The lib's constructor overloads name ArrayBuffer only; every typed array takes a shared one.
  return new Uint32Array(new SharedArrayBuffer(bytes) as unknown as ArrayBuffer);
}

/** Writes the records of pages [from, to) of a plan. */
export function initRecords(words: Uint32Array, plan: RecordPlan, from: Pfn, to: Pfn): void {
  const { start, data, shift } = plan;
  const compound = 2 ** shift;
  const plain = shift === 0 ? to : Math.min(to, data);
  if (from < plain) fillRecords(words, from - start, plain - start, record(plan, start, 0, false));
  for (let at = Math.max(from, plain); at < to;) {
    const head = at - ((at - data) % compound);
    const end = Math.min(to, head + compound);
    if (at === head) fillRecords(words, at - start, ++at - start, record(plan, start, FLAG.HEAD, false));
    fillRecords(words, at - start, end - start, record(plan, head, 0, true));
    at = end;
  }
}

/** Copies one record to pages [from, to), counted from the first of `words`: eight stores of 64 bits a page. */
export function fillRecords(words: Uint32Array, from: number, to: number, one: Uint32Array): void {
  // No record holds the bits of a NaN, whose stores could change them: the high words are links, pfns and counts.
  const pairs = new Float64Array(words.buffer, words.byteOffset, words.length / 2);
  const [a, b, c, d, e, f, g, h] = new Float64Array(one.buffer, one.byteOffset, RECORD_WORDS / 2);
  if (to * (RECORD_WORDS / 2) > pairs.length) throw new RangeError('records behind the last page');
  const end = to * (RECORD_WORDS / 2);
  for (let at = from * (RECORD_WORDS / 2); at < end; at += 8) {
    pairs[at] = a;
    pairs[at + 1] = b;
    pairs[at + 2] = c;
    pairs[at + 3] = d;
    pairs[at + 4] = e;
    pairs[at + 5] = f;
    pairs[at + 6] = g;
    pairs[at + 7] = h;
  }
}

function record(plan: RecordPlan, pointer: Pfn, flags: number, tail: boolean): Uint32Array {
  const one = new Uint32Array(RECORD_WORDS);
  one[FIELD.FLAGS] = FLAG.RESERVED | flags;
  one[FIELD.LINKS] = (ZONE_DEVICE << 24) | plan.nid;
  one[FIELD.PAGEMAP] = tail ? ((pointer << 1) | FLAG.TAIL) >>> 0 : pointer >>> 0;
  one[FIELD.PAGEMAP + 1] = Math.floor(pointer / 2 ** (tail ? 31 : 32));
  one[FIELD.MAPCOUNT] = 0xffffffff;
  one[FIELD.COUNT] = tail || startsUnused(plan.type) ? 0 : 1;
  return one;
}

export class PageRecords {
  private readonly ready: readonly PreparedRecords[];
  private readonly kept = new Map<Pfn, { plan: RecordPlan; words: Uint32Array; prepared: boolean }>();
  /** Pages whose records were there already, and pages written here. */
  adopted = 0;
  written = 0;

  constructor(ready: readonly PreparedRecords[] = []) {
    this.ready = ready;
  }

  /** The struct pages of [from, to) are initialised now. */
  initialise(pagemap: DevPagemap, nid: Nid, start: Pfn, end: Pfn, from: Pfn, to: Pfn): void {
    let kept = this.kept.get(start);
    if (kept === undefined) {
      const plan = planOf(pagemap, nid, start, end);
      const found = this.ready.find((one) => same(one.plan, plan));
      kept = { plan, words: found?.words ?? recordWords(plan), prepared: found !== undefined };
      this.kept.set(start, kept);
    }
    if (kept.prepared) this.adopted += to - from;
    else {
      initRecords(kept.words, kept.plan, from, to);
      this.written += to - from;
    }
  }

  /** The words of a page's record; undefined where there is none. */
  recordOf(pfn: Pfn): Uint32Array | undefined {
    for (const { plan, words } of this.kept.values()) {
      if (pfn >= plan.start && pfn < plan.end)
        return words.subarray((pfn - plan.start) * RECORD_WORDS, (pfn - plan.start + 1) * RECORD_WORDS);
    }
    return undefined;
  }

  /** Forgets the records of a range. */
  drop(start: Pfn): void {
    this.kept.delete(start);
  }

  hash(hasher: Hasher): void {
    for (const start of [...this.kept.keys()].sort((a, b) => a - b)) {
      const { words } = this.kept.get(start)!;
      hasher.integer(start);
      for (let i = 0; i < words.length; i++) if (words[i] !== 0) hasher.word(i).word(words[i]);
    }
  }
}

function same(a: RecordPlan, b: RecordPlan): boolean {
  return (
    a.start === b.start &&
    a.end === b.end &&
    a.data === b.data &&
    a.nid === b.nid &&
    a.type === b.type &&
    a.shift === b.shift
  );
}
