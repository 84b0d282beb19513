import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const ppc = join(root, 'fixtures/captures/ppc64le-6.1-exact-anonhog');

let folder = '';
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'replug-import-'))));
afterAll(() => rmSync(folder, { recursive: true }));

function replug(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'apps/cli/bin/replug.mjs'), ...args], {
    encoding: 'utf8',
    cwd: folder,
  });
  return { status, stdout, stderr };
}

describe('import', () => {
  it('writes a file that the other commands take, and says what is in it', () => {
    const { status, stdout } = replug('import', ppc, '-o', 'ppc.rpw');
    expect(status).toBe(0);
    const bytes = statSync(join(folder, 'ppc.rpw')).size;
    expect(stdout).toBe(
      `ppc.rpw: 44605 events, 4 steps, ${bytes} bytes, ${(bytes / 44605).toFixed(2)} bytes an event\n`,
    );
    expect(readdirSync(folder)).toEqual(['ppc.rpw']);

    const inspection = JSON.parse(replug('inspect', 'ppc.rpw', '--json').stdout);
    expect(inspection).toMatchObject({ name: 'ppc64le-6.1-exact-anonhog', path: join(folder, 'ppc.rpw'), lost: 0 });
  });

  it('leaves a file alone unless it is told not to', () => {
    writeFileSync(join(folder, 'mine.rpw'), 'mine');
    const refused = replug('import', ppc, '-o', 'mine.rpw');
    expect(refused.status).toBe(2);
    expect(refused.stderr).toContain('RP7008');
    expect(readFileSync(join(folder, 'mine.rpw'), 'utf8')).toBe('mine');

    const forced = replug('import', ppc, '-o', 'mine.rpw', '--force', '--json');
    expect(forced.status).toBe(0);
    const report = JSON.parse(forced.stdout);
    expect(report).toMatchObject({ path: 'mine.rpw', events: 44605, steps: 4, warnings: [] });
    expect(report.bytes).toBe(statSync(join(folder, 'mine.rpw')).size);
    const meta = readFileSync(join(ppc, 'meta.txt'));
    expect(report.sources[0]).toEqual({
      path: 'meta.txt',
      bytes: meta.length,
      sha256: createHash('sha256').update(meta).digest('hex'),
    });
  });

  it('takes several single files', () => {
    const file = (name: string) => join(ppc, 'steps/01-before', name);
    const { status, stdout, stderr } = replug('import', file('zoneinfo'), file('buddyinfo'), '-o', 'two.rpw');
    expect([status, stdout]).toEqual([0, expect.stringMatching(/^two\.rpw: 0 events, 1 step, \d+ bytes\n$/)]);
    expect(stderr).toContain('warning: ');
  });

  it.each([
    [['import', ppc], 2, '--output'],
    [['import', ppc, '-o', 'no/such/folder/x.rpw'], 3, 'RP3107'],
  ] as const)('%j: exit %d, %s', (args, code, text) => {
    const { status, stderr } = replug(...args);
    expect(stderr).toContain(text);
    expect(status).toBe(code);
    expect(readdirSync(folder).filter((name) => !name.endsWith('.rpw'))).toEqual([]);
  });
});
