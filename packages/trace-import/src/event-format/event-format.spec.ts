import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hasShared, sharedCaptures } from '../captures.spec-kit.ts';
import { evaluate, type Surroundings } from './evaluate.ts';
import { parseExpressions } from './expression.ts';
import { readFields, readFormat } from './format-text.ts';
import { readPrintFormat } from './print-format.ts';

const DRAIN = `name: mm_page_pcpu_drain
ID: 618
format:
	field:unsigned short common_type;	offset:0;	size:2;	signed:0;
	field:int common_pid;	offset:4;	size:4;	signed:1;

	field:unsigned long pfn;	offset:8;	size:8;	signed:0;
	field:__data_loc char[] name;	offset:16;	size:4;	signed:0;
	field:char buf[16];	offset:20;	size:16;	signed:0;

print fmt: "page=%p pfn=0x%lx order=%d", (((struct page *)vmemmap_base) + (REC->pfn)), REC->pfn, REC->order
`;

const around = (fields: Record<string, bigint>): Surroundings => ({
  field: (name) => fields[name],
  text: () => undefined,
  name: (name) => (name === 'pageblock_order' ? 5n : undefined),
});

function value(text: string, fields: Record<string, bigint> = {}): unknown {
  const [expression] = parseExpressions(text) ?? [];
  return expression === undefined ? 'not understood' : evaluate(expression, around(fields));
}

describe('format files', () => {
  it('tell name, number, fields and what is printed', () => {
    const format = readFormat(DRAIN)!;
    expect(format).toMatchObject({ name: 'mm_page_pcpu_drain', id: 618 });
    expect(format.fields).toEqual([
      { name: 'common_type', type: 'unsigned short', offset: 0, size: 2, signed: false },
      { name: 'common_pid', type: 'int', offset: 4, size: 4, signed: true },
      { name: 'pfn', type: 'unsigned long', offset: 8, size: 8, signed: false },
      { name: 'name', type: '__data_loc char[]', offset: 16, size: 4, signed: false, dynamic: 'absolute' },
      { name: 'buf', type: 'char[16]', offset: 20, size: 16, signed: false },
    ]);
    expect(format.print.startsWith('"page=%p')).toBe(true);
  });

  it.each(['', 'name: x\n', 'name: x\nID: 70000\n', 'ID: 3\nname: x\n', '\0\0\0'])('%j is none', (text) => {
    expect(readFormat(text)).toBeUndefined();
  });

  it('leave out fields beyond any page, and more than any event has', () => {
    expect(readFields('\tfield:int a;\toffset:9999999;\tsize:4;\n')).toEqual([]);
    expect(readFields('\tfield:int a;\toffset:8;\tsize:4;\n'.repeat(1000))).toHaveLength(256);
  });
});

describe('expressions', () => {
  it.each<[string, unknown]>([
    ['1 + 2 * 3', 7n],
    ['(1 | 8) << 4', 144n],
    ['0x10u & ~0x10u', 0n],
    ['(((unsigned int)((21 - 12))) < ((unsigned int)(10)) ? ((unsigned int)((21 - 12))) : ((unsigned int)(10)))', 9n],
    ['( gfp_t)(((((1UL))) << (10))|((((1UL))) << (11)))', 0xc00n],
    ['(unsigned int)(-1)', 0xffffffffn],
    ['017', 15n],
    ["'a'", 97n],
    ['sizeof(int)', 'not understood'],
    ['1 << 64', 'not understood'],
    ['1 / 0', 'not understood'],
    ['REC->order', 3n],
    ['REC->pfn != -1UL ? REC->pfn : 0', 0n],
    ['REC->order < pageblock_order', 1n],
    ['REC->order < other_variable', undefined],
    ['REC->missing', undefined],
    ['strange(REC->order)', undefined],
  ])('%s', (text, expected) => {
    expect(value(text, { order: 3n, pfn: 2n ** 64n - 1n })).toBe(expected);
  });

  it('name values: the first that is equal, else the number', () => {
    const table = '__print_symbolic(REC->idx, {0, "DMA"}, {1, "Normal"}, { 2, "Mov" "able" })';
    expect([0n, 1n, 2n, 9n].map((idx) => value(table, { idx }))).toEqual(['DMA', 'Normal', 'Movable', '0x9']);
  });

  it('name flags: greedily, what is left over as a number', () => {
    const table =
      '(REC->f) ? __print_flags(REC->f, "|", {6UL, "BOTH"}, {2, "TWO"}, {4, "FOUR"}, {8, "EIGHT"}) : "none"';
    expect([0n, 2n, 6n, 14n, 18n, 0x8000000000000004n].map((f) => value(table, { f }))).toEqual([
      'none',
      'TWO',
      'BOTH',
      'BOTH|EIGHT',
      'TWO|0x10',
      'FOUR|0x8000000000000000',
    ]);
  });

  it('may be nested and long only as far as real ones are', () => {
    expect(value('('.repeat(60) + '1' + ')'.repeat(60))).toBe(1n);
    expect(value('('.repeat(100_000))).toBe('not understood');
    expect(value('-'.repeat(100_000))).toBe('not understood');
    expect(value('1?'.repeat(50_000))).toBe('not understood');
    expect(value('REC->a|'.repeat(50_000) + '1')).toBe('not understood');
    expect(value('1|'.repeat(40_000) + '1')).toBe(1n);
    expect(value('{'.repeat(1000))).toBe('not understood');
  });
});

describe('print formats', () => {
  it('give each value by the word before it', () => {
    const printed = readPrintFormat(
      '"range=(0x%lx ~ 0x%lx) zone=%-8s a=%d%%, order=0", REC->b, REC->e, REC->z, REC->a',
      64,
    )!;
    expect(printed.map(({ key, index, bits }) => [key, index, bits])).toEqual([
      ['range', 0, 64],
      ['range', 1, 64],
      ['zone', 0, 0],
      ['a', 0, -32],
      ['order', 0, -64],
    ]);
  });

  it.each(['', 'REC->a', '"%d"', '"%*d", 1, 2', `"${'a'.repeat(5000)}%d", 1`, '"%d", strange('])(
    '%j is not understood',
    (text) => {
      expect(readPrintFormat(text, 64)).toBeUndefined();
    },
  );
});

/** Values and texts that the kernel's own texts of these captures have, by hand from the names in its table. */
describe.skipIf(!hasShared)('gfp flags of real kernels', () => {
  const formats = sharedCaptures.map((path) => join(path, 'trace/events/kmem/mm_page_alloc/format'));
  it.each([
    ['x86_64-6.12-boot', 0x400dc0n, 'GFP_KERNEL_ACCOUNT|__GFP_ZERO'],
    ['x86_64-6.12-boot', 0n, 'none'],
    ['x86_64-6.12-boot', 0x52000n, '__GFP_NOWARN|__GFP_NORETRY|__GFP_COMP'],
    ['s390x-6.1-boot', 0xcc0n, 'GFP_KERNEL'],
    ['ppc64le-6.1-boot', 0x100ccan, 'GFP_HIGHUSER_MOVABLE'],
  ])('%s %s', (capture, mask, text) => {
    const format = readFormat(
      readFileSync(
        formats.find((path) => path.includes(`/${capture}/`))!,
        'utf8',
      ),
    )!;
    const printed = readPrintFormat(format.print, 64)!.find(({ key }) => key === 'gfp_flags')!;
    expect(evaluate(printed.expression, around({ gfp_flags: mask }))).toBe(text);
  });
});
