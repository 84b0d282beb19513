/** export, page and compare from the outside: output and exit codes. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parsePfn } from './commands/page.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const ppc = join(root, 'fixtures', 'captures', 'ppc64le-6.1-exact-anonhog');

function replug(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'apps/cli/bin/replug.mjs'), ...args], {
    encoding: 'utf8',
    cwd: folder,
    maxBuffer: 2 ** 26,
  });
  return { status, stdout, stderr };
}

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'replug-answers-'));
  writeFileSync(join(folder, 'a.json'), JSON.stringify({ name: 'a', counts: { failed: 100 }, stateHash: '0f' }));
  writeFileSync(join(folder, 'b.json'), JSON.stringify({ name: 'b', counts: { failed: 104 }, stateHash: '0f' }));
  writeFileSync(join(folder, 'c.json'), 'not json');
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('export', () => {
  it('writes a file and says what it wrote', () => {
    const { status, stdout } = replug('export', ppc, '-o', 'trace.txt', '--to', '5s', '--json');
    expect(status).toBe(0);
    const said = JSON.parse(stdout);
    // Lines of the original text with a time below 5, counted by awk.
    expect(said).toMatchObject({ path: 'trace.txt', format: 'ftrace', events: 560, notExported: {} });
    expect(readFileSync(join(folder, 'trace.txt')).length).toBe(said.bytes);
    const lines = readFileSync(join(folder, 'trace.txt'), 'utf8').split('\n').slice(12, -1);
    expect(lines.length).toBe(560);
    expect(lines[1]).toMatch(/^ {11}snapx-125 {5}\[000\] d\.{4} {5}4\.730903: mm_page_alloc_zone_locked: page=/);
  });
});

describe('page', () => {
  it('tells one frame', () => {
    const { status, stdout } = replug('page', ppc, '0x2f96', '--json');
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      pfn: 0x2f96,
      pageSize: 65536,
      emptyScans: 1,
      events: [
        { event: 1, what: 'to-cpu-list', time: 4.730903 },
        { event: 4, what: 'allocated', comm: 'snapx', pid: 125 },
      ],
    });
  });
});

describe('compare', () => {
  it('tells the difference and exits with 1', () => {
    const { status, stdout } = replug('compare', 'a.json', 'b.json', '--json');
    expect(status).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      compared: 2,
      equal: 1,
      ignored: 1,
      findings: [{ path: 'counts.failed', a: 100, b: 104, absolute: 4, relative: 0.04 }],
    });
  });

  it.each([
    [['a.json', 'b.json', '--tolerance', 'counts.*=5%', '**.none=1'], 0],
    [['a.json', 'b.json', '--tolerance', 'counts.*'], 2],
    [['a.json', 'c.json'], 3],
  ])('%j exits with %d', (args, code) => {
    expect(replug('compare', ...args).status).toBe(code);
  });
});

it.each([
  [['export', ppc, '--as', 'perfetto'], 2, 'RP7004'],
  [['export', ppc, '-o', 'none/trace.txt'], 3, 'RP7010'],
  [['page', ppc, '0x4000'], 2, 'RP6003'],
])('%j exits with %d: %s', (args, code, text) => {
  const { status, stderr } = replug(...args);
  expect(stderr).toContain(text);
  expect(status).toBe(code);
});

it('reads page frame numbers in hexadecimal and decimal', () => {
  expect([parsePfn('0x1f2A'), parsePfn('7978'), parsePfn('0')]).toEqual([7978, 7978, 0]);
  for (const text of ['', '1f2a', '0x', '-1', '1.5', '0x10000000000', '1e3'])
    expect(() => parsePfn(text)).toThrow('RP7005');
});
