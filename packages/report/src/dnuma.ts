/**
 * A change of the NUMA layout, as data and as text. The JSON names are stable. Pages are base pages, `virtualTime` is virtual
 * ns, ages and sample times are seconds.
 */
import { percent, table } from './text.ts';

export interface NodeFigures {
  readonly node: number;
  readonly present: number;
  readonly managed: number;
  readonly free: number;
}

export interface DnumaSample {
  readonly time: number;
  /** Pages that are not on the node the layout gives them. */
  readonly waiting: number;
}

export interface ProcessLocality {
  readonly comm: string;
  readonly pid: number;
  /** Pages that it held when the layout changed; of them on its CPU's node before and after. */
  readonly pages: number;
  readonly before: number;
  readonly after: number;
}

export interface DnumaReport {
  readonly name: string;
  readonly action: string;
  readonly strategy: 'batched' | 'original';
  readonly pageSize: number;
  readonly before: readonly NodeFigures[];
  readonly nodes: readonly NodeFigures[];
  /** Pages moved: free ones at the commit, reserved ones, on free, by migration. */
  readonly moved: {
    readonly now: number;
    readonly reserved: number;
    readonly onFree: number;
    readonly migrated: number;
  };
  /** Pages that migration left, by why. */
  readonly stayed: Readonly<Record<string, number>>;
  readonly waiting: {
    readonly pages: number;
    readonly classes: Readonly<Record<string, number>>;
    readonly ages: readonly { readonly seconds: number; readonly pages: number }[];
  };
  /** Free pages that stay: of CMA areas and isolated pageblocks. */
  readonly kept: number;
  readonly splits: number;
  readonly pieces: number;
  readonly lookups: { readonly hits: number; readonly misses: number };
  readonly rebuilds: number;
  readonly stopMachines: number;
  readonly virtualTime: number;
  /** kmem_cache_node structs that nothing points to. */
  readonly leaked: number;
  readonly faults: readonly { readonly code: string; readonly what: string; readonly times: number }[];
  readonly locality: readonly ProcessLocality[];
  readonly samples: readonly DnumaSample[];
  /** Of a replay that went on over the change. */
  readonly stateHash?: string;
}

/** Processes and samples that are printed. */
const SHOWN = 12;

export function renderDnuma(report: DnumaReport): string {
  const { moved, waiting, lookups, before, nodes } = report;
  const was = new Map(before.map((one) => [one.node, one]));
  const rows = nodes.map(({ node, present, managed, free }) => [
    String(node),
    String(was.get(node)?.present ?? 0),
    String(present),
    String(managed),
    String(free),
  ]);
  const lines = [
    `${report.name}: ${report.action}, ${report.strategy} strategy`,
    '',
    table(['node', 'present before', 'present', 'managed', 'free'], rows),
    `moved ${moved.now} free, ${moved.reserved} reserved, ${moved.onFree} on free, ${moved.migrated} by migration`,
    `waiting ${waiting.pages}${list(waiting.classes)}`,
    ...waiting.ages.map(({ seconds, pages }) => `  for ${seconds.toFixed(6)} s: ${pages}`),
    `splits ${report.splits}, pieces ${report.pieces}, kept ${report.kept}`,
    `lookups ${lookups.hits} hits, ${lookups.misses} misses`,
    `zonelist rebuilds ${report.rebuilds}, all CPUs stopped ${report.stopMachines} times`,
    `virtual time ${(report.virtualTime / 1e9).toFixed(6)} s`,
  ];
  if (report.leaked > 0) lines.push(`leaked kmem_cache_node structs ${report.leaked}`);
  if (Object.keys(report.stayed).length > 0) lines.push(`not migrated${list(report.stayed)}`);
  for (const { what, times } of report.faults) lines.push(`fault (${times} times): ${what}`);
  let text = `${lines.join('\n')}\n`;
  if (report.locality.length > 0) text += localityText(report.locality);
  if (report.samples.length > 0) {
    const step = Math.max(1, Math.floor(report.samples.length / SHOWN));
    const shown = report.samples.filter((_, i) => i % step === 0 || i === report.samples.length - 1);
    text += `\n${table(
      ['time s', 'waiting'],
      shown.map((s) => [s.time.toFixed(3), String(s.waiting)]),
    )}`;
  }
  return text;
}

function localityText(all: readonly ProcessLocality[]): string {
  const rows = all
    .slice(0, SHOWN)
    .map((p) => [`${p.comm}-${p.pid}`, String(p.pages), percent(p.before, p.pages), percent(p.after, p.pages)]);
  const more = all.length > rows.length ? `${all.length - rows.length} more processes\n` : '';
  return `\nPages on the node of the CPU that they were allocated on\n${table(['process', 'pages', 'before', 'after'], rows)}${more}`;
}

const list = (counts: Readonly<Record<string, number>>): string => {
  const entries = Object.entries(counts).sort(([, a], [, b]) => b - a);
  return entries.length === 0 ? '' : `: ${entries.map(([name, pages]) => `${name} ${pages}`).join(', ')}`;
};
