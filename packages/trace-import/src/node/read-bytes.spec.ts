import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateRawSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ppc } from '../captures.spec-kit.ts';
import {
  bytesOf,
  hasXz,
  hasZstd,
  pipe,
  RAW,
  RLE,
  unpack,
  WINDOW_128K,
  zstdBlock,
  zstdHeader,
  zstdText,
} from './packed.spec-kit.ts';

let folder = '';
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'replug-bytes-'))));
afterAll(() => rmSync(folder, { recursive: true }));

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const WHOLE = { truncated: false, trailing: 0 };
const LINES = Array.from({ length: 300 }, (_, i) => `line ${i} ${'abc'.repeat(i % 7)}\n`).join('');

/** The three compressions of one text, each by a maker that shares nothing with the reader. */
const makers: [string, boolean, (content: string) => Uint8Array][] = [
  ['gzip', true, (content) => gzipSync(content)],
  ['xz', hasXz, (content) => pipe('xz', ['-c'], bytesOf(content))!],
  ['xz without a check', hasXz, (content) => pipe('xz', ['-c', '--check=none'], bytesOf(content))!],
  ['xz in blocks', hasXz, (content) => pipe('xz', ['-c', '--block-size=1000', '--check=crc32'], bytesOf(content))!],
  ['zstd', hasZstd, (content) => pipe('zstd', ['-qc'], bytesOf(content))!],
  ['zstd without a checksum', hasZstd, (content) => pipe('zstd', ['-qc', '--no-check'], bytesOf(content))!],
  ['zstd by hand', true, zstdText],
];

describe.each(makers)('%s', (name, available, make) => {
  it.skipIf(!available)('gives the content', async () => {
    const { content, end } = await unpack(folder, make(LINES));
    expect(text(content)).toBe(LINES);
    expect(end).toEqual(WHOLE);
  });

  it.skipIf(!available)('reads several after another, padded with zeros', async () => {
    const packed = bytesOf(
      make('one\n'),
      make('two\n'),
      new Uint8Array(8),
      make(''),
      make('three\n'),
      new Uint8Array(4),
    );
    const { content, end } = await unpack(folder, packed);
    expect(text(content)).toBe('one\ntwo\nthree\n');
    expect(end).toEqual(WHOLE);
  });

  it.skipIf(!available)('tells of bytes that follow and belong to nothing', async () => {
    const { content, end } = await unpack(folder, bytesOf(make('one\n'), 'garbage'));
    expect(text(content)).toBe('one\n');
    expect(end).toEqual({ truncated: false, trailing: 7 });
  });

  it.skipIf(!available)('cut anywhere gives a beginning and says so', async () => {
    const [first, second] = [make(LINES), make('the end\n')];
    const packed = bytesOf(first, second);
    // Behind the magic, by which alone it is known; every place where the second begins or ends, and some others.
    for (let at = 7; at < packed.length; at += at < first.length - 20 ? 97 : 1) {
      const { content, end, code, text: why } = await unpack(folder, packed.subarray(0, at));
      expect(code, `cut at ${at} of ${first.length}: ${why}`).toBeUndefined();
      expect(`${LINES}the end\n`.startsWith(text(content)), `cut at ${at}`).toBe(true);
      expect(end, `cut at ${at}`).toEqual({ truncated: at !== first.length, trailing: 0 });
      if (at >= first.length) expect(content.length).toBeGreaterThanOrEqual(LINES.length);
    }
  });

  it.skipIf(!available)('with any byte changed never crashes', async () => {
    const packed = make(LINES);
    for (let at = 0; at < packed.length; at += 1 + Math.floor(packed.length / 60)) {
      const changed = Uint8Array.from(packed);
      changed[at] ^= 1 << (at % 8);
      const { content, code, end } = await unpack(folder, changed, { maxBytes: 1 << 20 });
      const odd = end?.truncated === true || end?.trailing !== 0 ? 'odd end' : undefined;
      const known = code ?? odd ?? (text(content) === LINES ? 'same' : 'other');
      expect(['RP4005', 'RP4007', 'RP4009', 'RP4010', 'odd end', 'same', 'other'], `byte ${at}`).toContain(known);
      // A changed name in a header, a changed magic (then it is no compression), text without a checksum.
      const mayDiffer = at < 10 || name.includes('without') || name.includes('by hand');
      if (!mayDiffer) expect(known, `byte ${at}`).not.toBe('other');
    }
  });
});

it('a cut file is an error to whoever cannot be told', async () => {
  const cut = gzipSync(LINES).subarray(0, 200);
  expect(await unpack(folder, cut, { onEnd: undefined })).toMatchObject({ code: 'RP4005' });
});

it('a recorded xz twice, in chunks that end inside of it', async () => {
  const packed = readFileSync(join(ppc, 'trace/trace.txt.xz'));
  const { content, end } = await unpack(folder, bytesOf(packed, packed));
  expect(end).toEqual(WHOLE);
  expect(text(content).split('# tracer: nop\n')).toHaveLength(3);
  const half = content.length / 2;
  expect(Buffer.compare(content.subarray(0, half), content.subarray(half))).toBe(0);
});

it('a gzip header with all that it may have', async () => {
  const flags = 2 | 4 | 8 | 16;
  const header = [0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 3, 5, 0, 1, 2, 3, 4, 5];
  const [trailer] = [gzipSync('hello\n').subarray(-8)];
  const packed = bytesOf(header, 'name\0', 'comment\0', [0, 0], deflateRawSync('hello\n'), trailer);
  expect(text((await unpack(folder, packed)).content)).toBe('hello\n');
});

describe('zstd', () => {
  it('skips the frames of others', async () => {
    const skipped = bytesOf([0x5a, 0x2a, 0x4d, 0x18, 5, 0, 0, 0], 'other');
    const { content, end } = await unpack(folder, bytesOf(skipped, zstdText('one\n'), skipped, zstdText('two\n')));
    expect(text(content)).toBe('one\ntwo\n');
    expect(end).toEqual(WHOLE);
  });

  it.each([
    // 1 KiB × 2^20 = 1 GiB; × 2^31 = 2 TiB, which 32 bits cannot hold.
    ['a window of 1 GiB', [0x28, 0xb5, 0x2f, 0xfd, 0, 20 << 3], 'RP4009'],
    ['a window of 2 TiB', [0x28, 0xb5, 0x2f, 0xfd, 0, 31 << 3], 'RP4009'],
    ['one segment of 2^56 bytes', [0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0, 0, 0, 0, 0, 0, 1], 'RP4009'],
    ['a dictionary', [0x28, 0xb5, 0x2f, 0xfd, 1, WINDOW_128K, 7], 'RP4010'],
    ['a reserved bit', [0x28, 0xb5, 0x2f, 0xfd, 8, WINDOW_128K], 'RP4005'],
    ['a block of no kind', [0x28, 0xb5, 0x2f, 0xfd, 0, WINDOW_128K, 7, 0, 0], 'RP4005'],
    ['a block of 2 MiB', [...zstdHeader(WINDOW_128K), ...zstdBlock(RLE, [0], 0x1fffff, true)], 'RP4005'],
    ['less than the header promises', [0x28, 0xb5, 0x2f, 0xfd, 0x20, 9, ...zstdBlock(RAW, [1], 1, true)], 'RP4005'],
  ])('%s: %s', async (_, packed, code) => {
    const outcome = await unpack(folder, bytesOf(packed, new Uint8Array(32)));
    expect(outcome.code).toBe(code);
  });
});

describe('xz', () => {
  const start = [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00, 0x00, 0x04, 0xe6, 0xd6, 0xb4, 0x46];
  /** A block header of 12 bytes: one filter with one byte of properties. */
  const block = (filter: number, properties: number) => [2, 0, filter, 1, properties, 0, 0, 0, 0, 0, 0, 0];
  it.each([
    // 2^(29 / 2 + 12) = 96 MiB; 40 stands for 4 GiB.
    ['a dictionary of 96 MiB', [...start, ...block(0x21, 29)], 'RP4009'],
    ['a dictionary of 4 GiB', [...start, ...block(0x21, 40)], 'RP4009'],
    ['the x86 filter', [...start, ...block(0x04, 0)], 'RP4010'],
    ['SHA-256', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00, 0x00, 0x0a, 0xe1, 0xfb, 0x0c, 0xa1], 'RP4010'],
  ])('%s: %s', async (_, packed, code) => {
    expect(await unpack(folder, bytesOf(packed, new Uint8Array(32)))).toMatchObject({ code });
    // The decoder is one for the whole process: it must be free again.
    expect((await unpack(folder, readFileSync(join(ppc, 'steps/01-before/kpageflags.bin.xz')))).end).toEqual(WHOLE);
  });
});

describe('limits', () => {
  const zeros = new Uint8Array(1 << 22);
  /** 600 × 128 KiB from 2,400 bytes. */
  const bomb = bytesOf(
    zstdHeader(WINDOW_128K),
    ...Array.from({ length: 600 }, (_, i) => zstdBlock(RLE, [10], 1 << 17, i === 599)),
  );

  it('a file may not grow beyond maxBytes', async () => {
    expect(await unpack(folder, gzipSync(zeros), { maxBytes: zeros.length })).toMatchObject({ end: WHOLE });
    const { code, content } = await unpack(folder, gzipSync(zeros), { maxBytes: 1 << 20 });
    expect(code).toBe('RP4007');
    expect(content.length).toBeLessThanOrEqual(1 << 20);
  });

  it('nor by more than maxRatio', async () => {
    const { code, content } = await unpack(folder, bomb, { maxRatio: 4000 });
    expect(code).toBe('RP4008');
    expect(content.length).toBe(2 ** 26);
    expect((await unpack(folder, bomb)).content.length).toBe(600 * 2 ** 17);
    const options = { maxRatio: 500, ratioFrom: 1 << 20 };
    expect((await unpack(folder, gzipSync(zeros), options)).code).toBe('RP4008');
    expect((await unpack(folder, zeros, options)).code).toBeUndefined();
  });
});
