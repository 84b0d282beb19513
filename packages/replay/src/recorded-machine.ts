/**
 * From a recording's files to the description of the machine they were read on.
 *
 * zoneinfo gives zones, spans and counts; kpageflags gives the pages that exist; sysfs, the boot log and memory blocks
 * tell nodes and zones apart where spans overlap. A later step may add memory that came in between: it becomes part of
 * the machine, untouched until an event names it.
 */
import {
  ARCH_PROFILES,
  ZONE_KINDS,
  profileOf,
  type ArchProfile,
  type KernelProfile,
  type MachineDescription,
  type MemoryRange,
  type NodeDescription,
  type PfnRange,
  type ZoneDescription,
  type ZoneName,
} from '@replug/core';
import {
  isNoPage,
  type MemoryBlock,
  type PageFlags,
  type Recording,
  type Step,
  type ZoneinfoZone,
} from '@replug/workload';
import { noZoneinfo, unsupportedArch } from './errors.ts';

/** Describes the machine of a step, with the memory that `later` steps have besides. */
export function describeRecorded(
  recording: Recording,
  step: Step,
  later: readonly Step[] = [],
  kernel?: KernelProfile,
): MachineDescription {
  if (step.zoneinfo === undefined) throw noZoneinfo(recording.name);
  const arch = archOf(recording, step);
  const cpus = cpuCount(step);
  const steps = [step, ...later.filter((s) => s.zoneinfo !== undefined)];
  const nodes = nodesOf(steps, cpus);
  const spans = zoneSpans(steps);
  const present = presentRanges(recording, steps, spans);
  const members = assignZones(recording, steps, arch, spans, present);
  const zones: ZoneDescription[] = spans.map((zone) => {
    const own = zone.atStart;
    return {
      nid: zone.node,
      kind: zone.name as ZoneName,
      startPfn: zone.start,
      spannedPages: zone.end - zone.start,
      presentPages: own?.present ?? 0,
      managedPages: own?.managed ?? own?.present ?? 0,
      members: members.get(zone) ?? [],
    };
  });
  const memory: MemoryRange[] = [];
  for (const [zone, ranges] of members)
    for (const r of ranges) memory.push({ nid: zone.node, start: r.start, end: r.end });
  memory.sort((a, b) => a.start - b.start);
  return {
    arch,
    profile: kernel ?? profileOf(recording.kernel === '' ? '6.12' : recording.kernel),
    cpus,
    nodes,
    memory: mergeRanges(memory),
    zones,
    reserved: [],
    memoryBlockSize: step.memoryBlocks?.blockSize ?? 2 ** arch.sectionSizeBits,
    sysctl: step.sysctl ?? {},
    khugepaged: false,
    cma: step.pagetypeinfo?.migratetypes.includes('CMA') ?? arch.machine !== 'x86_64',
    sparePages: 0,
  };
}

/** Profile by machine and page size; powerpc's pageblock order tells radix from hash. */
function archOf(recording: Recording, step: Step): ArchProfile {
  const pageShift = Math.log2(recording.pageSize);
  const wanted = recording.arch === 'ppc64' ? 'ppc64le' : recording.arch;
  const same = Object.values(ARCH_PROFILES).filter((p) => p.machine === wanted && p.pageShift === pageShift);
  const pageblock = step.pagetypeinfo?.pageblockOrder;
  const found = same.find((p) => p.pageblockOrder === pageblock) ?? same[0];
  if (found === undefined) throw unsupportedArch(`${recording.arch}, page size ${recording.pageSize}`);
  const orders = step.buddyinfo?.[0]?.counts.length;
  const kinds = new Set(step.zoneinfo!.zones.map((z) => z.name));
  return {
    ...found,
    bigEndian: recording.bigEndian,
    pageblockOrder: pageblock ?? found.pageblockOrder,
    maxPageOrder: orders === undefined ? found.maxPageOrder : orders - 1,
    // The kernel's own list of configured zone types.
    zoneKinds: (Object.keys(ZONE_KINDS) as ZoneName[]).filter((name) => kinds.has(name)),
  };
}

function cpuCount(step: Step): number {
  let cpus = 1;
  for (const zone of step.zoneinfo!.zones) for (const set of zone.pagesets) cpus = Math.max(cpus, set.cpu + 1);
  for (const node of step.nodes ?? []) for (const cpu of node.cpus) cpus = Math.max(cpus, cpu + 1);
  return cpus;
}

function nodesOf(steps: readonly Step[], cpus: number): NodeDescription[] {
  const nids = [...new Set(steps.flatMap((s) => s.zoneinfo!.zones.map((z) => z.node)))].sort((a, b) => a - b);
  const known = new Map(steps.flatMap((s) => s.nodes ?? []).map((n) => [n.nid, n]));
  return nids.map((nid, i) => ({
    nid,
    cpus: known.get(nid)?.cpus ?? (i === 0 ? Array.from({ length: cpus }, (_, cpu) => cpu) : []),
    distances: nids.map((other, j) => known.get(nid)?.distances[j] ?? (other === nid ? 10 : 20)),
  }));
}

interface Span extends PfnRange {
  readonly node: number;
  readonly name: string;
  /** The zone as the first step printed it; undefined when it had no span then. */
  readonly atStart: ZoneinfoZone | undefined;
}

/** Zones with pages in any of the steps; a span is the union over the steps. */
function zoneSpans(steps: readonly Step[]): Span[] {
  const spans = new Map<string, { node: number; name: string; start: number; end: number; atStart?: ZoneinfoZone }>();
  for (const step of steps) {
    for (const zone of step.zoneinfo!.zones) {
      if (zone.spanned === 0 || zone.startPfn === undefined) continue;
      const key = `${zone.node} ${zone.name}`;
      const end = zone.startPfn + zone.spanned;
      const known = spans.get(key);
      if (known === undefined) {
        spans.set(key, {
          node: zone.node,
          name: zone.name,
          start: zone.startPfn,
          end,
          atStart: step === steps[0] ? zone : undefined,
        });
      } else {
        known.start = Math.min(known.start, zone.startPfn);
        known.end = Math.max(known.end, end);
      }
    }
  }
  return [...spans.values()].map((s) => ({ ...s, atStart: s.atStart }));
}

/** Pages that exist at any of the steps, without those of blocks that are offline at all of them. */
function presentRanges(recording: Recording, steps: readonly Step[], spans: readonly Span[]): PfnRange[] {
  const there = listedRanges(recording, steps, spans);
  const { memoryBlocks } = steps[0];
  if (memoryBlocks === undefined) return there;
  const pages = memoryBlocks.blockSize / recording.pageSize;
  const online = new Set(
    steps.flatMap((s) => (s.memoryBlocks?.blocks ?? []).filter((b) => b.state !== 'offline').map((b) => b.id)),
  );
  const offline = memoryBlocks.blocks
    .filter((b) => !online.has(b.id))
    .map((b) => ({ start: b.id * pages, end: (b.id + 1) * pages }));
  return subtract(there, offline);
}

/** Ranges of `from` that none of the ascending `holes` covers. */
function subtract(from: readonly PfnRange[], holes: readonly PfnRange[]): PfnRange[] {
  return from.flatMap((range) => {
    const left: PfnRange[] = [];
    let at = range.start;
    for (const hole of holes) {
      if (hole.end <= at || hole.start >= range.end) continue;
      if (hole.start > at) left.push({ start: at, end: hole.start });
      at = hole.end;
    }
    if (at < range.end) left.push({ start: at, end: range.end });
    return left;
  });
}

function listedRanges(recording: Recording, steps: readonly Step[], spans: readonly Span[]): PfnRange[] {
  const ranges: PfnRange[] = [];
  for (const step of steps) {
    const flags = step.hasPageFlags ? step.pageFlags() : undefined;
    if (flags !== undefined) ranges.push(...pagesThere(flags));
  }
  if (ranges.length > 0) return mergeRanges(ranges.sort((a, b) => a.start - b.start));
  const pageSize = recording.pageSize;
  // Without flags: what the step itself lists (memory may have come since boot), then the boot log, then the spans.
  const ram = (steps[0].iomem ?? []).filter((r) => r.depth === 0 && /^System RAM/.test(r.name) && r.end > r.start);
  if (ram.length > 0) {
    return mergeRanges(
      ram.map((r) => ({ start: Math.ceil(r.start / pageSize), end: Math.floor((r.end + 1) / pageSize) })),
    );
  }
  const boot = recording.dmesg?.nodeRanges ?? [];
  if (boot.length > 0) {
    return mergeRanges(boot.map((r) => ({ start: Math.ceil(r.start / pageSize), end: Math.floor(r.end / pageSize) })));
  }
  return mergeRanges(spans.map(({ start, end }) => ({ start, end })).sort((a, b) => a.start - b.start));
}

function pagesThere(flags: PageFlags): PfnRange[] {
  const ranges: PfnRange[] = [];
  let start = -1;
  for (let pfn = 0; pfn <= flags.length; pfn++) {
    const there = pfn < flags.length && !isNoPage(flags.low[pfn]);
    if (there && start < 0) start = pfn;
    if (!there && start >= 0) {
      ranges.push({ start, end: pfn });
      start = -1;
    }
  }
  return ranges;
}

/** Gives every present page to one zone. Where spans overlap, memory blocks and the boot log's node ranges decide. */
function assignZones(
  recording: Recording,
  steps: readonly Step[],
  arch: ArchProfile,
  spans: readonly Span[],
  present: readonly PfnRange[],
): Map<Span, PfnRange[]> {
  const members = new Map<Span, PfnRange[]>(spans.map((s) => [s, []]));
  const cuts = new Set<number>();
  for (const s of spans) cuts.add(s.start).add(s.end);
  const blockOf = blockIndex(steps, arch);
  for (const cut of blockOf.cuts) cuts.add(cut);
  const bootNodes = (recording.dmesg?.nodeRanges ?? []).map((r) => ({
    nid: r.nid,
    start: r.start / recording.pageSize,
    end: r.end / recording.pageSize,
  }));
  for (const r of bootNodes) cuts.add(r.start).add(r.end);
  const borders = [...cuts].sort((a, b) => a - b);
  for (const range of present) {
    let at = range.start;
    for (const border of [...borders.filter((b) => b > range.start && b < range.end), range.end]) {
      const zone = zoneAt(at);
      if (zone !== undefined) members.get(zone)!.push({ start: at, end: border });
      at = border;
    }
  }
  for (const [zone, ranges] of members) members.set(zone, mergeRanges(ranges));
  return members;

  function zoneAt(pfn: number): Span | undefined {
    let found = spans.filter((s) => pfn >= s.start && pfn < s.end);
    if (found.length <= 1) return found[0];
    const block = blockOf.find(pfn);
    const narrow = (by: (s: Span) => boolean): void => {
      const fewer = found.filter(by);
      if (fewer.length > 0) found = fewer;
    };
    if (block !== undefined && block.nodes.length === 1) narrow((s) => s.node === block.nodes[0]);
    const boot = bootNodes.find((r) => pfn >= r.start && pfn < r.end);
    if (boot !== undefined) narrow((s) => s.node === boot.nid);
    // An online block names its one zone; an offline block lists what it could become.
    if (block !== undefined && block.state === 'online' && block.validZones.length >= 1) {
      narrow((s) => s.name === block.validZones[0]);
    }
    return found[0];
  }
}

function blockIndex(
  steps: readonly Step[],
  arch: ArchProfile,
): { cuts: number[]; find(pfn: number): MemoryBlock | undefined } {
  const blocks = new Map<number, MemoryBlock>();
  let pages = 0;
  // Later steps first: what a block became counts where it was not online before.
  for (const step of [...steps].reverse()) {
    if (step.memoryBlocks === undefined) continue;
    pages = step.memoryBlocks.blockSize / 2 ** arch.pageShift;
    for (const block of step.memoryBlocks.blocks) {
      if (block.state === 'online' || !blocks.has(block.id)) blocks.set(block.id, block);
    }
  }
  return {
    cuts: [...blocks.keys()].flatMap((id) => [id * pages, (id + 1) * pages]),
    find: (pfn) => (pages === 0 ? undefined : blocks.get(Math.floor(pfn / pages))),
  };
}

/** Joins touching and overlapping ranges of one node; input ascending. */
export function mergeRanges<T extends PfnRange & { readonly nid?: number }>(ranges: readonly T[]): T[] {
  const merged: T[] = [];
  for (const r of ranges) {
    const last = merged.at(-1);
    if (last !== undefined && last.nid === r.nid && r.start <= last.end) {
      if (r.end > last.end) merged[merged.length - 1] = { ...last, end: r.end };
    } else if (r.end > r.start) {
      merged.push(r);
    }
  }
  return merged;
}
