/**
 * /proc/vmstat (`name value`) and /proc/meminfo (`Name:   value kB`; HugePages_* without a unit). Numbers as printed.
 *
 * Models: mm/vmstat.c vmstat_show(), fs/proc/meminfo.c meminfo_proc_show().
 */
import type { Account } from '../account.ts';

export function readVmstat(text: string, account: Account): Record<string, number> {
  return readPairs(text, account, /^\s*([\w()]+)\s+(-?\d+)\s*$/, 'not-a-vmstat-line');
}

export function readMeminfo(text: string, account: Account): Record<string, number> {
  return readPairs(text, account, /^\s*(?:Node\s+\d+\s+)?([\w()]+):\s*(-?\d+)(?:\s+kB)?\s*$/, 'not-a-meminfo-line');
}

function readPairs(text: string, account: Account, shape: RegExp, reason: string): Record<string, number> {
  const values: Record<string, number> = {};
  for (const row of account.each(text)) {
    const match = shape.exec(row);
    if (match === null) {
      account.skip(reason, row);
      continue;
    }
    values[match[1]] = Number(match[2]);
    account.event();
  }
  return values;
}
