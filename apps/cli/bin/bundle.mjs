/**
 * Bundles TypeScript of this repository for node, without a build step.
 *
 * `@replug/*` is taken from its sources; every other package stays external and is named by the file that its importer
 * resolves to, so that a dependency nested below one workspace (not hoisted) is found from the bundle's place too.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import * as esbuild from 'esbuild';

export const repositoryRoot = fileURLToPath(new URL('../../../', import.meta.url));
export const cacheDir = join(repositoryRoot, 'node_modules', '.cache', 'replug');

/** Thrown after esbuild has said what is wrong: the caller has nothing to add. */
export class BundleError extends Error {}

/** Bundles `entry` into `outfile`, atomically and only when something changed; returns the URL to import. */
export async function bundle({ entry, outfile }) {
  try {
    const result = await esbuild.build({
      absWorkingDir: repositoryRoot,
      entryPoints: [entry],
      outfile,
      write: false,
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node20',
      conditions: ['@replug/source'],
      tsconfig: join(repositoryRoot, 'tsconfig.base.json'),
      sourcemap: 'inline',
      sourcesContent: false,
      logLevel: 'warning',
      plugins: [externalPackages, sourceLocations],
    });
    replaceFile(outfile, result.outputFiles[0].contents);
  } catch (error) {
    if (Array.isArray(error?.errors)) throw new BundleError(`cannot bundle ${basename(entry)}`, { cause: error });
    throw error;
  } finally {
    await esbuild.stop();
  }
  return pathToFileURL(outfile).href;
}

/** A reader sees the old file or the new one, never half of it, whoever else is writing. */
function replaceFile(path, contents) {
  try {
    if (readFileSync(path).equals(contents)) return;
  } catch {
    mkdirSync(dirname(path), { recursive: true });
  }
  const temporary = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`;
  try {
    writeFileSync(temporary, contents);
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

const builtins = new Set(builtinModules);
const RESOLVING = Symbol('resolving');

const externalPackages = {
  name: 'external-packages',
  setup(build) {
    build.onResolve({ filter: /^[^./]/ }, async ({ path, kind, importer, resolveDir, pluginData }) => {
      if (pluginData === RESOLVING || kind === 'entry-point' || path.startsWith('@replug/')) return undefined;
      if (path.startsWith('node:') || builtins.has(path)) return { path, external: true };
      const resolved = await build.resolve(path, { kind, importer, resolveDir, pluginData: RESOLVING });
      if (resolved.errors.length > 0) return { errors: resolved.errors };
      return { path: resolved.external ? resolved.path : pathToFileURL(resolved.path).href, external: true };
    });
  },
};

/** `import.meta.url` keeps meaning the source file's own place, as it does in tests, so files beside a source are found. */
const sourceLocations = {
  name: 'source-locations',
  setup(build) {
    build.onLoad({ filter: /\.ts$/ }, ({ path }) => {
      const text = readFileSync(path, 'utf8');
      if (!text.includes('import.meta.')) return undefined;
      const values = { url: pathToFileURL(path).href, filename: path, dirname: dirname(path) };
      const contents = text.replace(/\bimport\.meta\.(url|filename|dirname)\b/g, (_, key) =>
        JSON.stringify(values[key]),
      );
      return { contents, loader: 'ts' };
    });
  },
};
