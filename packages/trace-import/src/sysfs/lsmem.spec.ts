/** Real sysfs trees against what lsmem(1) prints for them. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MemoryBlocks } from '@replug/workload';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dumpsFolder } from '../captures.spec-kit.ts';
import { openRecording } from '../node/open-recording.ts';

const lsmem = join(dumpsFolder, 'lsmem/util-linux_util-linux');

/** `start-end state removable` of each run of blocks that agree in both. */
function runs({ blocks, blockSize }: MemoryBlocks): string[] {
  const hex = (bytes: number) => `0x${bytes.toString(16).padStart(16, '0')}`;
  const found: { first: number; last: number; what: string }[] = [];
  for (const { id, state, removable } of blocks) {
    const what = `${state} ${removable === true ? 'yes' : 'no'}`;
    const run = found.at(-1);
    if (run?.last === id - 1 && run.what === what) run.last = id;
    else found.push({ first: id, last: id, what });
  }
  return found.map(({ first, last, what }) => `${hex(first * blockSize)}-${hex((last + 1) * blockSize - 1)} ${what}`);
}

/** The same from the table that follows the command in lsmem's expected output. */
function expectedRuns(path: string): string[] {
  const table = readFileSync(path, 'utf8').split('$ lsmem --split=STATE,REMOVABLE\n')[1].split('\n\n')[0];
  return [...table.matchAll(/^(0x\w+-0x\w+)\s+\S+\s+(\S+)\s+(\S+)/gm)].map(
    ([, range, state, removable]) => `${range} ${state} ${removable}`,
  );
}

describe.skipIf(!existsSync(lsmem))('lsmem of the third-party dumps', () => {
  let folder = '';
  beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'replug-lsmem-'))));
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each([
    ['tests_ts_lsmem_dumps_x86_64-16g.tar.bz2', 'x86_64-16g', 128],
    ['tests_ts_lsmem_dumps_aarch64_16K_16g.tar.bz2', 'aarch64_16K_16g', 126],
  ])('%s', async (archive, name, count) => {
    spawnSync('tar', ['xf', join(lsmem, archive), '-C', folder]);
    const memory = (await openRecording(join(folder, name))).steps[0].memoryBlocks!;
    expect(memory.blocks).toHaveLength(count);
    expect(runs(memory)).toEqual(expectedRuns(join(lsmem, `tests_expected_lsmem_lsmem-${name}`)));
  });
});
