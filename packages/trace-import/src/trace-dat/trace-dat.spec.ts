import { describe, expect, it } from 'vitest';
import { Account } from '../account.ts';
import type { Facts } from '../facts.ts';
import { UNPACKERS } from '../node/unpackers.ts';
import { memoryBytes } from '../ring-buffer/bytes.ts';
import type { TraceContext } from '../ring-buffer/context.ts';
import { rowOf } from './same-trace.spec-kit.ts';
import { readTraceDat } from './trace-dat.ts';
import {
  alloc,
  FORMATS,
  free,
  headerPage,
  joined,
  Out,
  page,
  X86,
  type Machine,
} from '../ring-buffer/pages.spec-kit.ts';
import { traceDat, type DatSpec } from './writer.spec-kit.ts';

function read(bytes: Uint8Array, context: TraceContext = {}): { facts: Facts; rows: unknown[]; account: Account } {
  const account = new Account('trace.dat', 'trace-dat');
  const facts = readTraceDat(memoryBytes(bytes), account, { unpackers: UNPACKERS, ...context });
  const { events } = facts.trace!;
  return { facts, account, rows: Array.from({ length: events.length }, (_, i) => rowOf(events, i, (ns) => ns)) };
}

const cpu = (machine: Machine, number: number, first: number, pid = 12) => ({
  cpu: number,
  pages: joined(
    page(machine, first, [{ delta: 0, payload: alloc(machine, pid, 0x100 + number, 1, 0x40, 1) }]),
    page(machine, first + 100, [{ delta: 5, payload: free(machine, pid, 0x100 + number, 1) }]),
  ),
});

/** Two cpus and an instance beside the top buffer. */
const spec = (version: 6 | 7, machine: Machine, more: Partial<DatSpec> = {}): DatSpec => ({
  version,
  machine,
  buffers: [
    { name: '', clock: 'global', cpus: [cpu(machine, 0, 1000), cpu(machine, 1, 1050)] },
    { name: 'other', clock: 'mono', cpus: [cpu(machine, 0, 7000, 34), cpu(machine, 1, 7050, 34)] },
  ],
  ...more,
});

const EXPECTED = [
  ['mm_page_alloc', 1000, 0, '.....', 'sh', 12, 0x100, 1 | (1 << 4), '__GFP_B'],
  ['mm_page_alloc', 1050, 1, '.....', 'sh', 12, 0x101, 1 | (1 << 4), '__GFP_B'],
  ['mm_page_free', 1105, 0, '.....', 'sh', 12, 0x100, 1, ''],
  ['mm_page_free', 1155, 1, '.....', 'sh', 12, 0x101, 1, ''],
];

const LAYOUTS: readonly Machine[] = [
  ...[true, false].flatMap((little) => ([4, 8] as const).map((longSize) => ({ little, longSize, pageSize: 4096 }))),
  { little: true, longSize: 8, pageSize: 65536 },
];
const KINDS = [[6, 'none'] as const, [7, 'none'] as const, [7, 'zlib'] as const, [7, 'zstd'] as const];

describe.each(KINDS)('version %s, compression %s', (version, compression) => {
  it.each(LAYOUTS)('$longSize bytes a long, pages of $pageSize, little-endian $little', (machine) => {
    const bytes = traceDat(spec(version, machine, { compression }));
    const { rows, facts, account } = read(bytes);
    expect(rows).toEqual(EXPECTED);
    expect(facts.trace).toMatchObject({ counts: { mm_page_alloc: 2, mm_page_free: 2 }, lost: 0, cpus: 2 });
    expect(facts.notes).toEqual([
      { name: 'other-buffers', text: 'buffers that are not read: other; the option buffer names one' },
    ]);
    expect(account.skipped).toEqual({});
    const other = read(bytes, { buffer: 'other' });
    expect(other.rows.map((row) => (row as unknown[]).slice(1, 6))).toEqual([
      [7000, 0, '.....', 'kworker/0:1', 34],
      [7050, 1, '.....', 'kworker/0:1', 34],
      [7105, 0, '.....', 'kworker/0:1', 34],
      [7155, 1, '.....', 'kworker/0:1', 34],
    ]);
  });

  it('without a buffer of that name is RP4017', () => {
    const bytes = traceDat(spec(version, X86, { compression }));
    expect(() => read(bytes, { buffer: 'third' })).toThrow(expect.objectContaining({ code: 'RP4017' }));
  });

  it('may hold the text of a latency tracer', () => {
    const text =
      '# tracer: nop\n              sh-12      [000] d..1.     1.000002: mm_page_free: page=0 pfn=0x7 order=3\n';
    const { rows, facts, account } = read(traceDat(spec(version, X86, { compression, buffers: [{ name: '', text }] })));
    expect(rows).toEqual([['mm_page_free', 1000002000, 0, 'd..1.', 'sh', 12, 7, 3, '']]);
    expect(facts.trace!.tracer).toBe('nop');
    expect(account).toMatchObject({ lines: 2, events: 1, comments: 1 });
  });

  it('that was cut anywhere is refused with a code, or read up to there', () => {
    const bytes = traceDat(spec(version, { ...X86, pageSize: 1024 }, { compression }));
    const outcomes = new Set<string>();
    for (let end = 0; end < bytes.length; end += 37) {
      try {
        const { rows } = read(bytes.slice(0, end));
        outcomes.add(`${rows.length} rows`);
      } catch (error) {
        outcomes.add((error as { code?: string }).code ?? String(error));
      }
    }
    expect([...outcomes].filter((outcome) => !/^(?:[0-4] rows|RP401[3-8])$/.test(outcome))).toEqual([]);
    expect(outcomes.has('RP4013')).toBe(true);
  });
});

describe('options', () => {
  const option = (id: number, data: Uint8Array | string) =>
    [id, typeof data === 'string' ? new TextEncoder().encode(data) : data] as const;

  it.each([6, 7] as const)('of version %s change times, tell losses, clock and kernel', (version) => {
    const options = [
      option(7, '-0x64\0'),
      option(7, '7\0'),
      option(2, 'CPU: 0\nentries: 4\noverrun: 10\ncommit overrun: 5\ndropped events: 3\n\0'),
      option(2, 'CPU: 1\noverrun: 2\n\0'),
      option(4, 'local [mono] boot\0'),
      option(5, 'Linux box 6.12.9-amd64 #1 SMP x86_64\0'),
      option(99, 'new'),
    ];
    const { rows, facts, account } = read(traceDat(spec(version, X86, { options })));
    expect(rows.map((row) => (row as unknown[])[1])).toEqual([907, 957, 1012, 1062]);
    expect(facts.trace!.lost).toBe(15);
    expect(facts.traceClock).toBe('mono');
    expect(facts.machine).toMatchObject({ kernel: '6.12.9-amd64', arch: 'x86_64' });
    expect(account.details).toMatchObject({ 'options of unknown kind': 1 });
  });

  it('TSC2NSEC turns ticks into ns before OFFSET is added', () => {
    const tsc = new Out(true).int(3, 4).int(1, 4).int(0, 8).done;
    const { rows } = read(traceDat(spec(7, X86, { options: [option(14, tsc), option(7, '1000\0')] })));
    expect(rows.map((row) => (row as unknown[])[1])).toEqual([2500, 2575, 2657, 2732]);
  });

  it('DATE and TIME_SHIFT are not applied, and that is told', () => {
    const { rows, facts } = read(
      traceDat(spec(7, X86, { options: [option(1, '0x1234567\0'), option(12, new Uint8Array(32))] })),
    );
    expect(rows).toEqual(EXPECTED);
    expect(facts.notes!.filter(({ name }) => name === 'times-as-recorded')).toHaveLength(2);
  });
});

describe('page sizes', () => {
  const machine = { ...X86, pageSize: 65536 };

  it('that contradict each other are settled by the pages', () => {
    for (const more of [
      { headPageSize: 4096 },
      { optionPageSize: 4096 },
      { headPageSize: 4096, optionPageSize: 4096 },
    ]) {
      expect(read(traceDat(spec(7, machine, more))).rows).toEqual(EXPECTED);
    }
    expect(read(traceDat(spec(7, machine, { headerPage: headerPage(X86) }))).rows).toEqual(EXPECTED);
  });

  it('may be missing from the option of a buffer', () => {
    expect(read(traceDat(spec(7, X86, { optionPageSize: null }))).rows).toEqual(EXPECTED);
  });

  it('that make no sense are RP4015', () => {
    const bytes = traceDat(spec(6, X86, { headPageSize: 3, headerPage: headerPage({ ...X86, pageSize: 5000 }) }));
    expect(() => read(bytes)).toThrow(expect.objectContaining({ code: 'RP4015' }));
  });
});

describe('what contradicts itself', () => {
  const bytes = traceDat(spec(7, X86));

  it.each<[string, (bytes: Uint8Array) => void, string]>([
    ['another version', (b) => (b[10] = 0x38), 'RP4014'],
    ['a byte order that is none', (b) => (b[12] = 2), 'RP4013'],
    ['a long size that is none', (b) => (b[13] = 5), 'RP4013'],
    ['an unknown compression of a section', (b) => ((b[18] = 0x6c), (b[34] = 1)), 'RP4014'],
    ['options beyond the end', (b) => (b[29] = 0xff), 'RP4013'],
  ])('%s', (_, damage, code) => {
    const damaged = bytes.slice();
    damage(damaged);
    expect(() => read(damaged)).toThrow(expect.objectContaining({ code }));
  });

  it('pages of two cpus may not be the same bytes', () => {
    const machine = X86;
    const { pages } = cpu(machine, 0, 1000);
    const one = traceDat({
      version: 7,
      machine,
      buffers: [
        {
          name: '',
          cpus: [
            { cpu: 0, pages },
            { cpu: 1, pages },
          ],
        },
      ],
    });
    const view = new DataView(one.buffer);
    // The option of the buffer is at the end: {u32 cpu, u64 offset, u64 size} twice, then DONE of 14 bytes.
    const first = one.length - 14 - 40;
    expect(view.getUint32(first, true)).toBe(0);
    view.setBigUint64(first + 24, view.getBigUint64(first + 4, true), true);
    expect(() => read(one)).toThrow(expect.objectContaining({ code: 'RP4013' }));
  });

  it('two cpus may not have one number', () => {
    const twice = [cpu(X86, 0, 1000), cpu(X86, 0, 1000)];
    expect(() => read(traceDat(spec(7, X86, { buffers: [{ name: '', cpus: twice }] })))).toThrow(
      expect.objectContaining({ code: 'RP4013' }),
    );
  });

  it('a file without formats is RP4018, and a second format of a number is not used', () => {
    expect(() => read(traceDat(spec(7, X86, { formats: [] })))).toThrow(expect.objectContaining({ code: 'RP4018' }));
    const twice = [...Object.values(FORMATS), FORMATS.print];
    const { rows, account } = read(traceDat(spec(7, X86, { formats: twice })));
    expect(rows).toEqual(EXPECTED);
    expect(account.details).toMatchObject({ 'formats of the same number': 1 });
  });

  it('a piece that is damaged ends its cpu, and is told', () => {
    const packed = traceDat(spec(7, X86, { compression: 'zlib', buffers: [{ name: '', cpus: [cpu(X86, 0, 1000)] }] }));
    const at = packed.lastIndexOf(0x78);
    packed[at + 1] ^= 0xff;
    const { rows, account } = read(packed);
    expect(rows).toEqual([EXPECTED[0]]);
    expect(account.skipped).toEqual({ 'bad-piece': 1 });
  });
});
