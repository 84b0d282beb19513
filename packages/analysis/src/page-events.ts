/**
 * HOT. Which events of a recording concern one page: one pass over the columns, scalars only, rows out.
 *
 * A page event concerns the page when its block covers it, an extfrag event when the block that it breaks up does, or when
 * it changes the type of the page's pageblock; scans and ranges when the page lies in them and they took something.
 */
import { KIND, TRACEPOINT_KIND } from '@replug/core';
import { NO_PAGE_HIGH, type EventColumns } from '@replug/workload';

export interface PageRows {
  /** Ascending. */
  readonly rows: readonly number[];
  /** Scans over the page that took nothing of their range. */
  readonly emptyScans: number;
  /** Last row before `until` that tells the type of the page's pageblock, else the first after it; -1 for none. */
  readonly typeRow: number;
}

export interface PageQuery {
  readonly pfn: number;
  /** First pfn and pages of its pageblock. */
  readonly blockStart: number;
  readonly blockPages: number;
  /** The row of the instant that is asked about. */
  readonly until: number;
}

const TWO_32 = 4294967296;
const CONTIG = TRACEPOINT_KIND.get('mm_alloc_contig_migrate_range_info')!;

export function findPageEvents(events: EventColumns, query: PageQuery): PageRows {
  const { pfn, blockStart, blockPages, until } = query;
  const { kind: kinds, pfnHigh, pfnLow, unit: units, args, length } = events;
  const { mm_page_alloc_zone_locked: LOCKED, mm_page_pcpu_drain: DRAIN, mm_page_alloc_extfrag: EXTFRAG } = KIND;
  const MIGRATE_SCAN = KIND.mm_compaction_isolate_migratepages;
  const LAST_SCAN = KIND.mm_compaction_fast_isolate_freepages;
  const ISOLATED = KIND.test_pages_isolated;
  const rows: number[] = [];
  let emptyScans = 0;
  let typeRow = -1;
  for (let i = 0; i < length; i++) {
    const kind = kinds[i];
    if (kind <= DRAIN) {
      const high = pfnHigh[i];
      if (high === NO_PAGE_HIGH) continue;
      const head = high * TWO_32 + pfnLow[i];
      const offset = pfn - head;
      if (offset >= 0 && offset < 1 << (units[i] & 15)) rows.push(i);
      if (kind >= LOCKED && head >= blockStart && head < blockStart + blockPages && (i < until || typeRow < 0))
        typeRow = i;
      continue;
    }
    const at = pfnLow[i];
    if (kind === EXTFRAG) {
      const head = args[at];
      const size = 2 ** args[at + 2];
      const offset = pfn - head;
      const inBlock = head < blockStart + blockPages && head + size > blockStart;
      if ((offset >= 0 && offset < size) || (inBlock && args[at + 7] === 1)) rows.push(i);
      if (inBlock && (i < until || typeRow < 0)) typeRow = i;
    } else if (kind >= MIGRATE_SCAN && kind <= LAST_SCAN) {
      if (!(args[at] <= pfn && pfn < args[at + 1])) continue;
      if (args[at + 3] > 0) rows.push(i);
      else emptyScans++;
    } else if (kind === ISOLATED || kind === CONTIG) {
      if (args[at] <= pfn && pfn < args[at + 1]) rows.push(i);
    }
  }
  return { rows, emptyScans, typeRow };
}
