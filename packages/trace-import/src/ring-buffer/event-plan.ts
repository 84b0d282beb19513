/**
 * From a format file to how records of that event become columns: made once an event, used for each of its records.
 *
 * The page events are read from four places in the record. Every other event of the catalogue is what its print fmt prints:
 * each field of the catalogue is looked for there by its name, and its expression worked out; numbers that are a plain
 * field are read as they lie. Events of older kernels, which print other names, are printed to text and read as text is.
 */
import { KIND, TRACEPOINT_KIND, TRACEPOINTS } from '@replug/core';
import { isPageEvent } from '@replug/workload';
import type { Expression } from '../event-format/expression.ts';
import type { EventFormat, FormatField } from '../event-format/format-text.ts';
import { readPrintFormat, type Printed } from '../event-format/print-format.ts';
import { OTHER_NAMES, STACK_EVENTS } from '../ftrace-text/event-sink.ts';
import { RecordFields } from './record-fields.ts';

/** Where an integer lies: bytes from the record's start, its size, and what it is cut to (negative: signed). */
export interface Place {
  readonly at: number;
  readonly size: number;
  readonly bits: number;
}

/** A value of an event that is not a page event. */
export type Argument =
  | { readonly from: 'place'; readonly place: Place }
  | { readonly from: 'number'; readonly expression: Expression; readonly bits: number }
  | { readonly from: 'word'; readonly expression: Expression; readonly field?: string };

export interface PagePlan {
  readonly pfn: Place;
  readonly order: Place | number;
  readonly migratetype: Place | number;
  readonly refill: Place | number;
  /** The integer, and how it is printed. */
  readonly gfp?: { readonly place: Place; readonly field: string; readonly expression: Expression };
}

/**
 * What a record becomes. page: a row · fast: the same, from four integers of the sizes that every kernel since 4.1 has ·
 * values: a row with values · text: a row, by way of its text · marker: a line of trace_marker · count: counted by name ·
 * stack: a call chain.
 */
export type Use = 'fast' | 'page' | 'values' | 'text' | 'marker' | 'count' | 'stack' | 'no-pfn';

export interface EventPlan {
  readonly name: string;
  readonly kind: number;
  readonly use: Use;
  readonly fields: RecordFields;
  readonly flagsAt: number;
  readonly preemptAt: number;
  readonly pidAt: number;
  /** Bytes that a record must have. */
  readonly least: number;
  readonly page?: PagePlan;
  /** Of kernel_stack: how many addresses there are, and where; -1 where nothing tells how many. */
  readonly chain?: { readonly countAt: number; readonly at: number; readonly size: number };
  readonly values?: readonly Argument[];
  readonly printed: readonly Printed[];
}

export interface PlanOptions {
  readonly little: boolean;
  readonly longBits: number;
  /** Variables of the kernel that print fmts name. */
  readonly variables: ReadonlyMap<string, number>;
}

const MARKER_FIELD = 'buf';

/** The plan; undefined when the format lacks the fields that every record has. */
export function planOf(format: EventFormat, options: PlanOptions): EventPlan | undefined {
  const byName = new Map(format.fields.map((field) => [field.name, field]));
  const [flags, preempt, pid] = ['common_flags', 'common_preempt_count', 'common_pid'].map((name) => byName.get(name));
  if (flags?.size !== 1 || pid?.size !== 4 || (preempt !== undefined && preempt.size !== 1)) return undefined;
  const { name } = format;
  const kind = TRACEPOINT_KIND.get(name) ?? OTHER_NAMES.get(name) ?? -1;
  const common = {
    name,
    kind,
    fields: new RecordFields(format, options.little, options.variables),
    flagsAt: flags.offset,
    preemptAt: preempt?.offset ?? -1,
    pidAt: pid.offset,
    least: Math.max(flags.offset + 1, pid.offset + 4, (preempt?.offset ?? 0) + 1),
    printed: [],
  };
  if (STACK_EVENTS.has(name)) {
    const chain = chainOf(name, byName, options.longBits);
    return { ...common, use: 'stack', chain, least: Math.max(common.least, (chain?.countAt ?? -4) + 4) };
  }
  if (kind === -1) return { ...common, use: 'count' };
  if (kind === KIND.tracing_mark_write)
    return { ...common, use: byName.has(MARKER_FIELD) ? 'marker' : 'count', name: 'tracing_mark_write' };
  const printed = readPrintFormat(format.print, options.longBits) ?? [];
  const least = Math.max(...format.fields.map((field) => field.offset + field.size));
  const found: Found = { byName, printed };
  if (!isPageEvent(kind)) {
    const values = argumentsOf(kind, found);
    return { ...common, printed, least, values, use: values === undefined ? 'text' : 'values' };
  }
  const page = pagePlan(kind, found);
  if (page === undefined) return { ...common, printed, least, use: byName.has('pfn') ? 'text' : 'no-pfn' };
  return { ...common, printed, least, page, use: isFast(page) ? 'fast' : 'page' };
}

/** Addresses of the functions, innermost first. A kernel's chain only: those of user space have no symbols. */
function chainOf(name: string, byName: ReadonlyMap<string, FormatField>, longBits: number): EventPlan['chain'] {
  const caller = byName.get('caller');
  if (name !== 'kernel_stack' || caller === undefined || caller.dynamic !== undefined) return undefined;
  const count = byName.get('size');
  return { countAt: count?.size === 4 ? count.offset : -1, at: caller.offset, size: longBits / 8 };
}

interface Found {
  readonly byName: ReadonlyMap<string, FormatField>;
  readonly printed: readonly Printed[];
}

function pagePlan(kind: number, found: Found): PagePlan | undefined {
  const pfn = integerAt(found.byName.get('pfn'), 64);
  const order = simple(found, 'order');
  if (pfn === undefined || order === undefined) return undefined;
  const hasType = TRACEPOINTS[kind].fields.some((field) => field.name === 'migratetype');
  const migratetype = hasType ? simple(found, 'migratetype') : 0;
  const refill = kind === KIND.mm_page_alloc_zone_locked ? simple(found, 'percpu_refill') : 0;
  if (migratetype === undefined || refill === undefined) return undefined;
  if (kind !== KIND.mm_page_alloc) return { pfn, order, migratetype, refill };
  const gfp = found.printed.find(({ key }) => key === 'gfp_flags');
  const field = gfp === undefined ? undefined : onlyField(gfp.expression);
  const place = integerAt(found.byName.get(field ?? ''), 64);
  if (gfp === undefined || field === undefined || place === undefined) return undefined;
  return { pfn, order, migratetype, refill, gfp: { place, field, expression: gfp.expression } };
}

/** A value that is a field as it is, or the same in every record. */
function simple({ byName, printed }: Found, key: string): Place | number | undefined {
  const found = printed.find((one) => one.key === key);
  if (found === undefined) return undefined;
  if (found.expression.op === 'number') return Number(found.expression.value);
  return found.expression.op === 'field' ? integerAt(byName.get(found.expression.name), found.bits) : undefined;
}

function isFast({ pfn, order, migratetype, refill, gfp }: PagePlan): boolean {
  const isWord = (place: Place | number) => typeof place === 'number' || place.size === 4;
  const isLong = ({ size }: Place) => size === 8 || size === 4;
  return (
    isLong(pfn) && isWord(order) && isWord(migratetype) && isWord(refill) && (gfp === undefined || isLong(gfp.place))
  );
}

/** What the catalogue wants of an event that is not a page event; undefined when a field of it is not printed. */
function argumentsOf(kind: number, { byName, printed }: Found): readonly Argument[] | undefined {
  const values: Argument[] = [];
  for (const { name, format } of TRACEPOINTS[kind].fields) {
    if (format === 'page') continue;
    const range = name === 'range_start' ? 0 : name === 'range_end' ? 1 : -1;
    const found = printed.find(({ key, index }) =>
      range === -1 ? key === name && index === 0 : key === 'range' && index === range,
    );
    if (found === undefined) return undefined;
    const { expression, bits } = found;
    if (format === 'word' || format === 'gfp') values.push({ from: 'word', expression, field: onlyField(expression) });
    else {
      const place = expression.op === 'field' ? integerAt(byName.get(expression.name), bits) : undefined;
      values.push(place === undefined ? { from: 'number', expression, bits } : { from: 'place', place });
    }
  }
  return values;
}

function integerAt(field: FormatField | undefined, bits: number): Place | undefined {
  if (field === undefined || field.dynamic !== undefined || field.type.includes('[')) return undefined;
  if (![1, 2, 4, 8].includes(field.size)) return undefined;
  // What is narrower than it is printed is widened by its own sign.
  const own = field.signed ? -field.size * 8 : field.size * 8;
  return { at: field.offset, size: field.size, bits: Math.abs(bits) > field.size * 8 ? own : bits };
}

/** The field that an expression depends on; undefined when it is none, several, or something of the kernel's. */
function onlyField(expression: Expression): string | undefined {
  const names = new Set<string>();
  return collect(expression, names) && names.size === 1 ? [...names][0] : undefined;
}

function collect(expression: Expression, names: Set<string>): boolean {
  switch (expression.op) {
    case 'number':
    case 'text':
      return true;
    case 'field':
      names.add(expression.name);
      return true;
    case 'name':
      return false;
    case 'unary':
    case 'cast':
      return collect(expression.a, names);
    case 'binary':
      return collect(expression.a, names) && collect(expression.b, names);
    case 'choice':
      return collect(expression.a, names) && collect(expression.b, names) && collect(expression.c, names);
    case 'list':
      return expression.parts.every((part) => collect(part, names));
    case 'call':
      return (
        /^__print_(?:flags|symbolic)$/.test(expression.name) && expression.parts.every((part) => collect(part, names))
      );
  }
}
