/**
 * Puts slices of a text together as if it had been read in one go: dictionaries in order of first appearance, argument
 * indices and line numbers counted from the file's beginning, the first samples of each reason.
 */
import { TRACEPOINTS } from '@replug/core';
import { Dictionary, isPageEvent, type EventColumns, type Task } from '@replug/workload';
import { SAMPLES_PER_REASON, type Account } from '../account.ts';
import { MAX_CHAINS, MAX_CHARACTERS } from '../call-chains/call-chains.ts';
import { EventSink } from '../ftrace-text/event-sink.ts';
import type { FtraceText } from '../ftrace-text/ftrace-text.ts';
import type { SliceRead } from './text-slice.ts';

/** The bounds that a single reader keeps: beyond them it counts lines as bad, which slices cannot know. */
const MAX_FLAG_TEXTS = 256;
const MAX_GFP_TEXTS = 65536;
const MAX_WORDS = 1 << 20;
const MAX_TASKS = 1 << 22;
const MAX_NAMES = 4000;

/** Which arguments of a kind are indices of `words`. */
const WORD_FIELDS: readonly (readonly number[])[] = TRACEPOINTS.map(({ fields }) =>
  fields
    .filter((field) => field.format !== 'page')
    .flatMap((field, i) => (field.format === 'word' || field.format === 'gfp' ? [i] : [])),
);

/** A slice's index to that of the whole; undefined when all stay as they are. */
type Mapping = Uint32Array | undefined;

interface Part {
  readonly columns: Record<ColumnName, Column>;
  readonly rows: number;
  readonly maps: Partial<Record<ColumnName, Mapping>>;
  /** Indices into the stacks of the whole; undefined for a slice without call chains. */
  readonly stack?: Uint32Array;
}

type Column = Float64Array | Uint32Array | Uint16Array | Uint8Array;
type ColumnName = 'time' | 'pfnLow' | 'pfnHigh' | 'kind' | 'unit' | 'flags' | 'cpu' | 'gfp' | 'task' | 'args';
const NOTHING = new Uint8Array(0);

export class SliceMerger {
  private readonly parts: Part[] = [];
  private readonly words = new Dictionary();
  private readonly gfpTexts = new Dictionary();
  private readonly flagTexts = new Dictionary();
  private readonly stacks = new Dictionary();
  private stackCharacters = 0;
  private readonly taskKeys = new Dictionary();
  private readonly tasks: Task[] = [];
  /** By name, in the order in which a single reader tells them. */
  private readonly counts: Record<string, number> = Object.fromEntries(new EventSink().names.map((name) => [name, 0]));
  private length = 0;
  private argsLength = 0;
  private overrun = 0;
  private lostMarked = 0;
  private cpus: number | undefined;
  private tracer: string | undefined;

  private readonly account: Account;

  /** Everything counted goes to `account`. */
  constructor(account: Account) {
    this.account = account;
  }

  /**
   * Takes the next slice; its columns are changed. False when a dictionary has become larger than one reader's may, or when a
   * call chain was cut off from its event.
   */
  add(slice: SliceRead): boolean {
    this.addCounts(slice);
    const { events } = slice;
    const maps = {
      flags: mapping(indices(events.flagTexts, this.flagTexts)),
      gfp: mapping(indices(events.gfpTexts, this.gfpTexts)),
      task: mapping(this.taskIndices(events.tasks)),
    };
    this.remapArgs(events, indices(events.words, this.words));
    const { time, pfnLow, pfnHigh, kind, unit, flags, cpu, gfp, task, args } = events;
    this.parts.push({
      columns: { time, pfnLow, pfnHigh, kind, unit, flags, cpu, gfp, task, args },
      rows: events.length,
      maps,
      stack: this.stackColumn(events),
    });
    this.length += events.length;
    this.argsLength += events.args.length;
    return (
      !slice.torn &&
      this.stacks.texts.length <= MAX_CHAINS &&
      this.stackCharacters <= MAX_CHARACTERS &&
      this.flagTexts.texts.length <= MAX_FLAG_TEXTS &&
      this.gfpTexts.texts.length <= MAX_GFP_TEXTS &&
      this.words.texts.length <= MAX_WORDS &&
      this.tasks.length <= MAX_TASKS &&
      Object.keys(this.counts).length <= MAX_NAMES
    );
  }

  /** The whole. Columns of slices are given up one by one, so that memory holds each event once and one column twice. */
  finish(): FtraceText {
    const { length } = this;
    const whole = <T extends Column>(name: ColumnName, to: T): T => {
      let at = 0;
      for (const { columns, maps } of this.parts) {
        const from = columns[name];
        const map = maps[name];
        if (map === undefined) to.set(from, at);
        else copyMapped(from, map, to, at);
        at += from.length;
        columns[name] = NOTHING;
      }
      return to;
    };
    const events: EventColumns = {
      length,
      time: whole('time', new Float64Array(length)),
      pfnLow: whole('pfnLow', new Uint32Array(length)),
      pfnHigh: whole('pfnHigh', new Uint8Array(length)),
      kind: whole('kind', new Uint8Array(length)),
      unit: whole('unit', new Uint8Array(length)),
      flags: whole('flags', new Uint8Array(length)),
      cpu: whole('cpu', new Uint16Array(length)),
      gfp: whole('gfp', new Uint16Array(length)),
      task: whole('task', new Uint32Array(length)),
      args: whole('args', new Float64Array(this.argsLength)),
      words: this.words.texts,
      gfpTexts: this.gfpTexts.texts,
      flagTexts: this.flagTexts.texts,
      tasks: this.tasks,
      ...(this.stacks.texts.length > 0 && { stack: this.wholeStack(), stacks: this.stacks.texts }),
    };
    const { cpus, tracer } = this;
    const counts = Object.fromEntries(Object.entries(this.counts).filter(([, count]) => count > 0));
    return { events, counts, lost: Math.max(this.overrun, this.lostMarked), cpus, tracer };
  }

  private stackColumn({ stack, stacks = [] }: EventColumns): Uint32Array | undefined {
    if (stack === undefined) return undefined;
    const before = this.stacks.texts.length;
    const to = indices(stacks, this.stacks);
    for (const text of this.stacks.texts.slice(before)) this.stackCharacters += text.length;
    const map = mapping(to);
    if (map !== undefined) copyMapped(stack, map, stack, 0);
    return stack;
  }

  private wholeStack(): Uint32Array {
    const whole = new Uint32Array(this.length);
    let at = 0;
    for (const { stack, rows } of this.parts) {
      if (stack !== undefined) whole.set(stack, at);
      at += rows;
    }
    return whole;
  }

  private addCounts({ counts, account, overrun, lostMarked, cpus, tracer }: SliceRead): void {
    const sum = this.account;
    for (const [name, count] of Object.entries(counts)) this.counts[name] = (this.counts[name] ?? 0) + count;
    const kept: Record<string, number> = {};
    for (const { reason } of sum.samples) kept[reason] = (kept[reason] ?? 0) + 1;
    for (const { reason, line, text } of account.samples) {
      kept[reason] = (kept[reason] ?? 0) + 1;
      if (kept[reason] <= SAMPLES_PER_REASON) sum.samples.push({ reason, line: line + sum.lines, text });
    }
    for (const [reason, count] of Object.entries(account.skipped))
      sum.skipped[reason] = (sum.skipped[reason] ?? 0) + count;
    for (const [name, count] of Object.entries(account.details ?? {})) sum.detail(name, count);
    for (const key of account.unknownKeys) sum.unknown(key);
    sum.lines += account.lines ?? 0;
    sum.events += account.events ?? 0;
    sum.comments += account.comments ?? 0;
    this.lostMarked += lostMarked;
    // A later header is a later text in the same file.
    if (overrun > 0) this.overrun = overrun;
    this.cpus = cpus ?? this.cpus;
    this.tracer = tracer ?? this.tracer;
  }

  private taskIndices(tasks: readonly Task[]): Uint32Array {
    const to = indices(
      tasks.map(({ comm, pid }) => `${pid} ${comm}`),
      this.taskKeys,
    );
    tasks.forEach((task, i) => {
      if (to[i] === this.tasks.length) this.tasks.push(task);
    });
    return to;
  }

  /** HOT. Rows that are no page events point into `args`, which goes behind that of the slices before. */
  private remapArgs({ length, kind, pfnLow, args }: EventColumns, words: Uint32Array): void {
    const { argsLength } = this;
    for (let row = 0; row < length; row++) {
      if (isPageEvent(kind[row])) continue;
      const first = pfnLow[row];
      for (const field of WORD_FIELDS[kind[row]]) args[first + field] = words[args[first + field]];
      pfnLow[row] = first + argsLength;
    }
  }
}

/** Where each text is in the dictionary of the whole, into which new ones are taken. */
function indices(texts: readonly string[], into: Dictionary): Uint32Array {
  return Uint32Array.from(texts, (text) => into.intern(text));
}

function mapping(to: Uint32Array): Mapping {
  return to.every((index, i) => index === i) ? undefined : to;
}

/** HOT. Copies a column of indices to `at`, each replaced by what it is in the whole. */
function copyMapped(from: Column, map: Uint32Array, to: Column, at: number): void {
  for (let row = 0; row < from.length; row++) to[at + row] = map[from[row]];
}
