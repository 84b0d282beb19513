/**
 * A piece of sysfs, from a real directory or from a listing: contents by path and link targets by path. Paths are
 * absolute and begin with /sys/devices/system/.
 *
 * A listing is text: first a line `path: content` for each line of each file, then a line `path -> target` for each link.
 */
import type { Account } from '../account.ts';

export interface SysfsTree {
  /** Trimmed contents; lines joined by \n. */
  readonly files: Map<string, string>;
  readonly links: Map<string, string>;
}

export function emptyTree(): SysfsTree {
  return { files: new Map(), links: new Map() };
}

export function readListing(text: string, account: Account): SysfsTree {
  const tree = emptyTree();
  for (const row of account.each(text)) {
    const link = /^(\/sys\/\S+) -> (\S+)$/.exec(row);
    if (link !== null) {
      tree.links.set(link[1], link[2]);
      account.event();
      continue;
    }
    const file = /^(\/sys\/[^:\s]+): ?(.*)$/.exec(row);
    if (file !== null) {
      const before = tree.files.get(file[1]);
      tree.files.set(file[1], before === undefined ? file[2].trim() : `${before}\n${file[2].trim()}`);
      account.event();
      continue;
    }
    account.skip('not-a-listing-line', row);
  }
  return tree;
}

/** `0-3,8` as numbers. */
export function parseCpuList(text: string): number[] {
  return text
    .trim()
    .split(',')
    .filter((part) => /^\d+(-\d+)?$/.test(part))
    .flatMap((part) => {
      const [first, last = first] = part.split('-').map(Number);
      return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);
    });
}
