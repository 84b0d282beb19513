/**
 * What happened to a page, event by event, and in whose hands it was in between.
 *
 * A free says neither whether the page went to the CPU's list or past it; the next event does: only a page on a CPU's list
 * can be drained or handed out, only a page on the free lists can be taken off them. A page that no later event names is
 * `freed`.
 */
import { KIND, MIGRATETYPE_NAMES, TRACEPOINTS, type ArchProfile, pcpAllowedOrder } from '@replug/core';
import type { PageEventKind, PageEventReport, PageStateName } from '@replug/report';
import { eventArg, eventPfn, isPageEvent, type EventColumns } from '@replug/workload';

export interface PageContext {
  readonly events: EventColumns;
  readonly pfn: number;
  /** Printed migratetype → the model's. */
  readonly migratetype: Uint8Array;
  /** Undefined when nothing tells the machine. */
  readonly arch: ArchProfile | undefined;
}

type Draft = { -readonly [Key in keyof PageEventReport]: PageEventReport[Key] };

/** The page's events with the state after each; `before` is the state when the first of them came. */
export function pageStates(
  context: PageContext,
  rows: readonly number[],
): { events: PageEventReport[]; before: PageStateName } {
  const drafts = rows.map((row) => draftOf(context, row));
  const before = stateBefore(drafts);
  let state = before;
  let last: number | null = null;
  drafts.forEach((draft, i) => {
    draft.since = last === null ? null : draft.time - last;
    draft.gap = !fits(state, draft.what);
    state =
      draft.what === 'fallback' ? afterFallback(context, drafts, i, state) : stateAfter(drafts, i, state, context.arch);
    draft.state = state;
    last = draft.time;
  });
  return { events: drafts, before };
}

function draftOf({ events, pfn, migratetype }: PageContext, row: number): Draft {
  const kind = events.kind[row];
  const task = events.tasks[events.task[row]];
  const typeName = (type: number): string | null => MIGRATETYPE_NAMES[migratetype[type & 7]] ?? null;
  const draft: Draft = {
    event: row,
    time: events.time[row] / 1e9,
    since: null,
    cpu: events.cpu[row],
    comm: task?.comm ?? '<...>',
    pid: task?.pid ?? 0,
    name: TRACEPOINTS[kind].name,
    what: 'freed',
    head: pfn,
    pages: 1,
    order: null,
    gfp: null,
    migratetype: null,
    state: 'unknown',
    gap: false,
  };
  if (isPageEvent(kind)) {
    const unit = events.unit[row];
    draft.head = eventPfn(events, row);
    draft.order = unit & 15;
    draft.pages = 2 ** draft.order;
    draft.what = PAGE_WHAT[kind];
    if (kind === KIND.mm_page_alloc_zone_locked && unit < 0x80) draft.what = 'taken';
    if (kind === KIND.mm_page_alloc) draft.gfp = events.gfpTexts[events.gfp[row]] ?? null;
    if (kind !== KIND.mm_page_free && kind !== KIND.mm_page_free_batched) draft.migratetype = typeName((unit >> 4) & 7);
    return draft;
  }
  const argument = (field: number): number => eventArg(events, row, field);
  if (kind === KIND.mm_page_alloc_extfrag) {
    draft.head = argument(0);
    draft.order = argument(2);
    draft.pages = 2 ** argument(2);
    const covers = pfn >= draft.head && pfn < draft.head + draft.pages;
    draft.what = covers ? 'fallback' : 'retyped';
    draft.migratetype = typeName(argument(argument(7) === 1 ? 4 : 5));
    return draft;
  }
  draft.head = argument(0);
  draft.pages = argument(1) - argument(0);
  if (kind === KIND.test_pages_isolated) draft.what = 'range-isolated';
  else if (kind === KIND.mm_compaction_isolate_migratepages) draft.what = 'scanned-in-use';
  else if (kind === KIND.mm_alloc_contig_migrate_range_info) draft.what = 'range-migrated';
  else draft.what = argument(3) === draft.pages ? 'isolated' : 'scanned-free';
  return draft;
}

/** By kind, as the columns number the page events. */
const PAGE_WHAT: Readonly<Record<number, PageEventKind>> = {
  [KIND.mm_page_alloc]: 'allocated',
  [KIND.mm_page_free]: 'freed',
  [KIND.mm_page_free_batched]: 'freed-batch',
  [KIND.mm_page_alloc_zone_locked]: 'to-cpu-list',
  [KIND.mm_page_pcpu_drain]: 'drained',
};

/** Where a page must have been for this to happen; undefined when it tells nothing. */
function needs(what: PageEventKind): PageStateName | undefined {
  if (what === 'allocated' || what === 'drained') return 'on-cpu-list';
  if (what === 'freed') return 'in-use';
  if (what === 'to-cpu-list' || what === 'taken' || what === 'isolated') return 'free';
  return undefined;
}

function stateBefore(drafts: readonly Draft[]): PageStateName {
  for (const { what } of drafts) {
    // A block that is handed out at once is told first by its zone_locked, so an allocation means a CPU's list.
    const state = needs(what);
    if (state !== undefined) return state;
    if (what === 'fallback') return 'free';
  }
  return 'unknown';
}

/** False when the state before must have been left without an event. */
function fits(state: PageStateName, what: PageEventKind): boolean {
  const needed = needs(what);
  if (needed === undefined || state === 'unknown' || state === needed) return true;
  // Held pages are handed out, become targets of migration, or are given back.
  if (state === 'held') return what === 'allocated' || what === 'freed' || what === 'drained';
  return state === 'freed' && needed !== 'in-use';
}

function stateAfter(
  drafts: readonly Draft[],
  i: number,
  state: PageStateName,
  arch: ArchProfile | undefined,
): PageStateName {
  const { what, order } = drafts[i];
  switch (what) {
    case 'allocated':
      return 'in-use';
    case 'to-cpu-list':
      return 'on-cpu-list';
    case 'drained':
      return 'free';
    case 'taken':
    case 'isolated':
      return 'held';
    case 'range-isolated':
      return state === 'free' ? 'held' : state;
    case 'freed': {
      for (let j = i + 1; j < drafts.length; j++) {
        const told = needs(drafts[j].what);
        if (told === 'on-cpu-list' || told === 'free') return told;
        if (told !== undefined) break;
      }
      return arch !== undefined && order !== null && !pcpAllowedOrder(arch, order) ? 'free' : 'freed';
    }
    default:
      return state;
  }
}

/** The free block is broken up. 6.12 takes the part that was asked for without a zone_locked; the rest stays free. */
function afterFallback(
  { events, pfn }: PageContext,
  drafts: readonly Draft[],
  i: number,
  state: PageStateName,
): PageStateName {
  const { event, head } = drafts[i];
  const next = drafts[i + 1]?.what;
  const asked = pfn < head + 2 ** eventArg(events, event, 1);
  return asked && next !== 'to-cpu-list' && next !== 'taken' ? 'held' : state;
}
