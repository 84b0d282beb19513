/**
 * Runs the benchmarks, packages/<name>/bench/<case>.bench.ts, one after the other, each in a fresh process.
 *
 *   node tools/bench.mjs [TEXT…]   those whose path contains one of the texts
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BundleError, bundle, cacheDir } from '../apps/cli/bin/bundle.mjs';
import { projects, root } from './lib/workspace.mjs';

const filters = process.argv.slice(2);
const benches = projects()
  .map(({ folder }) => `${folder}/bench`)
  .filter((folder) => existsSync(join(root, folder)))
  .flatMap((folder) =>
    readdirSync(join(root, folder))
      .sort()
      .map((file) => `${folder}/${file}`),
  )
  .filter((path) => path.endsWith('.bench.ts'))
  .filter((path) => filters.length === 0 || filters.some((text) => path.includes(text)));

if (benches.length === 0) console.log('no benchmark found');
for (const path of benches) {
  console.log(`\n# ${path}`);
  if (!(await run(path))) {
    console.error(`${path} failed`);
    process.exitCode = 1;
  }
}

async function run(path) {
  const outfile = join(cacheDir, path.replace(/\.ts$/, '.mjs'));
  try {
    const url = await bundle({ entry: join(root, path), outfile });
    const flags = ['--enable-source-maps', '--expose-gc'];
    return spawnSync(process.execPath, [...flags, fileURLToPath(url)], { cwd: root, stdio: 'inherit' }).status === 0;
  } catch (error) {
    if (error instanceof BundleError) return false;
    throw error;
  }
}
