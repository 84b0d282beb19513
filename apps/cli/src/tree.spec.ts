/** The exported /proc and /sys tree: real tools read it, and opened again it is the same machine. */
import { spawnSync } from 'node:child_process';
import { existsSync, lstatSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const s390 = join(root, 'fixtures/captures/s390x-6.1-exact-anonhog');

function run(program: string, args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', cwd: tmpdir() });
  return { status, stdout, stderr };
}
const replug = (...args: string[]) => run(process.execPath, [join(root, 'apps/cli/bin/replug.mjs'), ...args]);
const installed = (program: string) => spawnSync(program, ['--version']).error === undefined;

let folder = '';
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'replug-tree-'))));
afterAll(() => rmSync(folder, { recursive: true }));

const VIEWS = [
  '/proc/buddyinfo',
  '/proc/pagetypeinfo',
  '/proc/iomem',
  '/sys/devices/system/memory/block_size_bytes',
  '/sys/devices/system/memory/memory0/state',
  '/sys/devices/system/memory/memory1/valid_zones',
];

describe('the exported tree', () => {
  it('is the same machine when it is opened again', () => {
    const tree = join(folder, 'again');
    const written = replug('export', s390, '--at', 'fragmented', tree, '--json');
    expect(written.stderr).toBe('');
    expect(JSON.parse(written.stdout).files).toBeGreaterThan(20);
    const before = replug('view', s390, '--at', 'fragmented', ...VIEWS, '--json');
    const after = replug('view', tree, ...VIEWS, '--json');
    expect(JSON.parse(after.stdout)).toEqual(JSON.parse(before.stdout));
  });

  it('has the real machine: the counts of the recorded buddyinfo, links as links', () => {
    const tree = join(folder, 'links');
    replug('export', 'x86-64,1G,nodes=2', tree);
    expect(lstatSync(join(tree, 'sys/devices/system/node/node1/memory7')).isSymbolicLink()).toBe(true);
    expect(readFileSync(join(tree, 'sys/devices/system/memory/memory7/state'), 'utf8')).toBe('online\n');
    expect(readFileSync(join(tree, 'sys/devices/system/node/node0/cpulist'), 'utf8')).toBe('0\n');
    // 1 GiB in sections of 128 MiB, 8 bytes a page.
    expect(readFileSync(join(tree, 'proc/kpageflags')).length).toBe(8 * 262144);
  });

  it('refuses a folder with something in it, and options that go with events', () => {
    const tree = join(folder, 'twice');
    replug('export', 's390x,256M', tree);
    const second = replug('export', 's390x,256M', tree);
    expect([second.status, second.stderr]).toEqual([2, expect.stringMatching(/^RP7021/)]);
    const events = replug('export', s390, join(folder, 'x'), '--from', '1s');
    expect([events.status, events.stderr]).toEqual([2, expect.stringMatching(/^RP7023/)]);
    expect(existsSync(join(folder, 'x'))).toBe(false);
  });

  it.skipIf(!installed('lsmem'))('lsmem of util-linux reads it', () => {
    const tree = join(folder, 'lsmem');
    replug('export', 'x86-64,1G,nodes=2', tree);
    const { status, stdout } = run('lsmem', [
      '--sysroot',
      tree,
      '-a',
      '-n',
      '-o',
      'RANGE,STATE,BLOCK,NODE,ZONES',
      '--summary=never',
    ]);
    expect(status).toBe(0);
    expect(
      stdout
        .trimEnd()
        .split('\n')
        .map((line) => line.trim().split(/ +/)),
    ).toEqual([
      ['0x0000000000000000-0x0000000007ffffff', 'online', '0', '0', 'None'],
      ['0x0000000008000000-0x000000000fffffff', 'online', '1', '0', 'DMA32'],
      ['0x0000000010000000-0x0000000017ffffff', 'online', '2', '0', 'DMA32'],
      ['0x0000000018000000-0x000000001fffffff', 'online', '3', '0', 'DMA32'],
      ['0x0000000020000000-0x0000000027ffffff', 'online', '4', '1', 'DMA32'],
      ['0x0000000028000000-0x000000002fffffff', 'online', '5', '1', 'DMA32'],
      ['0x0000000030000000-0x0000000037ffffff', 'online', '6', '1', 'DMA32'],
      ['0x0000000038000000-0x000000003fffffff', 'online', '7', '1', 'DMA32'],
    ]);
  });

  it.skipIf(!installed('lstopo-no-graphics'))('lstopo of hwloc reads it', () => {
    const tree = join(folder, 'lstopo');
    replug('export', 'x86-64,1G,nodes=2,cpus=4', tree);
    const { status, stdout } = run('lstopo-no-graphics', ['-i', tree, '--of', 'console', '--no-io', '--no-caches']);
    expect(status).toBe(0);
    // 512 MiB a node, without its memmap of 8 MiB; 32 MiB of the first are the kernel's.
    expect(stdout.split('\n').map((line) => line.trim())).toEqual([
      'Machine (976MB total)',
      'Package L#0',
      'NUMANode L#0 (P#0 472MB)',
      'Core L#0 + PU L#0 (P#0)',
      'Core L#1 + PU L#1 (P#1)',
      'Package L#1',
      'NUMANode L#1 (P#1 504MB)',
      'Core L#2 + PU L#2 (P#2)',
      'Core L#3 + PU L#3 (P#3)',
      '',
    ]);
  });
});
