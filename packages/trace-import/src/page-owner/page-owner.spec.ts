import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { dumpsFolder, hasDumps, hasShared, sharedCaptures, unaccounted } from '../captures.spec-kit.ts';
import { readContent } from '../node/read-bytes.ts';
import { accounted } from '../testing/index.ts';
import { MAX_BLOCK } from './page-owner.ts';
import { countColumns, countPlainly, mutant, read, rowsOf } from './page-owner.spec-kit.ts';

const nothing = { type: '', blockType: '', pid: -1, tgid: -1, comm: '', time: 0, freeTime: 0, flags: '0:0', names: '' };
const plain = { stack: 'a+0x1/0x2', moved: '', memcg: '', marks: 0 };
const STACK = ' a+0x1/0x2\n\n';

describe('what the kernels print', () => {
  const pfnLine =
    'PFN 78 type Movable Block 0 type Unmovable Flags 0x17ffffc00c001c(uptodate|lru|node=0|zone=2|lastcpupid=0x1f)\n';
  const flagged = { flags: '17ffff:c00c001c', names: 'uptodate|lru', type: 'Movable', blockType: 'Unmovable', pfn: 78 };

  it.each([
    ['4.6', 'order 0, mask 0x24200ca(GFP_HIGHUSER_MOVABLE)', { mask: 0x24200ca, gfp: 'GFP_HIGHUSER_MOVABLE' }],
    ['5.11', 'order 2, mask 0x0(), pid 7, ts 12 ns', { order: 2, pid: 7, time: 12 }],
    ['5.13', 'order 0, mask 0x0(), pid 7, ts 12 ns, free_ts 9 ns', { pid: 7, time: 12, freeTime: 9 }],
    [
      '5.17',
      'order 0, mask 0x0(), pid 7 (a b), ts 12 ns, free_ts 9 ns',
      { pid: 7, comm: 'a b', time: 12, freeTime: 9 },
    ],
    [
      '6.1',
      'order 10, mask 0xcc0(GFP_KERNEL), pid 7, tgid 6 (kworker/u4:2), ts 18446744073 ns, free_ts 0 ns',
      {
        order: 10,
        mask: 0xcc0,
        gfp: 'GFP_KERNEL',
        pid: 7,
        tgid: 6,
        comm: 'kworker/u4:2',
        time: 18446744073,
      },
    ],
    [
      '6.12',
      'order 0, mask 0xcc0(GFP_KERNEL), pid 7, tgid 6 (x), ts 5 ns',
      {
        mask: 0xcc0,
        gfp: 'GFP_KERNEL',
        pid: 7,
        tgid: 6,
        comm: 'x',
        time: 5,
      },
    ],
    [
      'a later one',
      'order 0, mask 0x0(), pid 7, node 3, tgid 6 (x), colour red, ts 5 ns',
      { pid: 7, tgid: 6, comm: 'x', time: 5 },
    ],
    [
      'brackets in a name',
      'order 0, mask 0x0(), pid 7, tgid 6 (a), ts (b)), ts 5 ns',
      {
        pid: 7,
        tgid: 6,
        comm: 'a), ts (b)',
        time: 5,
      },
    ],
    [
      'a newline in a name',
      'order 0, mask 0x0(), pid 7, tgid 6 (a\nb), ts 5 ns',
      { pid: 7, tgid: 6, comm: 'a\nb', time: 5 },
    ],
    ['a name and no time', 'order 0, mask 0x0(), pid 7, tgid 6 (a)', { pid: 7, tgid: 6, comm: 'a' }],
  ])('%s', (_, line, expected) => {
    const result = read(`Page allocated via ${line}\n${pfnLine}${STACK}`);
    expect(rowsOf(result)).toEqual([{ ...nothing, ...plain, order: 0, mask: 0, gfp: '', ...flagged, ...expected }]);
    expect(result.account.skipped).toEqual({});
    expect(unaccounted(result.account)).toBe(0);
  });

  it('hexadecimal and large frames, flags of 64 bits, names only up to the first value', () => {
    const head = 'Page allocated via order 0, mask 0x0()\nPFN 0x';
    const { owner } = read(
      `${head}fffffffff type Isolate Block 134217727 type HighAtomic Flags 0xfeedfacecafef00d(a|b|zone=1|c)\n${STACK}`,
    );
    expect([owner.pfn[0], owner.flagsHigh[0], owner.flagsLow[0]]).toEqual([0xfffffffff, 0xfeedface, 0xcafef00d]);
    expect(owner.flagTexts).toEqual(['', 'a|b']);
    expect(owner.pageblockOrder).toBe(9);
  });

  it('what follows the stack', () => {
    const tail = [
      'Page has been migrated, last migrate reason: longterm_pin',
      'Slab cache page',
      'Charged (via objcg) to offline memcg a b',
      'Something new',
    ].join('\n');
    const { owner, account } = read(`Page allocated via order 0, mask 0x0()\n${pfnLine} a+0x1/0x2\n${tail}\n\n`);
    expect([owner.reasons[owner.moved[0]], owner.memcgs[owner.memcg[0]], owner.marks[0]]).toEqual([
      'longterm_pin',
      'a b',
      7,
    ]);
    expect(account).toMatchObject({ lines: 8, events: 6, comments: 1, skipped: { 'unknown-record-line': 1 } });
    expect(account.samples).toEqual([{ reason: 'unknown-record-line', line: 7, text: 'Something new' }]);
  });

  it('keys that are new are named', () => {
    const { account } = read(`Page allocated via order 0, mask 0x0(), colour red, ts 5 ns\n${pfnLine}${STACK}`);
    expect(account.unknownKeys).toEqual(['colour']);
  });
});

describe('what page_owner_sort makes of it', () => {
  it('groups with a record, with a stack, and alone', () => {
    const result = read(
      [
        '14 times, 56 pages, allocated by OTHERS :',
        'Page allocated via order 2, mask 0xcc0(GFP_KERNEL), pid 5, tgid 4 (sh), ts  ns',
        ' a+0x1/0x2',
        '',
        '3 times, 6 pages, PID 9, TGID 8, task_comm_name: kworker/u4:0, allocated by SLAB :',
        ' b+0x1/0x2',
        '',
        '2 times, 2 pages, task_comm_name: cat',
        '1 times, 8 pages, PID 7',
        '62130 times: Page allocated via order 1',
        '[0xffffffff80173d6e] pipe_writev+574',
        '',
      ].join('\n') + '\n',
    );
    const { owner, account } = result;
    expect(owner.groups).toEqual({
      times: Float64Array.of(14, 3, 2, 1, 62130),
      pages: Float64Array.of(56, 6, 2, 8, 124260),
    });
    expect(rowsOf(result).map(({ pid, tgid, comm, order, stack }) => [pid, tgid, comm, order, stack])).toEqual([
      [5, 4, 'sh', 2, 'a+0x1/0x2'],
      [9, 8, 'kworker/u4:0', 0, 'b+0x1/0x2'],
      [-1, -1, 'cat', 0, ''],
      [7, -1, '', 0, ''],
      [-1, -1, '', 1, '[0xffffffff80173d6e] pipe_writev+574'],
    ]);
    expect(account).toMatchObject({
      lines: 12,
      events: 9,
      comments: 3,
      skipped: {},
      details: { groups: 5, records: 5 },
    });
  });
});

describe('what is no record', () => {
  it.each([
    ['hello\n\n', { 'not-a-record': 1 }],
    ['Page allocated via order 99, mask 0x0()\nPFN 1\n\n', { 'bad-allocation-line': 1, 'not-a-record': 1 }],
    ['Page allocated via order 0, mask 0x0(), ts 99999999999999999999 ns\n\n', { 'bad-allocation-line': 1 }],
    ['Page allocated via order 0, mask 0x0(), pid 7 (a\n\n', { 'bad-allocation-line': 1 }],
    ['Page allocated via order 0, mask 0x0(),\n\n', { 'bad-allocation-line': 1 }],
    ['Page allocated via order 0, mask 0x0()\nPFN x type Movable\n\n', { 'bad-pfn-line': 1 }],
  ])('%j', (text, skipped) => {
    const { account } = read(text);
    expect(account.skipped).toEqual(skipped);
    expect(unaccounted(account)).toBe(0);
  });

  it('a block beyond the limit is skipped line by line, in chunks of any size', () => {
    const good = `Page allocated via order 0, mask 0x0()\nPFN 1 type Movable Block 0 type Movable Flags 0x0()\n${STACK}`;
    const line = ` ${'x'.repeat(1022)}\n`;
    const text = good + `Page allocated via order 0, mask 0x0()\n${line.repeat(MAX_BLOCK / 1024)}\n` + good;
    for (const size of [Infinity, 60_000]) {
      const { owner, account } = read(text, size);
      expect([...owner.pfn]).toEqual([1, 1]);
      expect(account).toMatchObject({ lines: 1034, events: 6, comments: 3, skipped: { 'block-too-long': 1025 } });
    }
  });

  it('two records without a blank line between them', () => {
    const record =
      'Page allocated via order 0, mask 0x0()\nPFN 1 type Movable Block 0 type Movable Flags 0x0()\n a+0x1/0x2\n';
    const { owner, account } = read(`${record}${record}\n`);
    expect(owner.length).toBe(2);
    expect(account.details).toEqual({ records: 2, 'records without a blank line after': 1 });
  });
});

/** Every reading of a mutant: all lines counted once, the same in any chunks. */
function check(seed: number): number {
  const bytes = mutant(seed);
  const whole = read(bytes);
  accounted(whole.account, bytes);
  const parts = read(bytes, 1 + (seed % 97));
  if (JSON.stringify(rowsOf(whole)) !== JSON.stringify(rowsOf(parts))) throw new Error(`seed ${seed}: rows differ`);
  if (JSON.stringify(whole.account) !== JSON.stringify(parts.account)) throw new Error(`seed ${seed}: accounts differ`);
  return whole.owner.length;
}

it('5,000 mutants of records', () => {
  let records = 0;
  for (let seed = 0; seed < 5000; seed++) records += check(seed);
  expect(records).toBeGreaterThan(4000);
});

it.skipIf(!hasDumps)('reads what people have posted', () => {
  const file = (name: string) => read(readFileSync(join(dumpsFolder, 'transcribed/pageowner', name)));
  const arm = rowsOf(file('arm64-android-6.12-cma-pinned.txt'));
  expect(
    arm.map(({ pfn, order, blockType, comm, moved, memcg, names }) => [
      pfn,
      order,
      blockType,
      comm,
      moved,
      memcg,
      names,
    ]),
  ).toEqual([
    [0x23d200, 9, 'CMA', 'swapper/0', '', '', 'head'],
    [0x207233, 0, 'CMA', 'ccci_mdinit', 'compaction', '/', 'referenced|lru|workingset|private'],
  ]);
  expect(rowsOf(file('x86_64-5.17-offlined-memcg.txt'))[0]).toMatchObject({
    pfn: 1925700,
    pid: 162970,
    comm: 'podman',
    freeTime: 1097760838089,
    memcg: 'libpod-conmon-15e4f9c758422306b73b2dd99f9d50a5ea53cbb16b4a13a2c2308a4253cc0ec8.',
    marks: 4,
  });
  expect(rowsOf(file('x86_64-5.15-early-no-PFN-line.txt'))[0]).toMatchObject({ pfn: -1, pid: 1, time: 165564237 });
  expect([...file('x86_64-2.6.11-count-style.txt').owner.groups!.times]).toEqual([62130, 55552]);
});

it.skipIf(!hasShared)('counts of a lab capture are those of a plain reader', async () => {
  const capture = sharedCaptures.find((path) => path.endsWith('s390x-6.12lab-exact-pageowner'))!;
  const bytes = await readContent(join(capture, 'steps/01-before/page_owner.xz'));
  const result = read(bytes, 1 << 16);
  expect(result.account).toMatchObject({ lines: 159172, events: 147230, comments: 11942, skipped: {} });
  expect(countColumns(result)).toEqual(countPlainly(new TextDecoder().decode(bytes)));
});
