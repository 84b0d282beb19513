/**
 * Where ZONE_MOVABLE begins on each node, from boot options and the firmware's memory ranges. Pure; pfns and pages.
 *
 * `kernelcore=` asks for memory that the kernel can use, spread evenly over the nodes, small ones giving what they have;
 * `movablecore=` for memory it need not; the larger kernel part wins. `movable_node` takes hot-pluggable memory instead and
 * ignores both; `kernelcore=mirror` takes what is not mirrored from 4 GiB on.
 *
 * Models: mm/mm_init.c find_zone_movable_pfns_for_nodes(), find_usable_zone_for_movable(), cmdline_parse_core(), 6.1 and
 * 6.12. Left out: kdump kernels.
 */
import { parseSize } from '../base/units.ts';
import type { ArchProfile } from './arch-profiles.ts';
import type { MemoryRange } from './machine-description.ts';

/** An amount of memory: pages, or per cent of all. */
export type CoreAmount = { readonly pages: number } | { readonly percent: number };

export interface MovableOptions {
  readonly kernelcore?: CoreAmount | 'mirror';
  readonly movablecore?: CoreAmount;
  readonly movableNode?: boolean;
}

export interface FirmwareRange extends MemoryRange {
  /** SRAT says that it may be removed. */
  readonly hotpluggable?: boolean;
  readonly mirrored?: boolean;
}

const FOUR_GIB = 2 ** 32;

/** First pfn of ZONE_MOVABLE by node; nodes without have no entry. `memory` ascending. */
export function movableStarts(
  arch: ArchProfile,
  memory: readonly FirmwareRange[],
  options: MovableOptions,
): Map<number, number> {
  const starts = pickStarts(arch, memory, options);
  const unit = 2 ** arch.maxPageOrder;
  for (const [nid, start] of starts) {
    const end = Math.max(...memory.filter((m) => m.nid === nid).map((m) => m.end));
    const rounded = Math.ceil(start / unit) * unit;
    if (rounded === 0 || rounded >= end) starts.delete(nid);
    else starts.set(nid, rounded);
  }
  return starts;
}

function pickStarts(
  arch: ArchProfile,
  memory: readonly FirmwareRange[],
  { kernelcore, movablecore, movableNode }: MovableOptions,
): Map<number, number> {
  if (movableNode === true) return lowest(memory.filter((m) => m.hotpluggable === true));
  if (kernelcore === 'mirror') {
    if (!memory.some((m) => m.mirrored === true)) return new Map();
    const limit = FOUR_GIB / 2 ** arch.pageShift;
    return lowest(memory.filter((m) => m.mirrored !== true && m.start >= limit));
  }
  const total = memory.reduce((pages, m) => pages + (m.end - m.start), 0);
  const amount = (of: CoreAmount | undefined): number => {
    if (of === undefined) return 0;
    return 'pages' in of ? of.pages : Math.floor((total * 100 * of.percent) / 10000);
  };
  let kernel = amount(kernelcore);
  let movable = amount(movablecore);
  if (movable > 0) {
    const unit = 2 ** arch.maxPageOrder;
    movable = Math.min(Math.ceil(movable / unit) * unit, total);
    kernel = Math.max(kernel, total - movable);
  }
  if (kernel === 0 || kernel >= total) return new Map();
  return spread(memory, kernel, usableStart(arch, memory));
}

/** Lowest start by node. */
function lowest(ranges: readonly FirmwareRange[]): Map<number, number> {
  const starts = new Map<number, number>();
  for (const { nid, start } of ranges) starts.set(nid, Math.min(start, starts.get(nid) ?? Infinity));
  return starts;
}

/** Lowest pfn that can be ZONE_MOVABLE: where the highest zone that has room begins. */
export function usableStart(arch: ArchProfile, memory: readonly MemoryRange[]): number {
  const first = memory[0]?.start ?? 0;
  const last = memory.at(-1)?.end ?? 0;
  let start = first;
  let usable = first;
  for (const end of [...arch.zoneLimits.map((l) => l.end / 2 ** arch.pageShift), Infinity]) {
    const stop = Math.max(Math.min(end, last), start);
    if (stop > start) usable = start;
    start = stop;
  }
  return usable;
}

/** Spreads kernel memory evenly; what small nodes cannot give is asked of the others, with one node less each round. */
function spread(memory: readonly MemoryRange[], wanted: number, usable: number): Map<number, number> {
  const nids = [...new Set(memory.map((m) => m.nid))].sort((a, b) => a - b);
  const starts = new Map<number, number>(nids.map((nid) => [nid, 0]));
  let required = wanted;
  for (let nodes = nids.length; nodes > 0; nodes--) {
    let share = Math.floor(required / nodes);
    for (const nid of nids) {
      if (required < share) share = Math.floor(required / nodes);
      let remaining = share;
      for (const range of memory) {
        if (range.nid !== nid) continue;
        let from = Math.max(range.start, starts.get(nid)!);
        if (from >= range.end) continue;
        if (from < usable) {
          // Too low to be movable: the kernel's, asked for or not.
          const low = Math.min(range.end, usable) - from;
          remaining -= Math.min(low, remaining);
          required -= Math.min(low, required);
          if (range.end <= usable) {
            starts.set(nid, range.end);
            continue;
          }
          from = usable;
        }
        const size = Math.min(range.end - from, remaining);
        starts.set(nid, from + size);
        required -= Math.min(required, size);
        remaining -= size;
        if (remaining === 0) break;
      }
    }
    if (required <= nodes - 1) break;
  }
  return starts;
}

/** `512M`, `50%`: what follows kernelcore= or movablecore=. undefined for anything else. */
export function parseCoreAmount(text: string, pageSize: number): CoreAmount | undefined {
  const percent = /^(\d{1,3})%$/.exec(text);
  if (percent !== null) return Number(percent[1]) <= 100 ? { percent: Number(percent[1]) } : undefined;
  const bytes = parseSize(text);
  return bytes === undefined || bytes < 0 ? undefined : { pages: Math.floor(bytes / pageSize) };
}

/** The options on a kernel's command line; the last of each counts, as in the kernel. Ones that make no sense are left out. */
export function movableOptionsOf(commandLine: string, pageSize: number): MovableOptions {
  const options: { -readonly [K in keyof MovableOptions]: MovableOptions[K] } = {};
  for (const word of commandLine.split(/\s+/)) {
    const [key, value = ''] = word.split('=', 2);
    if (key === 'movable_node') options.movableNode = true;
    else if (key === 'kernelcore' && value === 'mirror') options.kernelcore = 'mirror';
    else if (key === 'kernelcore' || key === 'movablecore') {
      const amount = parseCoreAmount(value, pageSize);
      if (amount !== undefined) options[key] = amount;
    }
  }
  return options;
}
