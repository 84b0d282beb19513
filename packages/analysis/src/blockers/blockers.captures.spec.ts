import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readContent } from '@replug/trace-import';
import { afterAll, describe, expect, it } from 'vitest';
import { nameOf, shipped } from '../captures.spec-kit.ts';
import { blockers } from './blockers.ts';
import { attemptsOf, captureOf, dumpedPages, verdictsOf } from './blockers.captures.spec-kit.ts';

const fixture = (name: string) => shipped.find((path) => nameOf(path).startsWith(name))!;
const folder = mkdtempSync(join(tmpdir(), 'replug-blockers-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('recordings in the repository', () => {
  it('tells the blocks of a machine with two nodes', async () => {
    const report = await blockers(fixture('x86_64'), { at: { kind: 'step', ref: 'after' } });
    expect(report.blocks.map(({ block, zone, verdict }) => [block, zone, verdict])).toEqual([
      [0, null, 'invalid'],
      [1, 'DMA32', 'offlinable'],
      [2, 'DMA32', 'blocked'],
      [3, 'DMA32', 'blocked'],
      [4, 'DMA32', 'offlinable'],
      [5, 'DMA32', 'invalid'],
    ]);
    expect(report.blocks[0].why).toBe('it has pages of several zones');
    expect(report.blocks[5].why).toBe('no memory at 35 pages of it');
    expect(report).toMatchObject({ source: 'kpageflags+kpagecount', blockSize: 2 ** 27, pageblockPages: 512 });
    // Every page of a block is counted once.
    for (const { classes, pages } of report.blocks)
      expect(Object.values(classes).reduce((sum, count) => sum + count, 0)).toBe(pages);
  });

  it('takes the last step with page flags, and a folder of a step by itself', async () => {
    const report = await blockers(fixture('ppc64le'));
    expect(report.at.step).toBe('04-after');
    const alone = await blockers(join(fixture('ppc64le'), 'steps', '04-after'));
    expect(alone.blocks.map(({ zone, classes }) => [zone, classes])).toEqual(
      report.blocks.map(({ zone, classes }) => [zone, classes]),
    );
  });

  it('tells a big-endian pair of files without anything else, and what was assumed', async () => {
    const step = join(fixture('s390x'), 'steps', '04-after');
    const [flags, counts] = [join(folder, 'kpageflags'), join(folder, 'kpagecount')];
    writeFileSync(flags, await readContent(join(step, 'kpageflags.bin.xz')));
    writeFileSync(counts, await readContent(join(step, 'kpagecount.bin.xz')));
    const [whole, alone, one] = [await blockers(step), await blockers(folder), await blockers(flags)];
    expect(alone.classes).toEqual(whole.classes);
    expect(one.classes).toEqual(whole.classes);
    expect(alone.notes).toContain('no file lists memory blocks: 128 MiB each is assumed');
    expect(alone.blocks.map(({ block, state, zone }) => [block, state, zone])).toEqual(
      [0, 1, 2, 3].map((block) => [block, 'unknown', null]),
    );
  });

  it.each([
    ['nothing in it', new Uint8Array(0), 'RP6013'],
    ['impossible bits', new Uint8Array(800).fill(0xff), 'RP6013'],
    ['half a word', new Uint8Array(4), 'RP6013'],
  ])('refuses page files with %s', async (_, bytes, code) => {
    const path = join(folder, 'bad-kpageflags');
    writeFileSync(path, bytes);
    await expect(blockers(path)).rejects.toThrow(code);
  });

  it('tells a cut file by name, and uses what is whole', async () => {
    const path = join(folder, 'cut.kpageflags');
    writeFileSync(path, new Uint8Array(8 * 40 + 3));
    const report = await blockers(path);
    expect(report.notes[0]).toBe('no file lists memory blocks: 128 MiB each is assumed');
    expect(report.notes).toContain('cut.kpageflags ends within a word: 3 bytes are not used');
    expect(report.blocks.map(({ verdict, uncertain }) => [verdict, uncertain])).toEqual([['uncertain', 40]]);
  });

  it('says what is missing where nothing tells pages', async () => {
    const path = join(folder, 'zoneinfo');
    writeFileSync(path, 'Node 0, zone   Normal\n  pages free     10\n        min      1\n        low      1\n');
    await expect(blockers(path)).rejects.toThrow('RP6008');
    await expect(blockers(join(folder, 'not-there'))).rejects.toThrow('RP4001');
  });
});

const ppc = captureOf('ppc64le-6.1-offline');
describe.skipIf(ppc === undefined)('blocks that a real kernel was asked to offline', () => {
  it('are told as the kernel told them a moment later, and by the page that it dumped', async () => {
    const report = await blockers(ppc!, { at: { kind: 'step', ref: 'loaded' } });
    const attempts = attemptsOf(ppc!).filter(({ step }) => step === '02-loaded');
    expect(attempts.map(({ block, outcome }) => `${block} ${outcome}`).join(', ')).toBe(
      '7 EBUSY, 6 ok, 5 ok, 4 EBUSY, 3 EBUSY, 2 EBUSY, 1 ok, 0 EBUSY',
    );
    expect(verdictsOf(report, [7, 6, 5, 4, 3, 2, 1, 0])).toBe(
      '7 blocked, 6 offlinable, 5 offlinable, 4 blocked, 3 blocked, 2 blocked, 1 offlinable, 0 blocked',
    );
    // The last pageblock of block 7 comes before its others.
    expect(dumpedPages(ppc!)).toEqual([0x7fe4, 0x4000, 0x3fef, 0x2fff, 0x0]);
    expect([7, 4, 3, 2, 0].map((id) => report.blocks[id].blocking.named)).toEqual([
      0x7fe4, 0x4000, 0x3fef, 0x2fff, 0x0,
    ]);
    expect(report.blocks[7].blocking).toMatchObject({ count: 282, classes: { reserved: 282 } });
    expect(report.hints[0]).toContain('CONFIG_PAGE_OWNER');
  });

  it('stay uncertain where no event tells CPU lists from kernel memory', async () => {
    const step = join(ppc!, 'steps', '02-loaded');
    const report = await blockers(step);
    expect(verdictsOf(report, [6, 5, 1])).toBe('6 uncertain, 5 uncertain, 1 offlinable');
    expect([6, 5].map((id) => report.blocks[id].uncertain)).toEqual([203, 189]);
  });
});
