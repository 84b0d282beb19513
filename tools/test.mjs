/**
 * Lints, type-checks and tests, then adds up what this run's reports say. The last line is
 * `N passed, N failed[, N skipped]`; the exit code is 0 only if nothing failed and something was tested.
 *
 *   node tools/test.mjs                          all projects, the fast suite
 *   node tools/test.mjs --slow                   all projects, the slow suite (*.slow.spec.ts) alone
 *   node tools/test.mjs --affected [--base=REV]  the projects touched since REV, and what depends on them
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { inCi, nxCacheDir, projects, readJson, root, runNode, runNx } from './lib/workspace.mjs';

const { values: options } = parseArgs({
  options: { slow: { type: 'boolean' }, affected: { type: 'boolean' }, base: { type: 'string' } },
});
const targets = options.slow ? ['test'] : ['lint', 'typecheck', 'test'];
const reports = join(root, 'tmp', 'vitest');
const boundariesReport = join(root, 'tmp', 'boundaries.json');
const generatorReport = join(root, 'tmp', 'generator.json');
const nxRecord = join(nxCacheDir, 'run.json'); // which tasks ran, with their exit codes

const totals = { passed: 0, failed: 0, skipped: 0 };
const complaints = [];
let testsRun = 0;

for (const leftover of [reports, boundariesReport, generatorReport, nxRecord])
  rmSync(leftover, { recursive: true, force: true });
const nxExit = await runTargets();
addTasks(nxExit);
requireTests();
if (!options.slow && !options.affected) {
  await addCheck('boundaries', 'check-boundaries.mjs', boundariesReport);
  await addLintOfTheRest();
}
if (options.slow) await addCheck('generator', 'check-generator.mjs', generatorReport);
report();

function runTargets() {
  const base = options.affected ? affectedBase() : undefined;
  const which = base ? ['affected', `--base=${base}`] : ['run-many'];
  if (base) console.log(`Affected since ${base}`);
  // Long tests of one package run one after the other: two packages at once use two cores.
  const parallel = Math.min(options.slow ? 2 : 4, availableParallelism());
  const cache = inCi ? ['--skip-nx-cache'] : [];
  return runNx([...which, '-t', ...targets, `--parallel=${parallel}`, '--outputStyle=static', ...cache], {
    REPLUG_SLOW: options.slow ? '1' : undefined,
  });
}

/** What was asked for; else the shared branch, if this clone knows one; else the commit before. */
function affectedBase() {
  if (options.base) return options.base;
  return ['origin/main', 'HEAD~1'].find((revision) => {
    try {
      execFileSync('git', ['rev-parse', '--verify', '--quiet', `${revision}^{commit}`], { cwd: root, stdio: 'ignore' });
      return true;
    } catch {
      return false; // neither: the first commit of all, so everything is new
    }
  });
}

function addTasks(exitCode) {
  const tasks = existsSync(nxRecord) ? readJson(nxRecord).tasks : [];
  const all = projects();
  for (const { projectName, target, status } of tasks) {
    if (target === 'test')
      addTests(
        all.find(({ name }) => name === projectName),
        status,
      );
    else if (status !== 0) complain(`${target} of ${projectName}`);
  }
  if (!options.affected) {
    const ran = new Set(tasks.map(({ projectName, target }) => `${target} of ${projectName}`));
    const notRun = all
      .flatMap(({ name }) => targets.map((target) => `${target} of ${name}`))
      .filter((task) => !ran.has(task));
    for (const task of notRun) {
      if (task.startsWith('typecheck')) console.log(`not run: ${task}, because a dependency failed`);
      else complain(`${task} did not run`);
    }
  }
  if (exitCode !== 0 && totals.failed === 0) complain('nx');
}

function addTests({ name, folder }, exitCode) {
  const file = join(reports, `${folder}.json`);
  if (!existsSync(file)) return complain(`test of ${name} left no report`);
  let failed = 0;
  for (const { name: spec, status, assertionResults } of readJson(file).testResults) {
    const count = (...kinds) => assertionResults.filter((test) => kinds.includes(test.status)).length;
    testsRun += count('passed', 'failed');
    totals.passed += count('passed');
    totals.skipped += count('skipped', 'pending', 'todo', 'disabled');
    for (const test of assertionResults) {
      if (test.status !== 'failed') continue;
      failed++;
      complain(`${spec.slice(root.length + 1)} › ${test.fullName}`);
    }
    if (status === 'failed' && count('failed') === 0) {
      failed++;
      complain(`${spec.slice(root.length + 1)} could not be run`);
    }
  }
  if (exitCode !== 0 && failed === 0) complain(`test of ${name}`);
}

function requireTests() {
  if (options.affected || testsRun > 0) return;
  if (options.slow && !hasSlowSpecs()) console.log('There is no *.slow.spec.ts yet');
  else complain('no test ran');
}

function hasSlowSpecs() {
  return projects().some(({ folder }) => {
    const sources = join(root, folder, 'src');
    return (
      existsSync(sources) && readdirSync(sources, { recursive: true }).some((path) => path.endsWith('.slow.spec.ts'))
    );
  });
}

/** A script of tools/ that leaves `{ passed, failures }` in a report. */
async function addCheck(title, script, file) {
  await runNode(join(root, 'tools', script), [file]);
  if (!existsSync(file)) return complain(script);
  const { passed, failures } = readJson(file);
  totals.passed += passed;
  for (const failure of failures) complain(`${title} › ${failure}`);
}

/** Tools, examples and configuration belong to no project. */
async function addLintOfTheRest() {
  const eslint = join(root, 'node_modules', 'eslint', 'bin', 'eslint.js');
  const outside = ['--ignore-pattern', 'packages', '--ignore-pattern', 'apps', '.'];
  if ((await runNode(eslint, outside)) !== 0) complain('lint of tools, examples and configuration');
}

function complain(what) {
  totals.failed++;
  complaints.push(what);
}

function report() {
  const { passed, failed, skipped } = totals;
  console.log();
  for (const complaint of complaints) console.log(`FAILED ${complaint}`);
  console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
  process.exitCode = failed > 0 ? 1 : 0;
}
