import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const run = (name: string): string =>
  execFileSync(process.execPath, ['tools/example.mjs', name], { cwd: root, encoding: 'utf8' });

const EXPECTED: Readonly<Record<string, string>> = {
  'page-heat': 'allocations 3\nhottest 3\ninvariants broken: 0\n',
  'page-heat-class': 'application log: saw 2 allocations\n',
  'named-errors':
    'RP1101 kernel: contracts that nothing provides: "consumer needs core.PageAllocator" (add buddy() from @replug/buddy)\n' +
    'RP1120 subsystem second: slot was taken by first already: "core.onlinePage" (at most one subsystem decides)\n',
  'what-if':
    'as recorded: 9776 served, 0 not, 27 free blocks of the largest order\n' +
    'as 6.12: 9776 served, 0 not, 22 free blocks of the largest order\n' +
    '512M: 8074 served, 1702 not, 11 free blocks of the largest order\n',
};

describe('examples', () => {
  it.each(Object.entries(EXPECTED))('%s prints what it must', (name, output) => {
    expect(run(name)).toBe(output);
  });

  it('watch-fallbacks sees fallbacks on a machine that runs out of movable memory', () => {
    expect(run('watch-fallbacks')).toMatch(/^fallbacks: [1-9]\d*\nNode 0, zone {3}Normal( +\d+){9}\n$/);
  });

  it('are at most 25 lines, each of them tested here', () => {
    const files = readdirSync(`${root}/examples`).filter((f) => f.endsWith('.ts'));
    expect(files.map((f) => f.replace('.ts', '')).sort()).toEqual([...Object.keys(EXPECTED), 'watch-fallbacks'].sort());
    for (const file of files)
      expect(readFileSync(`${root}/examples/${file}`, 'utf8').trimEnd().split('\n').length, file).toBeLessThanOrEqual(
        25,
      );
  });
});
