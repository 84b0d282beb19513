/**
 * ftrace's own text, as /sys/kernel/tracing/trace of 6.1 and 6.12 prints it: the twelve comment lines, then a line an
 * event. What a capture's text was read from comes out again byte by byte, except for `page=`.
 *
 *              snapz-185     [000] d..3.    16.250379: mm_page_alloc: page=… pfn=0x999f order=0 migratetype=1 …
 *   └── %16s ─────┘└ %-7d ┘  %03d  flags   %5lu.%06lu
 *
 * `page=` is a hashed pointer that columns do not keep. Printed is where the page's struct would lie on x86-64 without
 * KASLR, ffffea0000000000 + 64 · pfn, so it is unique, in pfn order and never null; a failed allocation prints zeros. Who
 * knows the machine's vmemmap gives `pageText`.
 *
 * Times are ns and are rounded to µs as the kernel does, half up. The writer holds one chunk, never the whole text.
 * A text that would break a line (a comm or marker with a control character) has `?` in that place and is counted in
 * `altered`; an event that has no place in the catalogue is left out and counted in `unknownKinds`.
 *
 * Models: kernel/trace/trace.c print_trace_header(), trace_output.c trace_print_context(), the TP_printk() of
 * include/trace/events/{kmem,compaction,migrate,page_isolation,vmscan}.h, 6.1 and 6.12.
 */
import { KIND, TRACEPOINTS, type FieldSpec, type KernelProfile } from '@replug/core';
import { eventPfn, isPageEvent, type EventColumns, type Task } from '@replug/workload';

/** An event with its values in catalogue order, `page` left out: numbers, and texts for words and gfp flags. */
export interface FtraceEvent {
  /** ns on the trace clock. */
  readonly time: number;
  readonly cpu: number;
  /** The irq-info characters, `d..3.`; empty where they were not recorded. */
  readonly flags: string;
  readonly task: Task;
  /** Index into core's TRACEPOINTS. */
  readonly kind: number;
  readonly values: readonly (number | string)[];
}

export interface FtraceWriterOptions {
  /** 6.1 prints no `nr_split` in mm_migrate_pages. Default 6.12. */
  readonly profile?: KernelProfile;
  /** The 16 hex digits after `page=` of a pfn ≥ 0. */
  readonly pageText?: (pfn: number) => string;
}

export interface FtraceHeader {
  /** Events that follow. */
  readonly entries: number;
  /** Events that were lost besides. */
  readonly lost?: number;
  readonly cpus: number;
}

/** Characters of a chunk, about. */
const CHUNK = 65536;
/** The low 48 bits of ffffea0000000000. */
const VMEMMAP_LOW = 0xea0000000000;
const PAGE_STRUCT = 64;
const TWO_48 = 2 ** 48;
const TWO_64 = 2 ** 64;

/** Zone and class names that TP_printk() pads with `%-8s`. */
const PADDED = new Set(['zone', 'classzone_idx']);
/** Fields that are followed by a comma. */
const COMMA_AFTER = new Set(['zone_end']);
const ADDED_IN_612 = new Set(['nr_split']);

interface Printer {
  /** Text before the value: a separator and `name=`; empty for a value that is not printed. */
  readonly before: string;
  readonly after: string;
  readonly format: FieldSpec['format'];
  readonly padded: boolean;
}

export class FtraceWriter {
  /** Texts in which a character had to be replaced. */
  altered = 0;
  /** Events of kinds that the catalogue does not have. */
  unknownKinds = 0;
  private readonly printers: readonly (readonly Printer[])[];
  private readonly pageText: (pfn: number) => string;
  private lastTask: Task | undefined;
  private taskText = '';

  constructor({ profile = '6.12', pageText = placeholderPage }: FtraceWriterOptions = {}) {
    this.pageText = pageText;
    this.printers = TRACEPOINTS.map(({ fields }) => printersOf(fields, profile));
  }

  /** The twelve comment lines. */
  header({ entries, lost = 0, cpus }: FtraceHeader): string {
    return [
      '# tracer: nop',
      '#',
      `# entries-in-buffer/entries-written: ${entries}/${entries + lost}   #P:${cpus}`,
      '#',
      '#                                _-----=> irqs-off/BH-disabled',
      '#                               / _----=> need-resched',
      '#                              | / _---=> hardirq/softirq',
      '#                              || / _--=> preempt-depth',
      '#                              ||| / _-=> migrate-disable',
      '#                              |||| /     delay',
      '#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION',
      '#              | |         |   |||||     |         |',
      '',
    ].join('\n');
  }

  /** One event as a line with its newline; empty for a kind that is not in the catalogue. */
  line(event: FtraceEvent): string {
    const { kind, values } = event;
    if (TRACEPOINTS[kind] === undefined) {
      this.unknownKinds++;
      return '';
    }
    if (event.task !== this.lastTask) {
      this.lastTask = event.task;
      this.taskText = taskColumn(event.task, this);
    }
    return `${this.taskText}${place(event.cpu, event.flags)}${time(event.time)}${this.fields(kind, values)}\n`;
  }

  /** Events [first, last) of the columns as text in chunks of about 64 KiB. The header is the caller's. */
  *chunks(events: EventColumns, first = 0, last: number = events.length): Generator<string> {
    const tasks = new Map<number, string>();
    const flagTexts = events.flagTexts.map((text) => this.clean(text));
    const gfpTexts = events.gfpTexts.map((text) => this.clean(text));
    const places = new Map<number, string>();
    const { kind: kinds, unit: units, cpu: cpus, flags, gfp: gfps } = events;
    let text = '';
    for (let i = first; i < last; i++) {
      const kind = kinds[i];
      if (TRACEPOINTS[kind] === undefined) {
        this.unknownKinds++;
        continue;
      }
      const task = events.task[i];
      let who = tasks.get(task);
      if (who === undefined) {
        who = taskColumn(events.tasks[task] ?? UNKNOWN_TASK, this);
        tasks.set(task, who);
      }
      const placeKey = cpus[i] * 256 + flags[i];
      let where = places.get(placeKey);
      if (where === undefined) {
        where = place(cpus[i], flagTexts[flags[i]] ?? '');
        places.set(placeKey, where);
      }
      text += who + where + time(events.time[i]);
      if (isPageEvent(kind)) {
        const unit = units[i];
        const pfn = eventPfn(events, i);
        text += `${TRACEPOINTS[kind].name}: ${this.pageAndPfn(pfn)} order=${unit & 15}`;
        if (kind === KIND.mm_page_alloc)
          text += ` migratetype=${(unit >> 4) & 7} gfp_flags=${gfpTexts[gfps[i]] ?? 'none'}\n`;
        else if (kind === KIND.mm_page_alloc_zone_locked)
          text += ` migratetype=${(unit >> 4) & 7} percpu_refill=${unit >> 7}\n`;
        else if (kind === KIND.mm_page_pcpu_drain) text += ` migratetype=${(unit >> 4) & 7}\n`;
        else text += '\n';
      } else {
        text += `${this.fields(kind, valuesOf(events, i, kind))}\n`;
      }
      if (text.length >= CHUNK) {
        yield text;
        text = '';
      }
    }
    if (text !== '') yield text;
  }

  /** A text that may stand in a line. */
  clean(text: string): string {
    const cleaned = text.replace(/[\u0000-\u001f\u007f]/g, '?');
    if (cleaned !== text) this.altered++;
    return cleaned;
  }

  private pageAndPfn(pfn: number): string {
    return pfn < 0 ? 'page=0000000000000000 pfn=0x0' : `page=${this.pageText(pfn)} pfn=0x${pfn.toString(16)}`;
  }

  private fields(kind: number, values: readonly (number | string)[]): string {
    const { name } = TRACEPOINTS[kind];
    if (kind === KIND.tracing_mark_write) return `${name}: ${this.clean(String(values[0] ?? ''))}`;
    let text = `${name}:`;
    let at = 0;
    for (const { before, after, format, padded } of this.printers[kind]) {
      if (format === 'page') {
        text += ` ${this.pageAndPfn(Number(values[0] ?? -1))}`;
        continue;
      }
      const value = values[at++];
      if (before === '') continue;
      text += before + (padded ? valueText(value, format, this).padEnd(8) : valueText(value, format, this)) + after;
    }
    return text;
  }
}

const UNKNOWN_TASK: Task = { comm: '<...>', pid: 0 };

function printersOf(fields: readonly FieldSpec[], profile: KernelProfile): Printer[] {
  return fields.map(({ name, format }) => {
    const padded = PADDED.has(name);
    // A pfn is printed along with its page.
    if (format === 'pfn' || (profile === '6.1' && ADDED_IN_612.has(name)))
      return { before: '', after: '', format, padded };
    if (name === 'range_start') return { before: ' range=(', after: '', format, padded };
    if (name === 'range_end') return { before: ' ~ ', after: ')', format, padded };
    return { before: ` ${name}=`, after: COMMA_AFTER.has(name) ? ',' : '', format, padded };
  });
}

function valueText(value: number | string | undefined, format: FieldSpec['format'], writer: FtraceWriter): string {
  if (typeof value === 'string') return writer.clean(value);
  const number = value ?? 0;
  if (format === 'hex') return `0x${hexOf(number)}`;
  return String(number);
}

/** `%lx` of a long; what no long can hold is printed as the greatest. */
function hexOf(value: number): string {
  if (value >= 0 && value < TWO_64) return value.toString(16);
  return value < 0 && value > -TWO_64 ? BigInt.asUintN(64, BigInt(Math.trunc(value))).toString(16) : 'ffffffffffffffff';
}

/** Values of a row that is not a page event, words and gfp flags as texts. */
export function valuesOf(events: EventColumns, row: number, kind: number): (number | string)[] {
  const values: (number | string)[] = [];
  let at = events.pfnLow[row];
  for (const { format } of TRACEPOINTS[kind].fields) {
    if (format === 'page') continue;
    const value = events.args[at++] ?? 0;
    values.push(format === 'word' || format === 'gfp' ? (events.words[value] ?? '') : value);
  }
  return values;
}

function taskColumn({ comm, pid }: Task, writer: FtraceWriter): string {
  return `${writer.clean(comm).padStart(16)}-${String(pid).padEnd(7)} `;
}

function place(cpu: number, flags: string): string {
  return `[${String(cpu).padStart(3, '0')}] ${flags} `;
}

/** ` %5lu.%06lu: ` of ns. */
function time(ns: number): string {
  const us = Math.floor((ns + 500) / 1000);
  const seconds = Math.floor(us / 1e6);
  return `${String(seconds).padStart(5)}.${String(us - seconds * 1e6).padStart(6, '0')}: `;
}

function placeholderPage(pfn: number): string {
  const low = (VMEMMAP_LOW + pfn * PAGE_STRUCT) % TWO_48;
  return `ffff${low.toString(16).padStart(12, '0')}`;
}
