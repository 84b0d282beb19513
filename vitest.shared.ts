import { join, relative } from 'node:path';
import { defineConfig } from 'vitest/config';

const slow = Boolean(process.env.REPLUG_SLOW);

/** Where a project leaves its results for tools/test.mjs to add up. */
const reportOf = (root: string) =>
  join(import.meta.dirname, 'tmp/vitest', `${relative(import.meta.dirname, root)}.json`);

/**
 * The one vitest configuration: sibling packages resolve to their sources, so tests need no build.
 * `*.slow.spec.ts` is a suite of its own, selected by REPLUG_SLOW=1.
 */
export const shared = (root: string) =>
  defineConfig({
    root,
    resolve: { conditions: ['@replug/source'] },
    ssr: { resolve: { conditions: ['@replug/source', 'node', 'import', 'default'] } },
    test: {
      environment: 'node',
      include: slow ? ['src/**/*.slow.spec.ts'] : ['src/**/*.spec.ts'],
      exclude: slow ? [] : ['src/**/*.slow.spec.ts'],
      passWithNoTests: true,
      testTimeout: slow ? 600_000 : 120_000,
      reporters: ['default', ['json', { outputFile: reportOf(root) }]],
    },
  });
