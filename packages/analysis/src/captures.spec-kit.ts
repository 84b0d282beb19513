/** Where the specs find captures: the shipped ones, and all others where a shared folder is at hand. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const shippedFolder = join(root, 'fixtures', 'captures');
const sharedFolder = join(process.env.REPLUG_SHARED ?? join(root, '..', 'shared'), 'captures');

const capturesIn = (folder: string): string[] =>
  existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => existsSync(join(folder, name, 'meta.txt')))
        .sort()
        .map((name) => join(folder, name))
    : [];

/** Captures in the repository. */
export const shipped = capturesIn(shippedFolder);
/** All captures of the shared folder; empty where there is none. */
export const shared = capturesIn(sharedFolder);
export const hasTrace = (path: string): boolean => existsSync(join(path, 'trace', 'trace.txt.xz'));
export const nameOf = (path: string): string => path.split('/').at(-1)!;
