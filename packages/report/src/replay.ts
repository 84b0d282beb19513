/**
 * Reports of recorded replays. The JSON names are stable; shares are computed by whoever prints.
 */
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

export interface CheckpointReport {
  readonly step: string;
  readonly events: number;
  /** How the step was placed on the trace clock, and how exactly. */
  readonly instant: string;
  readonly buddyinfo: readonly ZoneOrders[];
  readonly buddyinfoEqual: boolean;
  readonly kpageflags?: PageAgreementReport;
}

export interface ReplayReport {
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
    readonly source: 'kpageflags' | 'trace';
    readonly free: number;
    readonly onCpu: number;
    readonly owned: number;
    readonly corrected: number;
  };
  readonly events: number;
  readonly applied: number;
  readonly unknownFrees: number;
  readonly reallocations: number;
  readonly partialFrees: number;
  /** Everything else that was counted, by name. */
  readonly counts: Readonly<Record<string, number>>;
  readonly stateHash: string;
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
    `start state from ${report.baseline.source === 'kpageflags' ? 'kpageflags' : 'the trace itself'}: ` +
      `${report.baseline.free} pages free, ${report.baseline.onCpu} on CPU lists, ${report.baseline.owned} in use` +
      (report.baseline.corrected > 0 ? `; ${report.baseline.corrected} corrected by their first event` : ''),
    `${report.events} events, ${report.applied} applied; unknown frees ${report.unknownFrees}, ` +
      `reallocations ${report.reallocations}, partial frees ${report.partialFrees}`,
  ];
  const met = Object.entries(report.counts).filter(([, count]) => count > 0);
  if (met.length > 0) lines.push(`also: ${met.map(([name, count]) => `${name} ${count}`).join(', ')}`);
  for (const note of report.notes) lines.push(`note: ${note}`);
  for (const c of report.checkpoints) lines.push(`${c.step}: ${c.instant}`);
  lines.push('');
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
  lines.push(
    table(['checkpoint', 'events', 'pages agreeing', 'share', 'doing nothing', 'of changed pages', 'buddyinfo'], rows),
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
  lines.push(`state ${report.stateHash}`);
  return lines.join('\n') + '\n';
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
