/**
 * /proc/buddyinfo: free blocks by order, one line a populated zone.
 *
 *   Node 0, zone    DMA32      2      3      3 …
 *
 * Models: mm/vmstat.c frag_show_print().
 */
import type { BuddyinfoZone } from '@replug/workload';
import type { Account } from '../account.ts';

export function readBuddyinfo(text: string, account: Account): BuddyinfoZone[] {
  const zones: BuddyinfoZone[] = [];
  for (const row of account.each(text)) {
    const match = /^\s*Node\s+(\d+),\s*zone\s+(\S+)((?:\s+\d+)+)\s*$/.exec(row);
    if (match === null) {
      account.skip('not-a-buddyinfo-line', row);
      continue;
    }
    zones.push({ node: Number(match[1]), name: match[2], counts: match[3].trim().split(/\s+/).map(Number) });
    account.event();
  }
  return zones;
}
