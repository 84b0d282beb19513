/**
 * Series of samples for people: each zone's free memory as lines of blocks, then a table of at most ROWS instants.
 *
 * The JSON names are stable. Arrays are columns: one entry a sample; those by order are [order][sample].
 */
import { table } from './text.ts';

export interface ZoneSeriesReport {
  readonly node: number;
  readonly zone: string;
  /** Free blocks. */
  readonly free: readonly (readonly number[])[];
  readonly freePages: readonly number[];
  readonly cpuPages: readonly number[];
  /** Since the sample before. */
  readonly fallbacks: readonly number[];
  /** × 1000. */
  readonly unusable: readonly (readonly number[])[];
  /** × 1000. */
  readonly fragmentation: readonly (readonly number[])[];
}

export interface SeriesReport {
  /** ns. */
  readonly every: number;
  /** ns on the trace clock. */
  readonly time: readonly number[];
  /** Events before each sample. */
  readonly event: readonly number[];
  /** Samples beyond the limit. */
  readonly dropped: number;
  readonly pageblockOrder: number;
  readonly zones: readonly ZoneSeriesReport[];
}

const BLOCKS = '▁▂▃▄▅▆▇█';
/** Characters of a line of blocks. */
const WIDTH = 60;
/** Rows of a zone's table. */
const ROWS = 12;

/** At most `width` blocks, each the mean of its samples, from the least (▁) to the greatest value (█). */
export function sparkline(values: readonly number[], width = WIDTH): string {
  if (values.length === 0) return '';
  let least = Infinity;
  let most = -Infinity;
  for (const value of values) {
    if (value < least) least = value;
    if (value > most) most = value;
  }
  const cells = Math.min(width, values.length);
  let text = '';
  for (let cell = 0; cell < cells; cell++) {
    const from = Math.floor((cell * values.length) / cells);
    const to = Math.floor(((cell + 1) * values.length) / cells);
    let sum = 0;
    for (let i = from; i < to; i++) sum += values[i];
    const share = most === least ? 0 : (sum / (to - from) - least) / (most - least);
    text += BLOCKS[Math.min(BLOCKS.length - 1, Math.floor(share * BLOCKS.length))];
  }
  return text;
}

export function renderSeries(series: SeriesReport): string {
  const { time, every, dropped, zones } = series;
  if (time.length === 0) return 'no samples\n';
  const span = `${seconds(time[0])} s to ${seconds(time[time.length - 1])} s`;
  const more = dropped > 0 ? `; ${dropped} more were dropped` : '';
  const head = `${time.length} samples, every ${every / 1e6} ms, from ${span}${more}\n`;
  return [head, ...zones.map((zone) => renderZone(series, zone))].join('\n');
}

function renderZone({ time, pageblockOrder }: SeriesReport, zone: ZoneSeriesReport): string {
  const largest = Math.min(pageblockOrder, zone.free.length - 1);
  const lines: [string, readonly number[]][] = [
    ['free pages', zone.freePages],
    ['on CPU lists', zone.cpuPages],
    ['fallbacks', zone.fallbacks],
    [`unusable, order ${largest}`, zone.unusable[largest]],
  ];
  const width = Math.max(...lines.map(([label]) => label.length));
  const sketch = lines.map(([label, values]) => {
    const range = values.reduce<[number, number]>(
      ([a, b], v) => [Math.min(a, v), Math.max(b, v)],
      [Infinity, -Infinity],
    );
    return `  ${label.padEnd(width)}  ${sparkline(values)}  ${range[0]} to ${range[1]}\n`;
  });
  const rows = chosen(time.length).map((i) => [
    seconds(time[i]),
    String(zone.freePages[i]),
    String(zone.cpuPages[i]),
    String(zone.fallbacks[i]),
    (zone.unusable[largest][i] / 1000).toFixed(3),
    (zone.fragmentation[largest][i] / 1000).toFixed(3),
    zone.free.map((blocks) => blocks[i]).join(' '),
  ]);
  const titles = ['time', 'free', 'CPU lists', 'fallbacks', 'unusable', 'frag index', 'free blocks by order'];
  return `Node ${zone.node}, zone ${zone.zone}\n${sketch.join('')}${table(titles, rows)}`;
}

/** At most ROWS of `length` samples, evenly spread, the first and the last among them. */
function chosen(length: number): number[] {
  if (length <= ROWS) return Array.from({ length }, (_, i) => i);
  return Array.from({ length: ROWS }, (_, i) => Math.round((i * (length - 1)) / (ROWS - 1)));
}

function seconds(ns: number): string {
  return (ns / 1e9).toFixed(3);
}
