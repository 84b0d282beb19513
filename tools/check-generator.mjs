/**
 * Proves that a generated subsystem builds, tests and passes the lint as it is: the generator runs in a copy of this
 * checkout (what git knows of it), with the dependencies of this one.
 *
 *   node tools/check-generator.mjs [REPORT.json]
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { readJson, root } from './lib/workspace.mjs';

const NAME = 'planted-subsystem';
const copy = mkdtempSync(join(tmpdir(), 'replug-generator-'));
const folder = join(copy, 'packages', NAME);
const failures = [];
let passed = 0;

try {
  copyCheckout();
  step('nx g makes the package', 'node_modules/.bin/nx', [
    'g',
    './tools/generators/generators.json:subsystem',
    NAME,
    '--skipInstall',
  ]);
  check('its name is taken afterwards', () => readJson(join(folder, 'package.json')).name === `@replug/${NAME}`);
  check(
    'analysis depends on it',
    () => `@replug/${NAME}` in readJson(join(copy, 'packages/analysis/package.json')).dependencies,
  );
  symlinkSync(folder, join(copy, 'node_modules', '@replug', NAME));
  step('it builds', 'node_modules/typescript/bin/tsc', [
    '-b',
    `packages/${NAME}/tsconfig.lib.json`,
    `packages/${NAME}/tsconfig.spec.json`,
  ]);
  step('it passes the lint', 'node_modules/eslint/bin/eslint.js', [`packages/${NAME}`]);
  step('it is formatted', 'node_modules/prettier/bin/prettier.cjs', [
    '--check',
    `packages/${NAME}`,
    'packages/analysis/*.json',
    'tsconfig.json',
  ]);
  step('its tests pass', '../../node_modules/vitest/vitest.mjs', ['run'], folder);
  check(
    'five tests or more ran',
    () => readJson(join(copy, 'tmp', 'vitest', 'packages', `${NAME}.json`)).numPassedTests >= 5,
  );
} finally {
  rmSync(copy, { recursive: true, force: true });
}

for (const failure of failures) console.error(failure);
console.log(`generator: ${passed} passed, ${failures.length} failed`);
if (process.argv[2] !== undefined) {
  mkdirSync(dirname(process.argv[2]), { recursive: true });
  writeFileSync(process.argv[2], JSON.stringify({ passed, failures: failures.map((text) => text.split('\n')[0]) }));
}
process.exitCode = failures.length === 0 ? 0 : 1;

/** Tracked and new files; dependencies are links to this checkout's, the packages of the project links to the copy's. */
function copyCheckout() {
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: root });
  for (const path of listed.toString().split('\0')) {
    if (path === '' || path.startsWith('fixtures/') || !existsSync(join(root, path))) continue;
    cpSync(join(root, path), join(copy, path));
  }
  const modules = join(copy, 'node_modules');
  mkdirSync(join(modules, '@replug'), { recursive: true });
  for (const entry of readdirSync(join(root, 'node_modules'))) {
    if (entry !== '@replug') symlinkSync(join(root, 'node_modules', entry), join(modules, entry));
  }
  for (const group of ['packages', 'apps']) {
    for (const entry of readdirSync(join(copy, group))) {
      const manifest = join(copy, group, entry, 'package.json');
      if (existsSync(manifest)) symlinkSync(join(copy, group, entry), join(modules, readJson(manifest).name));
    }
  }
  execFileSync('git', ['init', '--quiet'], { cwd: copy });
}

function step(title, script, args, cwd = copy) {
  if (failures.length > 0) return;
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(cwd, script), ...args], {
    cwd,
    encoding: 'utf8',
    timeout: 300_000,
    env: {
      ...process.env,
      NX_DAEMON: 'false',
      NX_NO_CLOUD: 'true',
      NX_TUI: 'false',
      NX_CACHE_DIRECTORY: join(copy, '.nx'),
      NX_WORKSPACE_ROOT_PATH: copy,
    },
  });
  if (status === 0) passed++;
  else failures.push(`${title}: exit ${status}\n${stdout}\n${stderr}`);
}

function check(title, holds) {
  if (failures.length > 0) return;
  if (holds()) passed++;
  else failures.push(title);
}
