/**
 * What is left of memory devices when the host asks for a size, as data and as text with a map. The JSON names are stable.
 *
 * Sizes are bytes, addresses physical bytes, times virtual nanoseconds. Pages are base pages.
 */
import { table } from './text.ts';

/** Who takes memory away: the virtio-mem driver, or an operator who writes `offline` to memory blocks. */
export type UnplugKind = 'virtio-mem' | 'dimm' | 'blocks';

export interface UnplugDevice {
  readonly id: string;
  readonly kind: UnplugKind;
  readonly node: number;
  readonly addr: number;
  /** Of the region: the most that it can have. */
  readonly size: number;
  /** Piece that is taken or stays as one: sub-block, big block, memory block. */
  readonly unit: number;
  /** Plugged (blocks: online) before, asked for, and in the end. */
  readonly before: number;
  readonly requested: number;
  readonly reached: number;
  /** A character a unit from `addr` on: `.` unplugged now, `#` stayed, `+` was not needed, ` ` was not there before. */
  readonly map: string;
}

/** Why a range stayed: a page that cannot be moved, and its owner where something tells. */
export interface UnplugOwner {
  readonly comm: string;
  readonly pid: number | null;
  readonly gfp: string;
  /** Innermost first; empty where none is known. */
  readonly stack: readonly string[];
}

export interface UnplugStay {
  readonly device: string;
  /** Half-open, physical bytes. */
  readonly range: { readonly start: number; readonly end: number };
  /** Of the try, in a word: `slab`, `kernel`, `no-memory`, `retries` … */
  readonly reason: string;
  /** The page that stopped it; `null` when no single page did. */
  readonly pfn: number | null;
  readonly owner: UnplugOwner | null;
}

export interface UnplugReport {
  readonly name: string;
  readonly path: string | null;
  readonly at: { readonly step: string | null; readonly time: number | null; readonly note: string };
  readonly pageSize: number;
  readonly blockSize: number;
  /** Options of the letter's future work that were on. */
  readonly options: readonly string[];
  readonly devices: readonly UnplugDevice[];
  readonly stayed: readonly UnplugStay[];
  /** Pages that were moved, page cache that was dropped instead, and ranges that were tried. */
  readonly migrated: number;
  readonly dropped: number;
  readonly tries: number;
  /** ns until the worker rests, and what they went to, by name of the cost table. */
  readonly virtualTime: number;
  readonly costs: Readonly<Record<string, number>>;
  /** Where owners come from; `null` when nothing tells them. */
  readonly ownersFrom: string | null;
  readonly notes: readonly string[];
}

/** Units in a row of the map. */
const ROW = 64;

export function renderUnplug(report: UnplugReport, top = 20): string {
  const { at, devices, stayed, options } = report;
  const when = at.step === null && at.time === null ? '' : ` at ${at.step ?? `${at.time!.toFixed(6)} s`}`;
  const lines = [
    `${report.name}${when}${options.length > 0 ? `, with ${options.join(', ')}` : ''}`,
    `${report.migrated} pages moved, ${report.dropped} dropped, ${report.tries} ranges tried, ${msText(report.virtualTime)} of virtual time`,
    '',
  ];
  const rows = devices.map((d) => [
    d.id,
    d.kind,
    String(d.node),
    `0x${d.addr.toString(16)}`,
    sizeText(d.unit),
    sizeText(d.before),
    sizeText(d.requested),
    sizeText(d.reached),
  ]);
  let text = `${lines.join('\n')}${table(['device', 'kind', 'node', 'address', 'unit', 'before', 'asked', 'reached'], rows)}`;
  for (const device of devices) text += `\n${mapText(device)}`;
  if (devices.some(({ map }) => map.trim() !== '')) text += '\n. unplugged   # stayed   + not needed\n';
  if (stayed.length > 0) text += `\n${stayedText(report, top)}`;
  for (const note of report.notes) text += `note: ${note}\n`;
  return text;
}

function mapText({ id, unit, map }: UnplugDevice): string {
  const rows: string[] = [];
  const width = String(Math.max(0, Math.ceil(map.length / ROW) - 1) * ROW).length;
  let last = '';
  for (let at = 0; at < map.length; at += ROW) {
    const row = map.slice(at, at + ROW);
    // As hexdump does: rows like the one before are one star.
    if (row !== last) rows.push(`${String(at).padStart(width)}  ${row}`.trimEnd());
    else if (rows.at(-1) !== '*') rows.push('*');
    last = row;
  }
  return `${id}, ${sizeText(unit)} a character\n${rows.join('\n')}\n`;
}

function stayedText({ stayed, ownersFrom }: UnplugReport, top: number): string {
  const rows = stayed
    .slice(0, top)
    .map(({ device, range, reason, pfn, owner }) => [
      device,
      `0x${range.start.toString(16)}-0x${(range.end - 1).toString(16)}`,
      reason,
      pfn === null ? '-' : `0x${pfn.toString(16)}`,
      owner === null ? '-' : owner.pid === null ? owner.comm : `${owner.comm}-${owner.pid}`,
      owner === null ? '-' : owner.gfp || '-',
      owner === null || owner.stack.length === 0 ? '-' : owner.stack.slice(0, 4).join(' < '),
    ]);
  const more = stayed.length > rows.length ? `${stayed.length - rows.length} more ranges\n` : '';
  const from = ownersFrom === null ? 'nothing tells whose pages they are' : `owners from ${ownersFrom}`;
  return `What stayed (${from})\n${table(['device', 'range', 'reason', 'page', 'task', 'gfp', 'stack'], rows)}${more}`;
}

/** `1 GiB`, `126 MiB`. */
export function sizeText(bytes: number): string {
  if (bytes !== 0 && bytes % 2 ** 30 === 0) return `${bytes / 2 ** 30} GiB`;
  return bytes % 2 ** 20 === 0 ? `${bytes / 2 ** 20} MiB` : `${bytes / 2 ** 10} KiB`;
}

function msText(ns: number): string {
  return `${(ns / 1e6).toFixed(1)} ms`;
}
