/**
 * Growing event columns: the writing twin of EventColumns.
 *
 * Two-phase life: reserve a row, fill it, `finish()` once. Capacity doubles; `finish()` cuts the columns to length.
 * Hot writers take the columns as fields after `reserve()` and store into them directly; everyone else calls `push…`.
 * Texts are interned: each distinct one gets the next index, in order of first appearance.
 */
import { isPageEvent, NO_PAGE_HIGH, type EventColumns, type Task } from './events.ts';
import { builderFinished } from './errors.ts';

const TWO_32 = 4294967296;
const FIRST_CAPACITY = 4096;

/** Distinct texts in order of first appearance. */
export class Dictionary {
  readonly texts: string[] = [];
  private readonly index = new Map<string, number>();

  intern(text: string): number {
    let index = this.index.get(text);
    if (index === undefined) {
      index = this.texts.length;
      this.texts.push(text);
      this.index.set(text, index);
    }
    return index;
  }

  /** Index of a text that was interned; -1 for any other. */
  find(text: string): number {
    return this.index.get(text) ?? -1;
  }
}

/** Order, migratetype and percpu_refill as the `unit` column holds them. */
export function packUnit(order: number, migratetype: number, percpuRefill: number): number {
  return order | (migratetype << 4) | (percpuRefill << 7);
}

export class EventColumnsBuilder {
  length = 0;
  time = new Float64Array(FIRST_CAPACITY);
  pfnLow = new Uint32Array(FIRST_CAPACITY);
  pfnHigh = new Uint8Array(FIRST_CAPACITY);
  kind = new Uint8Array(FIRST_CAPACITY);
  unit = new Uint8Array(FIRST_CAPACITY);
  flags = new Uint8Array(FIRST_CAPACITY);
  cpu = new Uint16Array(FIRST_CAPACITY);
  gfp = new Uint16Array(FIRST_CAPACITY);
  task = new Uint32Array(FIRST_CAPACITY);
  /** Made with the first call chain. */
  stack: Uint32Array | undefined;
  args = new Float64Array(FIRST_CAPACITY);
  argsLength = 0;
  capacity = FIRST_CAPACITY;

  readonly words = new Dictionary();
  readonly gfpTexts = new Dictionary();
  readonly flagTexts = new Dictionary();
  readonly stacks = new Dictionary();
  readonly tasks: Task[] = [];
  private readonly taskIndex = new Map<string, number>();
  private finished = false;

  /** Index of the task in `tasks`; the same comm and pid give the same index. */
  internTask(comm: string, pid: number): number {
    const key = `${pid} ${comm}`;
    let index = this.taskIndex.get(key);
    if (index === undefined) {
      index = this.tasks.length;
      this.tasks.push({ comm, pid });
      this.taskIndex.set(key, index);
    }
    return index;
  }

  /** Gives a row that was added its call chain. */
  setStack(row: number, text: string): void {
    if (this.stack === undefined) {
      this.stack = new Uint32Array(this.capacity);
      this.stacks.intern('');
    }
    this.stack[row] = this.stacks.intern(text);
  }

  /** Makes room for one more row. Row `length` may be written afterwards; raising `length` commits it. */
  reserve(): void {
    if (this.length < this.capacity) return;
    const capacity = this.capacity * 2;
    this.time = grown(this.time, new Float64Array(capacity));
    this.pfnLow = grown(this.pfnLow, new Uint32Array(capacity));
    this.pfnHigh = grown(this.pfnHigh, new Uint8Array(capacity));
    this.kind = grown(this.kind, new Uint8Array(capacity));
    this.unit = grown(this.unit, new Uint8Array(capacity));
    this.flags = grown(this.flags, new Uint8Array(capacity));
    this.cpu = grown(this.cpu, new Uint16Array(capacity));
    this.gfp = grown(this.gfp, new Uint16Array(capacity));
    this.task = grown(this.task, new Uint32Array(capacity));
    if (this.stack !== undefined) this.stack = grown(this.stack, new Uint32Array(capacity));
    this.capacity = capacity;
  }

  /** Makes room for `count` more argument values. */
  reserveArgs(count: number): void {
    if (this.argsLength + count <= this.args.length) return;
    this.args = grown(this.args, new Float64Array(Math.max(this.args.length * 2, this.argsLength + count)));
  }

  /**
   * Adds an event with page, pfn, order: `pfn` -1 for a failed allocation. Time in ns; `flags`, `gfp`, `task` are indices
   * from the dictionaries.
   */
  pushPage(
    kind: number,
    time: number,
    cpu: number,
    flags: number,
    task: number,
    pfn: number,
    unit: number,
    gfp = 0,
  ): void {
    const row = this.row(kind, time, cpu, flags, task);
    const high = pfn < 0 ? NO_PAGE_HIGH : Math.floor(pfn / TWO_32);
    this.pfnHigh[row] = high;
    this.pfnLow[row] = pfn < 0 ? 0 : pfn - high * TWO_32;
    this.unit[row] = unit;
    this.gfp[row] = gfp;
  }

  /** Adds an event of any other kind with its values in catalogue order, `page` left out. */
  pushArgs(kind: number, time: number, cpu: number, flags: number, task: number, values: ArrayLike<number>): void {
    const row = this.row(kind, time, cpu, flags, task);
    this.reserveArgs(values.length);
    this.pfnLow[row] = this.argsLength;
    this.pfnHigh[row] = 0;
    this.unit[row] = 0;
    this.gfp[row] = 0;
    for (let i = 0; i < values.length; i++) this.args[this.argsLength++] = values[i];
  }

  private row(kind: number, time: number, cpu: number, flags: number, task: number): number {
    this.reserve();
    const row = this.length++;
    this.time[row] = time;
    this.kind[row] = kind;
    this.flags[row] = flags;
    this.cpu[row] = cpu;
    this.task[row] = task;
    return row;
  }

  /** The frozen columns. Calling it twice is an error (RP3006). */
  finish(): EventColumns {
    if (this.finished) throw builderFinished();
    this.finished = true;
    const { length } = this;
    return {
      length,
      time: this.time.slice(0, length),
      pfnLow: this.pfnLow.slice(0, length),
      pfnHigh: this.pfnHigh.slice(0, length),
      kind: this.kind.slice(0, length),
      unit: this.unit.slice(0, length),
      flags: this.flags.slice(0, length),
      cpu: this.cpu.slice(0, length),
      gfp: this.gfp.slice(0, length),
      task: this.task.slice(0, length),
      args: this.args.slice(0, this.argsLength),
      words: this.words.texts,
      gfpTexts: this.gfpTexts.texts,
      flagTexts: this.flagTexts.texts,
      tasks: this.tasks,
      ...(this.stack && { stack: this.stack.slice(0, length), stacks: this.stacks.texts }),
    };
  }
}

function grown<T extends { set(source: T): void }>(from: T, to: T): T {
  to.set(from);
  return to;
}

/** Columns without events. */
export function emptyEvents(): EventColumns {
  return new EventColumnsBuilder().finish();
}

/**
 * The events of rows [first, last) as columns of their own. Dictionaries and `args` are shared, the rest are views, so
 * this costs nothing.
 */
export function sliceEvents(events: EventColumns, first: number, last: number): EventColumns {
  return {
    ...events,
    length: last - first,
    time: events.time.subarray(first, last),
    pfnLow: events.pfnLow.subarray(first, last),
    pfnHigh: events.pfnHigh.subarray(first, last),
    kind: events.kind.subarray(first, last),
    unit: events.unit.subarray(first, last),
    flags: events.flags.subarray(first, last),
    cpu: events.cpu.subarray(first, last),
    gfp: events.gfp.subarray(first, last),
    task: events.task.subarray(first, last),
    ...(events.stack && { stack: events.stack.subarray(first, last) }),
  };
}

/** The events of the kinds that `keeps` says yes to, as columns of their own. Dictionaries and `args` are shared. */
export function filterEvents(events: EventColumns, keeps: (kind: number) => boolean): EventColumns {
  const kept = Uint8Array.from({ length: 256 }, (_, kind) => (keeps(kind) ? 1 : 0));
  const rows = new Uint32Array(events.length);
  let length = 0;
  for (let i = 0; i < events.length; i++) if (kept[events.kind[i]] === 1) rows[length++] = i;
  return {
    ...events,
    length,
    time: gather(events.time, new Float64Array(length), rows),
    pfnLow: gather(events.pfnLow, new Uint32Array(length), rows),
    pfnHigh: gather(events.pfnHigh, new Uint8Array(length), rows),
    kind: gather(events.kind, new Uint8Array(length), rows),
    unit: gather(events.unit, new Uint8Array(length), rows),
    flags: gather(events.flags, new Uint8Array(length), rows),
    cpu: gather(events.cpu, new Uint16Array(length), rows),
    gfp: gather(events.gfp, new Uint16Array(length), rows),
    task: gather(events.task, new Uint32Array(length), rows),
    ...(events.stack && { stack: gather(events.stack, new Uint32Array(length), rows) }),
  };
}

type Column = { [row: number]: number; readonly length: number };

function gather<T extends Column>(from: T, to: T, rows: Uint32Array): T {
  for (let i = 0; i < to.length; i++) to[i] = from[rows[i]];
  return to;
}

/** First row whose time is at or after `ns`; `length` when there is none. Times never decrease in file order. */
export function firstEventAtOrAfter(events: EventColumns, ns: number): number {
  const { time } = events;
  let low = 0;
  let high = events.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (time[middle] < ns) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The events with from ≤ time < to, in ns on the trace clock. */
export function sliceByTime(events: EventColumns, fromNs: number, toNs: number): EventColumns {
  const first = firstEventAtOrAfter(events, fromNs);
  return sliceEvents(events, first, Math.max(first, firstEventAtOrAfter(events, toNs)));
}

/** The text of field `field` of a row that is not a page event: an index into `words`. */
export function eventWord(events: EventColumns, index: number, field: number): string | undefined {
  if (isPageEvent(events.kind[index])) return undefined;
  return events.words[events.args[events.pfnLow[index] + field]];
}
