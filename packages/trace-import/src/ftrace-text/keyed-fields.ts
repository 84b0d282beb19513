/**
 * Fields by their names, in any order and among others: for lines that are not printed as the catalogue has them. Also the
 * names and values of older kernels.
 *
 *   mm_compaction_begin   zone_start=4096 migrate_start=4096 free_start=9216 zone_end=9728     before 4.0: no mode
 *   mm_compaction_end   status=1                                                               before 4.0
 *   mm_compaction_isolate_*   nr_scanned=32 nr_taken=1                                         before 4.0: no range
 *   mm_compaction_try_to_compact_pages   order=2 gfp_mask=0x27000c0 mode=1                     up to 4.8: mode, not priority
 *   mm_vmscan_wakeup_kswapd   nid=0 zid=2 order=0                                              up to 4.16: no gfp_flags
 *   mm_page_free_batched   [FAILED TO PARSE] pfn=0x1234                                        libtraceevent: the raw record
 */
import { KIND, TRACEPOINT_KIND, TRACEPOINTS } from '@replug/core';
import { isPageEvent } from '@replug/workload';

/** Numbers as they are, words and gfp texts as texts; in catalogue order, `page` left out. */
export type FieldValues = readonly (number | string)[];
export type FieldFailure = 'no-pfn' | 'bad-fields';

const TRY_TO_COMPACT = TRACEPOINT_KIND.get('mm_compaction_try_to_compact_pages')!;
const MAX_ORDER = 15;
const MAX_MIGRATETYPE = 7;
/** The first pfn that the columns cannot hold. */
const PFN_END = 0xff * 2 ** 32;

const OLDER_NAMES: Readonly<Record<string, string>> = {
  migrate_pfn: 'migrate_start',
  free_pfn: 'free_start',
  classzone_idx: 'highest_zoneidx',
  gfp_flags: 'gfp_mask',
};

/** What a field holds in the lines of a kernel that did not have it: such a line has, or has not, some other field. */
const ABSENT: Readonly<Record<string, { when: (has: Has) => boolean; value: number | string }>> = {
  nr_thp_succeeded: { when: () => true, value: 0 },
  nr_thp_failed: { when: () => true, value: 0 },
  nr_thp_split: { when: () => true, value: 0 },
  nr_split: { when: () => true, value: 0 },
  range_start: { when: (has) => !has('range'), value: 0 },
  range_end: { when: (has) => !has('range'), value: 0 },
  zone_start: { when: (has) => has('status'), value: 0 },
  migrate_pfn: { when: (has) => has('status') && !has('zone_start'), value: 0 },
  free_pfn: { when: (has) => has('status') && !has('zone_start'), value: 0 },
  zone_end: { when: (has) => has('status') && !has('zone_start'), value: 0 },
  mode: { when: (has) => has('migrate_start') || (has('status') && !has('zone_start')), value: '' },
  gfp_flags: { when: (has) => has('zid'), value: '' },
};
type Has = (name: string) => boolean;

/** `name=value`; a value may stand in parentheses, as ranges and null pointers do. */
const FIELD = /([a-z_]\w*)=(\([^)\n]{0,64}\)|[^\s,)]*)/gi;
const NO_PAGE = /(?:^|\s)page= *(?:\((?:null|nil)\)|(?:0x)?0+)(?=\s|$)/;
const MARKER_HEAD = /^ *tracing_mark_write: /;

/** The values of an event of this kind from the text after `name:`. */
export function readKeyedFields(kind: number, text: string): FieldValues | FieldFailure {
  if (kind === KIND.tracing_mark_write) return [text.replace(MARKER_HEAD, ' ').replace(/^ /, '')];
  const found = new Map<string, string>();
  FIELD.lastIndex = 0;
  for (let field = FIELD.exec(text); field !== null; field = FIELD.exec(text)) {
    if (!found.has(field[1])) found.set(field[1], field[2]);
  }
  const has: Has = (name) => found.has(name);
  const values: (number | string)[] = [];
  for (const { name, format } of TRACEPOINTS[kind].fields) {
    if (format === 'page') continue;
    const value = valueOf(kind, name, found, has);
    if (value === undefined) return name === 'pfn' && has('page') ? 'no-pfn' : 'bad-fields';
    const isText = format === 'word' || format === 'gfp';
    const read = isText || typeof value === 'number' ? value : parseNumber(value);
    if (Number.isNaN(read) || (isText && value === '' && found.has(name))) return 'bad-fields';
    values.push(read);
  }
  if (!isPageEvent(kind)) return values;
  if (values[0] === 0 && NO_PAGE.test(text)) values[0] = -1;
  return isPossiblePage(kind, values) ? values : 'bad-fields';
}

function valueOf(
  kind: number,
  name: string,
  found: ReadonlyMap<string, string>,
  has: Has,
): string | number | undefined {
  if (name === 'range_start' || name === 'range_end') {
    const range = /^\((\S+) ~ (\S+)\)$/.exec(found.get('range') ?? '');
    if (range !== null) return range[name === 'range_start' ? 1 : 2];
  }
  // The modes are 0 async, 1 light, 2 sync; the priorities that replaced them count the other way round.
  if (kind === TRY_TO_COMPACT && name === 'priority' && !has('priority')) {
    const mode = found.get('mode') ?? '';
    return /^[012]$/.test(mode) ? 2 - Number(mode) : undefined;
  }
  const value = found.get(name) ?? found.get(OLDER_NAMES[name] ?? '');
  if (value !== undefined) return value;
  if (kind === KIND.mm_page_free_batched && name === 'order') return 0;
  const absent = ABSENT[name];
  return absent?.when(has) ? absent.value : undefined;
}

/** Signed decimal or 0x-hex; -1 also as 64 bits without a sign; NaN when it is none of these. */
function parseNumber(text: string): number {
  if (/^(?:18446744073709551615|0xf{16})$/i.test(text)) return -1;
  if (/^-?\d{1,20}$/.test(text)) return Number(text);
  return /^0x[\da-f]{1,16}$/i.test(text) ? Number(text) : Number.NaN;
}

/** Whether the columns can hold it: pfn, order, then migratetype and percpu_refill where the kind has them. */
function isPossiblePage(kind: number, [pfn, order, migratetype = 0, last = 0]: FieldValues): boolean {
  const within = (value: number | string, least: number, most: number) =>
    typeof value === 'number' && value >= least && value <= most;
  if (!within(pfn, -1, PFN_END - 1) || !within(order, 0, MAX_ORDER)) return false;
  if (!within(migratetype, 0, MAX_MIGRATETYPE)) return false;
  return kind === KIND.mm_page_alloc || within(last, 0, 1);
}
