import { builtinModules } from 'node:module';
import nx from '@nx/eslint-plugin';
import nxDevkit from '@nx/devkit';
import tseslint from 'typescript-eslint';
import { projects } from './tools/lib/workspace.mjs';

await ensureProjectGraph();

/** Who may import whom, by the `layer:` tag in each package.json: a star around core, see ARCHITECTURE.md. */
const LAYERS = {
  core: [],
  subsystem: ['core'],
  workload: ['core'],
  tooling: ['core', 'workload'],
  analysis: ['core', 'subsystem', 'workload', 'tooling', 'analysis'],
  app: ['*'],
};

const CONTAINER = 'packages/core/src/host/container.ts';
const SPECS = ['**/*.spec.ts', '**/*.spec-kit.ts'];
const sources = (...layers) =>
  projects()
    .filter(({ layer }) => layers.includes(layer))
    .map(({ folder }) => `${folder}/src/**/*.ts`);

const NODE_MODULES = [...new Set(builtinModules.map((name) => name.split('/')[0]))].filter(
  (name) => !name.startsWith('_'),
);
const noNode = {
  group: ['node:*', ...NODE_MODULES.flatMap((name) => [`/${name}`, `/${name}/*`])],
  message:
    'This package runs anywhere: files, processes and streams belong to src/node of trace-import, workload or zone-device, or apps/cli.',
};
const noContainer = {
  group: ['/tsyringe', '/reflect-metadata'],
  message: `Only ${CONTAINER} knows the container: declare needs and provides instead.`,
};
const restrictImports = (...patterns) => ({ 'no-restricted-imports': ['error', { patterns }] });

export default tseslint.config(
  {
    ignores: ['**/node_modules', '**/dist', '**/out-tsc', '**/tmp', '.nx', '**/fixtures', '**/*.d.ts'],
  },
  {
    files: ['**/*.{ts,mts,mjs,js}'],
    extends: [...tseslint.configs.recommended],
    plugins: { '@nx': nx },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-var': 'error',
      'prefer-const': 'error',
      'no-debugger': 'error',
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrorsIgnorePattern: '^_', ignoreRestSiblings: true },
      ],
    },
  },
  {
    name: 'replug/layers',
    files: ['packages/**/*.ts', 'apps/**/*.ts'],
    ignores: ['**/vitest.config.ts'], // imports the shared configuration of the root, which is no project
    rules: {
      '@nx/enforce-module-boundaries': [
        'error',
        {
          allow: [],
          enforceBuildableLibDependency: false,
          depConstraints: Object.entries(LAYERS).map(([layer, allowed]) => ({
            sourceTag: `layer:${layer}`,
            onlyDependOnLibsWithTags: allowed.map((name) => (name === '*' ? name : `layer:${name}`)),
          })),
        },
      ],
    },
  },
  {
    name: 'replug/container',
    files: ['packages/**/*.ts', 'apps/**/*.ts'],
    ignores: [CONTAINER, ...SPECS],
    rules: restrictImports(noContainer),
  },
  {
    name: 'replug/no-node',
    files: sources('core', 'subsystem', 'workload', 'tooling'),
    ignores: ['packages/{trace-import,workload,zone-device}/src/node/**', CONTAINER, ...SPECS],
    rules: {
      ...restrictImports(noContainer, noNode),
      'no-restricted-syntax': [
        'error',
        { selector: 'ImportExpression[source.value=/^node:/]', message: noNode.message },
      ],
    },
  },
  {
    name: 'replug/container-without-node',
    files: [CONTAINER],
    rules: restrictImports(noNode),
  },
  {
    name: 'replug/synchronous-and-deterministic',
    files: sources('core', 'subsystem'),
    // Threads that prepare memory before the kernel is created.
    ignores: ['packages/zone-device/src/node/**', ...SPECS],
    rules: {
      'no-restricted-globals': [
        'error',
        ...['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'process', 'fetch'].map((name) => ({
          name,
          message: 'The kernel is synchronous and deterministic: time is the virtual clock.',
        })),
        { name: 'performance', message: 'Time is the virtual clock.' },
        { name: 'crypto', message: 'Use the seeded random of core.' },
      ],
      'no-restricted-properties': [
        'error',
        { object: 'Math', property: 'random', message: 'Use the seeded random of core.' },
        { object: 'Date', property: 'now', message: 'Time is the virtual clock.' },
      ],
      'no-restricted-syntax': [
        'error',
        {
          selector: ':matches(NewExpression, CallExpression)[callee.name="Date"]',
          message: 'Time is the virtual clock.',
        },
        { selector: 'ImportExpression', message: 'The kernel is synchronous: import at the top of the file.' },
        { selector: ':function[async=true]', message: 'The kernel is synchronous: async lives at import and export.' },
        { selector: 'AwaitExpression, ForOfStatement[await=true]', message: 'The kernel is synchronous.' },
        {
          selector: ':matches(NewExpression[callee.name="Promise"], MemberExpression[object.name="Promise"])',
          message: 'The kernel is synchronous.',
        },
      ],
    },
  },
);

/**
 * Without a project graph on disk, or with one that is older than a project, the layer rule lets everything pass with no
 * more than a warning. Targets run by Nx have a fresh one; a bare `eslint .` or an editor may not, so it is made here.
 */
async function ensureProjectGraph() {
  try {
    const { nodes } = nxDevkit.readCachedProjectGraph();
    if (projects().every(({ name }) => nodes[name])) return;
  } catch {
    // none yet
  }
  process.env.NX_DAEMON ??= 'false';
  await nxDevkit.createProjectGraphAsync({ exitOnError: false });
}
