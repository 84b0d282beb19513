/**
 * From the small integers of a record to indices of the columns' dictionaries: flags, pids, gfp masks, words. Each is looked
 * up in a table of numbers; only a value that is new is made into a text.
 *
 * Every table is bounded: a value beyond what a column can number is -1.
 */
import type { EventColumnsBuilder } from '@replug/workload';
import { ByteInterner } from '../ftrace-text/byte-interner.ts';

const MAX_FLAG_TEXTS = 256;
const MAX_GFP_TEXTS = 65536;
const MAX_WORDS = 1 << 20;
/** Pids that have a place of their own: all that a kernel gives out. */
const SMALL_PIDS = 1 << 22;
const FIRST_PIDS = 4096;
const GFP_SLOTS = 1024;
export const GFP_MASK = GFP_SLOTS - 1;
export const GFP_SHIFT = 22;
export const GFP_FACTOR = 0x9e3779b1;
/** Values that are remembered of one word. */
const MAX_MEMO = 65536;

export class RecordTables {
  private readonly builder: EventColumnsBuilder;
  /** Index + 1 by `flags << 8 | preempt count`; 0 when new, or the last index of all. */
  readonly flags = new Uint8Array(65536);
  /** Index + 1 by pid; 0 when new. Grows. */
  smallPids = new Int32Array(FIRST_PIDS);
  /** Masks and the indices of their texts, each in the slot of its hash or the first free one after it. */
  readonly gfpLow = new Uint32Array(GFP_SLOTS);
  readonly gfpHigh = new Uint32Array(GFP_SLOTS);
  readonly gfpIndex = new Int32Array(GFP_SLOTS).fill(-1);
  private gfpMasks = 0;
  private readonly words: ByteInterner;
  private readonly gfps: ByteInterner;
  private readonly memos = new Map<object, Map<bigint, number>>();

  constructor(builder: EventColumnsBuilder) {
    this.builder = builder;
    // Index 0 is what rows of other kinds hold.
    builder.gfpTexts.intern('');
    this.gfps = new ByteInterner(MAX_GFP_TEXTS - 1, (text) => builder.gfpTexts.intern(text));
    this.words = new ByteInterner(MAX_WORDS, (text) => builder.words.intern(text));
  }

  /** Index of the text of these flags; -1 when there are as many as a column can number. */
  flagsIndex(flags: number, preempt: number, textOf: (flags: number, preempt: number) => string): number {
    const bits = (flags << 8) | preempt;
    if (this.flags[bits] !== 0) return this.flags[bits] - 1;
    const { flagTexts } = this.builder;
    const text = textOf(flags, preempt);
    if (flagTexts.texts.length === MAX_FLAG_TEXTS && !flagTexts.texts.includes(text)) return -1;
    const index = flagTexts.intern(text);
    if (index + 1 < MAX_FLAG_TEXTS) this.flags[bits] = index + 1;
    return index;
  }

  /** Index of a task. Pids that no kernel gives out are one task. */
  taskIndex(pid: number, nameOf: (pid: number) => string): number {
    if (pid < 0 || pid >= SMALL_PIDS) return this.builder.internTask(nameOf(-1), -1);
    if (pid >= this.smallPids.length) {
      const grown = new Int32Array(Math.max(pid + 1, Math.min(SMALL_PIDS, this.smallPids.length * 4)));
      grown.set(this.smallPids);
      this.smallPids = grown;
    }
    if (this.smallPids[pid] === 0) this.smallPids[pid] = this.builder.internTask(nameOf(pid), pid) + 1;
    return this.smallPids[pid] - 1;
  }

  /** Remembers the text of a mask, as long as half of the slots are free. */
  rememberGfp(low: number, high: number, text: string): void {
    const index = this.gfpText(text);
    if (index === -1 || this.gfpMasks * 2 >= GFP_SLOTS) return;
    let slot = Math.imul(low ^ high, GFP_FACTOR) >>> GFP_SHIFT;
    for (; this.gfpIndex[slot] !== -1; slot = (slot + 1) & GFP_MASK) {
      if (this.gfpLow[slot] === low && this.gfpHigh[slot] === high) return;
    }
    this.gfpLow[slot] = low;
    this.gfpHigh[slot] = high;
    this.gfpIndex[slot] = index;
    this.gfpMasks++;
  }

  gfpText(text: string): number {
    return this.gfps.findText(text);
  }

  word(text: string): number {
    return this.words.findText(text);
  }

  /** Index of what `make` gives, which is the same for the same `value` of the same `owner`. */
  memoWord(owner: object, value: bigint | undefined, make: () => string): number {
    if (value === undefined) return this.word(make());
    let memo = this.memos.get(owner);
    if (memo === undefined) this.memos.set(owner, (memo = new Map()));
    let index = memo.get(value);
    if (index === undefined) {
      index = this.word(make());
      if (memo.size < MAX_MEMO) memo.set(value, index);
    }
    return index;
  }
}
