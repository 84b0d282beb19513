/**
 * What a recording holds. The JSON names are stable.
 */
import { formatSize } from '@replug/core';
import { table } from './text.ts';

export interface InspectReport {
  readonly name: string;
  readonly path: string;
  /** `unknown` when no file tells. */
  readonly arch: string;
  /** Bytes. */
  readonly pageSize: number;
  readonly bigEndian: boolean;
  /** As uname -r prints it; '' when no file tells. */
  readonly kernel: string;
  /** How many nodes there are. */
  readonly nodes: number;
  /** Of the first step with a zoneinfo; pages. */
  readonly zones: readonly InspectZone[];
  readonly steps: readonly InspectStep[];
  readonly files: readonly InspectFile[];
  /** Count by ftrace name, names this project does not know included. */
  readonly events: Readonly<Record<string, number>>;
  /** Events that the trace itself says are missing. */
  readonly lost: number;
  /** Seconds on the trace clock of the first and the last event; null without events. */
  readonly timeRange: { readonly begin: number; readonly end: number } | null;
  readonly clockAlignment: InspectAlignment | null;
  readonly warnings: readonly { readonly name: string; readonly text: string }[];
}

export interface InspectZone {
  readonly node: number;
  readonly name: string;
  readonly spanned: number;
  readonly present: number;
  /** null where the kernel prints none (before 3.10). */
  readonly managed: number | null;
}

export interface InspectStep {
  readonly number: number;
  readonly name: string;
  /** CLOCK_MONOTONIC seconds of the first read; null when unknown. */
  readonly time: number | null;
  /** How tracing relates to the reads; null when unknown. */
  readonly tracing: string | null;
  /** Zones, free pages on the buddy lists, memory blocks; null for a file that is missing. */
  readonly zones: number | null;
  readonly freePages: number | null;
  readonly memoryBlocks: number | null;
  readonly pageFlags: boolean;
}

export interface InspectFile {
  readonly path: string;
  readonly format: string;
  readonly lines?: number;
  readonly bytes?: number;
  readonly events?: number;
  readonly comments?: number;
  /** Lines that could not be used, by reason. lines = events + comments + the sum of these. */
  readonly skipped: Readonly<Record<string, number>>;
  /** The first cases of each reason. */
  readonly samples: readonly { readonly reason: string; readonly line: number; readonly text: string }[];
  /** Names that are new to the reader; kept, not dropped. */
  readonly unknownKeys: readonly string[];
  /** Counts of what is worth telling about lines that were used. */
  readonly details?: Readonly<Record<string, number>>;
}

export interface InspectAlignment {
  /** ns to add to CLOCK_MONOTONIC to get the trace clock. */
  readonly offsetNs: number;
  readonly uncertaintyNs: number;
  readonly source: string;
  readonly note: string;
}

/** The report for people. */
export function renderInspect(report: InspectReport): string {
  const sections = [
    renderHead(report),
    section('Zones', renderZones(report)),
    section('Steps', renderSteps(report)),
    section('Events', renderEvents(report)),
    section('Files', renderFiles(report)),
    section('Also counted', renderDetails(report)),
    section('Skipped lines', renderSamples(report)),
    section('Warnings', report.warnings.map(({ name, text }) => `${name}: ${text}\n`).join('')),
  ];
  return sections.filter((text) => text !== '').join('\n');
}

function section(title: string, body: string): string {
  return body === '' ? '' : `${title}\n${body}`;
}

function renderHead(report: InspectReport): string {
  const { timeRange, clockAlignment } = report;
  const rows: [string, string][] = [
    ['recording', report.path],
    ['machine', `${report.arch}, ${report.bigEndian ? 'big' : 'little'}-endian, ${formatSize(report.pageSize)} pages`],
    ['kernel', report.kernel || 'unknown'],
    ['nodes', String(report.nodes)],
  ];
  if (timeRange !== null) {
    const length = (timeRange.end - timeRange.begin).toFixed(3);
    rows.push(['trace', `${timeRange.begin.toFixed(6)} s to ${timeRange.end.toFixed(6)} s, ${length} s long`]);
    rows.push(['lost', `${report.lost} events`]);
  }
  if (clockAlignment !== null) {
    const ms = (ns: number) => (ns / 1e6).toFixed(3);
    const exact = `± ${ms(clockAlignment.uncertaintyNs)} ms (${clockAlignment.source})`;
    rows.push(['clocks', `trace = CLOCK_MONOTONIC + ${ms(clockAlignment.offsetNs)} ms ${exact}`]);
  }
  const width = Math.max(...rows.map(([label]) => label.length));
  return rows.map(([label, text]) => `${label.padEnd(width)}  ${text}\n`).join('');
}

function renderZones({ zones, pageSize }: InspectReport): string {
  if (zones.length === 0) return '';
  const size = (pages: number | null) => (pages === null ? '-' : formatSize(pages * pageSize));
  return table(
    ['node', 'zone', 'spanned', 'present', 'managed', 'managed size'],
    zones.map((z) => [
      String(z.node),
      z.name,
      String(z.spanned),
      String(z.present),
      z.managed === null ? '-' : String(z.managed),
      size(z.managed),
    ]),
  );
}

function renderSteps({ steps, pageSize }: InspectReport): string {
  if (steps.length === 0) return '';
  const number = (value: number | null) => (value === null ? '-' : String(value));
  return table(
    ['step', 'name', 'time', 'tracing', 'zones', 'free', 'blocks', 'page flags'],
    steps.map((s) => [
      String(s.number),
      s.name,
      s.time === null ? '-' : `${s.time.toFixed(3)} s`,
      s.tracing ?? '-',
      number(s.zones),
      s.freePages === null ? '-' : formatSize(s.freePages * pageSize),
      number(s.memoryBlocks),
      s.pageFlags ? 'yes' : '-',
    ]),
  );
}

function renderEvents({ events }: InspectReport): string {
  const rows = Object.entries(events).sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  return rows.length === 0
    ? ''
    : table(
        ['event', 'count'],
        rows.map(([name, count]) => [name, String(count)]),
      );
}

/** Files of one format and folder depth alike are many: one row a format, files with trouble by themselves. */
function renderFiles({ files }: InspectReport): string {
  if (files.length === 0) return '';
  const groups = new Map<string, InspectFile[]>();
  for (const file of files) groups.set(file.format, [...(groups.get(file.format) ?? []), file]);
  const sum = (group: readonly InspectFile[], field: 'lines' | 'bytes' | 'events') =>
    group.reduce((total, file) => total + (file[field] ?? 0), 0);
  return table(
    ['format', 'files', 'size', 'lines', 'events', 'skipped'],
    [...groups].map(([format, group]) => [
      format,
      String(group.length),
      formatSize(sum(group, 'bytes')),
      String(sum(group, 'lines')),
      String(sum(group, 'events')),
      String(group.reduce((total, file) => total + skippedLines(file), 0)),
    ]),
  );
}

function renderDetails({ files }: InspectReport): string {
  return files
    .flatMap(({ path, details }) =>
      Object.entries(details ?? {}).map(([name, count]) => `${path}: ${name}: ${count}\n`),
    )
    .join('');
}

function renderSamples({ files }: InspectReport): string {
  const lines: string[] = [];
  for (const file of files) {
    if (file.unknownKeys.length > 0) lines.push(`${file.path}: new names, kept: ${file.unknownKeys.join(', ')}`);
    for (const [reason, count] of Object.entries(file.skipped)) {
      const first = file.samples.find((sample) => sample.reason === reason);
      const where = first === undefined ? '' : `; line ${first.line}: ${JSON.stringify(first.text.slice(0, 100))}`;
      lines.push(`${file.path}: ${reason}: ${count}${where}`);
    }
  }
  return lines.map((line) => `${line}\n`).join('');
}

function skippedLines(file: InspectFile): number {
  return Object.values(file.skipped).reduce((sum, count) => sum + count, 0);
}
