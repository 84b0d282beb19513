/**
 * The history of one frame of a recording: every event whose block covers it, who holds it at an instant, where it lies and
 * what the kernel's own dumps said of it.
 *
 *   console.log(renderPageHistory(pageHistory(recording, 0x1f2a, { at: { kind: 'seconds', seconds: 12 } })));
 *
 * Nothing is replayed: one pass over the events, so a page of a long trace is told as fast as the trace can be read.
 */
import { KIND, MIGRATETYPE_NAMES, type MachineDescription } from '@replug/core';
import { migratetypeTable } from '@replug/replay';
import type {
  PageEventReport,
  PageHistoryReport,
  PageHolderReport,
  PagePlaceReport,
  PageStateName,
} from '@replug/report';
import {
  alignClocks,
  emptyEvents,
  eventArg,
  resolveTime,
  type EventColumns,
  type Recording,
  type Time,
} from '@replug/workload';
import { noPageFacts, pfnOutside } from './errors.ts';
import { findPageEvents } from './page-events.ts';
import { ownerOf, ownersAt } from './owners.ts';
import { machineOf, memoryText, pageSteps, zoneOf, type PageStep } from './page-place.ts';
import { pageStates } from './page-states.ts';

export interface PageHistoryOptions {
  /** The instant whose holder is asked for. Default: the end of the trace. */
  readonly at?: Time;
}

/** Errors: RP6003 (outside the machine), RP6004 (neither events nor page flags), RP3xxx (times). */
export function pageHistory(recording: Recording, pfn: number, { at }: PageHistoryOptions = {}): PageHistoryReport {
  const events = recording.trace?.events ?? emptyEvents();
  if (events.length === 0 && !recording.steps.some((step) => step.hasPageFlags)) throw noPageFacts(recording.name);
  const alignment = alignClocks(recording);
  const instant = resolveTime(recording, at ?? { kind: 'end' }, alignment);
  const until = instant.eventIndex;
  const machine = machineOf(recording);
  const blockPages = 2 ** (machine?.arch.pageblockOrder ?? 0);
  const blockStart = Math.floor(pfn / blockPages) * blockPages;
  const found = findPageEvents(events, { pfn, blockStart, blockPages, until });
  const zone = machine === undefined ? undefined : zoneOf(machine, pfn);
  const steps = pageSteps(recording, pfn, alignment);
  const shown = steps.some(({ flags }) => flags !== null && !flags.includes('nopage'));
  if (machine !== undefined && zone === undefined && found.rows.length === 0 && !shown)
    throw pfnOutside(`0x${pfn.toString(16)}`, memoryText(machine));

  const migratetype = migratetypeTable(machine?.cma ?? true);
  const { events: told, before } = pageStates({ events, pfn, migratetype, arch: machine?.arch }, found.rows);
  const time = Number.isNaN(instant.ns) ? null : instant.ns / 1e9;
  const start = stateAtStart(told, before, steps);
  return {
    name: recording.name,
    path: recording.path,
    pfn,
    pageSize: recording.pageSize,
    place: placeOf(machine, zone, events, recording.pageSize, { pfn, blockStart, blockPages }, found.typeRow),
    at: { time, event: until, note: instant.note },
    holder: holderAt(told, start, steps, until, time),
    ...ownerReport(recording, pfn, at),
    before: start,
    events: told,
    emptyScans: found.emptyScans,
    steps: steps.map(({ index: _, ...step }) => step),
  };
}

function placeOf(
  machine: MachineDescription | undefined,
  zone: { node: number; zone: string } | undefined,
  events: EventColumns,
  pageSize: number,
  { pfn, blockStart, blockPages }: { pfn: number; blockStart: number; blockPages: number },
  typeRow: number,
): PagePlaceReport | null {
  if (machine === undefined || zone === undefined) return null;
  return {
    ...zone,
    memoryBlock: Math.floor((pfn * pageSize) / machine.memoryBlockSize),
    pageblock: {
      start: blockStart,
      pages: blockPages,
      migratetype: typeRow < 0 ? null : MIGRATETYPE_NAMES[migratetypeTable(machine.cma)[typeAt(events, typeRow)]],
      event: typeRow < 0 ? null : typeRow,
    },
  };
}

/** Printed migratetype of the pageblock that a row tells. */
function typeAt(events: EventColumns, row: number): number {
  if (events.kind[row] !== KIND.mm_page_alloc_extfrag) return (events.unit[row] >> 4) & 7;
  return eventArg(events, row, eventArg(events, row, 7) === 1 ? 4 : 5) & 7;
}

function ownerReport(recording: Recording, pfn: number, at: Time | undefined): Pick<PageHistoryReport, 'owner'> {
  const keepsStacks = recording.trace?.events.stack !== undefined;
  if (!keepsStacks && !recording.steps.some((step) => step.pageOwner !== undefined)) return {};
  const owners = ownersAt(recording, at ?? { kind: 'end' });
  const row = ownerOf(owners, pfn);
  if (row < 0) return { owner: null };
  const { comms, gfpTexts, stacks } = owners;
  const stack = stacks[owners.stack[row]];
  const owner = {
    head: owners.pfn[row],
    order: owners.order[row],
    comm: comms[owners.comm[row]],
    pid: owners.pid[row] < 0 ? null : owners.pid[row],
    gfp: gfpTexts[owners.gfp[row]],
    since: Number.isNaN(owners.since[row]) ? null : owners.since[row] / 1e9,
    stack: stack === '' ? [] : stack.split('\n'),
  };
  return { owner };
}

type Start = PageHistoryReport['before'];

/** The state before the first event: from flags that were read there, else from what the first event needs. */
function stateAtStart(told: readonly PageEventReport[], before: PageStateName, steps: readonly PageStep[]): Start {
  const first = told[0]?.event ?? Infinity;
  const earlier = steps.filter(({ flags, index }) => flags !== null && (index ?? 0) <= first).at(-1);
  const shown = earlier === undefined ? undefined : stateOfFlags(earlier);
  // Flags tell free from not free; the event tells a CPU's list from an owner.
  if (shown === 'free' || (before === 'unknown' && shown !== undefined))
    return { state: shown, why: `page flags of ${earlier!.step}: ${earlier!.flags!.join(',') || 'none'}` };
  if (told.length === 0) return { state: before, why: 'nothing tells' };
  return { state: before, why: `what its first event (${told[0].name}) needs` };
}

/** What flags alone say; undefined when they do not tell a CPU's list from an owner without flags. */
function stateOfFlags({ flags, mapped }: PageStep): PageStateName | undefined {
  if (flags === null || flags.includes('nopage')) return undefined;
  if (flags.includes('buddy')) return 'free';
  return flags.length > 0 || (mapped !== null && mapped > 0) ? 'in-use' : undefined;
}

function holderAt(
  told: readonly PageEventReport[],
  start: Start,
  steps: readonly PageStep[],
  until: number,
  time: number | null,
): PageHolderReport {
  const past = told.filter(({ event }) => event < until);
  const begin = lastChange(past);
  if (begin === undefined) return { ...NOBODY, state: start.state, why: `as before its first event: ${start.why}` };
  const last = past[past.length - 1];
  const next = told[past.length]?.event ?? Infinity;
  const since = begin.time;
  const who = `${begin.comm}-${begin.pid} on CPU ${begin.cpu}`;
  const inUse = last.state === 'in-use';
  const shown = shownBy(steps, last, next);
  return {
    state: shown?.state ?? last.state,
    since,
    age: time === null ? null : time - since,
    event: begin.event,
    head: begin.head,
    order: begin.order,
    gfp: inUse ? begin.gfp : null,
    cpu: begin.cpu,
    comm: begin.comm,
    pid: begin.pid,
    why: `${sentence(begin, who)}${shown === undefined ? '' : `; ${shown.why}`}`,
  };
}

const NOBODY = {
  since: null,
  age: null,
  event: null,
  head: null,
  order: null,
  gfp: null,
  cpu: null,
  comm: null,
  pid: null,
} as const;

/** The event that began the state that the last event left. */
function lastChange(past: readonly PageEventReport[]): PageEventReport | undefined {
  for (let i = past.length - 1; i >= 0; i--) {
    const changes = i === 0 || past[i].state !== past[i - 1].state || past[i].gap || past[i].what === 'allocated';
    if (changes) return past[i];
  }
  return undefined;
}

/** A step between the last event and the next whose flags tell more than the event did. */
function shownBy(steps: readonly PageStep[], last: PageEventReport, next: number) {
  if (last.state !== 'freed' && last.state !== 'held') return undefined;
  const step = steps.find((s) => s.flags !== null && s.index !== undefined && s.index > last.event && s.index <= next);
  if (step === undefined) return undefined;
  const state = stateOfFlags(step) ?? (last.state === 'freed' ? 'on-cpu-list' : undefined);
  return state && { state, why: `page flags of ${step.step}: ${step.flags!.join(',') || 'none'}` };
}

function sentence({ what, name, gfp, order, head, pages, migratetype }: PageEventReport, who: string): string {
  const block = `order ${order ?? '-'}, head 0x${head.toString(16)}`;
  switch (what) {
    case 'allocated':
      return `taken by ${who} (${gfp}, ${block})`;
    case 'freed':
      return `freed by ${who} (${block})`;
    case 'to-cpu-list':
      return `taken off the free lists by ${who} (${block}, ${migratetype})`;
    case 'drained':
      return `drained by ${who} (${block}, ${migratetype})`;
    case 'taken':
      return `taken off the free lists by ${who} (${block}), and not handed out yet`;
    default:
      return `${name} of 0x${head.toString(16)}, ${pages} pages, by ${who}`;
  }
}
