/**
 * `npx nx g ./tools/generators/generators.json:subsystem NAME` – a subsystem package that builds, tests and lints as it is:
 * plugin, view, gauges, a conformance test, a benchmark, tags; named in the root tsconfig and given to analysis, where
 * subsystems are composed.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import devkit from '@nx/devkit';

const { formatFiles, generateFiles, installPackagesTask, names, readJson, updateJson } = devkit;
const NAME = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;

export default async function subsystem(tree, { name, description, skipInstall }) {
  const folder = `packages/${name}`;
  if (!NAME.test(name)) throw new Error(`"${name}" is no package name: lower case letters and digits with dashes`);
  if (tree.exists(folder)) throw new Error(`${folder} is there already`);

  const { propertyName, className } = names(name);
  const { version } = readJson(tree, 'packages/core/package.json');
  const templates = join(fileURLToPath(new URL('.', import.meta.url)), 'files');
  generateFiles(tree, templates, folder, {
    name,
    description,
    version,
    id: propertyName,
    className,
    file: name.replaceAll('-', '_'),
    tmpl: '',
  });

  updateJson(tree, 'tsconfig.json', (json) => withReference(json, `./${folder}`, './packages/buddy'));
  updateJson(tree, 'packages/analysis/package.json', (json) => ({
    ...json,
    dependencies: sorted({ ...json.dependencies, [`@replug/${name}`]: version }),
  }));
  for (const config of ['tsconfig.lib.json', 'tsconfig.spec.json']) {
    updateJson(tree, `packages/analysis/${config}`, (json) =>
      withReference(json, `../../${folder}/tsconfig.lib.json`, '../../packages/buddy/tsconfig.lib.json'),
    );
  }
  await formatFiles(tree);
  return () => {
    if (!skipInstall) installPackagesTask(tree, true);
    console.log(
      `\nNext: packages/${name}/src/plugin.ts, then \`npx vitest\` in packages/${name}, then \`npm run affected\`.`,
    );
  };
}

/** Adds a project reference after a known one; once. */
function withReference(json, path, after) {
  const references = json.references.filter((one) => one.path !== path);
  const at = references.findIndex((one) => one.path === after);
  references.splice(at + 1, 0, { path });
  return { ...json, references };
}

const sorted = (record) => Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
