/**
 * Proves that the lint rules which keep the architecture still bite: a rule that is skipped, misspelt or switched off
 * lets everything pass in silence. Each case plants a file, lints it as its project would, and must see the named rule fail.
 *
 * A planted file exists in memory alone, under a name that is not on disk: nothing to clean up after an interruption,
 * and nothing that a target running in parallel could stumble over.
 *
 *   node tools/check-boundaries.mjs [REPORT.json]
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ESLint } from 'eslint';
import { projects, root } from './lib/workspace.mjs';

const LAYER_RULE = '@nx/enforce-module-boundaries';
const PLANTED = 'src/planted-by-check-boundaries.ts';

/** A case: this text in this file breaks `rule`, or is clean where no rule is given. */
function cases() {
  const all = projects();
  const inLayer = (layer) => all.filter((project) => project.layer === layer);
  const named = (name) => all.find((project) => project.name === `@replug/${name}`);
  const core = named('core');
  const buddy = named('buddy');
  const sibling = inLayer('subsystem').find((project) => project !== buddy);

  const importing = (from, to) => ({
    title: `${from.layer} → ${to.layer}: ${from.name} importing ${to.name}`,
    path: join(from.folder, PLANTED),
    text: `import * as planted from '${to.name}';\nexport const use = planted;\n`,
  });
  const forbidden = (from, to) => ({ ...importing(from, to), rule: LAYER_RULE });
  const allowed = (from, to) => importing(from, to);
  const planted = (title, path, rule, text) => ({ title, path, rule, text });

  return [
    forbidden(core, buddy),
    forbidden(core, named('workload')),
    forbidden(buddy, named('replay')),
    forbidden(buddy, named('workload')),
    ...(sibling ? [forbidden(buddy, sibling), forbidden(sibling, buddy)] : []),
    forbidden(named('workload'), named('replay')),
    forbidden(named('replay'), buddy),
    forbidden(named('report'), named('trace-import')),
    forbidden(named('trace-import'), named('analysis')),
    forbidden(named('analysis'), named('cli')),
    ...inLayer('subsystem').map((subsystem) => allowed(subsystem, core)),
    allowed(named('replay'), named('workload')),
    allowed(named('analysis'), buddy),
    allowed(named('cli'), named('analysis')),

    planted(
      'tsyringe outside the container',
      'packages/core/src/host/planted.ts',
      'no-restricted-imports',
      "export { container } from 'tsyringe';\n",
    ),
    planted(
      'reflect-metadata in a subsystem',
      join(buddy.folder, PLANTED),
      'no-restricted-imports',
      "import 'reflect-metadata';\n",
    ),
    planted(
      'tsyringe inside the container',
      'packages/core/src/host/container.ts',
      undefined,
      "export { container } from 'tsyringe';\n",
    ),
    ...[core, buddy, named('workload'), named('replay'), named('report')].map(({ name, folder }) =>
      planted(
        `node: in ${name}`,
        join(folder, PLANTED),
        'no-restricted-imports',
        "export { readFileSync } from 'node:fs';\n",
      ),
    ),
    planted(
      'a builtin without node:',
      join(buddy.folder, PLANTED),
      'no-restricted-imports',
      "export { readFile } from 'fs/promises';\n",
    ),
    planted(
      'node: in a spec',
      join(buddy.folder, 'src/planted.spec.ts'),
      undefined,
      "export { readFileSync } from 'node:fs';\n",
    ),
    planted(
      'node: in trace-import/src/node',
      'packages/trace-import/src/node/planted.ts',
      undefined,
      "export { readFileSync } from 'node:fs';\n",
    ),
    planted(
      'wall-clock time in a subsystem',
      join(buddy.folder, PLANTED),
      'no-restricted-properties',
      'export const now = Date.now();\n',
    ),
    planted(
      'unseeded random in core',
      join(core.folder, PLANTED),
      'no-restricted-properties',
      'export const dice = Math.random();\n',
    ),
    planted(
      'new Date in core',
      join(core.folder, PLANTED),
      'no-restricted-syntax',
      'export const today = new Date();\n',
    ),
    planted(
      'async in a subsystem',
      join(buddy.folder, PLANTED),
      'no-restricted-syntax',
      'export const later = async () => 1;\n',
    ),
    planted(
      'a promise in core',
      join(core.folder, PLANTED),
      'no-restricted-syntax',
      'export const later = Promise.resolve(1);\n',
    ),
  ];
}

/** undefined when the case behaves; else what went wrong. */
async function check({ path, text, rule }) {
  const folder = projectFolder(path);
  const eslint = new ESLint({ cwd: join(root, folder) });
  const [result] = await eslint.lintText(text, { filePath: join(root, path), warnIgnored: true });
  const { messages = [] } = result ?? {};
  const errors = messages.filter(({ severity }) => severity === 2);
  const said = messages.map(({ ruleId, message }) => `${ruleId ?? 'eslint'}: ${message}`).join('; ') || 'nothing';
  if (rule === undefined) return messages.length === 0 ? undefined : `should be clean, but lint said ${said}`;
  return errors.some(({ ruleId }) => ruleId === rule) ? undefined : `lint should fail by ${rule}, but it said ${said}`;
}

const projectFolder = (path) => path.split('/').slice(0, 2).join('/');

/** A project without a layer, or without one of the targets, would escape every rule in silence. */
function checkProject({ name, layer, scripts }) {
  if (!layer) return `${name} has no layer: tag in its package.json`;
  const lacking = ['lint', 'typecheck', 'test', 'build'].filter((target) => !scripts[target]);
  if (lacking.length > 0) return `${name} has no script ${lacking.join(', ')}`;
  return scripts.lint === 'eslint .' ? undefined : `${name} is not linted as a whole: its script is ${scripts.lint}`;
}

const failures = projects().map(checkProject).filter(Boolean);
let passed = projects().length - failures.length;
for (const one of cases()) {
  const problem = await check(one);
  if (problem === undefined) passed++;
  else failures.push(`${one.title}: ${problem}`);
}

const [report] = process.argv.slice(2);
if (report) {
  mkdirSync(dirname(report), { recursive: true });
  writeFileSync(report, JSON.stringify({ passed, failures }));
}
for (const failure of failures) console.error(`✗ ${failure}`);
console.log(`boundaries: ${passed} passed, ${failures.length} failed`);
process.exitCode = failures.length > 0 ? 1 : 0;
