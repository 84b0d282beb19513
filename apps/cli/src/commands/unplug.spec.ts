/** unplug from the outside: output and exit codes. */
import type { ReplugError } from '@replug/core';
import { Command } from 'commander';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { isUsage } from '../errors.ts';
import { addUnplug } from './unplug.ts';

const root = fileURLToPath(new URL('../../../../', import.meta.url));
const s390x = join(root, 'fixtures', 'captures', 's390x-6.1-exact-anonhog');

function replug(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(root, 'apps/cli/bin/replug.mjs'), 'unplug', ...args],
    { encoding: 'utf8', cwd: tmpdir(), maxBuffer: 2 ** 26 },
  );
  return { status, stdout, stderr };
}

describe('unplug', () => {
  it('tells sizes, draws the sub-blocks, and says why some stay', () => {
    const { status, stdout } = replug(s390x, '--device', 'vm0,addr=256M,size=256M', '--with', 'sense', '--top', '1');
    expect(status).toBe(0);
    const lines = stdout.split('\n');
    expect(lines[0]).toBe('s390x-6.1-exact-anonhog at 04-after, with sense');
    expect(lines.slice(2, 12)).toEqual([
      'device  kind        node     address   unit   before  asked  reached',
      '------  ----------  ----  ----------  -----  -------  -----  -------',
      'vm0     virtio-mem     0  0x10000000  1 MiB  256 MiB  0 MiB   11 MiB',
      '',
      'vm0, 1 MiB a character',
      `  0  ${'.'.repeat(64)}`,
      '*',
      `192  ${'.'.repeat(46)}######.......#####`,
      '',
      '. unplugged   # stayed   + not needed',
    ]);
    expect(stdout).toMatch(/^vm0 +0x1ee00000-0x1eefffff +reserved +0x1eee4/m);
    expect(stdout).toContain('10 more ranges');
  });

  it('prints everything as JSON', () => {
    const { status, stdout } = replug('x86-64,1G', '--device', 'vm0,size=1G', '--request', '100M', '--json');
    expect(status).toBe(0);
    const report = JSON.parse(stdout) as Record<string, unknown> & { devices: unknown[] };
    expect(report.devices).toEqual([
      expect.objectContaining({ id: 'vm0', before: 2 ** 30, requested: 104857600, reached: 104857600, unit: 2 ** 21 }),
    ]);
    expect(Object.keys(report)).toEqual(
      expect.arrayContaining(['stayed', 'migrated', 'dropped', 'tries', 'virtualTime', 'costs', 'notes']),
    );
  });

  it.each([
    [['--request', '5Q'], 'RP7024'],
    [['--top', '0'], 'RP7017'],
    [['--doubtful', 'x'], 'RP7040'],
    [['--with', 'magic'], 'RP6041'],
    [['--device', 'vm0'], 'RP6040'],
    [['--device', 'vm0,size=1G,node=4'], 'RP6040'],
    [['--device', 'd,kind=dimm,size=256M,addr=4G'], 'RP6042'],
    [['--device', 'vm0,size=1G', '--request', '2G'], 'RP6044'],
    [['--device', 'vm0,size=1G', '--request', '1M'], 'RP6045'],
    [['--policies'], 'RP7041'],
  ])('refuses %j as bad usage: %s', async (args, code) => {
    const program = new Command('replug').exitOverride();
    addUnplug(program);
    const error = await program.parseAsync(['unplug', 'x86-64,512M', ...args], { from: 'user' }).then(
      () => undefined,
      (thrown: ReplugError) => thrown,
    );
    expect(error?.code).toBe(code);
    expect(isUsage(error!)).toBe(true);
  });

  it('says that a path cannot be read', () => {
    expect(replug('missing')).toMatchObject({ status: 3, stderr: expect.stringContaining('RP4001') as string });
  });
});
