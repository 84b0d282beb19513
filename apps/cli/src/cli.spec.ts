import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const capture = (name: string) => join(root, 'fixtures', 'captures', name);
const ppc = capture('ppc64le-6.1-exact-anonhog');

function replug(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'apps/cli/bin/replug.mjs'), ...args], {
    encoding: 'utf8',
    cwd: tmpdir(),
  });
  return { status, stdout, stderr };
}

let folder = '';
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'replug-cli-'))));
afterAll(() => rmSync(folder, { recursive: true }));

describe('inspect', () => {
  it('has the documented names', () => {
    const { status, stdout } = replug('inspect', ppc, '--json');
    expect(status).toBe(0);
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({ arch: 'ppc64le', pageSize: 65536, lost: 0 });
    expect(report.zones.find((z: { managed: number }) => z.managed > 0)).toMatchObject({
      node: 0,
      name: 'Normal',
      spanned: 16384,
      present: 16384,
    });
    // grep -c on the trace: 44,605 event lines.
    expect(Object.values<number>(report.events).reduce((a, b) => a + b, 0)).toBe(44605);
    const trace = report.files.find((f: { path: string }) => f.path.includes('trace.txt'));
    expect(trace).toMatchObject({ lines: 44617, events: 44605, skipped: {} });
  });

  it('prints for people', () => {
    const { status, stdout } = replug('inspect', ppc);
    expect(status).toBe(0);
    expect(stdout).toContain('ppc64le');
  });
});

describe('replay', () => {
  it('agrees with the real machine, from a step to a step', () => {
    const { status, stdout } = replug('replay', ppc, '--from', 'before', '--to', '2', '--json');
    expect(status).toBe(0);
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({ events: 33513, unknownFrees: 0, reallocations: 0, partialFrees: 0 });
    expect(report.checkpoints.at(-1)).toMatchObject({
      step: 'fragmented',
      kpageflags: { compared: 16384, agreeing: 16384, unchanged: 12801, changed: 3583, changedAgreeing: 3583 },
    });
    expect(report.checkpoints.at(-1).buddyinfo[0].real).toEqual(report.checkpoints.at(-1).buddyinfo[0].model);
    expect(report.stateHash).toMatch(/^[0-9a-f]{16}$/);
  });
});

describe('view', () => {
  it('prints the real buddyinfo of a step', () => {
    const { status, stdout } = replug('view', ppc, '/proc/buddyinfo', '--at', 'before');
    expect(status).toBe(0);
    expect(stdout).toMatch(/^Node 0, zone {3}Normal( +\d+){9} \n$/);
  });

  it('takes a machine file and a shorthand', () => {
    const file = join(folder, 'machine.yaml');
    writeFileSync(file, 'arch: s390x\nsize: 512M\n');
    const fromFile = replug('view', file, '/proc/zoneinfo');
    expect(fromFile.status).toBe(0);
    expect(fromFile.stdout).toBe(replug('view', 's390x,512M', '/proc/zoneinfo').stdout);
  });
});

describe('bad usage and bad input', () => {
  it.each([
    [['replay'], 2, 'missing required argument'],
    [['frobnicate'], 2, 'unknown command'],
    [['replay', ppc, '--kernel', '5.4'], 2, 'RP7001'],
    [['replay', ppc, '--from', 'nowhere'], 2, 'RP3'],
    [['replay', ppc, '--from', 'after', '--to', 'before'], 2, 'RP5004'],
    [['view', 'alpha,1G', '/proc/zoneinfo'], 3, 'RP4'],
    [['view', 's390x,many', '/proc/zoneinfo'], 2, 'RP1021'],
    [['view', 's390x,512M', '/proc/nothing'], 3, 'ENOENT'],
    [['inspect', '/nonexistent'], 3, 'RP4'],
  ] as const)('%j: exit %d, %s', (args, code, text) => {
    const { status, stderr } = replug(...args);
    expect(stderr).toContain(text);
    expect(status).toBe(code);
  });

  it('exits with 1 when agreement is below the tolerance', () => {
    // A capture whose last dump says that no page is free.
    const wrong = join(folder, 'wrong');
    cpSync(ppc, wrong, { recursive: true });
    rmSync(join(wrong, 'steps/04-after/kpageflags.bin.xz'));
    writeFileSync(join(wrong, 'steps/04-after/kpageflags.bin'), Buffer.alloc(16384 * 8));
    const { status, stdout } = replug('replay', wrong, '--from', 'compacted', '--json');
    expect(status).toBe(1);
    expect(JSON.parse(stdout).checkpoints.at(-1).kpageflags.realOnly).toBe(0);
    expect(replug('replay', wrong, '--from', 'compacted', '--tolerance', '10').status).toBe(0);
  });

  it('shows help with examples', () => {
    const { status, stdout } = replug('replay', '--help');
    expect(status).toBe(0);
    expect(stdout).toContain('$ replug replay');
  });
});

describe('tour', () => {
  it('ends in a sentence for each architecture', () => {
    const { status, stdout } = replug('tour');
    expect(status).toBe(0);
    expect(stdout.trim().split('\n')).toEqual([
      'powerpc64, 64 KiB pages, radix, little-endian, 1 GB, Linux 6.1: model and kernel agree on 16,384 of 16,384 pages after 44,605 events.',
      's390x, big-endian, 512 MB, Linux 6.1: model and kernel agree on 131,072 of 131,072 pages after 420,593 events.',
      'x86-64, little-endian, 768 MB, Linux 6.12: model and kernel agree on 196,608 of 196,608 pages after 76,282 events.',
    ]);
  });
});
