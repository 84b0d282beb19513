import { eventStack } from '@replug/workload';
import { describe, expect, it } from 'vitest';
import { Account } from '../account.ts';
import { UNPACKERS } from '../node/unpackers.ts';
import { memoryBytes } from '../ring-buffer/bytes.ts';
import { FORMATS, format, free, page, record, X86, type Item, type Machine } from '../ring-buffer/pages.spec-kit.ts';
import { readTraceDat } from './trace-dat.ts';
import { traceDat, type DatSpec } from './writer.spec-kit.ts';

const KERNEL_STACK = format(
  'kernel_stack',
  4,
  [
    ['int size', 4],
    ['unsigned long caller[]', 0],
  ],
  '"\\t=> %ps", (void *)REC->caller[0]',
);
/** As 6.12 has it on machines whose long has 8 bytes: the addresses are aligned. */
const ALIGNED = { ...KERNEL_STACK, text: KERNEL_STACK.text.replace('caller[];\toffset:12', 'caller[];\toffset:16') };

const KALLSYMS = [
  'ffffffff81000000 T _text',
  'ffffffff81001000 T __alloc_pages_noprof',
  'ffffffff81002000 t do_anonymous_page',
  'ffffffff81002000 t an_alias',
  'ffffffffc0000000 t balloon_page_alloc\t[virtio_balloon]',
  '',
].join('\n');

const BIG: Machine = { little: false, longSize: 8, pageSize: 4096 };

const chain = (machine: Machine, pid: number, addresses: readonly bigint[], size = addresses.length) =>
  record(machine, 4, pid, [[size, 4], [0, 4], ...addresses.map((address) => [address, 8] as const)]);

const at = (delta: number, payload: Uint8Array): Item => ({ delta, payload });

function read(machine: Machine, cpus: readonly (readonly Item[])[], more: Partial<DatSpec> = {}) {
  const bytes = traceDat({
    version: 6,
    machine,
    formats: [FORMATS.mm_page_alloc, FORMATS.mm_page_free, FORMATS.sched_switch],
    ftraceFormats: [ALIGNED],
    kallsyms: KALLSYMS,
    buffers: [{ name: '', cpus: cpus.map((items, cpu) => ({ cpu, pages: page(machine, 1000, items) })) }],
    ...more,
  });
  const account = new Account('trace.dat', 'trace-dat');
  const { events } = readTraceDat(memoryBytes(bytes), account, { unpackers: UNPACKERS }).trace!;
  return { account, stacks: Array.from({ length: events.length }, (_, row) => eventStack(events, row)) };
}

describe('call chains of a trace.dat', () => {
  const addresses = [0xffffffff81001010n, 0xffffffff81002fffn, 0xffffffffc0000004n, 0x1234n];
  const named = '__alloc_pages_noprof\ndo_anonymous_page\nballoon_page_alloc [virtio_balloon]\n0x1234';

  it.each([
    ['6, little-endian', X86, {}],
    ['6, big-endian', BIG, {}],
    ['7', X86, { version: 7 }],
    ['7, zlib', X86, { version: 7, compression: 'zlib' }],
  ] as const)('have the names of the functions: version %s', (_, machine, more) => {
    const items = [
      at(1, free(machine, 12, 0x10)),
      at(1, chain(machine, 12, addresses)),
      at(1, free(machine, 12, 0x11)),
    ];
    const { stacks, account } = read(machine, [items], more);
    expect(stacks).toEqual([named, '']);
    expect(account.details).toMatchObject({ records: 3, 'stack records': 1 });
  });

  it('belong to the last event of their cpu and task that has none', () => {
    const one = [0xffffffff81000000n];
    const { stacks, account } = read(X86, [
      [
        at(0, free(X86, 12, 0x10)),
        // An interrupt: its event and chain come before that of the event which it interrupted.
        at(1, free(X86, 12, 0x11)),
        at(1, chain(X86, 12, [0xffffffff81001000n])),
        at(1, chain(X86, 12, one)),
        // Of an event that has no row, and of a task without an event.
        at(1, record(X86, 303, 12, [[5, 4]])),
        at(1, chain(X86, 12, one)),
        at(1, free(X86, 12, 0x12)),
        at(1, chain(X86, 34, one)),
      ],
      [at(1, free(X86, 12, 0x20)), at(6, chain(X86, 12, one))],
    ]);
    // By time: 0x10, 0x11 on cpu 0, 0x20 on cpu 1, 0x12.
    expect(stacks).toEqual(['_text', '__alloc_pages_noprof', '_text', '']);
    expect(account.details).toMatchObject({ 'stack records': 5, 'stacks of other events': 2 });
  });

  it('end at the record, at a marker of older kernels, and where the file says', () => {
    const items = [
      at(1, free(X86, 12, 0x10)),
      at(1, chain(X86, 12, addresses.slice(0, 1), 1000)),
      at(1, free(X86, 12, 0x11)),
      at(1, chain(X86, 12, [addresses[0], 0xffff_ffff_ffff_ffffn, addresses[1]])),
      at(1, free(X86, 12, 0x12)),
      at(1, chain(X86, 12, addresses, 2)),
      at(1, free(X86, 12, 0x13)),
      at(1, chain(X86, 12, addresses, -1)),
    ];
    const [first, two] = [named.split('\n')[0], named.split('\n').slice(0, 2).join('\n')];
    expect(read(X86, [items]).stacks).toEqual([first, first, two, '']);
  });

  it('without kallsyms are addresses', () => {
    const items = [at(1, free(X86, 12, 0x10)), at(1, chain(X86, 12, addresses.slice(0, 1)))];
    expect(read(X86, [items], { kallsyms: '' }).stacks).toEqual(['0xffffffff81001010']);
  });
});
