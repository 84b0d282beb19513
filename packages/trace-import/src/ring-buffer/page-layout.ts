/**
 * What a page of the ring buffer begins with, from events/header_page:
 *
 *   field: u64 timestamp;	offset:0;	size:8;	…
 *   field: local_t commit;	offset:8;	size:8;	…
 *   field: char data;	offset:16;	size:4080;	…
 *
 * The size of a page stands in up to three places of a file, and a file made on another machine may have any of them wrong:
 * the first pages decide.
 *
 * Models: kernel/trace/ring_buffer.c ring_buffer_print_page_header().
 */
import { readFields } from '../event-format/format-text.ts';
import { badPageHeader } from '../errors.ts';
import type { Bytes } from './bytes.ts';

export interface PageHeader {
  readonly timeAt: number;
  readonly commitAt: number;
  /** Bytes of commit: of the kernel's long. */
  readonly commitSize: 4 | 8;
  readonly dataAt: number;
  /** Bytes of a page as header_page has it. */
  readonly pageSize: number;
}

export interface PageLayout extends PageHeader {
  readonly little: boolean;
}

export const MIN_PAGE = 512;
export const MAX_PAGE = 1 << 20;
/** Bits of commit that count the data; the others are marks of lost events. */
export const COMMIT_MASK = 0x7ffffff;
export const MISSED_EVENTS = 0x80000000;
export const MISSED_STORED = 0x40000000;
const KNOWN_BITS = 0xc7ffffff;
/** Pages that are looked at. */
export const PROBED = 8;

/** Throws RP4015 for a text that is no page header. Without a text the header of a kernel with that long size. */
export function readPageHeader(text: string, longSize: number): PageHeader {
  const fields = new Map(readFields(text).map((field) => [field.name, field]));
  const [time, commit, data] = ['timestamp', 'commit', 'data'].map((name) => fields.get(name));
  if (text === '') {
    const commitSize = longSize === 4 ? 4 : 8;
    return { timeAt: 0, commitAt: 8, commitSize, dataAt: 8 + commitSize, pageSize: 4096 };
  }
  if (time === undefined || commit === undefined || data === undefined) throw badPageHeader(text);
  const { size: commitSize, offset: commitAt } = commit;
  const dataAt = data.offset;
  if ((commitSize !== 4 && commitSize !== 8) || dataAt > 256 || dataAt < commitAt + commitSize)
    throw badPageHeader(text);
  if (time.size !== 8 || dataAt < time.offset + 8) throw badPageHeader(text);
  return { timeAt: time.offset, commitAt, commitSize, dataAt, pageSize: dataAt + data.size };
}

export const isPageSize = (size: number) => size >= MIN_PAGE && size <= MAX_PAGE && (size & (size - 1)) === 0;

/** The low half of commit; -1 when it cannot be a count of data. */
export function commitOf(view: DataView, page: number, { little, commitAt, commitSize }: PageLayout): number {
  const low = view.getUint32(page + commitAt + (commitSize === 8 && !little ? 4 : 0), little);
  if (commitSize === 8 && view.getUint32(page + commitAt + (little ? 4 : 0), little) !== 0) return -1;
  return (low & ~KNOWN_BITS) === 0 ? low >>> 0 : -1;
}

/**
 * The first of the candidates that the pages at `start` fit: counts of data within the page, times that do not go back. The
 * first of all when none fits.
 */
export function probeLayout(bytes: Bytes, start: number, size: number, candidates: readonly PageLayout[]): PageLayout {
  const scores = candidates.map((layout) => scoreOf(bytes, start, size, layout));
  return candidates[scores.indexOf(Math.max(...scores))];
}

/** How many of the first pages fit, of eight; 8 when all do. */
function scoreOf(bytes: Bytes, start: number, size: number, layout: PageLayout): number {
  const { pageSize, dataAt } = layout;
  const head = new Uint8Array(dataAt);
  const view = new DataView(head.buffer);
  let last = 0;
  for (let i = 0; i < PROBED; i++) {
    const at = i * pageSize;
    if (at + pageSize > size || bytes.read(start + at, head) < head.length) return i === 0 ? -1 : PROBED;
    const commit = commitOf(view, 0, layout);
    const time = timeOf(view, 0, layout);
    if (commit === -1 || (commit & COMMIT_MASK) > pageSize - dataAt || time < last) return i;
    last = time;
  }
  return PROBED;
}

export function timeOf(view: DataView, page: number, { little, timeAt }: PageLayout): number {
  const first = view.getUint32(page + timeAt, little);
  const second = view.getUint32(page + timeAt + 4, little);
  return little ? second * 4294967296 + first : first * 4294967296 + second;
}
