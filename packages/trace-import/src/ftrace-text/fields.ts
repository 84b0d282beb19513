/**
 * Fields of the events that are not page events: `name=value` in the catalogue's order, separated by spaces or commas.
 * Two shapes of their own: `range=(0x1 ~ 0x200)` holds two fields, a trace_marker line is one text to the end of the line.
 *
 * Models: the TP_printk() of include/trace/events/{kmem,compaction,migrate,page_isolation,vmscan}.h.
 */
import { KIND, TRACEPOINTS, type FieldSpec } from '@replug/core';
import { hashBytes, type ByteInterner } from './byte-interner.ts';

/** Fields that newer kernels added: 0 in older lines. */
const ADDED_LATER = new Set(['nr_thp_succeeded', 'nr_thp_failed', 'nr_thp_split', 'nr_split']);

interface Field {
  readonly format: FieldSpec['format'];
  /** Bytes of `name=`; of `range=(` and `~` for the ends of a range. */
  readonly key: Uint8Array;
  readonly optional: boolean;
}

const encoder = new TextEncoder();

function fieldKey(name: string): string {
  if (name === 'range_start') return 'range=(';
  if (name === 'range_end') return '~ ';
  return `${name}=`;
}

const FIELDS: readonly (readonly Field[])[] = TRACEPOINTS.map((tracepoint) =>
  tracepoint.fields.map((field) => ({
    format: field.format,
    key: encoder.encode(fieldKey(field.name)),
    optional: ADDED_LATER.has(field.name),
  })),
);

/**
 * Reads the fields of [start, end) into `values` and gives their count; -1 when they do not fit the catalogue. `page` is
 * left out; words and gfp texts become indices of `words`.
 */
export function readFields(
  kind: number,
  bytes: Uint8Array,
  start: number,
  end: number,
  words: ByteInterner,
  values: Float64Array,
): number {
  let at = start;
  let count = 0;
  if (kind === KIND.tracing_mark_write) {
    values[0] = words.find(bytes, start, end, hashBytes(bytes, start, end));
    return values[0] === -1 ? -1 : 1;
  }
  for (const { format, key, optional } of FIELDS[kind]) {
    while (at < end && isSeparator(bytes[at])) at++;
    let matched = 0;
    while (matched < key.length && at + matched < end && bytes[at + matched] === key[matched]) matched++;
    if (matched < key.length) {
      if (!optional) return -1;
      values[count++] = 0;
      continue;
    }
    at += matched;
    const from = at;
    while (at < end && !isSeparator(bytes[at])) at++;
    if (at === from) return -1;
    if (format === 'page') continue;
    const value =
      format === 'word' || format === 'gfp'
        ? words.find(bytes, from, at, hashBytes(bytes, from, at))
        : readNumber(bytes, from, at);
    if (Number.isNaN(value) || ((format === 'word' || format === 'gfp') && value === -1)) return -1;
    values[count++] = value;
  }
  return count;
}

/** Space, comma, and the parenthesis that closes a range. */
function isSeparator(byte: number): boolean {
  return byte === 32 || byte === 44 || byte === 41;
}

/** Signed decimal or 0x-hex; NaN when it is neither. */
export function readNumber(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  const negative = bytes[at] === 45;
  if (negative) at++;
  const hex = bytes[at] === 48 && at + 2 < end && (bytes[at + 1] | 32) === 120;
  if (hex) at += 2;
  if (at === end) return Number.NaN;
  const base = hex ? 16 : 10;
  let value = 0;
  for (; at < end; at++) {
    const digit = HEX_DIGIT[bytes[at]];
    if (digit >= base) return Number.NaN;
    value = value * base + digit;
  }
  return negative ? -value : value;
}

/** Value of a hexadecimal digit by its byte; 255 for every other byte. */
export const HEX_DIGIT = new Uint8Array(256).fill(255);
for (let digit = 0; digit < 16; digit++) {
  const text = digit.toString(16);
  HEX_DIGIT[text.charCodeAt(0)] = digit;
  HEX_DIGIT[text.toUpperCase().charCodeAt(0)] = digit;
}
