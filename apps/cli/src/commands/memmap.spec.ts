/** memmap: output and refusals; once from the outside. */
import { ReplugError } from '@replug/core';
import { Command } from 'commander';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, vi } from 'vitest';
import { isUsage } from '../errors.ts';
import { addMemmap } from './memmap.ts';

const root = fileURLToPath(new URL('../../../../', import.meta.url));

/** The command in this process: what it prints. */
function memmap(...args: string[]): string {
  const printed: string[] = [];
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => printed.push(String(text)) > 0);
  try {
    const program = new Command('replug').exitOverride();
    addMemmap(program);
    program.parse(['memmap', ...args], { from: 'user' });
  } finally {
    write.mockRestore();
  }
  return printed.join('');
}

describe('memmap', () => {
  it('tells of the 8-socket machine without being told more', () => {
    const replug = join(root, 'apps/cli/bin/replug.mjs');
    const { status, stdout } = spawnSync(process.execPath, [replug, 'memmap'], { encoding: 'utf8', cwd: tmpdir() });
    expect(status).toBe(0);
    expect(stdout).toMatch(/^serial +280 s/m);
    expect(stdout).toMatch(/^async\+steal +0\.0 µs +50\.0 ms +84\.2 ms +4\.4 s/m);
  });

  it('has the documented names', () => {
    const machine = ['--machine', 'x86-64,64G,nodes=2,cpus=16'];
    const report = JSON.parse(memmap(...machine, '--device', '64G,node=1,count=2', '--page-ns', '10', '--json'));
    expect(report).toMatchObject({
      machine: 'x86-64,64G,nodes=2,cpus=16',
      pageSize: 4096,
      structPageSize: 64,
      devices: Array(2).fill({ nid: 1, bytes: 2 ** 36 }),
      pages: 2 ** 25,
      costs: { nsPerPage: 10 },
    });
    expect(report.variants.map((v: { name: string }) => v.name)).toEqual([
      'serial',
      'per-node',
      'async',
      'async+steal',
      'deduplicated',
      'altmap',
    ]);
    expect(report.variants[0]).toMatchObject({ memory: 2 ** 31, device: 0, fault: { taken: 0, waited: 0 } });
    expect(Object.keys(report.variants[0].times)).toEqual(['visible', 'mounted', 'firstFault', 'complete']);
  });

  it('shows what others measured', () => {
    expect(memmap('--published')).toMatch(/Broadwell guest, 32 CPUs, 192 GB +deferred init +126 ms +112 ms/);
    expect(JSON.parse(memmap('--published', '--json'))).toHaveLength(13);
  });

  it.each([
    [['--device', '3X'], /RP7025/],
    [['--device', '3T,nod=1'], /RP7025/],
    [['--device', '3T,count=0'], /RP7025/],
    [['--device', '3T,node=99'], /RP6020/],
    [['--device', '1M'], /RP6020/],
    [['--page-ns', '-3'], /RP7026/],
    [['--bandwidth', 'fast'], /RP7026/],
    [['--machine', 'nothing'], /RP7014/],
  ] as const)('refuses %j', (args, message) => {
    try {
      memmap(...args);
    } catch (error) {
      expect([isUsage(error as ReplugError), message.test((error as Error).message)]).toEqual([true, true]);
      return;
    }
    throw new Error('it was not refused');
  });
});
