/** `replug dnuma`, and what lsmem and lstopo see of the machine after it. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const capture = (name: string): string => join(root, 'fixtures/captures', name);

function run(program: string, args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', cwd: tmpdir() });
  return { status, stdout, stderr };
}
const dnuma = (...args: string[]) => run(process.execPath, [join(root, 'apps/cli/bin/replug.mjs'), 'dnuma', ...args]);
const installed = (program: string) => spawnSync(program, ['--version']).error === undefined;

let folder = '';
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'replug-dnuma-'))));
afterAll(() => rmSync(folder, { recursive: true }));

describe('replug dnuma', () => {
  it('tells where memory went', () => {
    const words = ['stripe', '0', '2', '65536', '--machine', 'x86-64,1G,nodes=2,cpus=4'];
    const report = JSON.parse(dnuma(...words, '--json').stdout);
    // 256 MiB a stripe: nodes 0, 1, 2, 0; below 1 MiB are 98 pages that are not there.
    expect(report.nodes.map((one: { present: number }) => one.present)).toEqual([130974, 65536, 65536]);
    expect(report).toMatchObject({
      action: 'stripe 0 2 65536',
      strategy: 'batched',
      rebuilds: 1,
      waiting: { pages: 0 },
      splits: 0,
    });
  });

  it("takes a firmware's event, and plays ping-pong", () => {
    const file = join(folder, 'prrn.txt');
    writeFileSync(file, 'lmb-size 256M\nlmb 0x10000000+2 node 1 # the middle\ncpu 0 node 1\n');
    const report = JSON.parse(dnuma('event', file, '--machine', 'x86-64,1G,nodes=2,cpus=4', '--json').stdout);
    expect(report.nodes.map((one: { present: number }) => one.present)).toEqual([65438, 196608]);
    const pingpong = JSON.parse(dnuma('pingpong', '3', '--machine', 'x86-64,1G,nodes=2', '--json').stdout);
    expect(pingpong.nodes.map((one: { present: number }) => one.present)).toEqual([0, 262046]);
    expect(pingpong.rebuilds).toBe(3);
  });

  it("goes on over a recording's trace, and brings a process's CPU along with its memory", () => {
    const event = join(folder, 'with-cpus.txt');
    writeFileSync(event, 'lmb-size 256M; lmb 0+4 node 1; cpu 0 node 1\n');
    const machine = capture('ppc64le-6.1-exact-anonhog');
    const report = JSON.parse(dnuma('event', event, '--machine', machine, '--follow', '--json').stdout);
    expect(report.locality[0]).toEqual({ comm: 'anonhog', pid: 160, pages: 6779, before: 6779, after: 6779 });
    expect(report.samples.at(-1).waiting).toBe(report.waiting.pages);
  });

  it.each([
    [['all', 'x'], /^RP7045/],
    [['pingpong', '0'], /^RP6030/],
    [['all', '0', '--machine', capture('s390x-6.1-exact-anonhog')], /^RP2304.*without NUMA/],
  ])('%j is bad usage', (args, error) => {
    const { status, stdout, stderr } = dnuma(...args);
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(error);
  });
});

describe('the tree of a machine whose layout was changed', () => {
  let tree = '';
  let text = '';
  beforeAll(() => {
    tree = join(folder, 'tree');
    ({ stdout: text } = dnuma('stripe', '0', '2', '65536', '--machine', 'x86-64,1G,nodes=2,cpus=4', '--tree', tree));
  });
  const file = (path: string): string => readFileSync(join(tree, path), 'utf8');

  it('comes beside the figures', () => {
    expect(text).toContain('zonelist rebuilds 1, all CPUs stopped 1 times\n');
  });

  it('has the files that numactl --hardware reads', () => {
    const node = 'sys/devices/system/node';
    expect([file(`${node}/online`), file(`${node}/has_memory`), file(`${node}/possible`)]).toEqual([
      '0-2\n',
      '0-2\n',
      '0-2\n',
    ]);
    expect([0, 1, 2].map((nid) => file(`${node}/node${nid}/cpulist`))).toEqual(['0-1\n', '2-3\n', '\n']);
    expect(file(`${node}/node2/distance`)).toBe('20 20 10\n');
    expect(file(`${node}/node2/meminfo`)).toContain('Node 2 MemTotal:         262144 kB\n');
  });

  it.skipIf(!installed('lsmem'))('is read by lsmem of util-linux', () => {
    const columns = ['-a', '-n', '-o', 'RANGE,STATE,BLOCK,NODE,ZONES', '--summary=never'];
    const { status, stdout } = run('lsmem', ['--sysroot', tree, ...columns]);
    expect(status).toBe(0);
    const words = stdout.trimEnd().split('\n');
    expect(words.map((line) => line.trim().split(/ +/))).toEqual([
      ['0x0000000000000000-0x0000000007ffffff', 'online', '0', '0', 'None'],
      ['0x0000000008000000-0x000000000fffffff', 'online', '1', '0', 'DMA32'],
      ['0x0000000010000000-0x0000000017ffffff', 'online', '2', '1', 'DMA32'],
      ['0x0000000018000000-0x000000001fffffff', 'online', '3', '1', 'DMA32'],
      ['0x0000000020000000-0x0000000027ffffff', 'online', '4', '2', 'DMA32'],
      ['0x0000000028000000-0x000000002fffffff', 'online', '5', '2', 'DMA32'],
      ['0x0000000030000000-0x0000000037ffffff', 'online', '6', '0', 'DMA32'],
      ['0x0000000038000000-0x000000003fffffff', 'online', '7', '0', 'DMA32'],
    ]);
  });

  it.skipIf(!installed('lstopo-no-graphics'))(
    'is read by lstopo of hwloc: the node without CPUs beside the others',
    () => {
      const options = ['--of', 'console', '--no-io', '--no-caches'];
      const { status, stdout } = run('lstopo-no-graphics', ['-i', tree, ...options]);
      expect(status).toBe(0);
      // Stripes of 256 MiB; 32 MiB and 2 x 8 MiB of memmaps are the kernel's, where they lay before.
      expect(stdout.split('\n').map((line) => line.trim())).toEqual([
        'Machine (976MB total)',
        'Package L#0',
        'NUMANode L#0 (P#0 472MB)',
        'Core L#0 + PU L#0 (P#0)',
        'Core L#1 + PU L#1 (P#1)',
        'Package L#1',
        'NUMANode L#1 (P#1 248MB)',
        'Core L#2 + PU L#2 (P#2)',
        'Core L#3 + PU L#3 (P#3)',
        'Group0 L#0',
        'NUMANode L#2 (P#2 256MB)',
        '',
      ]);
    },
  );
});
