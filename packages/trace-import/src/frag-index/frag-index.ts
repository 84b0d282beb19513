/**
 * debugfs extfrag_index and unusable_index: one line a populated zone, one value an order, printed in thousandths as
 * `%d.%03d` of the quotient and the remainder, so -500 reads `0.-500` and -1000 reads `-1.000`.
 *
 * Models: mm/vmstat.c extfrag_show_print(), unusable_show_print().
 */
import type { IndexRow } from '@replug/workload';
import type { Account } from '../account.ts';

export function readIndex(text: string, account: Account): IndexRow[] {
  const rows: IndexRow[] = [];
  for (const row of account.each(text)) {
    const match = /^\s*Node\s+(\d+),\s*zone\s+(\S+)((?:\s+-?\d+\.-?\d{3})+)\s*$/.exec(row);
    if (match === null) {
      account.skip('not-an-index-line', row);
      continue;
    }
    rows.push({ node: Number(match[1]), name: match[2], values: match[3].trim().split(/\s+/).map(thousandths) });
    account.event();
  }
  return rows;
}

function thousandths(cell: string): number {
  const [whole, part] = cell.split('.');
  const remainder = Number(part);
  return Number(whole) * 1000 + (whole.startsWith('-') ? -remainder : remainder);
}
