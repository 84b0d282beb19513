/**
 * Where events of one text go: the growing columns, the dictionaries in front of them, and the count of each name. The hot
 * loop hands in bytes and writes rows itself; everyone else hands in texts.
 *
 * Every dictionary is bounded, so a text made of ever new names cannot fill the memory.
 */
import { KIND, TRACEPOINTS } from '@replug/core';
import { EventColumnsBuilder, isPageEvent, packUnit } from '@replug/workload';
import { CallChains } from '../call-chains/call-chains.ts';
import { ByteInterner } from './byte-interner.ts';
import { splitTask } from './task-column.ts';

const MAX_NAMES = 4096;
const MAX_TASKS = 1 << 22;
const MAX_WORDS = 1 << 20;
const MAX_FLAG_TEXTS = 256;
const MAX_GFP_TEXTS = 65536;

/** Events of the catalogue; further names follow in the order in which they appear. */
export const KNOWN = TRACEPOINTS.length;

/**
 * Names of other kernels and tools for what the catalogue has under one name. Up to 3.2 mm_pagevec_free stood in the place
 * of the free itself, unlike its successor mm_page_free_batched, which comes in addition. `print` is a trace_marker line
 * in the words of trace-cmd.
 */
export const OTHER_NAMES: ReadonlyMap<string, number> = new Map([
  ['mm_page_free_direct', KIND.mm_page_free],
  ['mm_pagevec_free', KIND.mm_page_free],
  ['print', KIND.tracing_mark_write],
]);

/** Events that are a call chain of the event before. */
export const STACK_EVENTS: ReadonlySet<string> = new Set(['kernel_stack', 'user_stack']);

/** Indices of names below this need a look at the whole line, see OddLines. */
export const SPECIAL = KNOWN + OTHER_NAMES.size + STACK_EVENTS.size;

export class EventSink {
  readonly builder = new EventColumnsBuilder();
  readonly chains = new CallChains(this.builder);
  /** Events by index of `names`. */
  readonly counts: number[] = [];
  readonly names: string[] = [];

  readonly tasks: ByteInterner;
  readonly flagTexts: ByteInterner;
  readonly gfpTexts: ByteInterner;
  readonly words: ByteInterner;
  readonly nameTable: ByteInterner;

  constructor() {
    const { builder } = this;
    this.tasks = new ByteInterner(MAX_TASKS, (column) => {
      const { comm, pid } = splitTask(column);
      return pid === -1 ? -1 : builder.internTask(comm, pid);
    });
    this.flagTexts = new ByteInterner(MAX_FLAG_TEXTS, (text) => builder.flagTexts.intern(text));
    this.gfpTexts = new ByteInterner(MAX_GFP_TEXTS, (text) => builder.gfpTexts.intern(text));
    this.words = new ByteInterner(MAX_WORDS, (text) => builder.words.intern(text));
    this.nameTable = new ByteInterner(MAX_NAMES, (name) => this.addName(name));
    for (const { name } of TRACEPOINTS) this.nameOf(name);
    for (const name of OTHER_NAMES.keys()) this.nameOf(name);
    for (const name of STACK_EVENTS) this.nameOf(name);
    // Index 0 is what rows of other kinds hold.
    builder.gfpTexts.intern('');
  }

  /** Counts by name; names without events are left out. */
  countsByName(): Record<string, number> {
    const counts: Record<string, number> = {};
    this.names.forEach((name, i) => {
      if (this.counts[i] > 0) counts[name] = this.counts[i];
    });
    return counts;
  }

  /** Index of an event name; -1 when it is none or there are too many. */
  nameOf(name: string): number {
    return this.nameTable.findText(name);
  }

  /** Adds a row of this kind, its values in catalogue order, `page` left out. False when a dictionary is full. */
  push(
    kind: number,
    time: number,
    cpu: number,
    who: string,
    flags: string,
    values: readonly (number | string)[],
  ): boolean {
    const { builder } = this;
    const task = this.tasks.findText(who);
    const flagsIndex = this.flagTexts.findText(flags);
    const page = isPageEvent(kind);
    const texts = page ? this.gfpTexts : this.words;
    const numbers = values.map((value) => (typeof value === 'number' ? value : texts.findText(value)));
    if (task === -1 || flagsIndex === -1 || numbers.some((n, i) => n === -1 && typeof values[i] === 'string'))
      return false;
    if (!page) {
      builder.pushArgs(kind, time, cpu, flagsIndex, task, numbers);
      return true;
    }
    const [pfn, order, migratetype = 0, last = 0] = numbers;
    const isAlloc = kind === KIND.mm_page_alloc;
    const unit = packUnit(order, migratetype, isAlloc ? 0 : last);
    builder.pushPage(kind, time, cpu, flagsIndex, task, pfn, unit, isAlloc ? last : 0);
    return true;
  }

  private addName(name: string): number {
    if (!/^\w{1,64}$/.test(name)) return -1;
    this.counts.push(0);
    return this.names.push(name) - 1;
  }
}
