/**
 * What a kernel's tracepoints tell, as event columns: the other direction of an import. Everything that fires between
 * `new TracepointCapture` and `finish()` becomes a row, in the order it fired.
 *
 *   const capture = new TracepointCapture(kernel.tracepoints, () => ({ time, cpu, flags: '.....', task }));
 *   kernel.get(PageAllocator).alloc(…);
 *   const events = capture.finish();
 *
 * A tracepoint says neither when, where nor who: `context` is asked each time. gfp flags are numbers there and are printed
 * by core's formatGfp.
 */
import { formatGfp, KIND, parseGfp, TRACEPOINTS, type Tracepoints } from '@replug/core';
import { EventColumnsBuilder, isPageEvent, packUnit, type EventColumns, type Task } from '@replug/workload';

/** What ftrace adds to an event. */
export interface EventContext {
  /** ns on the trace clock. */
  readonly time: number;
  readonly cpu: number;
  /** The irq-info characters: `d..3.`. */
  readonly flags: string;
  readonly task: Task;
  /**
   * How gfp flags were printed where the event comes from; default formatGfp. Names are not one to one: GFP_NOWAIT of 6.1
   * and of 6.12 differ by __GFP_NOWARN, and bits above 23 have no fixed names.
   */
  readonly gfpText?: (flags: number) => string;
}

type Listen = { on(listener: (...values: never[]) => void): Disposable };

export class TracepointCapture implements Disposable {
  private readonly builder = new EventColumnsBuilder();
  private readonly context: () => EventContext;
  private readonly gfpTexts = new Map<number, number>();
  private readonly gfpWords = new Map<number, number>();
  private readonly subscriptions: Disposable[] = [];
  private lastTask: Task | undefined;
  private lastTaskIndex = 0;

  constructor(tracepoints: Tracepoints, context: () => EventContext) {
    this.context = context;
    // Index 0 is what rows of other kinds hold.
    this.builder.gfpTexts.intern('');
    TRACEPOINTS.forEach(({ name, fields }, kind) => {
      const formats = fields.filter(({ format }) => format !== 'page').map(({ format }) => format);
      const listener = isPageEvent(kind)
        ? (pfn: number, order: number, third = 0, fourth = 0) => this.page(kind, pfn, order, third, fourth)
        : (...values: (number | string)[]) => this.other(kind, formats, values);
      this.subscriptions.push((tracepoints[name] as unknown as Listen).on(listener));
    });
  }

  /** Rows so far. */
  get length(): number {
    return this.builder.length;
  }

  /** Stops listening and gives the columns. */
  finish(): EventColumns {
    this[Symbol.dispose]();
    return this.builder.finish();
  }

  /** Stops listening. */
  [Symbol.dispose](): void {
    for (const subscription of this.subscriptions.splice(0)) subscription[Symbol.dispose]();
  }

  /** `third`: the migratetype; 0 for frees. `fourth`: gfp flags of an allocation, percpu_refill of a zone_locked. */
  private page(kind: number, pfn: number, order: number, third: number, fourth: number): void {
    const { time, cpu, flags, task, gfpText } = this.context();
    const { builder } = this;
    const allocates = kind === KIND.mm_page_alloc;
    let gfp = 0;
    if (allocates && gfpText !== undefined) gfp = builder.gfpTexts.intern(gfpText(fourth));
    else if (allocates) gfp = this.gfp(this.gfpTexts, fourth, builder.gfpTexts);
    const unit = packUnit(order, third, allocates ? 0 : fourth);
    builder.pushPage(kind, time, cpu, builder.flagTexts.intern(flags), this.task(task), pfn, unit, gfp);
  }

  private other(kind: number, formats: readonly string[], values: readonly (number | string)[]): void {
    const { time, cpu, flags, task } = this.context();
    const { builder } = this;
    const row = values.map((value, i) => {
      if (typeof value === 'string') return builder.words.intern(value);
      return formats[i] === 'gfp' ? this.gfp(this.gfpWords, value, builder.words) : value;
    });
    builder.pushArgs(kind, time, cpu, builder.flagTexts.intern(flags), this.task(task), row);
  }

  private gfp(known: Map<number, number>, flags: number, texts: { intern(text: string): number }): number {
    let index = known.get(flags);
    if (index === undefined) known.set(flags, (index = texts.intern(formatGfp(flags))));
    return index;
  }

  private task(task: Task): number {
    if (task !== this.lastTask) {
      this.lastTask = task;
      this.lastTaskIndex = this.builder.internTask(task.comm, task.pid);
    }
    return this.lastTaskIndex;
  }
}

/**
 * Captures what a replay makes the kernel's tracepoints say. `run` drives the kernel and calls `now(row)` before it applies
 * that row of `events`: what fires then is given the row's time, CPU, flags and task, and where it has the row's gfp flags
 * the row's text of them.
 */
export function captureReplay(
  tracepoints: Tracepoints,
  events: EventColumns,
  run: (now: (row: number) => void) => void,
): EventColumns {
  let at = 0;
  const recordedFlags = events.gfpTexts.map((text) => parseGfp(text).flags);
  const gfpText = (flags: number): string => {
    const recorded = events.gfp[at];
    return events.kind[at] === KIND.mm_page_alloc && recordedFlags[recorded] === flags
      ? events.gfpTexts[recorded]
      : formatGfp(flags);
  };
  using capture = new TracepointCapture(tracepoints, () => ({
    time: events.time[at],
    cpu: events.cpu[at],
    flags: events.flagTexts[events.flags[at]] ?? '',
    task: events.tasks[events.task[at]] ?? NOBODY,
    gfpText,
  }));
  run((row) => {
    at = row;
  });
  return capture.finish();
}

const NOBODY: Task = { comm: '<...>', pid: 0 };
