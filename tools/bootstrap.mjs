/**
 * Installs the dependencies if what is installed is not what package-lock.json asks for; says nothing when it is.
 * Uses nothing but node itself, and no network when there is nothing to install.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { projects, readJson, root } from './lib/workspace.mjs';

requireNode(readJson(join(root, 'package.json')).engines.node);
warnOfStaleLock();

const missing = whatIsMissing();
if (missing) {
  console.error(`replug: installing dependencies (${missing}) …`);
  install();
  const still = whatIsMissing();
  if (still) fail(`npm ci finished, yet ${still}`);
}

/** Why an install is needed, or undefined. npm records what it installed in node_modules/.package-lock.json. */
function whatIsMissing() {
  const record = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(record)) return 'nothing is installed yet';
  const installed = readJson(record).packages;
  const wanted = readJson(join(root, 'package-lock.json')).packages;

  for (const [path, { version, integrity, optional }] of Object.entries(wanted)) {
    if (path === '') continue;
    const found = installed[path];
    if (!found) {
      if (optional) continue; // for another operating system or processor
      return `${path} is not installed`;
    }
    if (found.version !== version || found.integrity !== integrity) return `${path} is not at ${version}`;
    if (!existsSync(join(root, path))) return `${path} is gone`;
  }
  for (const path of Object.keys(installed)) {
    if (!wanted[path]) return `${path} is no longer wanted`;
  }
  for (const { folder } of projects()) {
    for (const command of Object.keys(wanted[folder]?.bin ?? {})) {
      if (!existsSync(join(root, 'node_modules', '.bin', command))) return `the command ${command} is not linked`;
    }
  }
  return undefined;
}

function install() {
  const npm = process.env.npm_execpath;
  const args = ['ci', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'];
  const [command, prefix] = npm?.endsWith('.js') ? [process.execPath, [npm]] : ['npm', []];
  const { status, error, stdout, stderr } = spawnSync(command, [...prefix, ...args], {
    cwd: root,
    env: { ...process.env, NX_DAEMON: 'false', NX_NO_CLOUD: 'true' },
    encoding: 'utf8',
    maxBuffer: 64 << 20,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (status === 0) return;
  process.stderr.write(`${stdout ?? ''}${stderr ?? ''}`);
  fail(
    error
      ? `cannot start npm: ${error.message}`
      : 'npm ci failed (see above). It needs the npm registry, or a filled npm cache, and a package-lock.json that\n' +
          'agrees with every package.json: after changing dependencies run `npm install` and commit the lock file.',
  );
}

/** A dependency added to a package.json without `npm install`: works by luck here, fails `npm ci` elsewhere. */
function warnOfStaleLock() {
  const { packages } = readJson(join(root, 'package-lock.json'));
  const kinds = ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies'];
  const stale = ['', ...projects().map(({ folder }) => folder)].filter((folder) => {
    const manifest = readJson(join(root, folder, 'package.json'));
    return kinds.some((kind) => !sameEntries(manifest[kind], packages[folder]?.[kind]));
  });
  if (stale.length === 0) return;
  const names = stale.map((folder) => join(folder, 'package.json')).join(', ');
  console.error(
    `replug: package-lock.json does not know the dependencies of ${names}: run \`npm install\` and commit it`,
  );
}

function sameEntries(left = {}, right = {}) {
  const names = Object.keys(left);
  return names.length === Object.keys(right).length && names.every((name) => left[name] === right[name]);
}

function requireNode(range) {
  const wanted = range.replace('>=', '').split('.').map(Number);
  const actual = process.versions.node.split('.').map(Number);
  const differs = wanted.findIndex((number, index) => number !== actual[index]);
  if (differs >= 0 && actual[differs] < wanted[differs]) fail(`node ${range} is needed, this is ${process.version}`);
}

function fail(message) {
  console.error(`replug: ${message}`);
  process.exit(1);
}
