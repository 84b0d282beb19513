/** Where the specs find captures and dumps: the shipped ones, and all others where a shared folder is at hand. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FileAccount } from '@replug/workload';
import { Account } from './account.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const shared = process.env.REPLUG_SHARED ?? join(root, '..', 'shared');

/** Captures in the repository. */
export const shippedFolder = join(root, 'fixtures', 'captures');
export const x86 = join(shippedFolder, 'x86_64-6.12-exact-fileio');
export const ppc = join(shippedFolder, 'ppc64le-6.1-exact-anonhog');
export const s390 = join(shippedFolder, 's390x-6.1-exact-anonhog');

/** All captures and third-party dumps of the shared folder; empty where there is none. */
export const sharedCaptures = foldersIn(join(shared, 'captures'));
export const dumpsFolder = join(shared, 'dumps');
export const hasShared = sharedCaptures.length > 0;
export const hasDumps = existsSync(dumpsFolder);

function foldersIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .map((name) => join(folder, name))
    .filter((path) => existsSync(join(path, 'meta.txt')))
    .sort();
}

/** All files below a folder whose name matches. */
export function filesBelow(folder: string, name: RegExp): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => name.test(path.split('/').at(-1)!))
    .map((path) => join(folder, path))
    .filter((path) => statSync(path).isFile())
    .sort();
}

/** Reads a text with a reader and gives its value with the account. */
export function readWith<T>(
  read: (text: string, account: Account) => T,
  text: string,
): { value: T; account: FileAccount } {
  const account = new Account('test', 'test');
  const value = read(text, account);
  return { value, account: account.finish() };
}

export const readFileWith = <T>(read: (text: string, account: Account) => T, path: string) =>
  readWith(read, readFileSync(path, 'utf8'));

/** lines − events − comments − skipped: 0 for every account of a file of lines. */
export function unaccounted({ lines, events = 0, comments = 0, skipped }: FileAccount): number {
  if (lines === undefined) return 0;
  return lines - events - comments - Object.values(skipped).reduce((sum, n) => sum + n, 0);
}
