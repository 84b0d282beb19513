/**
 * Where the program of the threads is. A published package has it compiled beside this file. A checkout runs from TypeScript,
 * which node's threads do not read: there it is bundled when it is first needed, by the bundler that checkouts have anyway.
 */
import { fileURLToPath } from 'node:url';

let made: Promise<URL> | undefined;

export function workerProgram(): Promise<URL> {
  return (made ??= find());
}

async function find(): Promise<URL> {
  if (import.meta.url.endsWith('.js')) return new URL('./record-worker.js', import.meta.url);
  const { buildSync } = await import('esbuild');
  const { outputFiles } = buildSync({
    entryPoints: [fileURLToPath(new URL('./record-worker.ts', import.meta.url))],
    write: false,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    conditions: ['@replug/source'],
    logLevel: 'silent',
  });
  return new URL(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`);
}
