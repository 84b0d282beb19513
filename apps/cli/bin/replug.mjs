#!/usr/bin/env node
// In a checkout this bundles src/main.ts and runs it, so `npx replug` needs no build; a published package runs dist/main.js.
import { existsSync } from 'node:fs';

const at = (path) => new URL(path, import.meta.url);
const isCheckout = existsSync(at('../src/main.ts')) && existsSync(at('../../../tsconfig.base.json'));

process.setSourceMapsEnabled(true);
await import(isCheckout ? await bundleSources() : at('../dist/main.js').href);

async function bundleSources() {
  const { fileURLToPath } = await import('node:url');
  const { bundle, cacheDir, BundleError } = await import('./bundle.mjs').catch((error) => {
    if (error.code === 'ERR_MODULE_NOT_FOUND')
      fail('dependencies are not installed: run `npm ci` in the repository first');
    throw error;
  });
  try {
    // One stable place: whoever needs a path to this program (a worker thread) can rely on it.
    return await bundle({ entry: fileURLToPath(at('../src/main.ts')), outfile: `${cacheDir}/main.mjs` });
  } catch (error) {
    if (error instanceof BundleError) fail(`${error.message}; see the messages above`);
    throw error;
  }
}

function fail(message) {
  console.error(`replug: ${message}`);
  process.exit(70); // no verdict of the program itself
}
