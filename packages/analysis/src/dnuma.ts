/**
 * What a change of the NUMA layout comes to on a machine, or on a recording's machine at an instant: pages moved at once and
 * later, what still waits, what it costs, and how local each process's memory is before and after.
 *
 * With `follow` the recording's trace is replayed from its start, the layout is changed at the instant, and the rest of the
 * trace goes on over it: pages then come home as their owners free them.
 */
import { buddy } from '@replug/buddy';
import {
  Core,
  createKernel,
  PageAllocator,
  type Kernel,
  type KernelProfile,
  type MachineDescription,
} from '@replug/core';
import { DnumaToken, dnuma, LAYOUTS, parseFirmwareEvent, type Dnuma, type DnumaOptions } from '@replug/dnuma';
import { hotplug } from '@replug/hotplug';
import { describeRecorded, findSpan, replayRecorded, type Span } from '@replug/replay';
import type { DnumaReport, DnumaSample, NodeFigures } from '@replug/report';
import type { Recording, Time } from '@replug/workload';
import { badPingpong } from './errors.ts';
import { HolderLog } from './dnuma-locality.ts';
import { machineAt } from './machine-at.ts';

export type DnumaAction =
  | { readonly kind: 'all'; readonly node: number }
  | { readonly kind: 'stripe'; readonly base: number; readonly end: number; readonly pages: number }
  | { readonly kind: 'block'; readonly base: number; readonly end: number }
  | { readonly kind: 'pingpong'; readonly times: number }
  | { readonly kind: 'event'; readonly text: string };

export interface DnumaReportOptions extends DnumaOptions {
  readonly name?: string;
  readonly at?: Time;
  readonly kernel?: KernelProfile;
  /** Migrate what waits, after the commit. */
  readonly migrate?: boolean;
  /** Replay the whole trace, with the change at the instant (default: the middle of the events). */
  readonly follow?: boolean;
  /** Of a kernel that was built without NUMA: as if it had been built with it, and its architecture's default NODES_SHIFT. */
  readonly assumeNuma?: boolean;
  readonly onProgress?: (done: number, total: number) => void;
}

/** Samples of a replay. */
const SAMPLES = 64;
const MOST_PINGPONGS = 10000;

/** A machine whose layout was changed, to be looked at. */
export interface Relaid extends Disposable {
  readonly kernel: Kernel;
  readonly report: DnumaReport;
}

/** relaid() for those who want the figures only. */
export function dnumaReport(
  source: MachineDescription | Recording,
  action: DnumaAction,
  options: DnumaReportOptions = {},
): DnumaReport {
  using done = relaid(source, action, options);
  return done.report;
}

/** Errors: as machineAt(), replayRecorded() and Dnuma.commit() throw; RP6030 for a pingpong that is none. */
export function relaid(
  source: MachineDescription | Recording,
  action: DnumaAction,
  options: DnumaReportOptions = {},
): Relaid {
  const nodes = nodesNeeded(action);
  const describe = (machine: MachineDescription): MachineDescription => {
    const arch = options.assumeNuma === true ? { ...machine.arch, numa: true } : machine.arch;
    // Nodes that cannot be are for the commit to refuse.
    return withNodes({ ...machine, arch }, nodes > 2 ** arch.nodesShift ? 0 : nodes);
  };
  const kernel = kernelFor(source, options, describe);
  try {
    const figures = 'steps' in source && options.follow === true ? follow : commitNow;
    const report = {
      name: options.name ?? ('steps' in source ? source.name : source.arch.id),
      ...figures(kernel, source as Recording, action, options),
    };
    return { kernel, report, [Symbol.dispose]: () => kernel.dispose() };
  } catch (error) {
    kernel.dispose();
    throw error;
  }
}

type Figures = Omit<DnumaReport, 'name'>;

function kernelFor(
  source: MachineDescription | Recording,
  options: DnumaReportOptions,
  describe: (machine: MachineDescription) => MachineDescription,
): Kernel {
  // Files of nodes' memory are hotplug's.
  const subsystems = [hotplug(), dnuma(options)];
  if (!('steps' in source))
    return createKernel({
      machine: describe({ ...source, profile: options.kernel ?? source.profile }),
      subsystems: [buddy(), ...subsystems],
    });
  if (options.follow !== true) return machineAt(source, { ...options, subsystems, describe });
  const span = findSpan(source);
  const stops = span.stops.map((stop) => stop.step);
  return createKernel({
    machine: describe(describeRecorded(source, span.machineStep, stops, options.kernel)),
    subsystems: [buddy({ start: 'nothing' }), ...subsystems],
  });
}

function commitNow(kernel: Kernel, _: Recording, action: DnumaAction, options: DnumaReportOptions): Figures {
  const run = new Relayout(kernel, action, options.migrate === true);
  run.commit();
  return { ...run.report(options.strategy ?? 'batched'), locality: [], samples: [] };
}

/** Replays the trace, with the change in it. */
function follow(kernel: Kernel, recording: Recording, action: DnumaAction, options: DnumaReportOptions): Figures {
  const span = findSpan(recording);
  const at = options.at === undefined ? Math.floor((span.from + span.to) / 2) : indexOf(recording, options.at, span);
  const run = new Relayout(kernel, action, options.migrate === true);
  const holders = new HolderLog(span.events, kernel.get(Core.Machine));
  const samples: DnumaSample[] = [];
  const every = Math.max(1, Math.floor((span.to - span.from) / SAMPLES));
  const sample = (row: number): void => {
    samples.push({ time: span.events.time[Math.min(row, span.to - 1)] / 1e9, waiting: run.dnuma.marks.count });
  };
  const { stateHash } = replayRecorded(kernel, span, {
    onProgress: options.onProgress,
    onEvent: (row) => {
      if (row === at) {
        holders.before();
        run.commit();
        holders.after((pfn) => run.dnuma.current.nidOf(pfn));
        sample(row);
      } else if (row > at && (row - at) % every === 0) sample(row);
      holders.event(row);
    },
  });
  sample(span.to);
  return { ...run.report(options.strategy ?? 'batched'), locality: holders.report(), samples, stateHash };
}

const indexOf = (recording: Recording, at: Time, span: Span): number =>
  Math.max(span.from, Math.min(span.to - 1, findSpan(recording, undefined, at).to));

/** One change, and the figures around it. */
class Relayout {
  readonly dnuma: Dnuma;
  private readonly kernel: Kernel;
  private readonly action: DnumaAction;
  private readonly migrates: boolean;
  private readonly before: readonly NodeFigures[];
  private virtualTime = 0;
  private migrated = 0;
  private stayed: Readonly<Record<string, number>> = {};

  constructor(kernel: Kernel, action: DnumaAction, migrates: boolean) {
    this.kernel = kernel;
    this.dnuma = kernel.get(DnumaToken);
    this.action = action;
    this.migrates = migrates;
    this.before = nodeFigures(kernel);
  }

  commit(): void {
    const { dnuma, action, kernel } = this;
    const begin = kernel.clock.now;
    const end = dnuma.endOfMemory;
    if (action.kind === 'all') dnuma.commit(LAYOUTS.all(end, action.node));
    else if (action.kind === 'stripe') dnuma.commit(LAYOUTS.stripe(end, action.base, action.end, action.pages));
    else if (action.kind === 'block') dnuma.commit(LAYOUTS.block(end, action.base, action.end));
    else if (action.kind === 'event') dnuma.apply(parseFirmwareEvent(action.text, kernel.get(Core.Machine)));
    else for (let i = 0; i < action.times; i++) dnuma.commit(LAYOUTS.all(end, (i + 1) % 2));
    if (this.migrates) {
      const { moved, stayed } = dnuma.migrate();
      this.migrated = moved;
      this.stayed = stayed;
    }
    this.virtualTime = kernel.clock.now - begin;
  }

  report(strategy: 'batched' | 'original'): Omit<DnumaReport, 'name' | 'locality' | 'samples'> {
    const { counts, lookup } = this.dnuma;
    const waiting = this.dnuma.waiting();
    return {
      action: words(this.action),
      strategy,
      pageSize: 2 ** this.kernel.get(Core.Machine).description.arch.pageShift,
      before: this.before,
      nodes: nodeFigures(this.kernel),
      moved: {
        now: counts.transplantFromFreelist,
        reserved: counts.transplantReserved,
        onFree: counts.transplantOnFree,
        migrated: this.migrated,
      },
      stayed: this.stayed,
      waiting: {
        pages: waiting.pages,
        classes: waiting.classes,
        ages: waiting.ages.map(({ ns, pages }) => ({ seconds: ns / 1e9, pages })),
      },
      kept: counts.kept,
      splits: counts.splits,
      pieces: counts.pieces,
      lookups: { hits: lookup.hits, misses: lookup.misses },
      rebuilds: counts.zonelistRebuilds,
      stopMachines: counts.stopMachines,
      virtualTime: this.virtualTime,
      leaked: this.dnuma.slab.leaked,
      faults: this.kernel.context
        .faults()
        .map(({ error, times }) => ({ code: error.code, what: error.message, times })),
    };
  }
}

export function nodeFigures(kernel: Kernel): NodeFigures[] {
  const allocator = kernel.get(PageAllocator);
  return kernel
    .get(Core.Zones)
    .nodes.filter((node) => node.online)
    .map((node) => ({
      node: node.nid,
      present: node.presentPages,
      managed: node.managedPages,
      free: node.zones.reduce((sum, zone) => sum + allocator.freePages(zone.index), 0),
    }));
}

/** A machine on which nodes 0 to count - 1 may come. */
export function withNodes(machine: MachineDescription, count: number): MachineDescription {
  const missing = Array.from({ length: count }, (_, nid) => nid).filter(
    (nid) => !machine.nodes.some((node) => node.nid === nid),
  );
  if (missing.length === 0) return machine;
  const total = machine.nodes.length + missing.length;
  const far = (row: readonly number[]): number[] => [...row, ...missing.map(() => 20)];
  return {
    ...machine,
    nodes: [
      ...machine.nodes.map((node) => ({ ...node, distances: far(node.distances) })),
      ...missing.map((nid, i) => ({
        nid,
        cpus: [],
        distances: Array.from({ length: total }, (_, to) => (to === machine.nodes.length + i ? 10 : 20)),
        online: false,
      })),
    ],
  };
}

/** Nodes that an action names; the machine's own limits are for the commit to tell. */
function nodesNeeded(action: DnumaAction): number {
  if (action.kind === 'pingpong') {
    if (!(Number.isInteger(action.times) && action.times >= 1 && action.times <= MOST_PINGPONGS))
      throw badPingpong(action.times, MOST_PINGPONGS);
    return 2;
  }
  if (action.kind === 'event') {
    const named = [...action.text.matchAll(/\bnode\s+(\d{1,4})/g)].map((match) => Number(match[1]));
    return Math.max(0, ...named) + 1;
  }
  return (action.kind === 'all' ? action.node : action.end) + 1;
}

function words(action: DnumaAction): string {
  if (action.kind === 'all') return `all ${action.node}`;
  if (action.kind === 'stripe') return `stripe ${action.base} ${action.end} ${action.pages}`;
  if (action.kind === 'block') return `block ${action.base} ${action.end}`;
  return action.kind === 'event' ? 'event' : `pingpong ${action.times}`;
}
