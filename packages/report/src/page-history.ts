/**
 * The history of one frame: what each event did to it, who holds it at an instant, what its flags were at each step. The
 * JSON names are stable.
 *
 * Times are seconds on the trace clock (CLOCK_MONOTONIC for steps of a recording without a trace), `null` where unknown.
 */
import { table } from './text.ts';

/**
 * Who has the page. `freed`: given back, and no later event or dump tells whether it is on the CPU's list or on the free
 * lists. `held`: taken off the free lists by compaction, isolation or for an owner that no event names yet.
 */
export type PageStateName = 'in-use' | 'on-cpu-list' | 'free' | 'freed' | 'held' | 'unknown';

/** What an event did to the page. */
export type PageEventKind =
  | 'allocated'
  | 'freed'
  | 'freed-batch'
  | 'to-cpu-list'
  | 'taken'
  | 'drained'
  | 'fallback'
  | 'retyped'
  | 'scanned-in-use'
  | 'isolated'
  | 'scanned-free'
  | 'range-isolated'
  | 'range-migrated';

export interface PageEventReport {
  /** Row of the recording's events. */
  readonly event: number;
  readonly time: number;
  /** Since the event before it in this list; `null` for the first. */
  readonly since: number | null;
  readonly cpu: number;
  readonly comm: string;
  readonly pid: number;
  /** ftrace's name. */
  readonly name: string;
  readonly what: PageEventKind;
  /** First pfn and pages of the block or range that the event names. */
  readonly head: number;
  readonly pages: number;
  /** `null` for ranges. */
  readonly order: number | null;
  readonly gfp: string | null;
  readonly migratetype: string | null;
  /** The page's state after it. */
  readonly state: PageStateName;
  /** The event does not fit the state before it: something between them left no event. */
  readonly gap: boolean;
}

export interface PageHolderReport {
  readonly state: PageStateName;
  readonly since: number | null;
  /** Seconds from `since` to the instant. */
  readonly age: number | null;
  /** Row of the event that began the state; `null` before the first. */
  readonly event: number | null;
  readonly head: number | null;
  readonly order: number | null;
  readonly gfp: string | null;
  readonly cpu: number | null;
  readonly comm: string | null;
  readonly pid: number | null;
  /** What tells the state. */
  readonly why: string;
}

/** What page_owner, and the events after it, tell of the block that covers the page at the instant. */
export interface PageOwnerReport {
  readonly head: number;
  readonly order: number;
  readonly comm: string;
  /** `null` where it is not told. */
  readonly pid: number | null;
  readonly gfp: string;
  readonly since: number | null;
  /** Functions, innermost first; empty where none is known. */
  readonly stack: readonly string[];
}

export interface PagePlaceReport {
  readonly node: number;
  readonly zone: string;
  /** Number of the memory block in sysfs. */
  readonly memoryBlock: number;
  readonly pageblock: {
    readonly start: number;
    readonly pages: number;
    /** `null` when no event tells. */
    readonly migratetype: string | null;
    /** Row of the event that tells. */
    readonly event: number | null;
  };
}

export interface PageStepReport {
  readonly step: string;
  readonly time: number | null;
  /** Names of the kernel's page-types tool; `null` when the step has no kpageflags or none for this page. */
  readonly flags: readonly string[] | null;
  /** From kpagecount: how often the page is mapped. */
  readonly mapped: number | null;
  /** State of the memory block; `null` when the step does not list it. */
  readonly memoryBlockState: string | null;
}

export interface PageHistoryReport {
  readonly name: string;
  readonly path: string;
  readonly pfn: number;
  readonly pageSize: number;
  readonly place: PagePlaceReport | null;
  readonly at: { readonly time: number | null; readonly event: number; readonly note: string };
  /** At `at`. */
  readonly holder: PageHolderReport;
  /** `null` when nobody is known to have it; absent when the recording has neither page_owner nor call chains. */
  readonly owner?: PageOwnerReport | null;
  /** Before the first event of the page. */
  readonly before: { readonly state: PageStateName; readonly why: string };
  readonly events: readonly PageEventReport[];
  /** Scans over the page that took nothing. */
  readonly emptyScans: number;
  readonly steps: readonly PageStepReport[];
}

/** Events printed from the beginning and from the end; all are in the JSON. */
const FIRST = 40;
const LAST = 80;

const hex = (pfn: number): string => `0x${pfn.toString(16)}`;
const seconds = (time: number): string => `${time.toFixed(6)} s`;

export function renderPageHistory(report: PageHistoryReport): string {
  const parts = [`${summarizePage(report)}\n`, `${placeLines(report)}${ownerLines(report)}\n`];
  if (report.events.length > 0) parts.push(timeline(report));
  else parts.push('no event names the page\n');
  if (report.emptyScans > 0) parts.push(`compaction scanned it ${report.emptyScans} more times and took nothing\n`);
  if (report.steps.length > 0) parts.push('\n', steps(report));
  return parts.join('');
}

/** One sentence: who has the page. */
export function summarizePage({ pfn, holder, at }: PageHistoryReport): string {
  const when = at.time === null ? '' : ` at ${seconds(at.time)}`;
  const since = holder.since === null ? '' : ` since ${seconds(holder.since)}`;
  const age = holder.age === null ? '' : ` (${holder.age.toFixed(6)} s)`;
  const state = STATES[holder.state];
  return `pfn ${hex(pfn)}${when}: ${state}${since}${age}: ${holder.why}`;
}

const STATES: Record<PageStateName, string> = {
  'in-use': 'in use',
  'on-cpu-list': "on a CPU's list",
  free: 'on the free lists',
  freed: 'free, on a CPU list or the free lists',
  held: 'held',
  unknown: 'unknown',
};

function placeLines({ pfn, pageSize, place, before, at }: PageHistoryReport): string {
  const address = (BigInt(pfn) * BigInt(pageSize)).toString(16);
  const lines = [`physical address 0x${address}`];
  if (place !== null) {
    const { pageblock } = place;
    const last = pageblock.start + pageblock.pages - 1;
    const type = pageblock.migratetype === null ? 'type unknown' : pageblock.migratetype;
    lines[0] +=
      `, node ${place.node}, zone ${place.zone}, memory block ${place.memoryBlock}, ` +
      `pageblock ${hex(pageblock.start)}-${hex(last)} (${type})`;
  }
  lines.push(`before the first event: ${STATES[before.state]}: ${before.why}`);
  if (at.note !== '') lines.push(`the instant: ${at.note}`);
  return `${lines.join('\n')}\n`;
}

function ownerLines({ owner }: PageHistoryReport): string {
  if (owner === undefined) return '';
  if (owner === null) return 'owner: nobody is known to have it\n';
  const who = `${owner.comm || '?'}${owner.pid === null ? '' : `-${owner.pid}`}`;
  const since = owner.since === null ? '' : `, since ${seconds(owner.since)}`;
  const block = `order ${owner.order}, head ${hex(owner.head)}`;
  const lines = [`owner: ${who} (${owner.gfp || 'no flags'}, ${block})${since}`, ...owner.stack.map((f) => `  ${f}`)];
  return `${lines.join('\n')}\n`;
}

function timeline({ events, pfn }: PageHistoryReport): string {
  const left = events.length - FIRST - LAST;
  const shown = left > 0 ? [...events.slice(0, FIRST), ...events.slice(-LAST)] : events;
  const rows = shown.map((e) => [
    e.time.toFixed(6),
    e.since === null ? '-' : `+${e.since.toFixed(6)}`,
    `[${String(e.cpu).padStart(3, '0')}]`,
    `${e.comm}-${e.pid}`,
    `${e.gap ? '! ' : ''}${did(e, pfn)}`,
  ]);
  if (left > 0) rows.splice(FIRST, 0, ['…', '', '', '', `${left} more events (see --json)`]);
  const text = table(['time', 'after', 'cpu', 'task', 'what happened'], rows);
  const gaps = events.some(({ gap }) => gap) ? '! something before it left no event\n' : '';
  return text + gaps;
}

function did(e: PageEventReport, pfn: number): string {
  const single = e.head === pfn && e.pages === 1;
  const block = single ? '' : ` in block ${hex(e.head)}, order ${e.order ?? '-'}`;
  const range = `range ${hex(e.head)}-${hex(e.head + e.pages - 1)}`;
  const type = e.migratetype === null ? '' : `, ${e.migratetype}`;
  switch (e.what) {
    case 'allocated':
      return `allocated${block}: ${e.gfp ?? ''}${type}`;
    case 'freed':
      return `freed${block}`;
    case 'freed-batch':
      return 'freed as part of a batch';
    case 'to-cpu-list':
      return `free lists to the list of CPU ${e.cpu}${block}${type}`;
    case 'taken':
      return `taken off the free lists${block}${type}`;
    case 'drained':
      return `drained to the free lists${block}${type}`;
    case 'fallback':
      return `a fallback broke into free block ${hex(e.head)}, order ${e.order ?? '-'}${type}`;
    case 'retyped':
      return `its pageblock was taken over${type}`;
    case 'scanned-in-use':
      return `compaction took pages in use of ${range}`;
    case 'isolated':
      return `compaction took all free pages of ${range}`;
    case 'scanned-free':
      return `compaction took some free pages of ${range}`;
    case 'range-isolated':
      return `${range} was isolated`;
    case 'range-migrated':
      return `${range} was migrated for a contiguous allocation`;
  }
}

function steps(report: PageHistoryReport): string {
  const rows = report.steps.map((step) => [
    step.step,
    step.time === null ? '-' : step.time.toFixed(6),
    step.mapped === null ? '-' : String(step.mapped),
    step.memoryBlockState ?? '-',
    step.flags === null ? '-' : step.flags.length === 0 ? '(none)' : step.flags.join(','),
  ]);
  return table(['step', 'time', 'mapped', 'block', 'page flags'], rows);
}
