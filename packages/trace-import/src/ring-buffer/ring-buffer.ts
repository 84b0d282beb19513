/**
 * The ring buffers of all cpus of one trace to the facts that the text of the trace gives: the same columns, counts, losses.
 * trace.dat and raw pages differ only in where the parts come from.
 */
import type { Account } from '../account.ts';
import { KernelSymbols } from '../call-chains/kernel-symbols.ts';
import { ringBufferTooLarge, noFormats } from '../errors.ts';
import type { EventFormat } from '../event-format/format-text.ts';
import type { FtraceText } from '../ftrace-text/ftrace-text.ts';
import type { Feed } from './bytes.ts';
import type { Cmdlines } from './cmdlines.ts';
import { CpuPages } from './cpu-pages.ts';
import { planOf, type EventPlan, type Place } from './event-plan.ts';
import { flagStyleOf } from './irq-flags.ts';
import { mergeRecords } from './merge.ts';
import type { PageLayout } from './page-layout.ts';
import { RecordReader } from './record-reader.ts';

/** Bytes of the pages that are held at a time, of all cpus together. */
const HELD = 32 << 20;
const MAX_BLOCK = 256 << 10;
/** Bytes beyond which there are too many cpus for their pages. */
const MAX_HELD = 256 << 20;

/** Bytes of the smallest record that becomes a row: header, common fields, a pfn and an order. */
const LEAST_RECORD = 28;

export interface CpuFeed {
  readonly cpu: number;
  readonly feed: Feed;
  /** Bytes of its pages, where they are known. */
  readonly size?: number;
}

export interface RingBuffers {
  readonly cpus: readonly CpuFeed[];
  readonly layout: PageLayout;
  readonly formats: readonly EventFormat[];
  readonly cmdlines: Cmdlines;
  /** As uname prints it; undefined when it is not known. */
  readonly kernel?: string;
  /** Variables of the kernel that print fmts name, as `pageblock_order` of powerpc. */
  readonly variables?: ReadonlyMap<string, number>;
  /** The text of /proc/kallsyms, where it is known; asked when there is a call chain. */
  readonly kallsyms?: () => string;
  /** Added to each time. */
  readonly offset?: number;
  /** From what the ring buffer counts to ns; left out when they are the same. Slow. */
  readonly toTime?: (time: number) => number;
  /** Events lost according to counters beside the pages. */
  readonly overrun?: number;
  /** Cpus of the machine, where it is known otherwise. */
  readonly cpuCount?: number;
}

/** Reads everything. Throws RP4016 for more cpus than there is room for, RP4018 without formats. */
export function readRingBuffers(buffers: RingBuffers, account: Account): FtraceText {
  const { cpus, layout, formats } = buffers;
  const { pageSize, little } = layout;
  if (cpus.length * pageSize > MAX_HELD) {
    throw ringBufferTooLarge('the first pages of all cpus have this many bytes', cpus.length * pageSize, MAX_HELD);
  }
  const options = {
    little,
    longBits: layout.commitSize * 8,
    variables: buffers.variables ?? new Map<string, number>(),
  };
  const plans = new Map<number, EventPlan>();
  for (const format of formats) {
    if (plans.has(format.id)) {
      account.detail('formats of the same number');
      continue;
    }
    const plan = planOf(format, options);
    if (plan === undefined) account.detail('formats without the common fields');
    else plans.set(format.id, plan);
  }
  const type = typeOf(formats);
  if (type === undefined) throw noFormats(account.path);
  const reader = new RecordReader(account, {
    little,
    type,
    plans,
    cmdlines: buffers.cmdlines,
    flagStyle: flagStyleOf(buffers.kernel),
    toTime: buffers.toTime,
    symbols: new KernelSymbols(buffers.kallsyms ?? (() => '')),
    rows: Math.ceil(cpus.reduce((sum, { size = 0 }) => sum + size, 0) / LEAST_RECORD),
  });
  const most = Math.min(MAX_BLOCK, HELD / cpus.length);
  const pages = cpus.map(({ cpu, feed, size = most }) => {
    const blockSize = Math.max(1, Math.floor(Math.min(most, size + pageSize) / pageSize)) * pageSize;
    return new CpuPages(cpu, feed, layout, blockSize, account, buffers.offset);
  });
  mergeRecords(pages, (first, second) => reader.run(first, second));
  const counts = reader.finish();
  const marked = pages.reduce((sum, one) => sum + one.lost, 0);
  return {
    events: reader.builder.finish(),
    counts,
    lost: Math.max(marked, buffers.overrun ?? 0),
    cpus: buffers.cpuCount ?? cpus.length,
  };
}

/** Where a record tells its event: the same in all formats. */
function typeOf(formats: readonly EventFormat[]): Place | undefined {
  for (const { fields } of formats) {
    const field = fields.find(({ name }) => name === 'common_type');
    if (field?.size === 2) return { at: field.offset, size: 2, bits: 16 };
  }
  return undefined;
}
