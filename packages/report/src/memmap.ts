/**
 * How long struct pages of large memory keep a machine waiting, as data and as text with a chart. The JSON names are stable.
 *
 * Times are milliseconds since the devices were found, memory is bytes.
 */
import { table } from './text.ts';

/** What has happened by when. */
export interface MemmapTimes {
  /** All devices are there to be opened. */
  readonly visible: number;
  /** File systems are mounted on them. */
  readonly mounted: number;
  /** The first fault, at 0.7 of the last device, is served. */
  readonly firstFault: number;
  /** Every struct page is initialised. */
  readonly complete: number;
}

export interface MemmapVariant {
  readonly name: string;
  readonly how: string;
  readonly times: MemmapTimes;
  /** Pieces that the first fault initialised itself, and pieces it waited for. */
  readonly fault: { readonly taken: number; readonly waited: number; readonly ns: number };
  /** Bytes of memmap in memory and on the devices. */
  readonly memory: number;
  readonly device: number;
}

export interface MemmapDevice {
  readonly nid: number;
  readonly bytes: number;
}

export interface MemmapReport {
  readonly machine: string;
  readonly pageSize: number;
  readonly structPageSize: number;
  readonly devices: readonly MemmapDevice[];
  readonly pages: number;
  /** What was put in: ns a page and thread, bytes a second of a node's memory and of a node's devices. */
  readonly costs: {
    readonly nsPerPage: number;
    readonly nodeBytesPerSecond: number;
    readonly deviceBytesPerSecond: number;
    readonly mountNs: number;
    readonly faultNs: number;
  };
  readonly variants: readonly MemmapVariant[];
}

/** A measurement that somebody published, and what the engine says of it. */
export interface PublishedFigure {
  readonly source: string;
  readonly machine: string;
  readonly what: string;
  /** Milliseconds. */
  readonly published: number;
  readonly model: number;
  /** What of the measurement's own numbers was put in, and what came from elsewhere. */
  readonly inputs: string;
  /** Why it is off by more than a fifth; empty otherwise. */
  readonly reason: string;
}

const MARKS = [
  ['visible', 'V'],
  ['mounted', 'M'],
  ['firstFault', 'F'],
  ['complete', 'C'],
] as const;
/** Characters of the chart's axis. */
const WIDTH = 60;

export function renderMemmap(report: MemmapReport): string {
  const { machine, devices, pages, costs, variants, pageSize } = report;
  const bytes = devices.reduce((sum, d) => sum + d.bytes, 0);
  const lines = [
    `${machine}: ${devices.length} devices of ${size(bytes)}, ${pages} pages of ${size(pageSize)}`,
    `${costs.nsPerPage} ns a struct page and thread, ${rate(costs.nodeBytesPerSecond)} a node's memory, ` +
      `${rate(costs.deviceBytesPerSecond)} a node's devices`,
    '',
  ];
  const rows = variants.map(({ name, times, memory, device, fault }) => [
    name,
    duration(times.visible),
    duration(times.mounted),
    duration(times.firstFault),
    duration(times.complete),
    duration(fault.ns / 1e6),
    size(memory),
    size(device),
  ]);
  const head = ['way', 'visible', 'mounted', 'first fault', 'complete', 'fault took', 'in memory', 'on device'];
  const how = variants.map(({ name, how: text }) => `${name}: ${text}`).join('\n');
  return `${lines.join('\n')}${table(head, rows)}\n${timeline(variants)}\n${how}\n`;
}

/**
 * One line a way, time to the right on a logarithmic axis: V visible, M mounted, F first fault served, C complete; `=` until
 * the devices are visible, `-` while pages are being initialised behind the scenes.
 */
export function timeline(variants: readonly Pick<MemmapVariant, 'name' | 'times'>[]): string {
  const most = Math.max(10, ...variants.map((v) => v.times.complete));
  const decades = Math.ceil(Math.log10(most));
  const column = (ms: number): number =>
    Math.min(WIDTH, Math.max(0, Math.round((Math.log10(Math.max(1, ms)) / decades) * WIDTH)));
  const pad = Math.max(...variants.map((v) => v.name.length), 4);
  const lines = variants.map(({ name, times }) => {
    const cells: string[] = Array.from({ length: WIDTH + 1 }, (_, at) =>
      at <= column(times.visible) ? '=' : at <= column(times.complete) ? '-' : ' ',
    );
    // Marks at one place: the later event is the one to see.
    for (const [key, mark] of MARKS) cells[column(times[key])] = mark;
    return `${name.padEnd(pad)} ${cells.join('')}`.trimEnd();
  });
  const axis = Array.from({ length: WIDTH + 1 }, () => ' ');
  const labels: string[] = [];
  for (let decade = 0; decade <= decades; decade++) {
    const at = Math.round((decade / decades) * WIDTH);
    axis[at] = '|';
    labels[at] = duration(10 ** decade);
  }
  let legend = '';
  labels.forEach((label, at) => (legend = `${legend.padEnd(at)}${label}`));
  return [`${' '.repeat(pad)} ${axis.join('')}`, ...lines, `${' '.repeat(pad)} ${legend}`, ''].join('\n');
}

export function renderPublished(figures: readonly PublishedFigure[]): string {
  const rows = figures.map((f) => [
    f.source,
    f.machine,
    f.what,
    duration(f.published),
    duration(f.model),
    `${f.model >= f.published ? '+' : ''}${(((f.model - f.published) / f.published) * 100).toFixed(1)} %`,
  ]);
  const reasons = figures.filter((f) => f.reason !== '').map((f) => `${f.machine}, ${f.what}: ${f.reason}`);
  const head = ['source', 'machine', 'what', 'published', 'model', 'off by'];
  return `${table(head, rows)}${reasons.length > 0 ? `\n${reasons.join('\n')}\n` : ''}`;
}

/** `280.3 s`, `125.7 ms`, `1.5 µs`. */
function duration(ms: number): string {
  if (ms >= 1000) return `${(ms / 1000).toFixed(ms >= 100_000 ? 0 : 1)} s`;
  if (ms >= 1) return `${ms.toFixed(ms >= 100 ? 0 : 1)} ms`;
  return `${(ms * 1000).toFixed(1)} µs`;
}

function size(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let unit = 0;
  let value = bytes;
  for (; value >= 1024 && unit < units.length - 1; unit++) value /= 1024;
  return `${Number.isInteger(value) ? value : value.toFixed(1)} ${units[unit]}`;
}

const rate = (bytesPerSecond: number): string => `${(bytesPerSecond / 1e9).toFixed(1)} GB/s`;
