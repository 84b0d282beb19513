/**
 * /proc/iomem: physical address ranges, children indented by two spaces under their parents. Without privileges the
 * kernel prints zeros for every address; such a file says nothing and is reported.
 *
 * Models: kernel/resource.c r_show().
 */
import type { IomemRange } from '@replug/workload';
import type { Account } from '../account.ts';

export function readIomem(text: string, account: Account): IomemRange[] {
  const ranges: IomemRange[] = [];
  for (const row of account.each(text)) {
    const match = /^( *)([0-9a-f]+)-([0-9a-f]+) : (.*)$/.exec(row);
    if (match === null) {
      account.skip('not-an-iomem-line', row);
      continue;
    }
    ranges.push({
      start: Number.parseInt(match[2], 16),
      end: Number.parseInt(match[3], 16),
      name: match[4],
      depth: match[1].length >> 1,
    });
    account.event();
  }
  return ranges;
}

/** True when the kernel hid the addresses from whoever made the dump. */
export function isHiddenIomem(ranges: readonly IomemRange[]): boolean {
  return ranges.length > 1 && ranges.every((r) => r.start === 0 && r.end === 0);
}
