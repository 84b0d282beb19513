/**
 * /proc/zoneinfo, 2.6 to 6.x.
 *
 * A zone starts with `Node N, zone NAME`. What a line means follows from its key and from the last heading:
 * `per-node stats`, `pages free`, `pagesets`. Keys that no heading claims are kept in `stats` in file order. A zone may
 * end after `protection:` (not populated). Kernels up to 3.9 print no `managed`, 2.6 prints `active`, `inactive` and several
 * `pcp` a cpu.
 *
 * Models: mm/vmstat.c zoneinfo_show_print().
 */
import type { Zoneinfo, ZoneinfoZone } from '@replug/workload';
import type { Account } from '../account.ts';

/** Lines of the first block that have a field of their own. */
const MARKS: Readonly<Record<string, keyof Marks>> = {
  boost: 'boost',
  min: 'min',
  low: 'low',
  high: 'high',
  promo: 'promo',
  pages_min: 'min',
  pages_low: 'low',
  pages_high: 'high',
  spanned: 'spanned',
  present: 'present',
  managed: 'managed',
  cma: 'cma',
};

/** Names of zone and node counters. Others are kept too, and listed as unknown. */
const COUNTER = /^(nr|numa|workingset|pgpromote|pgdemote)_|^node_|^(scanned|active|inactive)$/;
const TAIL = new Set(['all_unreclaimable', 'inactive_ratio', 'prev_priority', 'temp_priority', 'start_pfn']);

interface Marks {
  boost?: number;
  min: number;
  low: number;
  high: number;
  promo?: number;
  spanned: number;
  present: number;
  managed?: number;
  cma?: number;
}

interface Pageset {
  cpu: number;
  count: number;
  high: number;
  batch: number;
  statThreshold?: number;
}

interface Draft extends Marks {
  node: number;
  name: string;
  free: number;
  protection: number[];
  startPfn?: number;
  pagesets: Pageset[];
  stats: Record<string, number>;
  nodeStats?: Record<string, number>;
}

export function readZoneinfo(text: string, account: Account): Zoneinfo {
  const zones: Draft[] = [];
  const unknownKeys: Record<string, number> = {};
  let zone: Draft | undefined;
  let inNodeStats = false;
  /** A counter whose value wrapped to the next line. */
  let hanging: string | undefined;

  const unknown = (key: string) => {
    unknownKeys[key] = (unknownKeys[key] ?? 0) + 1;
    account.unknown(key);
  };
  const counter = (target: Draft, key: string, value: number) => {
    if (inNodeStats) (target.nodeStats ??= {})[key] = value;
    else target.stats[key] = value;
    if (!COUNTER.test(key)) unknown(key);
  };

  for (const row of account.each(text)) {
    const line = row.trim();
    const heading = /^Node\s+(\d+),\s*zone\s+(\S+)$/.exec(line);
    if (heading !== null) {
      zone = emptyZone(Number(heading[1]), heading[2]);
      zones.push(zone);
      inNodeStats = false;
      hanging = undefined;
      account.event();
      continue;
    }
    if (zone === undefined) {
      account.skip('before-first-zone', row);
      continue;
    }
    if (line === 'per-node stats') {
      inNodeStats = true;
      account.event();
      continue;
    }
    if (line === 'pagesets') {
      account.event();
      continue;
    }

    const free = /^pages free\s+(\d+)$/.exec(line);
    if (free !== null) {
      zone.free = Number(free[1]);
      inNodeStats = false;
      account.event();
      continue;
    }
    const protection = /^protection:\s*\(([\d,\s]*)\)$/.exec(line);
    if (protection !== null) {
      zone.protection = protection[1]
        .split(',')
        .filter((v) => v.trim() !== '')
        .map(Number);
      account.event();
      continue;
    }
    const colon = /^([A-Za-z_][\w ]*?):\s*(-?\d+)(?:\s+pcp:\s*(\d+))?$/.exec(line);
    if (colon !== null) {
      if (!readColonLine(zone, colon[1], Number(colon[2]))) unknown(colon[1]);
      account.event();
      continue;
    }
    const pair = /^([A-Za-z_][\w()]*)\s+(-?\d+)(?:\s+\(a:\s*\d+\s+i:\s*\d+\))?$/.exec(line);
    if (pair !== null) {
      const mark = inNodeStats ? undefined : MARKS[pair[1]];
      if (mark !== undefined) zone[mark] = Number(pair[2]);
      else counter(zone, pair[1], Number(pair[2]));
      account.event();
      continue;
    }
    if (hanging !== undefined && /^-?\d+$/.test(line)) {
      counter(zone, hanging, Number(line));
      hanging = undefined;
      account.event();
      continue;
    }
    if (/^[a-z_][\w]*$/.test(line)) {
      hanging = line;
      account.event();
      continue;
    }
    account.skip(skipReason(line), row);
  }
  return { zones: zones satisfies ZoneinfoZone[], unknownKeys };
}

function skipReason(line: string): string {
  if (line === '...') return 'left-out-by-hand';
  // Kernels of 4.18 to 5.0 print one counter that their name table lacks.
  return /^-?\d+$/.test(line) ? 'value-without-a-name' : 'not-a-zoneinfo-line';
}

/** `key: value` below `pagesets` and at the zone's end; false when the key is new. */
function readColonLine(zone: Draft, key: string, value: number): boolean {
  const pageset = zone.pagesets[zone.pagesets.length - 1];
  switch (key) {
    case 'cpu':
      zone.pagesets.push({ cpu: value, count: 0, high: 0, batch: 0 });
      return true;
    case 'count':
    case 'high':
    case 'batch':
      if (pageset === undefined) return false;
      pageset[key] = value;
      return true;
    case 'vm stats threshold':
      if (pageset === undefined) return false;
      pageset.statThreshold = value;
      return true;
    case 'start_pfn':
      zone.startPfn = value;
      return true;
    default:
      zone.stats[key] = value;
      return TAIL.has(key) || COUNTER.test(key);
  }
}

function emptyZone(node: number, name: string): Draft {
  return {
    node,
    name,
    free: 0,
    min: 0,
    low: 0,
    high: 0,
    spanned: 0,
    present: 0,
    protection: [],
    pagesets: [],
    stats: {},
  };
}
