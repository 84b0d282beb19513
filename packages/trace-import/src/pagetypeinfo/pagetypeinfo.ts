/**
 * /proc/pagetypeinfo: free blocks by migratetype and order, pageblocks by migratetype. The whole of it is repeated per
 * node. A list that is too long to count prints `>100000`.
 *
 * Models: mm/vmstat.c pagetypeinfo_show().
 */
import type { Pagetypeinfo } from '@replug/workload';
import type { Account } from '../account.ts';

type FreeRow = Pagetypeinfo['free'][number];
type BlockRow = Pagetypeinfo['blocks'][number];

export function readPagetypeinfo(text: string, account: Account): Pagetypeinfo {
  let pageblockOrder = 0;
  let columns: string[] = [];
  const free: FreeRow[] = [];
  const blocks: BlockRow[] = [];
  let table: 'free' | 'blocks' | 'mixed' | undefined;

  for (const row of account.each(text)) {
    const order = /^Page block order:\s*(\d+)\s*$/.exec(row);
    if (order !== null) {
      pageblockOrder = Number(order[1]);
      account.event();
    } else if (/^Pages per block:/.test(row)) {
      account.event();
    } else if (/^Free pages count per migrate type/.test(row)) {
      table = 'free';
      account.comment();
    } else if (/^Number of blocks type/.test(row)) {
      table = 'blocks';
      columns = row.slice('Number of blocks type'.length).trim().split(/\s+/);
      account.event();
    } else if (/^Number of mixed blocks/.test(row)) {
      table = 'mixed';
      account.comment();
    } else {
      const match = /^Node\s+(\d+),\s*zone\s+(\S+?)(?:,\s*type\s+(\S+))?((?:\s+>?\d+)+)\s*$/.exec(row);
      if (match === null) {
        account.skip('not-a-pagetypeinfo-line', row);
        continue;
      }
      const cells = match[4].trim().split(/\s+/);
      const counts = cells.map((cell) => Number(cell.replace('>', '')));
      const place = { node: Number(match[1]), name: match[2] };
      if (match[3] !== undefined) {
        const saturated = cells.flatMap((cell, i) => (cell.startsWith('>') ? [i] : []));
        free.push({ ...place, type: match[3], counts, saturated });
        account.event();
      } else if (table === 'blocks') {
        blocks.push({ ...place, counts });
        account.event();
      } else {
        account.skip(table === 'mixed' ? 'mixed-blocks' : 'row-outside-a-table', row);
      }
    }
  }
  const migratetypes = columns.length > 0 ? columns : [...new Set(free.map((f) => f.type))];
  return { pageblockOrder, migratetypes, free, blocks };
}
