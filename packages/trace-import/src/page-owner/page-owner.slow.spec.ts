/** What takes long: every page_owner of the lab captures against a plain reader, mutants by the hundred thousand, memory. */
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { filesBelow, hasShared, sharedCaptures } from '../captures.spec-kit.ts';
import { Account } from '../account.ts';
import { readContent } from '../node/read-bytes.ts';
import { accounted } from '../testing/index.ts';
import { PageOwnerReader } from './page-owner.ts';
import { countColumns, countPlainly, mutant, read, rowsOf } from './page-owner.spec-kit.ts';

/** Records, pages and lines by `grep -c '^Page allocated'`, an awk sum of 2^order, and `wc -l`. */
const FILES: Readonly<Record<string, readonly [records: number, pages: number, lines: number]>> = {
  's390x-6.12lab-exact-pageowner/steps/01-before': [11942, 12390, 159172],
  's390x-6.12lab-exact-pageowner/steps/02-after-workload': [33989, 34477, 428586],
  's390x-6.12lab-pageowner/steps/01-boot': [19300, 19734, 249567],
  's390x-6.12lab-pageowner/steps/02-after-workload': [41939, 42421, 531147],
  'x86_64-6.12lab-pageowner/steps/01-boot': [19740, 20119, 292680],
  'x86_64-6.12lab-pageowner/steps/02-after-workload': [42084, 42498, 593752],
};

const captures = sharedCaptures.filter((path) => path.endsWith('pageowner'));

it.skipIf(!hasShared)('by type, order and stack, all lab captures are as a plain reader counts them', async () => {
  const seen: Record<string, readonly number[]> = {};
  for (const path of captures.flatMap((capture) => filesBelow(join(capture, 'steps'), /^page_owner\.xz$/))) {
    const bytes = await readContent(path);
    const result = read(bytes, 1 << 16);
    const counted = countColumns(result);
    expect(counted, path).toEqual(countPlainly(new TextDecoder().decode(bytes)));
    expect(result.account.skipped).toEqual({});
    const name = path.split('/').slice(-4, -1).join('/');
    seen[name] = [result.owner.length, counted.pages, result.account.lines!];
  }
  expect(seen).toEqual(FILES);
});

it('100,000 mutants of records: every line counted once, the same in any chunks', () => {
  let records = 0;
  for (let seed = 0; seed < 100_000; seed++) {
    const bytes = mutant(seed);
    const whole = read(bytes);
    accounted(whole.account, bytes);
    records += whole.owner.length;
    if (seed % 4 > 0) continue;
    const parts = read(bytes, 1 + (seed % 97));
    if (JSON.stringify(rowsOf(whole)) !== JSON.stringify(rowsOf(parts))) throw new Error(`seed ${seed}: rows differ`);
    if (JSON.stringify(whole.account) !== JSON.stringify(parts.account))
      throw new Error(`seed ${seed}: accounts differ`);
  }
  expect(records).toBeGreaterThan(120_000);
});

it('two million records take less than 300 MB', () => {
  const encoder = new TextEncoder();
  const reader = new PageOwnerReader(new Account('test', 'page-owner'));
  const part = (from: number) =>
    encoder.encode(
      Array.from(
        { length: 1000 },
        (_, i) =>
          `Page allocated via order 0, mask 0xcc0(GFP_KERNEL), pid ${i}, tgid ${i} (task${i}), ts ${from * 1000 + i} ns\n` +
          `PFN 0x${(from + i).toString(16)} type Movable Block ${(from + i) >> 9} type Movable Flags 0x40(head|zone=1)\n` +
          ` a${i % 50}+0x1/0x2\n b+0x1/0x2\n\n`,
      ).join(''),
    );
  globalThis.gc?.();
  const before = process.memoryUsage().rss;
  for (let from = 0; from < 2_000_000; from += 1000) reader.push(part(from));
  const owner = reader.finish();
  expect(owner.length).toBe(2_000_000);
  expect([owner.pfn[1_999_999], owner.time[1_999_999], owner.stacks.length]).toEqual([1_999_999, 1_999_000_999, 51]);
  expect((process.memoryUsage().rss - before) / 1e6).toBeLessThan(300);
});
