/**
 * What a model answers in a replay: predictions one step ahead, and the frames that it chose by itself. The JSON names are
 * stable.
 */
import type { CheckpointReport, ReplayReport } from './replay.ts';
import { percent, table } from './text.ts';

export interface PredictionsReport {
  /** Frames from per-CPU lists; `exactAnnotated`: bulk allocations and interrupts, which the trace hides, taken as known. */
  readonly handOut: { readonly total: number; readonly exact: number; readonly exactAnnotated: number };
  /** Blocks from free lists; nonSequential: that do not continue the block before. */
  readonly freeList: {
    readonly total: number;
    readonly exact: number;
    readonly nonSequentialTotal: number;
    readonly nonSequentialExact: number;
  };
  readonly fallback: { readonly total: number; readonly exact: number };
  /** Refills that took as many blocks as predicted. */
  readonly refills: { readonly total: number; readonly exact: number };
  /** Misses: `handOut.<cause>`, `freeList.<cause>`, `fallback.<cause>`. */
  readonly byCause: Readonly<Record<string, number>>;
  readonly bulkPages: number;
}

export interface DivergenceReport {
  /** Row of the event, ns on the trace clock. */
  readonly event: number;
  readonly time: number;
  /** Requests before it, all served alike. */
  readonly requests: number;
  /** Frames. */
  readonly model: number;
  readonly recorded: number;
}

export interface FinalZoneReport {
  readonly node: number;
  readonly zone: string;
  /** Free blocks by order. */
  readonly free: readonly number[];
}

export interface PolicyReport {
  /** Requests that both served; of these, answered with the recorded frame. */
  readonly total: number;
  readonly exact: number;
  readonly firstDivergence: DivergenceReport | null;
  /** The machine that served, when it is not the recorded one. */
  readonly machine: string | null;
  /** What no event tells was taken over from a prediction of the same span. */
  readonly annotated: boolean;
  readonly fallbacks: number;
  readonly zones: readonly FinalZoneReport[];
}

export function renderPredictions(hindsight: PredictionsReport, online?: PredictionsReport): string {
  const shown: [string, PredictionsReport][] = [['with hindsight', hindsight]];
  if (online !== undefined) shown.push(['online', online]);
  const share = (exact: number, total: number) => (total === 0 ? '-' : `${exact}/${total} ${percent(exact, total)}`);
  const rows = shown.map(([name, { handOut, freeList, refills }]) => [
    name,
    share(handOut.exact, handOut.total),
    share(handOut.exactAnnotated, handOut.total),
    share(freeList.exact, freeList.total),
    share(freeList.nonSequentialExact, freeList.nonSequentialTotal),
    share(refills.exact, refills.total),
  ]);
  const lines = [
    table(
      ['prediction', 'from CPU lists', 'bulk, interrupts known', 'from free lists', 'not sequential', 'refill lengths'],
      rows,
    ),
  ];
  for (const [name, { byCause, bulkPages }] of shown) {
    const causes = Object.entries(byCause).sort((a, b) => b[1] - a[1]);
    const text = causes.map(([cause, count]) => `${cause} ${count}`).join(', ');
    lines.push(`misses ${name}: ${text === '' ? 'none' : text}; ${bulkPages} pages of bulk allocations found`);
  }
  return `${lines.join('\n')}\n`;
}

/** `failed`: requests that the model could not serve. */
export function renderPolicy(report: PolicyReport, checkpoints: readonly CheckpointReport[], failed: number): string {
  const { total, exact, firstDivergence, fallbacks, machine, annotated } = report;
  const known = annotated ? '; bulk allocations, early allocations and list sizes as a prediction found them' : '';
  const lines =
    machine === null
      ? [
          `${exact} of ${total} requests got the recorded frame (${percent(exact, total)}); ${fallbacks} fallbacks${known}`,
          firstDivergence === null
            ? 'no request was answered differently'
            : `first divergence at ${(firstDivergence.time / 1e9).toFixed(6)} s, after ${firstDivergence.requests} ` +
              `requests (${percent(firstDivergence.requests, total)}): model 0x${firstDivergence.model.toString(16)}, ` +
              `recorded 0x${firstDivergence.recorded.toString(16)}`,
        ]
      : [`${total} requests served by another machine, ${machine}, ${failed} not; ${fallbacks} fallbacks`];
  if (machine !== null) {
    const rows = report.zones.map((z) => [`${z.node} ${z.zone}`, z.free.join(' ')]);
    lines.push(table(['zone', 'free blocks by order at the end'], rows));
  }
  const rows = checkpoints.flatMap((c) => [
    ...c.buddyinfo.map((z) => [c.step, `${z.node} ${z.zone}`, 'free by order', z.real.join(' '), z.model.join(' ')]),
    ...c.cpuLists
      .filter((l) => l.real > 0 || l.model > 0)
      .map((l) => [c.step, `${l.node} ${l.zone}`, `CPU ${l.cpu} lists`, String(l.real), String(l.model)]),
  ]);
  if (rows.length > 0) lines.push(table(['checkpoint', 'zone', 'what', 'real', 'model'], rows));
  return `${lines.join('\n')}\n`;
}

/** One line a recording: predictions over many, with hindsight and online. */
export function renderPredictTable(reports: readonly ReplayReport[]): string {
  const share = (exact: number, total: number) => (total === 0 ? '-' : `${exact}/${total} ${percent(exact, total)}`);
  const rows = reports.flatMap(({ name, predictions: p, predictionsOnline: online }) => {
    if (p === undefined) return [];
    return [
      [
        name,
        share(p.handOut.exact, p.handOut.total),
        percent(p.handOut.exactAnnotated, p.handOut.total),
        share(p.freeList.exact, p.freeList.total),
        share(p.freeList.nonSequentialExact, p.freeList.nonSequentialTotal),
        online === undefined ? '-' : percent(online.handOut.exact, online.handOut.total),
        online === undefined ? '-' : percent(online.freeList.exact, online.freeList.total),
      ],
    ];
  });
  return table(['recording', 'B', 'B*', 'C', "C'", 'B online', 'C online'], rows);
}

/** One line a recording: how far the model's own decisions are the kernel's. */
export function renderPolicyTable(reports: readonly ReplayReport[]): string {
  const rows = reports.flatMap(({ name, total, exact, firstDivergence, checkpoints, annotated }) => {
    if (total === undefined || exact === undefined) return [];
    const end = checkpoints.at(-1);
    const error = end === undefined ? '-' : relativeError(end);
    const first =
      firstDivergence === null || firstDivergence === undefined ? 'none' : percent(firstDivergence.requests, total);
    return [[name, annotated === true ? 'yes' : 'no', first, `${exact}/${total}`, percent(exact, total), error]];
  });
  return table(['recording', 'annotated', 'first divergence', 'exact', 'share', 'wrong at the end, by order'], rows);
}

/** Free pages in blocks that the other side does not have, by order, as a share of the real free pages. */
function relativeError({ buddyinfo }: CheckpointReport): string {
  let wrong = 0;
  let free = 0;
  for (const { real, model } of buddyinfo) {
    real.forEach((blocks, order) => {
      wrong += Math.abs(model[order] - blocks) * 2 ** order;
      free += blocks * 2 ** order;
    });
  }
  return wrong === 0 ? 'none' : percent(wrong, free);
}
