/**
 * Compaction in a recorded run: each scan as predicted, beside the one that the kernel told. The JSON names are stable.
 */
import { percent, table } from './text.ts';

export interface ScanNumbersReport {
  /** [start, end) pfns. */
  readonly start: number;
  readonly end: number;
  readonly scanned: number;
  readonly taken: number;
}

export interface ScanPairReport {
  readonly event: number;
  readonly scan: 'migrate' | 'free';
  readonly mode: string;
  readonly real: ScanNumbersReport;
  readonly predicted?: ScanNumbersReport;
  /** Why they differ. */
  readonly cause?: string;
}

export interface ScanTallyReport {
  readonly total: number;
  /** All four numbers as predicted. */
  readonly exact: number;
  readonly start: number;
  readonly scanned: number;
  readonly taken: number;
}

export interface CompactionReport {
  readonly runs: number;
  /** Events of compaction that no kernel writes. */
  readonly impossible: number;
  /** By scanner and mode: `migrate.sync`, `free.async` … */
  readonly scans: Readonly<Record<string, ScanTallyReport>>;
  readonly byCause: Readonly<Record<string, number>>;
  /** Pages that migration moved; `named`: their target is known. */
  readonly moved: { readonly told: number; readonly named: number; readonly unnamed: number };
  /** Pages freed by migration that were no predicted source, and predicted ones that stayed, by class. */
  readonly sources: {
    readonly unpredicted: Readonly<Record<string, number>>;
    readonly stayed: Readonly<Record<string, number>>;
  };
  /** Isolated free blocks given back at the end; `inOrder`: as predicted. */
  readonly released: { readonly blocks: number; readonly inOrder: number };
  readonly pairs: readonly ScanPairReport[];
}

/** Scans shown in text; all of them are in the JSON. */
const SHOWN = 12;

/** The table of one replay: by scanner, then the first scans that differ – or, if none does, the first scans. */
export function renderCompaction(report: CompactionReport): string {
  const rows = Object.entries(report.scans).map(([name, tally]) => [
    name,
    ...(['exact', 'start', 'scanned', 'taken'] as const).map(
      (what) => `${tally[what]}/${tally.total} ${percent(tally[what], tally.total)}`,
    ),
  ]);
  const causes = Object.entries(report.byCause).map(([name, count]) => `${name} ${count}`);
  const { told, named } = report.moved;
  const missed = report.pairs.filter((pair) => pair.cause !== undefined);
  const shown = (missed.length > 0 ? missed : report.pairs).slice(0, SHOWN);
  return [
    table(['compaction', 'exact', 'start', 'scanned', 'taken'], rows),
    `${report.runs} runs moved ${told} pages, ${named} to a target that is known` +
      (causes.length > 0 ? `; scans missed: ${causes.join(', ')}` : ''),
    renderScanPairs(shown),
  ].join('\n');
}

/** A line a scan, predicted beside real. */
export function renderScanPairs(pairs: readonly ScanPairReport[]): string {
  const rows = pairs.map(({ event, scan, mode, real, predicted, cause }) => [
    String(event),
    `${scan}.${mode}`,
    range(real),
    predicted === undefined ? '-' : range(predicted),
    String(real.scanned),
    predicted === undefined ? '-' : String(predicted.scanned),
    String(real.taken),
    predicted === undefined ? '-' : String(predicted.taken),
    cause ?? '',
  ]);
  return table(['event', 'scan', 'real range', 'predicted', 'scanned', 'predicted', 'taken', 'predicted', 'why'], rows);
}

/** A line a recording and scanner. */
export function renderCompactionTable(
  reports: readonly {
    readonly name: string;
    readonly from: string;
    readonly to: string;
    readonly compaction?: CompactionReport;
  }[],
): string {
  const rows = reports.flatMap(({ name, from, to, compaction }) =>
    compaction === undefined
      ? []
      : Object.entries(compaction.scans).map(([scan, tally]) => [
          name,
          `${from} → ${to}`,
          scan,
          `${tally.exact}/${tally.total}`,
          percent(tally.exact, tally.total),
          percent(tally.scanned, tally.total),
          percent(tally.taken, tally.total),
          `${compaction.moved.named}/${compaction.moved.told}`,
          Object.entries(compaction.byCause)
            .filter(([cause]) => cause.startsWith(scan.split('.')[0]))
            .map(([cause, count]) => `${cause.split('.')[1]} ${count}`)
            .join(', '),
        ]),
  );
  return table(
    ['recording', 'span', 'compaction scans', 'exact', 'share', 'scanned', 'taken', 'targets known', 'missed'],
    rows,
  );
}

const range = ({ start, end }: ScanNumbersReport): string => `0x${start.toString(16)}~0x${end.toString(16)}`;
