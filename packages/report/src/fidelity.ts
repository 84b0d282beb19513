/**
 * Reports of fidelity: how much of a real kernel's numbers the model computes, and what it misses.
 *
 * The JSON names are stable. A check counts in units that can be right or wrong on their own:
 * a zone (`watermarks`: all marks equal; `protection`: the whole array equal), a CPU's list (`pcpBatch`, `pcpHigh`), a dump
 * (`minFreeKbytes`).
 */

/** Units that are exactly right, of all. */
export interface CheckCount {
  readonly exact: number;
  readonly total: number;
}

/**
 * Where the limit tunes itself (6.12) the kernel prints the current value, not the limits: `exact` holds the lists that stand
 * at the computed lower limit or were never used (0), `within` those and the ones between the limits, `kept` further ones
 * outside that have not reached new limits yet (each list moves only when its CPU next uses it).
 */
export interface HighCount extends CheckCount {
  readonly within: number;
  readonly kept: number;
}

export interface StaticChecks {
  readonly minFreeKbytes: CheckCount;
  readonly watermarks: CheckCount;
  readonly protection: CheckCount;
  readonly pcpBatch: CheckCount;
  readonly pcpHigh: HighCount;
}

export type StaticQuantity = keyof StaticChecks;

export interface StaticMiss {
  /** `n0 Normal`; `cpu1` is appended for a CPU's list; empty for min_free_kbytes. */
  readonly zone: string;
  readonly quantity: StaticQuantity;
  readonly real: string;
  readonly model: string;
  /** What is known about the cause. */
  readonly reason: string;
}

/** One step of one recording. */
export interface StaticDump {
  readonly path: string;
  readonly recording: string;
  readonly arch: string;
  readonly kernel: string;
  /** `05-wsf_1000`. */
  readonly step: string;
  /** Zones in the dump, empty ones included. */
  readonly zones: number;
  /** kB that the formulas gave, or that was written. */
  readonly minFreeKbytes: number;
  /** The value was written by the operator and so is an input, not a prediction. */
  readonly minFreeWritten: boolean;
  readonly checks: StaticChecks;
  /** Every check holds. */
  readonly exact: boolean;
  readonly misses: readonly StaticMiss[];
  /** What was assumed to get here, e.g. an order of events that nothing records. */
  readonly notes: readonly string[];
}

export interface StaticSummary {
  readonly arch: string;
  readonly kernel: string;
  readonly dumps: CheckCount;
  readonly checks: StaticChecks;
}

export interface StaticFidelityReport {
  readonly dumps: readonly StaticDump[];
  readonly summary: readonly StaticSummary[];
  /** Recordings and steps that could not be judged, with the reason. */
  readonly skipped: readonly { readonly path: string; readonly reason: string }[];
}

/** A row a dump, then a row for each arch and kernel; misses, notes and skipped parts below. */
export function renderStaticFidelity(report: StaticFidelityReport): string {
  const rows = report.dumps.map((dump) => [
    dump.recording,
    dump.step,
    `${dump.minFreeKbytes}${dump.minFreeWritten ? ' w' : ''}`,
    ...counts(dump.checks),
    dump.exact ? 'exact' : `${dump.misses.length} missed`,
  ]);
  const sums = report.summary.map((sum) => [
    sum.arch,
    sum.kernel,
    ratio(sum.dumps),
    ...(['minFreeKbytes', 'watermarks', 'protection', 'pcpBatch'] as const).map((name) => ratio(sum.checks[name])),
    ratio(sum.checks.pcpHigh),
    ratio({ exact: sum.checks.pcpHigh.within, total: sum.checks.pcpHigh.total }),
    String(sum.checks.pcpHigh.kept),
  ]);
  const parts = [
    table(['recording', 'step', 'min_free kB', 'marks', 'protection', 'batch', 'high', ''], rows),
    '  min_free: w = written by the operator · marks, protection: zones · batch, high: per-CPU lists',
    '  high: exact (+ n between self-tuned limits) (+ n kept from before the limits moved)',
    '',
    table(
      ['arch', 'kernel', 'dumps', 'min_free', 'marks', 'protection', 'batch', 'high exact', 'high in limits', 'kept'],
      sums,
    ),
  ];
  const misses = report.dumps.flatMap((dump) =>
    dump.misses.map((m) => [`${dump.recording}/${dump.step}`, m.zone, m.quantity, m.real, m.model, m.reason]),
  );
  if (misses.length > 0) {
    parts.push('', table(['missed', 'zone', 'quantity', 'real', 'model', 'reason'], misses));
  }
  const notes = report.dumps.flatMap((dump) => dump.notes.map((note) => [`${dump.recording}/${dump.step}`, note]));
  if (notes.length > 0) parts.push('', table(['assumed', ''], notes));
  if (report.skipped.length > 0) {
    parts.push(
      '',
      table(
        ['not judged', ''],
        report.skipped.map((s) => [s.path, s.reason]),
      ),
    );
  }
  return `${parts.join('\n')}\n`;
}

function counts(checks: StaticChecks): string[] {
  const { pcpHigh: high } = checks;
  const between = high.within - high.exact;
  return [
    ...[checks.watermarks, checks.protection, checks.pcpBatch].map((c) => `${c.exact}/${c.total}`),
    [`${high.exact}/${high.total}`, between > 0 ? `+${between}` : '', high.kept > 0 ? `+${high.kept} kept` : '']
      .filter((part) => part !== '')
      .join(' '),
  ];
}

function ratio({ exact, total }: CheckCount): string {
  if (total === 0) return '-';
  // Never round a miss up to 100 %.
  const share = exact === total ? '100' : Math.min(99.99, (exact / total) * 100).toFixed(2);
  return `${exact}/${total} ${share} %`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((text, i) => Math.max(text.length, ...rows.map((row) => row[i].length)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => cell.padEnd(widths[i]))
      .join('  ')
      .trimEnd();
  return [line(head), line(widths.map((w) => '-'.repeat(w))), ...rows.map(line)].join('\n');
}
