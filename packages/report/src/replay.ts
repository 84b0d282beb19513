/**
 * Reports of replays. The JSON names are stable.
 */
import { renderCompaction, renderCompactionTable, type CompactionReport } from './compaction.ts';
import {
  renderPolicy,
  renderPolicyTable,
  renderPredictions,
  renderPredictTable,
  type PolicyReport,
  type PredictionsReport,
} from './replay-answers.ts';
import { renderCourse, type ScenarioCourseReport } from './scenario.ts';
import { renderSeries, type SeriesReport } from './series.ts';
import { percent, table } from './text.ts';

/** Free blocks by order, real and model. */
export interface ZoneOrders {
  readonly node: number;
  readonly zone: string;
  readonly real: readonly number[];
  readonly model: readonly number[];
}

export interface PageAgreementReport {
  readonly compared: number;
  readonly agreeing: number;
  /** What doing nothing would score. */
  readonly unchanged: number;
  readonly changed: number;
  readonly changedAgreeing: number;
  readonly modelOnly: number;
  readonly realOnly: number;
  /** Disagreeing pages as half-open pfn ranges. */
  readonly differences: readonly { readonly start: number; readonly end: number; readonly model: 'free' | 'used' }[];
}

export interface CpuListCountReport {
  readonly node: number;
  readonly zone: string;
  readonly cpu: number;
  readonly real: number;
  readonly model: number;
}

export interface CheckpointReport {
  readonly step: string;
  readonly events: number;
  /** How the step was placed on the trace clock, and how exactly. */
  readonly instant: string;
  readonly buddyinfo: readonly ZoneOrders[];
  readonly buddyinfoEqual: boolean;
  /** Pages on the per-CPU lists. */
  readonly cpuLists: readonly CpuListCountReport[];
  readonly kpageflags?: PageAgreementReport;
  /** kpageflags was read part by part, the last before this event; each part is compared with the model of then. */
  readonly readUntil?: number;
}

/** How recorded frames are treated. */
export type Frames = 'recorded' | 'predict' | 'policy';

/** Of a policy replay also `total`, `exact`, `firstDivergence`, `fallbacks`, `zones`. */
export interface ReplayReport extends Partial<PolicyReport> {
  readonly frames: Frames;
  readonly name: string;
  readonly path: string;
  readonly arch: string;
  readonly kernel: string;
  readonly profile: string;
  readonly bigEndian: boolean;
  readonly pageSize: number;
  /** Bytes of memory that exist. */
  readonly memory: number;
  readonly from: string;
  readonly to: string;
  readonly baseline: {
    readonly source: 'kpageflags' | 'trace' | 'counts' | 'nothing';
    readonly free: number;
    readonly onCpu: number;
    readonly owned: number;
    /** Pages of which nothing tells anything. */
    readonly unknown: number;
    readonly corrected: number;
  };
  readonly events: number;
  readonly applied: number;
  readonly unknownFrees: number;
  readonly reallocations: number;
  readonly partialFrees: number;
  /** Events that the trace lost, over all of it. */
  readonly lost: number;
  /** Of all frees, of all requests, of all frees, of all events that there were. */
  readonly shares: {
    readonly unknownFrees: number;
    readonly reallocations: number;
    readonly partialFrees: number;
    readonly lost: number;
  };
  /** Everything else that was counted, by name. */
  readonly counts: Readonly<Record<string, number>>;
  readonly stateHash: string;
  /** With frames `predict`: one step ahead, with hindsight about what the trace hides; and without. */
  readonly predictions?: PredictionsReport;
  readonly predictionsOnline?: PredictionsReport;
  /** Compaction's scans, predicted beside the real ones; where the span has some. */
  readonly compaction?: CompactionReport;
  readonly series?: SeriesReport;
  /** With frames `policy` and a scenario: what its commands came to. */
  readonly scenario?: ScenarioCourseReport;
  readonly checkpoints: readonly CheckpointReport[];
  readonly notes: readonly string[];
}

/** The comparison at the end: the last checkpoint that has page flags. */
export function finalAgreement(
  report: ReplayReport,
): (CheckpointReport & { kpageflags: PageAgreementReport }) | undefined {
  return [...report.checkpoints].reverse().find((c) => c.kpageflags !== undefined) as
    (CheckpointReport & { kpageflags: PageAgreementReport }) | undefined;
}

export function renderReplay(report: ReplayReport): string {
  const lines = [
    `${report.name}: ${report.arch}, kernel ${report.kernel} (profile ${report.profile}), from ${report.from} to ${report.to}`,
    `start state from ${SOURCES[report.baseline.source]}: ` +
      `${report.baseline.free} pages free, ${report.baseline.onCpu} on CPU lists, ${report.baseline.owned} in use` +
      (report.baseline.unknown > 0 ? `, ${report.baseline.unknown} unknown` : '') +
      (report.baseline.corrected > 0 ? `; ${report.baseline.corrected} corrected by their first event` : ''),
    `${report.events} events, ${report.applied} applied; ` +
      `${counted('unknown frees', report.unknownFrees, report.shares.unknownFrees)}, ` +
      `${counted('reallocations', report.reallocations, report.shares.reallocations)}, ` +
      counted('partial frees', report.partialFrees, report.shares.partialFrees) +
      (report.lost > 0 ? `, ${counted('lost', report.lost, report.shares.lost)}` : ''),
  ];
  const met = Object.entries(report.counts).filter(([, count]) => count > 0);
  if (met.length > 0) lines.push(`also: ${met.map(([name, count]) => `${name} ${count}`).join(', ')}`);
  for (const note of report.notes) lines.push(`note: ${note}`);
  for (const c of report.checkpoints) {
    const parts = c.readUntil === undefined ? '' : `; kpageflags part by part, until event ${c.readUntil}`;
    lines.push(`${c.step}: ${c.instant}${parts}`);
  }
  lines.push('');
  if (report.scenario !== undefined) lines.push(renderCourse(report.scenario));
  if (report.predictions !== undefined) lines.push(renderPredictions(report.predictions, report.predictionsOnline));
  if (report.compaction !== undefined) lines.push(renderCompaction(report.compaction));
  if (report.total !== undefined)
    lines.push(renderPolicy(report as PolicyReport, report.checkpoints, report.counts.failedInModel ?? 0));
  const rows = report.checkpoints.map((c) => {
    const k = c.kpageflags;
    const compared = c.buddyinfo.length === 0 ? '-' : c.buddyinfoEqual ? 'equal' : 'differs';
    return k === undefined
      ? [c.step, String(c.events), '-', '-', '-', '-', compared]
      : [
          c.step,
          String(c.events),
          `${k.agreeing}/${k.compared}`,
          percent(k.agreeing, k.compared),
          percent(k.unchanged, k.compared),
          `${k.changedAgreeing}/${k.changed} ${percent(k.changedAgreeing, k.changed)}`,
          compared,
        ];
  });
  if (rows.length > 0)
    lines.push(
      table(
        ['checkpoint', 'events', 'pages agreeing', 'share', 'doing nothing', 'of changed pages', 'buddyinfo'],
        rows,
      ),
    );
  const end = finalAgreement(report);
  if (end !== undefined && end.kpageflags.differences.length > 0) {
    const listed = end.kpageflags.differences.slice(0, 20).map((d) => {
      const last = d.end - d.start === 1 ? '' : `-0x${(d.end - 1).toString(16)}`;
      return `0x${d.start.toString(16)}${last} (model: ${d.model})`;
    });
    const more =
      end.kpageflags.differences.length > 20
        ? `, and ${end.kpageflags.differences.length - 20} more ranges (see --json)`
        : '';
    lines.push(`pages that disagree at ${end.step}: ${listed.join(', ')}${more}`);
    if (end.buddyinfoEqual)
      lines.push(
        'the free lists count exactly as buddyinfo, which was read first: these pages moved before kpageflags was read',
      );
  }
  if (report.baseline.source === 'counts') lines.push(renderOrderErrors(report.checkpoints));
  if (report.series !== undefined) lines.push(renderSeries(report.series));
  lines.push(`state ${report.stateHash}`);
  return lines.join('\n') + '\n';
}

const SOURCES = {
  kpageflags: 'kpageflags',
  trace: 'the trace itself',
  counts: 'buddyinfo and pagetypeinfo (as many blocks, made-up places)',
  nothing: 'nothing: free pages show when they are taken',
} as const;

function counted(what: string, count: number, share: number): string {
  return count === 0 ? `${what} 0` : `${what} ${count} (${(100 * share).toFixed(2)} %)`;
}

/** Free blocks too many (+) or missing (−) in the model, by order, at each checkpoint. */
export function renderOrderErrors(checkpoints: readonly CheckpointReport[]): string {
  const rows = checkpoints.flatMap((c) =>
    c.buddyinfo.map(({ node, zone, real, model }) => {
      const pages = real.reduce((sum, blocks, order) => sum + Math.abs(model[order] - blocks) * 2 ** order, 0);
      const free = real.reduce((sum, blocks, order) => sum + blocks * 2 ** order, 0);
      const errors = real.map((blocks, order) => {
        const error = model[order] - blocks;
        return error > 0 ? `+${error}` : String(error);
      });
      return [c.step, String(c.events), `${node} ${zone}`, percent(pages, free), errors.join(' ')];
    }),
  );
  return table(['checkpoint', 'events', 'zone', 'wrong, of free pages', 'model − real blocks by order'], rows);
}

/** One line a span: recorded fidelity over many recordings. */
export function renderReplayTable(reports: readonly ReplayReport[]): string {
  const rows = reports.flatMap((r) => {
    const end = finalAgreement(r);
    if (end === undefined) return [];
    const k = end.kpageflags;
    return [
      [
        r.name,
        `${r.from} → ${end.step}`,
        String(end.events),
        `${k.agreeing}/${k.compared}`,
        percent(k.agreeing, k.compared),
        percent(k.unchanged, k.compared),
        `${k.changedAgreeing}/${k.changed}`,
        percent(k.changedAgreeing, k.changed),
        `${k.modelOnly}/${k.realOnly}`,
        end.buddyinfoEqual ? 'equal' : 'differs',
      ],
    ];
  });
  return table(
    ['recording', 'span', 'events', 'agreeing', 'share', 'nothing', 'changed', 'share', 'model/real only', 'buddyinfo'],
    rows,
  );
}

/** One line a replay, as fits how frames were treated. */
export function renderFidelityTable(reports: readonly ReplayReport[]): string {
  const of = (frames: Frames) => reports.filter((report) => report.frames === frames);
  const tables: string[] = [];
  if (of('recorded').length > 0 || reports.length === 0) tables.push(renderReplayTable(of('recorded')));
  if (of('predict').length > 0) tables.push(renderPredictTable(of('predict')));
  if (of('policy').length > 0) tables.push(renderPolicyTable(of('policy')));
  if (reports.some((report) => report.compaction !== undefined)) tables.push(renderCompactionTable(reports));
  return tables.join('\n');
}
