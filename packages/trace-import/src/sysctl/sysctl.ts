/** Output of sysctl(8): `vm.min_free_kbytes = 67584`. Values stay text, tabs included. */
import type { Account } from '../account.ts';

export function readSysctl(text: string, account: Account): Record<string, string> {
  const values: Record<string, string> = {};
  for (const row of account.each(text)) {
    const match = /^([\w./-]+)\s*=\s?(.*)$/.exec(row);
    if (match === null) {
      account.skip('not-a-sysctl-line', row);
      continue;
    }
    values[match[1].replaceAll('/', '.')] = match[2].trim();
    account.event();
  }
  return values;
}
