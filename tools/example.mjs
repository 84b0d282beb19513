// Runs a program of examples/: npm run example -- page-heat
import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { bundle, cacheDir, repositoryRoot } from '../apps/cli/bin/bundle.mjs';

const name = basename(process.argv[2] ?? '', '.ts');
const entry = join(repositoryRoot, 'examples', `${name}.ts`);
if (name === '' || !existsSync(entry)) {
  const known = readdirSync(join(repositoryRoot, 'examples')).filter((f) => f.endsWith('.ts'));
  console.error(`usage: npm run example -- NAME\n  NAME: ${known.map((f) => basename(f, '.ts')).join(', ')}`);
  process.exit(2);
}
await import(await bundle({ entry, outfile: join(cacheDir, `example-${name}.mjs`) }));
