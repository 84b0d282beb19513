/**
 * Records to event columns, whatever they hold: those that FastRecords leaves over. A page event comes here once for each new
 * value that the tables do not know; other events of the catalogue always; all the others are counted by name.
 *
 * records = events + call chains + Σ skipped; each skipped one has a reason.
 */
import { KIND } from '@replug/core';
import { packUnit } from '@replug/workload';
import type { Account } from '../account.ts';
import { CallChains, MAX_FRAMES } from '../call-chains/call-chains.ts';
import type { KernelSymbols } from '../call-chains/kernel-symbols.ts';
import { evaluate, type Value } from '../event-format/evaluate.ts';
import type { Printed } from '../event-format/print-format.ts';
import { readKeyedFields } from '../ftrace-text/keyed-fields.ts';
import type { Cmdlines } from './cmdlines.ts';
import type { CpuPages } from './cpu-pages.ts';
import type { Argument, EventPlan, Place } from './event-plan.ts';
import { flagsText, type FlagStyle } from './irq-flags.ts';
import { FastRecords } from './fast-records.ts';
import { SizedColumns } from './sized-columns.ts';
import { RecordTables } from './record-tables.ts';

const TWO_32 = 4294967296;
const PAGE_KINDS = KIND.mm_page_pcpu_drain;

export interface RecordOptions {
  readonly little: boolean;
  /** Where the number of the event lies in a record. */
  readonly type: Place;
  readonly plans: ReadonlyMap<number, EventPlan>;
  readonly cmdlines: Cmdlines;
  readonly flagStyle: FlagStyle;
  /** From what the ring buffer counts to ns on the trace clock; left out when they are the same. */
  readonly toTime?: (time: number) => number;
  /** Names of the functions in call chains. */
  readonly symbols: KernelSymbols;
  /** Rows to make room for. */
  readonly rows: number;
}

export class RecordReader {
  readonly builder: SizedColumns;
  private readonly tables: RecordTables;
  private readonly account: Account;
  private readonly options: RecordOptions;
  private readonly little: boolean;
  private readonly typeAt: number;
  private readonly fast: FastRecords;
  private readonly chains: CallChains;
  private readonly counts = new Map<string, number>();
  /** Records that were not read the fast way. */
  private slow = 0;
  private readonly left = (pages: CpuPages) => this.take(pages);
  private readonly flagsText = (flags: number, preempt: number) => flagsText(flags, preempt, this.options.flagStyle);
  private readonly nameOf = (pid: number) => this.options.cmdlines.nameOf(pid);

  constructor(account: Account, options: RecordOptions) {
    this.builder = new SizedColumns(options.rows);
    this.tables = new RecordTables(this.builder);
    this.chains = new CallChains(this.builder);
    this.account = account;
    this.options = options;
    this.little = options.little;
    this.typeAt = options.type.at;
    // Where times have to be worked out one by one, nothing is fast.
    const plans = options.toTime === undefined ? options.plans : new Map<number, EventPlan>();
    this.fast = new FastRecords(this.builder, this.tables, this.little, this.typeAt, plans);
  }

  /** Reads records of `pages` as long as none of `other` comes first; false when there are no more. */
  run(pages: CpuPages, other: CpuPages | undefined): boolean {
    return this.fast.run(pages, other, this.left);
  }

  /** Reads one record of any kind. */
  private take(pages: CpuPages): void {
    const { view, record, length } = pages;
    this.slow++;
    const time = this.options.toTime === undefined ? pages.time : this.options.toTime(pages.time);
    const id = length < this.typeAt + 2 ? -1 : view.getUint16(record + this.typeAt, this.little);
    const plan = id === -1 ? undefined : this.options.plans.get(id);
    if (plan === undefined || length < plan.least) {
      this.skip(pages, plan === undefined && id !== -1 ? 'unknown-event-type' : 'short-record', id);
      return;
    }
    if (time < this.fast.last) this.account.detail('events before the one before');
    this.fast.last = time;
    const preempt = plan.preemptAt === -1 ? 0 : view.getUint8(record + plan.preemptAt);
    const flags = this.tables.flagsIndex(view.getUint8(record + plan.flagsAt), preempt, this.flagsText);
    const task = this.tables.taskIndex(view.getInt32(record + plan.pidAt, this.little), this.nameOf);
    plan.fields.moveTo(view, record, length);
    const outcome = flags === -1 ? 'too-many-flags' : this.store(pages, plan, time, flags, task);
    if (outcome === 'event') this.count(plan.name);
    else if (outcome === 'stack') this.account.detail('stack records');
    else this.skip(pages, outcome, id);
  }

  /** Settles the account and gives the counts by name. */
  finish(): Record<string, number> {
    let records = this.slow;
    for (const [id, { name }] of this.options.plans) {
      const count = this.fast.counts[id] ?? 0;
      records += count;
      if (count > 0) this.count(name, count);
    }
    this.account.detail('records', records);
    this.chains.finish(this.account);
    if (this.options.symbols.failed) this.account.detail('kallsyms that cannot be read');
    return Object.fromEntries([...this.counts].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  private count(name: string, count = 1): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + count);
    this.account.events += count;
  }

  private skip(pages: CpuPages, reason: string, id: number): void {
    this.chains.passed(pages.cpu);
    const place = `cpu ${pages.cpu}, ${pages.placeOf(pages.record)}: event ${id}, ${pages.length} bytes`;
    this.account.skip(reason, place, 0);
  }

  private store(pages: CpuPages, plan: EventPlan, time: number, flags: number, task: number): string {
    const { builder, tables } = this;
    switch (plan.use) {
      case 'count':
        this.chains.passed(pages.cpu);
        return 'event';
      case 'stack':
        this.keepChain(pages, plan, task);
        return 'stack';
      case 'no-pfn':
        return plan.use;
      case 'marker': {
        const lines = (plan.fields.text('buf') ?? '').replace(/\n$/, '').split('\n');
        if (lines.length > 1) this.account.detail('lines after the first of a marker', lines.length - 1);
        const word = tables.word(lines[0]);
        if (word === -1) return 'bad-fields';
        builder.pushArgs(plan.kind, time, pages.cpu, flags, task, [word]);
        return 'event';
      }
      case 'values': {
        const values = plan.values!.map((argument) => this.argument(pages, plan, argument));
        if (values.includes(NaN)) return 'bad-fields';
        builder.pushArgs(plan.kind, time, pages.cpu, flags, task, values);
        return 'event';
      }
      default:
        return this.storeText(pages, plan, time, flags, task);
    }
  }

  private keepChain({ view, record, length, cpu }: CpuPages, { chain }: EventPlan, task: number): void {
    if (chain === undefined) return;
    const { little } = this;
    const row = this.chains.rowOf(cpu, task);
    if (row < 0) return;
    const told = chain.countAt < 0 ? MAX_FRAMES : view.getInt32(record + chain.countAt, little);
    const frames: string[] = [];
    for (let i = 0; i < told && chain.at + (i + 1) * chain.size <= length; i++) {
      const at = record + chain.at + i * chain.size;
      const address = chain.size === 8 ? view.getBigUint64(at, little) : BigInt(view.getUint32(at, little));
      // Kernels before 5.2 end a chain so.
      if (address === 0n || address === BigInt.asUintN(chain.size * 8, -1n)) break;
      frames.push(this.options.symbols.nameOf(address));
    }
    this.chains.keep(row, frames);
  }

  /** As the text would be read: fields by name, those of older kernels included. */
  private storeText(pages: CpuPages, plan: EventPlan, time: number, flags: number, task: number): string {
    const { builder, tables } = this;
    const values = readKeyedFields(plan.kind, printedText(plan));
    if (typeof values === 'string') return values;
    const isPage = plan.kind <= PAGE_KINDS;
    const numbers = values.map((value) =>
      typeof value === 'number' ? value : isPage ? tables.gfpText(value) : tables.word(value),
    );
    if (numbers.some((number, i) => number === -1 && typeof values[i] === 'string')) return 'bad-fields';
    if (!isPage) {
      builder.pushArgs(plan.kind, time, pages.cpu, flags, task, numbers);
      return 'event';
    }
    const [pfn, order, migratetype = 0, last = 0] = numbers;
    const isAlloc = plan.kind === KIND.mm_page_alloc;
    const unit = packUnit(order, migratetype, isAlloc ? 0 : last);
    const raw = plan.fields.field('pfn');
    const isNone = raw !== undefined && BigInt.asIntN(64, raw) === -1n;
    if (plan.page?.gfp !== undefined) this.rememberGfp(plan.page.gfp.field, plan, values[3]);
    builder.pushPage(plan.kind, time, pages.cpu, flags, task, isNone ? -1 : pfn, unit, isAlloc ? last : 0);
    return 'event';
  }

  private rememberGfp(field: string, { fields }: EventPlan, text: number | string): void {
    const mask = fields.field(field);
    if (mask === undefined || typeof text !== 'string') return;
    this.tables.rememberGfp(Number(mask & 0xffffffffn), Number(BigInt.asUintN(64, mask) >> 32n), text);
  }

  /** A value of an event that is not a page event; NaN when a dictionary is full. */
  private argument({ view, record }: CpuPages, plan: EventPlan, argument: Argument): number {
    if (argument.from === 'place') return readInteger(view, record, argument.place, this.little);
    if (argument.from === 'number') {
      const value = evaluate(argument.expression, plan.fields);
      if (typeof value === 'bigint') return Number(cut(value, argument.bits));
      this.account.detail('fields that the file does not tell');
      return -1;
    }
    const { field } = argument;
    const raw = field === undefined ? undefined : plan.fields.field(field);
    const index = this.tables.memoWord(argument, raw, () => this.told(evaluate(argument.expression, plan.fields)));
    return index === -1 ? NaN : index;
  }

  /** A text; numbers as they are, and nothing for what cannot be told. */
  private told(value: Value | undefined): string {
    if (value === undefined) this.account.detail('fields that the file does not tell');
    // The zone's name is padded with spaces, as a word of the text is not.
    return value === undefined ? '' : String(value).trim();
  }
}

/** The fields of a record as `name=value`. */
function printedText({ printed, fields }: EventPlan): string {
  const texts: string[] = [];
  for (const [i, { key, index, bits, expression }] of printed.entries()) {
    const value = valueText(expression, bits, fields);
    if (key === 'range' && index === 0) {
      const end = printed[i + 1] as Printed | undefined;
      texts.push(`range=(${value} ~ ${end === undefined ? '' : valueText(end.expression, end.bits, fields)})`);
    } else if (index === 0 && key !== '' && value !== undefined) texts.push(`${key}=${value}`);
  }
  return texts.join(' ');
}

function valueText(expression: Printed['expression'], bits: number, fields: EventPlan['fields']): string | undefined {
  const value = evaluate(expression, fields);
  return typeof value === 'bigint' ? cut(value, bits).toString() : value;
}

function cut(value: bigint, bits: number): bigint {
  if (bits === 0) return value;
  return bits < 0 ? BigInt.asIntN(-bits, value) : BigInt.asUintN(bits, value);
}

function readInteger(view: DataView, record: number, { at, size, bits }: Place, little: boolean): number {
  const from = record + at;
  if (size === 8) {
    if (bits === -32) return view.getInt32(from + (little ? 0 : 4), little);
    if (bits === 32) return view.getUint32(from + (little ? 0 : 4), little);
    const high =
      bits < 0 ? view.getInt32(from + (little ? 4 : 0), little) : view.getUint32(from + (little ? 4 : 0), little);
    return high * TWO_32 + view.getUint32(from + (little ? 0 : 4), little);
  }
  if (size === 4) return bits < 0 ? view.getInt32(from, little) : view.getUint32(from, little);
  if (size === 2) return bits < 0 ? view.getInt16(from, little) : view.getUint16(from, little);
  return bits < 0 ? view.getInt8(from) : view.getUint8(from);
}
