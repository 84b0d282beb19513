import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const example = join(root, 'examples/hot-add.scenario');

function replug(args: readonly string[], input = '') {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'apps/cli/bin/replug.mjs'), ...args], {
    encoding: 'utf8',
    cwd: tmpdir(),
    input,
  });
  return { status, stdout, stderr };
}

describe('run', () => {
  it('runs the example: movable memory leaves, kernel memory stays', () => {
    const { status, stdout, stderr } = replug(['run', example, '--json']);
    expect([status, stderr]).toEqual([0, '']);
    const { commands, failed, zones } = JSON.parse(stdout);
    expect(failed).toBe(1);
    const said = Object.fromEntries(
      commands.map((c: { text: string; begin: number; errno: number; output: string }) => [
        `${Math.floor(c.begin / 1e9)} ${c.text}`,
        c.errno === 0 ? c.output : `${c.errno} ${c.output}`,
      ]),
    );
    expect(said).toMatchObject({
      '0 cat /sys/devices/system/memory/memory32/valid_zones': 'Normal Movable\n',
      '0 cat /sys/devices/system/memory/memory33/valid_zones': 'Movable\n',
      '10 echo offline > /sys/devices/system/memory/memory33/state': '',
      '20 echo offline > /sys/devices/system/memory/memory32/state': expect.stringMatching(
        /^16 write error: Device or resource busy \(failure to isolate range/,
      ),
      '30 echo offline > /sys/devices/system/memory/memory32/state': '',
    });
    // Both blocks are gone from their zones, which shrank to nothing: what is left is what the machine began with.
    expect(zones.map((z: { zone: string; spanned: number }) => [z.zone, z.spanned])).toEqual([
      ['DMA', 4095],
      ['DMA32', 520192],
    ]);
  });

  it('gives the same hash twice', () => {
    const hash = () => JSON.parse(replug(['run', example, '--json']).stdout).stateHash;
    expect(hash()).toBe(hash());
  });

  it('reads a scenario from standard input and runs it on a recording at an instant', () => {
    const capture = join(root, 'fixtures/captures/s390x-6.1-exact-anonhog');
    const { status, stdout } = replug(
      ['run', '-', '--machine', capture, '--at', 'fragmented'],
      'cat /sys/devices/system/memory/memory1/state\necho offline > /sys/devices/system/memory/memory0/state\n',
    );
    expect(status).toBe(0);
    expect(stdout).toContain('[     0.000000] $ cat /sys/devices/system/memory/memory1/state\nonline\n');
    // memory0 holds the kernel.
    expect(stdout).toMatch(/memory0\/state {2}EBUSY 16/);
    expect(stdout).toContain('2 commands, 1 refused');
  });

  it('refuses what it cannot read', () => {
    const bad = replug(['run', '-'], 'help\n@soon help\n');
    expect([bad.status, bad.stdout]).toEqual([2, '']);
    const worse = replug(['run', '-'], '@+soon help\n');
    expect([worse.status, worse.stderr]).toEqual([2, expect.stringMatching(/^RP5009 stdin:1: no time: "@\+soon"/)]);
    const none = replug(['run', '/nothing']);
    expect([none.status, none.stderr]).toEqual([2, expect.stringMatching(/^RP7020/)]);
  });
});

describe('shell', () => {
  it('takes lines from a pipe and ends with them', () => {
    const { status, stdout } = replug(
      ['shell', 's390x,512M'],
      'ls /sys/devices/system/memory\n# nothing\necho x > /nothing\nexit\nls /\n',
    );
    expect(status).toBe(0);
    expect(stdout).toMatch(/^auto_online_blocks\n/);
    expect(stdout).toContain('memory0\nmemory1\n');
    expect(stdout).toMatch(/ENOENT 2: write error: No such file or directory/);
    expect(stdout).not.toContain('proc');
  });
});
