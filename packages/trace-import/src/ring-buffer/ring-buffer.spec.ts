import { describe, expect, it } from 'vitest';
import { Account } from '../account.ts';
import {
  alloc,
  format,
  FORMATS,
  free,
  headerPage,
  page,
  record,
  X86,
  type Item,
  type Machine,
} from './pages.spec-kit.ts';
import { rowOf } from '../trace-dat/same-trace.spec-kit.ts';
import { memoryBytes } from './bytes.ts';
import { readRawPages } from './raw-pages.ts';

const S390: Machine = { little: false, longSize: 8, pageSize: 4096 };
const ARM: Machine = { little: true, longSize: 4, pageSize: 4096 };
const PPC: Machine = { little: true, longSize: 8, pageSize: 65536 };

/** Reads pages, one list a cpu. */
function read(
  machine: Machine,
  cpus: readonly (readonly Uint8Array[])[],
  formats = Object.values(FORMATS),
  stats = '',
) {
  const account = new Account('pages', 'raw-pages');
  const raw = {
    cpus: cpus.map((pages, cpu) => ({ cpu, bytes: memoryBytes(Uint8Array.from(pages.flatMap((one) => [...one]))) })),
    headerPage: headerPage(machine),
    formats: formats.map(({ text }) => text),
    cmdlines: '12 sh\n34 kworker/0:1\n',
    stats,
  };
  const { trace, notes } = readRawPages(raw, account, { bigEndian: !machine.little });
  const { events, counts, lost } = trace!;
  const rows = Array.from({ length: events.length }, (_, i) => rowOf(events, i, (ns) => ns));
  return { rows, counts, lost, notes, account: account.finish() };
}

const times = (rows: readonly (readonly unknown[])[]) => rows.map((row) => row[1]);
const at = (machine: Machine, delta: number): Item => ({ delta, payload: free(machine, 12, 7) });

describe.each([
  ['x86-64', X86],
  ['s390x', S390],
  ['32-bit', ARM],
  ['powerpc with 64 KiB pages', PPC],
])('pages of %s', (_, machine) => {
  it('hold records: kind, time, cpu, flags, task, fields', () => {
    const pfn = machine.longSize === 8 ? 0x12_3456_789an : 0x3456_789an;
    const items: Item[] = [
      { delta: 5, payload: alloc(machine, 12, 0x1f2a, 3, 0xc0, 1) },
      { delta: 10, payload: alloc(machine, 0, -1n, 0, 0) },
      {
        delta: 0,
        payload: record(
          machine,
          301,
          99,
          [
            [pfn, 8],
            [9, 4],
          ],
          0x25,
          0x12,
        ),
      },
    ];
    const { rows, counts, account } = read(machine, [[page(machine, 1000, items)]]);
    expect(rows).toEqual([
      ['mm_page_alloc', 1005, 0, '.....', 'sh', 12, 0x1f2a, 3 | (1 << 4), 'GFP_A'],
      ['mm_page_alloc', 1015, 0, '.....', '<idle>', 0, -1, 0, 'none'],
      ['mm_page_free', 1015, 0, 'dN.21', '<...>', 99, Number(pfn), 9, ''],
    ]);
    expect(counts).toEqual({ mm_page_alloc: 2, mm_page_free: 1 });
    expect(account).toMatchObject({ events: 3, skipped: {}, details: { pages: 1, records: 3 } });
  });

  it('hold times in five ways', () => {
    const items: Item[] = [
      at(machine, 1),
      { extend: 2 ** 40 + 3 },
      at(machine, 10),
      { stamp: 2 ** 50 },
      at(machine, 4),
      // Padding adds no time.
      { padding: 12, delta: 1000 },
      at(machine, 5),
      { delta: 1, payload: free(machine, 12, 7), long: true },
    ];
    const { rows } = read(machine, [[page(machine, 100, items), page(machine, 2 ** 51, [at(machine, 0)])]]);
    const second = 101 + 2 ** 40 + 13;
    expect(times(rows)).toEqual([101, second, 2 ** 50 + 4, 2 ** 50 + 9, 2 ** 50 + 10, 2 ** 51]);
  });

  it('tell of events that were lost', () => {
    const pages = [
      page(machine, 100, [at(machine, 0)]),
      page(machine, 200, [at(machine, 0)], { lost: 70_000 }),
      page(machine, 300, [at(machine, 0)], { lost: 'unknown' }),
    ];
    const { rows, lost, account } = read(machine, [pages]);
    expect(times(rows)).toEqual([100, 200, 300]);
    expect(lost).toBe(70_001);
    expect(account.details).toMatchObject({ 'marks of lost events': 2, 'marks of lost events without a number': 1 });
  });
});

describe('several cpus', () => {
  it('are merged by time; of one instant the lowest cpu is first', () => {
    const items = (...deltas: number[]) => deltas.map((delta) => at(X86, delta));
    const { rows } = read(X86, [
      [page(X86, 100, items(0, 5, 5)), page(X86, 200, items(0, 0))],
      [page(X86, 90, items(0, 10, 10, 90))],
      [page(X86, 100, items(0)), page(X86, 110, items(0, 90))],
    ]);
    expect(rows.map((row) => [row[1], row[2]])).toEqual([
      [90, 1],
      [100, 0],
      [100, 1],
      [100, 2],
      [105, 0],
      [110, 0],
      [110, 1],
      [110, 2],
      [200, 0],
      [200, 0],
      [200, 1],
      [200, 2],
    ]);
  });

  it('that have recorded and whose pages are not there are named', () => {
    const stats =
      '== cpu0\nentries: 1\noverrun: 3\ndropped events: 4\n== cpu1\nentries: 20\noverrun: 0\n== cpu2\nentries: 0\n';
    const { notes, lost } = read(X86, [[page(X86, 1, [at(X86, 0)])]], undefined, stats);
    expect(notes).toEqual([{ name: 'pages-missing', text: 'the raw pages of cpu 1 (20 events) are not there' }]);
    expect(lost).toBe(7);
  });
});

describe('what is not as it should be', () => {
  it('is counted by name, and the rest is read', () => {
    const good = page(X86, 100, [at(X86, 0)]);
    const torn = page(X86, 200, [at(X86, 0), at(X86, 1)], { commit: 40 });
    const bad = page(X86, 300, [at(X86, 0)], { commit: 4090 });
    const { rows, account } = read(X86, [[good, torn, bad, good.subarray(0, 1000)]]);
    expect(times(rows)).toEqual([100, 200]);
    expect(account.skipped).toEqual({ 'torn-page': 1, 'bad-page': 1, 'cut-page': 1 });
    expect(account.samples.find(({ reason }) => reason === 'torn-page')!.text).toBe(
      'cpu 0: 16 bytes from byte 0x1028 on',
    );
  });

  it('counts every record once: read, call chain, or skipped with a reason', () => {
    const items: Item[] = [
      at(X86, 1),
      { delta: 1, payload: record(X86, 4, 12, [[0, 4]]) },
      { delta: 1, payload: record(X86, 303, 12, [[5, 4]]) },
      { delta: 1, payload: record(X86, 999, 12, []) },
      { delta: 1, payload: record(X86, 301, 12, [[5, 8]]) },
      { delta: 1, payload: free(X86, 12, 5, 16) },
      { delta: 1, payload: alloc(X86, 12, 5, 0, 0, 8) },
      { delta: 1, payload: free(X86, 12, 0xff_0000_0000n) },
    ];
    const { counts, account, rows } = read(X86, [[page(X86, 0, items)]]);
    expect(rows).toHaveLength(1);
    expect(counts).toEqual({ mm_page_free: 1, sched_switch: 1 });
    expect(account.details).toMatchObject({ records: 8, 'stack records': 1 });
    expect(account.skipped).toEqual({ 'unknown-event-type': 1, 'short-record': 1, 'bad-fields': 3 });
    expect(account.events).toBe(2);
  });

  it('a record earlier than the one before is told', () => {
    const { rows, account } = read(X86, [[page(X86, 500, [at(X86, 0)]), page(X86, 400, [at(X86, 0)])]]);
    expect(times(rows)).toEqual([500, 400]);
    expect(account.details).toMatchObject({ 'events before the one before': 1 });
  });

  it('a page pointer without a pfn is no identity', () => {
    const old = format(
      'mm_page_free',
      301,
      [
        ['struct page * page', 8],
        ['unsigned int order', 4],
      ],
      '"page=%p pfn=%lu order=%d", REC->page, REC->page ? (REC->page) - 1 : 0, REC->order',
    );
    const { rows, account } = read(X86, [[page(X86, 0, [at(X86, 0)])]], [old] as never);
    expect(rows).toEqual([]);
    expect(account.skipped).toEqual({ 'no-pfn': 1 });
  });

  it('formats are needed, and a header_page that is one', () => {
    expect(() => read(X86, [[]], [])).toThrow(expect.objectContaining({ code: 'RP4018' }));
    const raw = { cpus: [], headerPage: 'something else', formats: [FORMATS.print.text], cmdlines: '', stats: '' };
    expect(() => readRawPages(raw, new Account('', ''))).toThrow(expect.objectContaining({ code: 'RP4015' }));
  });

  it('the byte order is found when nothing tells', () => {
    for (const machine of [X86, S390]) {
      const raw = {
        cpus: [{ cpu: 3, bytes: memoryBytes(page(machine, 5e9, [at(machine, 7)])) }],
        headerPage: headerPage(machine),
        formats: [FORMATS.mm_page_free.text],
        cmdlines: '',
        stats: '',
      };
      const { events } = readRawPages(raw, new Account('', '')).trace!;
      expect([events.length, events.time[0], events.cpu[0]]).toEqual([1, 5e9 + 7, 3]);
    }
  });
});

describe('other events', () => {
  it('are what their print fmt prints', () => {
    const begin = (sync: number) =>
      record(X86, 302, 34, [
        [0x1000, 8],
        [0x1200, 8],
        [0x8000, 8],
        [0x9000, 8],
        [sync, 1],
      ]);
    const { rows } = read(X86, [
      [
        page(
          X86,
          0,
          [0, 1].map((sync) => ({ delta: 1, payload: begin(sync) })),
        ),
      ],
    ]);
    const head = (time: number) => ['mm_compaction_begin', time, 0, '.....', 'kworker/0:1', 34];
    expect(rows).toEqual([
      [...head(1), 0x1000, 0x1200, 0x8000, 0x9000, 'async'],
      [...head(2), 0x1000, 0x1200, 0x8000, 0x9000, 'sync'],
    ]);
  });

  it('a line of trace_marker is its first line', () => {
    const marker = (text: string) => {
      const bytes = new TextEncoder().encode(text);
      return record(X86, 5, 12, [[0, 8], ...[...bytes].map((byte) => [byte, 1] as const)]);
    };
    const payloads = ['hello\n\0', 'two\nlines\0', 'x'.repeat(300)].map((text) => ({
      delta: 1,
      payload: marker(text),
    }));
    const { rows, counts, account } = read(X86, [[page(X86, 0, payloads)]]);
    expect(rows.map((row) => row.at(-1))).toEqual(['hello', 'two', 'x'.repeat(300)]);
    expect(counts).toEqual({ tracing_mark_write: 3 });
    expect(account.details).toMatchObject({ 'lines after the first of a marker': 1 });
  });

  it('of older kernels are read by the names that they print', () => {
    const old = format(
      'mm_compaction_try_to_compact_pages',
      310,
      [
        ['int order', 4],
        ['unsigned int gfp_mask', 4],
        ['int mode', 4],
      ],
      '"order=%d gfp_mask=0x%x mode=%d", REC->order, REC->gfp_mask, (int)REC->mode',
    );
    const payload = record(X86, 310, 12, [
      [2, 4],
      [0x40, 4],
      [0, 4],
    ]);
    const { rows } = read(X86, [[page(X86, 0, [{ delta: 1, payload }])]], [old] as never);
    // The mode 0 is the priority 2: they count in opposite directions.
    expect(rows[0].slice(6)).toEqual([2, '64', 2]);
  });
});
