/**
 * The start of every replay: a kernel's zones as the span's machine step prints them, its pages as the best source tells.
 *
 *   kpageflags   of the step at which the span begins; the first event of a page wins over a dump that was read over a while
 *   trace        no dump at the start: pages first seen leaving the free lists were free, pages first seen being freed were in
 *                use; a later dump tells of pages that no event names
 *   counts       buddyinfo and pagetypeinfo of the step: as many blocks as counted, in places that are made up
 *   nothing      read while it is written, from an instant that nothing describes: what is free shows when it is taken
 */
import {
  AllocatorPreview,
  Core,
  KIND,
  PageAllocator,
  ZoneFreeLists,
  type Kernel,
  type KernelProfile,
  type Machine,
} from '@replug/core';
import type { EventColumns } from '@replug/workload';
import { placeBaseline, type BaselineCounts } from './baseline.ts';
import { noCountsBaseline } from './errors.ts';
import { planHotplug, type HotplugPlan } from './hotplug/plan.ts';
import { lookAhead, noLookahead, type Lookahead } from './lookahead.ts';
import { placeCounts } from './place-counts.ts';
import { migratetypeTable } from './recorded.ts';
import { restoreZones } from './restore-zones.ts';
import type { Span } from './span.ts';
import { TypeCounts } from './type-counts.ts';

export type BaselineSource = 'kpageflags' | 'trace' | 'counts' | 'nothing';

export interface PrepareOptions {
  /** False: know nothing of an event before it comes, as if the trace were read while it is written. */
  readonly lookAhead?: boolean;
  /** `counts` makes a start state from buddyinfo and pagetypeinfo although the step has page flags. */
  readonly baseline?: 'best' | 'counts';
  /** The behaviour of the recorded kernel; sizes that it printed mean nothing to another. */
  readonly recordedProfile?: KernelProfile;
}

export interface Prepared {
  readonly machine: Machine;
  readonly lists: ZoneFreeLists;
  readonly allocator: PageAllocator;
  readonly preview: AllocatorPreview;
  readonly lookahead: Lookahead;
  readonly migratetype: Uint8Array;
  /** Isolation, and memory that comes and goes. */
  readonly hotplug: HotplugPlan;
  readonly typeCounts: TypeCounts;
  /** The span begins while the kernel boots. */
  readonly fromBoot: boolean;
  /** The trace tells allocations and frees only. */
  readonly onlyRequests: boolean;
  readonly baseline: BaselineCounts & { readonly source: BaselineSource };
}

/** Fills a kernel made from describeRecorded() whose allocator starts with nothing. Errors: RP5007. */
export function prepare(kernel: Kernel, span: Span, options: PrepareOptions = {}): Prepared {
  const machine = kernel.get(Core.Machine);
  const lists = kernel.get(ZoneFreeLists);
  const allocator = kernel.get(PageAllocator);
  const { profile, cma } = machine.description;
  const { events, from, to } = span;
  const migratetype = migratetypeTable(cma);
  const onlyRequests = tellsOnlyRequests(events, from, to);
  const lookahead =
    options.lookAhead === false
      ? noLookahead(machine.pages, from, to)
      : lookAhead(events, machine.pages, { from, to, migratetype, typesOfLists: profile === '6.12', onlyRequests });
  const hotplug = planHotplug(span, machine, migratetype, options.lookAhead !== false);
  restoreZones(machine, lists, span.machineStep, { sizes: (options.recordedProfile ?? profile) === profile });
  allocator.refresh();
  const source = sourceOf(span, options);
  const typeCounts = new TypeCounts(machine, span.baseline !== undefined || source === 'trace' ? span.hint : undefined);
  const baseline = startFrom(source, { machine, lists, lookahead, migratetype, hotplug, typeCounts, span });
  return {
    machine,
    lists,
    allocator,
    preview: kernel.get(AllocatorPreview),
    lookahead,
    migratetype,
    hotplug,
    typeCounts,
    fromBoot: span.fromBoot,
    onlyRequests,
    baseline: { ...baseline, source },
  };
}

function sourceOf(span: Span, { baseline, lookAhead: ahead }: PrepareOptions): BaselineSource {
  const counted = span.begin?.buddyinfo !== undefined || span.begin?.pagetypeinfo !== undefined;
  if (baseline === 'counts') {
    if (!counted) throw noCountsBaseline(span.begin?.name ?? 'start');
    return 'counts';
  }
  if (span.baseline !== undefined) return 'kpageflags';
  // Events and later dumps tell of the start only afterwards.
  if (ahead === false) return counted ? 'counts' : 'nothing';
  return span.hint === undefined && counted ? 'counts' : 'trace';
}

type Start = Pick<Prepared, 'machine' | 'lists' | 'lookahead' | 'migratetype' | 'hotplug' | 'typeCounts'> & {
  readonly span: Span;
};

function startFrom(source: BaselineSource, start: Start): BaselineCounts {
  const { span, ...input } = start;
  if (source === 'counts') return placeCounted(start);
  if (source === 'nothing') return { free: 0, onCpu: 0, owned: 0, unknown: allPages(start.machine), corrected: 0 };
  return placeBaseline({
    ...input,
    flags: span.hint?.pageFlags(),
    owner: (span.begin?.pageOwner ?? span.hint?.pageOwner)?.(),
    instant: span.from < span.to ? span.events.time[span.from] : Infinity,
    events: span.events,
    inferred: source === 'trace',
    fromBoot: span.fromBoot,
  });
}

/** True when no event says how blocks come to the CPUs' lists and leave them. */
export function tellsOnlyRequests({ kind }: EventColumns, from: number, to: number): boolean {
  for (let i = from; i < to; i++)
    if (kind[i] === KIND.mm_page_alloc_zone_locked || kind[i] === KIND.mm_page_pcpu_drain) return false;
  return true;
}

function placeCounted({ machine, lists, span }: Start): BaselineCounts {
  placeCounts(machine, lists, span.begin!);
  let free = 0;
  let onCpu = 0;
  for (const zone of machine.zones.all) {
    for (let order = 0; order <= machine.pages.arch.maxPageOrder; order++)
      free += lists.freeBlocks(zone.index, order) << order;
    for (let cpu = 0; cpu < machine.description.cpus; cpu++) onCpu += lists.cpuCount(zone.index, cpu);
  }
  return { free, onCpu, owned: 0, unknown: Math.max(0, allPages(machine) - free - onCpu), corrected: 0 };
}

function allPages(machine: Machine): number {
  return machine.zones.all.reduce((sum, zone) => sum + zone.presentPages, 0);
}
