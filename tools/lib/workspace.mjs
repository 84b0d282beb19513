/** Where things are, and how a program of this repository is started. */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../', import.meta.url)).replace(/\/$/, '');

export const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'));

/** Continuous integration: nothing may be replayed from a cache. */
export const inCi = !['', '0', 'false'].includes((process.env.CI ?? '').toLowerCase());

/** Every package and application: its folder, its name, its layer and its scripts. */
export function projects() {
  return ['packages', 'apps'].flatMap((group) =>
    readdirSync(join(root, group))
      .sort()
      .map((folder) => `${group}/${folder}`)
      .filter((folder) => existsSync(join(root, folder, 'package.json')))
      .map((folder) => {
        const { name, nx, scripts = {} } = readJson(join(root, folder, 'package.json'));
        const layer = nx?.tags?.find((tag) => tag.startsWith('layer:'))?.slice('layer:'.length);
        return { folder, name, layer, scripts };
      }),
  );
}

export const nxCacheDir = join(root, '.nx', 'cache');

/** Nx with its cache inside this checkout: by default clones share one in the home directory. */
export const runNx = (args, env = {}) =>
  runNode(join(root, 'node_modules', '.bin', 'nx'), args, {
    NX_DAEMON: 'false',
    NX_NO_CLOUD: 'true',
    NX_TUI: 'false',
    NX_CACHE_DIRECTORY: nxCacheDir,
    ...env,
  });

/** Runs a script of ours or of a dependency in a fresh node process; resolves to its exit code. */
export const runNode = (script, args = [], env = {}) =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script, ...args], {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    child.on('error', reject);
    child.on('exit', (code, signal) => resolve(code ?? (signal ? 1 : 0)));
  });
