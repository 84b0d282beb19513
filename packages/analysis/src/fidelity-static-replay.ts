/**
 * Replays a capture's sizing history: boots the model with the memory of the first dump less what came later, then brings it
 * from dump to dump. Only page counts, block states, CPUs and written sysctls enter; what the formulas give is left to
 * be compared.
 *
 * min_free_kbytes is predicted. It counts as written by the operator, and is then an input, in two cases: steps.log shows the
 * write; or it differs from the prediction and since the last dump another sysctl changed that no log line explains, or
 * the step is named after the write (`min_free…`, `sysctl…`). In a dump where nobody touched sysctls a difference is a miss.
 */
import { MemoryTuning, type SizingSysctl, type SizingZone } from '@replug/buddy';
import type { MemoryBlock, Recording } from '@replug/workload';
import {
  givenBack,
  onlineCpus,
  sizingZone,
  staticFacts,
  type DumpStep,
  type StaticFacts,
} from './fidelity-static-facts.ts';
import type { CaptureLogs } from './fidelity-static-logs.ts';
import { pagesPerBlock, recordedActions, type TimelineAction } from './fidelity-static-timeline.ts';

/** An online memory block of the model: which zone has its pages. */
interface OnlineBlock {
  readonly nid: number;
  readonly zone: string;
  readonly present: number;
  /** Fewer than `present` while virtio-mem holds a part, or when the block carries its own memmap. */
  managed: number;
}

const SYSCTLS: readonly SizingSysctl[] = [
  'watermark_scale_factor',
  'watermark_boost_factor',
  'percpu_pagelist_high_fraction',
  'lowmem_reserve_ratio',
];

export class StaticReplay {
  readonly facts: StaticFacts;
  readonly tuning: MemoryTuning;
  /** What had to be assumed on the way to the current dump. */
  notes: string[] = [];
  /** Least and greatest limit of each zone's lists since the last dump, by zoneKey(). */
  readonly limits = new Map<string, { readonly least: number; readonly most: number }>();
  /** Assumptions of earlier steps that nothing recorded since has replaced. */
  #doubt = '';
  readonly #recording: Recording;
  readonly #logs: CaptureLogs;
  readonly #blocks = new Map<number, OnlineBlock>();
  #current: DumpStep | undefined;

  constructor(recording: Recording, first: DumpStep, logs: CaptureLogs) {
    this.#recording = recording;
    this.#logs = logs;
    this.facts = staticFacts(recording, first, logs);
    const late = lateBlocks(recording, first);
    const back = givenBack(recording, first);
    const zones = first.zoneinfo.zones.map(sizingZone).map((zone, i): SizingZone => {
      const pages = late.filter((b) => inZone(b, zone)).length * (pagesPerBlock(recording, first) ?? 0);
      return { ...zone, managed: zone.managed - pages - (back.get(i) ?? 0), present: zone.present - pages };
    });
    this.tuning = new MemoryTuning({ ...this.facts, zones, cpus: onlineCpus(first) });
    this.tuning.boot();
    for (const [index, pages] of back) this.tuning.adjustManaged(index, pages);
    for (const block of onlineBlocks(first)) if (!late.includes(block)) this.#remember(first, block);
  }

  /** Everything up to the reading of `to`'s zoneinfo. */
  advance(to: DumpStep): void {
    this.notes = [];
    this.limits.clear();
    this.#observe();
    this.#followNodes(to);
    this.#followCpus(to);
    const actions = recordedActions(this.#recording, this.#logs, { from: this.#current, to });
    this.#addBlocks(to, actions);
    this.#observe();
    for (const action of actions) {
      this.#act(to, action);
      this.#observe();
    }
    this.#dropBlocks(to);
    this.#settlePages(to);
    this.#settleSysctls(to);
    this.#observe();
    if (this.notes.length > 0) this.#doubt = `left from step ${to.number}: ${this.notes.join('; ')}`;
    else if (actions.length > 0) this.#doubt = '';
    this.#current = to;
  }

  /** What reading the files after zoneinfo does: `sysctl-vm.txt` shows lowmem_reserve_ratio, and reading that recomputes. */
  leave(): void {
    if (this.#current?.sysctl?.['vm.lowmem_reserve_ratio'] !== undefined)
      this.tuning.readSysctl('lowmem_reserve_ratio');
  }

  /** The likely cause if this dump misses something. */
  get reason(): string {
    return this.notes.join('; ') || this.#doubt || 'no known cause';
  }

  #observe(): void {
    for (const zone of this.tuning.zones) {
      const { highMin, highMax } = zone.pageset;
      const { least, most } = this.limits.get(zoneKey(zone)) ?? { least: Infinity, most: 0 };
      this.limits.set(zoneKey(zone), {
        least: Math.min(least, highMin, highMax),
        most: Math.max(most, highMin, highMax),
      });
    }
  }

  #zone(nid: number, name: string): number {
    return this.tuning.zones.findIndex((z) => z.nid === nid && z.kind === name);
  }

  #remember(step: DumpStep, block: MemoryBlock): OnlineBlock | undefined {
    const present = pagesPerBlock(this.#recording, step)!;
    const [zone] = block.validZones;
    const online = { nid: block.nodes[0] ?? 0, zone, present, managed: present };
    if (this.#zone(online.nid, zone) < 0) return undefined;
    this.#blocks.set(block.id, online);
    return online;
  }

  #followNodes(to: DumpStep): void {
    const nids = new Set(to.zoneinfo.zones.map((z) => z.node));
    const known = new Set(this.tuning.zones.map((z) => z.nid));
    for (const nid of nids) {
      if (known.has(nid)) continue;
      const own = to.zoneinfo.zones.filter((z) => z.node === nid).map(sizingZone);
      this.tuning.addNode(own.map((z) => ({ ...z, managed: 0, present: 0, spanned: 0 })));
    }
  }

  #followCpus(to: DumpStep): void {
    const now = onlineCpus(to);
    const before = this.#current === undefined ? now : onlineCpus(this.#current);
    for (const { cpu } of before) if (!now.some((c) => c.cpu === cpu)) this.tuning.cpuOffline(cpu);
    for (const { cpu, nid } of now) if (!before.some((c) => c.cpu === cpu)) this.tuning.cpuOnline(cpu, nid);
  }

  /** Blocks that are online in the dump and that no record brings online: bottom up. */
  #addBlocks(to: DumpStep, actions: readonly TimelineAction[]): void {
    const recorded = new Set(actions.flatMap((a) => (a.kind === 'online' ? [a.id] : [])));
    const added = onlineBlocks(to).filter((b) => !this.#blocks.has(b.id) && !recorded.has(b.id));
    if (added.length === 0) return;
    const pages = pagesPerBlock(this.#recording, to)!;
    const quiet = !actions.some((a) => a.kind !== 'sysctl');
    const missing = new Map<string, number>();
    if (quiet) {
      for (const [index, zone] of this.tuning.zones.entries()) {
        const count = added.filter((b) => inZone(b, zone)).length;
        const rest = this.#wanted(to, index)!.managed - zone.managed - count * pages;
        // More than the new blocks hold: partly plugged blocks were filled first. Fewer: the last block is partly plugged,
        // or each carries its own memmap.
        if (rest > 0) this.#fill(index, Math.min(rest, this.#unplugged(index)));
        if (rest < 0) missing.set(`${zone.nid} ${zone.kind}`, -rest);
      }
    }
    const memmap = Math.ceil((pages * 64) / this.#recording.pageSize);
    for (const block of added) {
      const online = this.#remember(to, block);
      if (online === undefined) continue;
      const key = `${online.nid} ${online.zone}`;
      const left = added.filter((b) => b.id >= block.id && inZone(b, { nid: online.nid, kind: online.zone })).length;
      const short = missing.get(key) ?? 0;
      const part = short === left * memmap ? memmap : left === 1 ? Math.min(short, pages) : 0;
      missing.set(key, short - part);
      online.managed -= part;
      this.tuning.blockOnlined(this.#zone(online.nid, online.zone), online.present, online.managed);
    }
    if (this.#current !== undefined) this.notes.push(`${added.length} blocks came online unlogged: taken bottom up`);
  }

  #act(to: DumpStep, action: TimelineAction): void {
    if (action.kind === 'sysctl') {
      const { name, values } = action.write;
      this.tuning.writeSysctl(name as SizingSysctl, values);
      return;
    }
    const block = this.#blocks.get(action.id);
    if (action.kind === 'online') {
      const target = to.memoryBlocks?.blocks.find((b) => b.id === action.id);
      const logged = this.#logs.blocks.find((b) => b.id === action.id && b.time === action.time)?.zone;
      if (target === undefined || block !== undefined) return;
      const online = this.#remember(to, { ...target, validZones: [logged ?? target.validZones[0]] });
      if (online !== undefined) this.tuning.blockOnlined(this.#zone(online.nid, online.zone), online.present);
      return;
    }
    if (block === undefined) return;
    const index = this.#zone(block.nid, block.zone);
    if (action.kind === 'attempt') this.tuning.offlineAttempted(index);
    else if (action.kind === 'take') this.#take(index, block, action.pages);
    // virtio-mem takes a plugged block whole before it offlines it.
    else if (action.fromDevice && block.managed > 0) this.#take(index, block, block.managed);
    else this.#offline(action.id, block);
  }

  #take(index: number, block: OnlineBlock, pages: number): void {
    const part = Math.min(pages, block.managed);
    block.managed -= part;
    this.tuning.adjustManaged(index, -part);
  }

  #offline(id: number, block: OnlineBlock): void {
    this.#blocks.delete(id);
    this.tuning.blockOfflined(this.#zone(block.nid, block.zone), block.present, block.managed);
  }

  /** Blocks that are gone or offline in the dump and that no record took: top down. */
  #dropBlocks(to: DumpStep): void {
    if (to.memoryBlocks === undefined) return;
    const online = new Set(onlineBlocks(to).map((b) => b.id));
    const gone = [...this.#blocks].filter(([id]) => !online.has(id)).sort(([a], [b]) => b - a);
    for (const [id, block] of gone) this.#offline(id, block);
    if (gone.length > 0) this.notes.push(`${gone.length} blocks went offline unlogged: taken top down`);
    const nids = new Set(to.zoneinfo.zones.map((z) => z.node));
    for (const nid of new Set(this.tuning.zones.map((z) => z.nid))) if (!nids.has(nid)) this.tuning.removeNode(nid);
  }

  #wanted(to: DumpStep, index: number): { readonly managed: number; readonly present: number } | undefined {
    const { nid, kind } = this.tuning.zones[index];
    const zone = to.zoneinfo.zones.find((z) => z.node === nid && z.name === kind);
    return zone && { managed: zone.managed!, present: zone.present };
  }

  /** Pages that moved without a recomputation (or at an unknown time): the counts follow the dump. */
  #settlePages(to: DumpStep): void {
    for (const [index, zone] of this.tuning.zones.entries()) {
      const wanted = this.#wanted(to, index)!;
      const managed = wanted.managed - zone.managed;
      const present = wanted.present - zone.present;
      if (managed > 0) this.#fill(index, managed);
      if (managed < 0) this.#drain(index, -managed);
      if (present !== 0) this.tuning.adjustPresent(index, present);
      if (managed !== 0) this.notes.push(`${managed} pages of n${zone.nid} ${zone.kind} moved unlogged: taken last`);
    }
  }

  /** Pages given to a zone, counted to its partly plugged blocks, lowest first. */
  #fill(index: number, pages: number): void {
    this.tuning.adjustManaged(index, pages);
    for (const block of this.#blocksOf(index)) {
      const part = Math.min(pages, block.present - block.managed);
      block.managed += part;
      pages -= part;
    }
  }

  /** Pages taken from a zone, counted to its blocks, highest first. */
  #drain(index: number, pages: number): void {
    this.tuning.adjustManaged(index, -pages);
    for (const block of this.#blocksOf(index).reverse()) {
      const part = Math.min(pages, block.managed);
      block.managed -= part;
      pages -= part;
    }
  }

  /** Pages of a zone's online blocks that are not in the allocator. */
  #unplugged(index: number): number {
    return this.#blocksOf(index).reduce((sum, block) => sum + block.present - block.managed, 0);
  }

  #blocksOf(index: number): OnlineBlock[] {
    const zone = this.tuning.zones[index];
    const own = [...this.#blocks].filter(([, b]) => b.nid === zone.nid && b.zone === zone.kind);
    return own.sort(([a], [b]) => a - b).map(([, block]) => block);
  }

  /** Sysctls of the dump that no log line explains. */
  #settleSysctls(to: DumpStep): void {
    const { sysctl } = to;
    if (sysctl === undefined) return;
    const { tuning } = this;
    let changed = /^(min_free|sysctl)/.test(to.name);
    for (const name of SYSCTLS) {
      const values = numbers(sysctl[`vm.${name}`]);
      if (values === undefined || String(values) === String(tuning.sysctl[name])) continue;
      tuning.writeSysctl(name, values);
      changed = true;
    }
    const [minFree] = numbers(sysctl['vm.min_free_kbytes']) ?? [];
    if (changed && minFree !== undefined && minFree !== tuning.sysctl.min_free_kbytes) {
      tuning.writeSysctl('min_free_kbytes', minFree);
    }
  }
}

export function zoneKey({ nid, kind }: { readonly nid: number; readonly kind: string }): string {
  return `${nid} ${kind}`;
}

function numbers(text: string | undefined): number[] | undefined {
  return text?.trim().split(/\s+/).map(Number);
}

function onlineBlocks(step: DumpStep): MemoryBlock[] {
  // Boot blocks of several zones or nodes have none; they can never go offline.
  const online = step.memoryBlocks?.blocks.filter((b) => b.state === 'online' && b.validZones.length > 0) ?? [];
  return online.sort((a, b) => a.id - b.id);
}

function inZone(block: MemoryBlock, zone: { readonly nid: number; readonly kind: string }): boolean {
  return (block.nodes[0] ?? 0) === zone.nid && block.validZones[0] === zone.kind;
}

/** Blocks online in the first dump that hold no memory the boot log knows: added since. Bottom up. */
function lateBlocks(recording: Recording, first: DumpStep): MemoryBlock[] {
  const early = recording.dmesg?.nodeRanges ?? [];
  const size = first.memoryBlocks?.blockSize;
  if (early.length === 0 || size === undefined) return [];
  return onlineBlocks(first).filter((b) => !early.some((r) => r.start < (b.id + 1) * size && r.end > b.id * size));
}
