/** What a recording holds, as data: machine, steps, events, files and what was skipped in them. */
import type { InspectReport, InspectStep, InspectZone } from '@replug/report';
import { alignClocks, type Recording, type Step } from '@replug/workload';

/** Sums a recording up. Never fails: what is missing is null or empty and has a warning. */
export function inspect(recording: Recording): InspectReport {
  const { name, path, arch, pageSize, bigEndian, kernel, steps, trace, files, warnings } = recording;
  const events = trace?.events;
  const hasEvents = events !== undefined && events.length > 0;
  return {
    name,
    path,
    arch,
    pageSize,
    bigEndian,
    kernel,
    nodes: countNodes(steps),
    zones: zonesOf(steps),
    steps: steps.map(describeStep),
    files,
    events: trace?.counts ?? {},
    lost: trace?.lost ?? 0,
    timeRange: hasEvents ? { begin: events.time[0] / 1e9, end: events.time[events.length - 1] / 1e9 } : null,
    clockAlignment: alignClocks(recording) ?? null,
    warnings,
  };
}

/** Nodes that any step shows: hot-added ones too. */
function countNodes(steps: readonly Step[]): number {
  const nids = new Set<number>();
  for (const step of steps) {
    for (const { nid } of step.nodes ?? []) nids.add(nid);
    for (const { node } of step.zoneinfo?.zones ?? step.buddyinfo ?? []) nids.add(node);
  }
  return nids.size;
}

function zonesOf(steps: readonly Step[]): InspectZone[] {
  const zones = steps.find((step) => step.zoneinfo !== undefined)?.zoneinfo?.zones ?? [];
  return zones.map(({ node, name, spanned, present, managed }) => ({
    node,
    name,
    spanned,
    present,
    managed: managed ?? null,
  }));
}

function describeStep(step: Step): InspectStep {
  return {
    number: step.number,
    name: step.name,
    time: step.when?.begin ?? null,
    tracing: step.when?.tracing ?? null,
    zones: step.zoneinfo?.zones.length ?? null,
    freePages: step.buddyinfo === undefined ? null : freePages(step.buddyinfo),
    memoryBlocks: step.memoryBlocks?.blocks.length ?? null,
    pageFlags: step.hasPageFlags,
  };
}

function freePages(zones: NonNullable<Step['buddyinfo']>): number {
  return zones.reduce((sum, { counts }) => sum + counts.reduce((s, count, order) => s + count * 2 ** order, 0), 0);
}
