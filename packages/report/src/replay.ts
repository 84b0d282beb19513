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
  readonly examples: readonly { readonly pfn: number; readonly model: 'free' | 'used' }[];
}

export interface CheckpointReport {
  readonly step: string;
  readonly events: number;
  readonly buddyinfo: readonly ZoneOrders[];
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
export function finalAgreement(report: ReplayReport): (CheckpointReport & { kpageflags: PageAgreementReport }) | undefined {
  return [...report.checkpoints].reverse().find((c) => c.kpageflags !== undefined) as
    | (CheckpointReport & { kpageflags: PageAgreementReport })
    | undefined;
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
  lines.push('');
  const rows = report.checkpoints.map((c) => {
    const k = c.kpageflags;
    const orders = c.buddyinfo.flatMap((z) => z.real.map((n, i) => Math.abs(n - (z.model[i] ?? 0))));
    const wrong = orders.reduce((a, b) => a + b, 0);
    const compared = c.buddyinfo.length === 0 ? '-' : wrong === 0 ? 'equal' : `${wrong} blocks differ`;
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
  lines.push(table(['checkpoint', 'events', 'pages agreeing', 'share', 'doing nothing', 'of changed pages', 'buddyinfo'], rows));
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
      ],
    ];
  });
  return table(
    ['recording', 'span', 'events', 'agreeing', 'share', 'nothing', 'changed', 'share', 'model/real only'],
    rows,
  );
}
