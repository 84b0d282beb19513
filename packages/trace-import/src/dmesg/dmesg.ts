/**
 * What the boot log tells about memory: zone ranges, node ranges, zonelist orders, where the initrd lay and what was freed.
 *
 * Models: mm/mm_init.c free_area_init(), mm/page_alloc.c build_all_zonelists(), arch setup.c.
 */
import type { DmesgFacts } from '@replug/workload';
import type { Account } from '../account.ts';

export interface DmesgText {
  readonly facts: DmesgFacts;
  /** From `Linux version …`; undefined when the log does not begin at boot. */
  readonly kernel?: string;
  readonly commandLine?: string;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer E)[] ? E[] : T[K] };

const MEM = String.raw`\[mem 0x([0-9a-f]+)-0x([0-9a-f]+)\]`;
const ZONE_RANGE = new RegExp(`^  (\\w+)\\s+(?:${MEM}|empty)$`);
const NODE_RANGE = new RegExp(`^  node\\s+(\\d+): ${MEM}$`);
const RAMDISK = new RegExp(`^RAMDISK: ${MEM}$`);

export function readDmesg(text: string, account: Account): DmesgText {
  const facts: Mutable<DmesgFacts> = {
    zoneRanges: [],
    movableStarts: [],
    nodeRanges: [],
    fallbackOrders: [],
    freed: [],
    builtZonelists: [],
  };
  let kernel: string | undefined;
  let commandLine: string | undefined;
  let table: 'zones' | 'movable' | undefined;

  for (const row of account.each(text)) {
    const stamp = /^(?:<\d+>)?\[\s*\d+\.\d+\](?:\[\s*[TC]\d+\])? ?/.exec(row);
    const line = (stamp === null ? row : row.slice(stamp[0].length)).trimEnd();
    account.event();

    if (line === 'Zone ranges:') {
      table = 'zones';
      continue;
    }
    if (line.startsWith('Movable zone start for each node')) {
      table = 'movable';
      continue;
    }
    if (table === 'zones') {
      const zone = ZONE_RANGE.exec(line);
      if (zone !== null) {
        facts.zoneRanges.push({ name: zone[1], ...halfOpen(zone[2], zone[3]) });
        continue;
      }
      table = undefined;
    }
    if (table === 'movable') {
      const start = /^  Node (\d+): 0x([0-9a-f]+)$/.exec(line);
      if (start !== null) {
        facts.movableStarts.push({ nid: Number(start[1]), start: Number.parseInt(start[2], 16) });
        continue;
      }
      table = undefined;
    }

    let match: RegExpExecArray | null;
    if ((match = NODE_RANGE.exec(line)) !== null) {
      facts.nodeRanges.push({ nid: Number(match[1]), ...halfOpen(match[2], match[3]) });
    } else if ((match = /^Fallback order for Node (\d+): ([\d ]+)$/.exec(line)) !== null) {
      facts.fallbackOrders.push({ nid: Number(match[1]), order: match[2].trim().split(/\s+/).map(Number) });
    } else if (
      (match = /^Built \d+ zonelists, mobility grouping (on|off)\.\s+Total pages: (\d+)/.exec(line)) !== null
    ) {
      facts.builtZonelists.push({ mobility: match[1] === 'on', totalPages: Number(match[2]) });
    } else if ((match = /^Freeing (.+?) memory: (\d+)K/.exec(line)) !== null) {
      facts.freed.push({ what: match[1], kilobytes: Number(match[2]) });
    } else if ((match = RAMDISK.exec(line)) !== null) {
      facts.initrd = halfOpen(match[1], match[2]);
    } else if ((match = /^Found initrd at 0x([0-9a-f]+):0x([0-9a-f]+)$/.exec(line)) !== null) {
      facts.initrd = { start: linearToPhysical(match[1]), end: linearToPhysical(match[2]) };
    } else if ((match = /^Linux version (\S+)/.exec(line)) !== null) {
      kernel ??= match[1];
    } else if ((match = /^Kernel command line:\s?(.*)$/.exec(line)) !== null) {
      commandLine ??= match[1].trim();
    }
  }
  return { facts, kernel, commandLine };
}

/** `[mem 0xa-0xb]` has both ends inclusive; `empty` matches nothing and is the range [0, 0). */
function halfOpen(start: string | undefined, end: string | undefined): { start: number; end: number } {
  if (start === undefined || end === undefined) return { start: 0, end: 0 };
  return { start: Number.parseInt(start, 16), end: Number.parseInt(end, 16) + 1 };
}

/** powerpc prints addresses of its linear map, which begins at 0xc000000000000000. */
function linearToPhysical(hex: string): number {
  return Number.parseInt(hex.length === 16 ? hex.slice(1) : hex, 16);
}
