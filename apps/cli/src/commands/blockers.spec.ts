/** blockers from the outside: output and exit codes. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../../../', import.meta.url));
const x86 = join(root, 'fixtures', 'captures', 'x86_64-6.12-exact-fileio');

function replug(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(root, 'apps/cli/bin/replug.mjs'), 'blockers', ...args],
    {
      encoding: 'utf8',
      cwd: folder,
      maxBuffer: 2 ** 26,
    },
  );
  return { status, stdout, stderr };
}

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'replug-blockers-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('blockers', () => {
  it('draws the blocks, says why some stay, and whose pages they are', () => {
    const { status, stdout } = replug(x86, '--at', 'after', '--top', '4');
    expect(status).toBe(0);
    expect(stdout.split('\n').slice(0, 6)).toEqual([
      'x86_64-6.12-exact-fileio at 02-after, 10.644901 s: 6 memory blocks of 128 MiB, 2 can be offlined',
      'pages from kpageflags+kpagecount (tracing was switched off right before the reads); owners from 40925 events',
      '',
      '. can be offlined (2)   # blocked by a page (2)   x refused as a whole (2)',
      '0  x.##.x',
      '',
    ]);
    expect(stdout).toMatch(/0 {2}- +invalid .* it has pages of several zones/);
    expect(stdout).toContain('hint: whose pages they are tells /sys/kernel/debug/page_owner');
  });

  it('prints all blocks and owners as JSON', () => {
    const { status, stdout } = replug(x86, '--at', 'after', '--json');
    expect(status).toBe(0);
    const report = JSON.parse(stdout) as { blocks: Record<string, unknown>[]; owners: unknown[] };
    expect(report.blocks.map((block) => [block.block, block.state, block.zone, block.verdict])).toEqual([
      [0, 'online', null, 'invalid'],
      [1, 'online', 'DMA32', 'offlinable'],
      [2, 'online', 'DMA32', 'blocked'],
      [3, 'online', 'DMA32', 'blocked'],
      [4, 'online', 'DMA32', 'offlinable'],
      [5, 'online', 'DMA32', 'invalid'],
    ]);
    expect(Object.keys(report.blocks[0])).toEqual(expect.arrayContaining(['classes', 'blocking', 'toMove', 'room']));
  });

  it('refuses what makes no sense, and what cannot be read', () => {
    expect(replug(x86, '--top', '0')).toMatchObject({ status: 2, stderr: expect.stringContaining('RP7017') as string });
    expect(replug(x86, '--at', 'nowhere')).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('RP3002') as string,
    });
    expect(replug('missing')).toMatchObject({ status: 3, stderr: expect.stringContaining('RP4001') as string });
    writeFileSync(join(folder, 'kpageflags'), new Uint8Array(80).fill(0xff));
    expect(replug('kpageflags')).toMatchObject({ status: 3, stderr: expect.stringContaining('RP6013') as string });
  });
});
