/**
 * /sys/kernel/debug/memlayout: the letter's files. `start` and `end` (hex, the end is in the range) are written first, then a
 * node id to `node` adds the range; `commit` puts the layout in force, stretched over its holes, and `clear` forgets it.
 *
 *   current -> layout.N     layout.N/START-END hold a node id each; layouts that are kept
 *   stats/*, node_stats/N/* counters            waiting   pages that wait, by class
 *   undo                    the layout before   uevents   what user space was told
 *
 * Overlaps are refused with EEXIST where the letter's code returned 1.
 *
 * Models: the letter's mm/memlayout-debugfs.c (v3).
 */
import {
  ERRNO,
  ReplugError,
  type DirectoryNode,
  type KernelLog,
  type Machine,
  type SubsystemScope,
} from '@replug/core';
import type { Dnuma } from './dnuma.ts';
import { whyNot } from './fits.ts';
import { layoutOf, MAX_RANGES, type LayoutRange, type MemLayout } from './layout.ts';

export const MEMLAYOUT = '/sys/kernel/debug/memlayout';

/** What a refused commit answers; the log tells why. Others: EINVAL. */
const ERRNO_OF: Readonly<Record<string, number>> = {
  RP2306: ERRNO.EBUSY,
  RP2307: ERRNO.EBUSY,
  RP2315: ERRNO.ENOENT,
};

const hex5 = (pfn: number): string => pfn.toString(16).padStart(5, '0');

export function publishDebugfs(scope: SubsystemScope, machine: Machine, log: KernelLog, dnuma: Dnuma): void {
  let start = 0;
  let end = 0;
  let ranges: LayoutRange[] = [];
  const bound =
    (set: (pfn: number) => void) =>
    (text: string): number => {
      const pfn = /^(0x)?[0-9a-f]{1,13}$/i.test(text.trim()) ? Number.parseInt(text.trim(), 16) : NaN;
      if (!Number.isSafeInteger(pfn)) return -ERRNO.EINVAL;
      set(pfn);
      return 0;
    };
  scope.control(
    `${MEMLAYOUT}/start`,
    bound((pfn) => (start = pfn)),
    () => `${start.toString(16)}\n`,
  );
  scope.control(
    `${MEMLAYOUT}/end`,
    bound((pfn) => (end = pfn)),
    () => `${end.toString(16)}\n`,
  );
  scope.control(`${MEMLAYOUT}/node`, (text) => {
    const nid = /^\d{1,9}$/.test(text.trim()) ? Number(text.trim()) : -1;
    if (nid < 0 || whyNot(machine, nid) !== undefined || machine.zones.node(nid) === undefined) return -ERRNO.EINVAL;
    if (start > end) return -ERRNO.EINVAL;
    if (ranges.length >= MAX_RANGES) return -ERRNO.ENOMEM;
    const at = firstAfter(ranges, start);
    if (at < ranges.length && ranges[at].start <= end) return -ERRNO.EEXIST;
    ranges.splice(at, 0, { start, end: end + 1, nid });
    start = end = 0;
    return 0;
  });
  const done = (commit: () => void): number => {
    try {
      commit();
      return 0;
    } catch (error) {
      if (!(error instanceof ReplugError)) throw error;
      log.info(`memlayout: ${error.message}`);
      return -(ERRNO_OF[error.code] ?? ERRNO.EINVAL);
    }
  };
  scope.control(`${MEMLAYOUT}/commit`, () => {
    if (ranges.length === 0) return 0;
    const layout = layoutOf(ranges).stretched(Math.max(dnuma.endOfMemory, ranges.at(-1)!.end));
    ranges = [];
    return done(() => dnuma.commit(layout));
  });
  scope.control(`${MEMLAYOUT}/clear`, () => void (ranges = []));
  scope.control(`${MEMLAYOUT}/undo`, () => done(() => dnuma.undo()));
  const { counts, lookup } = dnuma;
  const count = (name: string, read: () => number): void => {
    scope.view(`${MEMLAYOUT}/${name}`, () => `${read()}\n`);
  };
  const moved = (): number => counts.transplantFromFreelist + counts.transplantOnFree;
  count('moved-pages', moved);
  count('pfn-lookup-cache-hits', () => lookup.hits);
  count('pfn-lookup-cache-misses', () => lookup.misses);
  const stats: Record<string, () => number> = {
    'cache-hit': () => lookup.hits,
    'cache-miss': () => lookup.misses,
    'transplant-on-free': () => counts.transplantOnFree,
    'transplant-from-freelist-add': () => counts.transplantFromFreelist,
    'transplant-from-freelist-remove': () => counts.transplantFromFreelist,
    'transplant-examined-pfn': () => counts.examined,
    'transplant-reserved': () => counts.transplantReserved,
    'transplant-on-demand': () => counts.transplantOnDemand,
    'zonelist-rebuild': () => counts.zonelistRebuilds,
    'split-pages': () => counts.splits,
    'waiting-pages': () => dnuma.marks.count,
    'kept-pages': () => counts.kept,
  };
  for (const [name, read] of Object.entries(stats)) count(`stats/${name}`, read);
  for (const { nid } of machine.zones.nodes) {
    count(`node_stats/${nid}/present`, () => machine.zones.node(nid)!.presentPages);
    count(`node_stats/${nid}/slabs`, () => dnuma.slab.slabs(nid));
  }
  scope.view(`${MEMLAYOUT}/waiting`, () => {
    const { pages, classes } = dnuma.waiting();
    return [`total ${pages}`, ...Object.entries(classes).map(([name, n]) => `${name} ${n}`)].join('\n') + '\n';
  });
  scope.view(`${MEMLAYOUT}/uevents`, () =>
    dnuma.uevents
      .all()
      .map(({ text }) => text)
      .join('\n'),
  );
  scope.directory(MEMLAYOUT, {
    list: () => ['current', ...dnuma.layouts.map(({ seq }) => `layout.${seq}`)],
    entry: (name) => {
      if (name === 'current') return { link: `layout.${dnuma.layouts.at(-1)!.seq}` };
      const seq = /^layout\.(\d+)$/.exec(name)?.[1];
      const kept = dnuma.layouts.find((one) => String(one.seq) === seq);
      return kept === undefined ? undefined : folder(kept.layout);
    },
  });
}

/** A layout as files: its ranges' names, with their node ids in them. */
function folder(layout: MemLayout): DirectoryNode {
  const nameOf = (start: number, end: number): string => `${hex5(start)}-${hex5(end - 1)}`;
  return {
    list: () => Array.from(layout.ranges(), ({ start, end }) => nameOf(start, end)),
    entry: (name) => {
      const at = layout.find(Number.parseInt(name, 16));
      if (at < 0 || layout.nids[at] < 0 || nameOf(layout.borders[at], layout.endOf(at)) !== name) return undefined;
      return { read: () => `${layout.nids[at]}\n` };
    },
  };
}

/** Index of the first range that ends after a pfn. */
function firstAfter(ranges: readonly LayoutRange[], pfn: number): number {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ranges[middle].end > pfn) high = middle;
    else low = middle + 1;
  }
  return low;
}
