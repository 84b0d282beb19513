/**
 * Writes pages of the ring buffer, records and format files, little enough of them for a test. Knows the formats from their
 * descriptions and shares nothing with the readers.
 */

/** A list of bytes with numbers in one byte order. */
export class Out {
  readonly bytes: number[] = [];
  readonly little: boolean;

  constructor(little: boolean) {
    this.little = little;
  }

  int(value: number | bigint, size: number): this {
    for (let i = 0; i < size; i++) {
      const shift = BigInt(8 * (this.little ? i : size - 1 - i));
      this.bytes.push(Number((BigInt(value) >> shift) & 255n));
    }
    return this;
  }

  text(text: string): this {
    return this.raw(new TextEncoder().encode(text));
  }

  raw(bytes: ArrayLike<number>): this {
    for (let i = 0; i < bytes.length; i++) this.bytes.push(bytes[i]);
    return this;
  }

  padTo(multiple: number): this {
    while (this.bytes.length % multiple !== 0) this.bytes.push(0);
    return this;
  }

  patch(at: number, value: number, size: number): this {
    const part = new Out(this.little).int(value, size).bytes;
    part.forEach((byte, i) => (this.bytes[at + i] = byte));
    return this;
  }

  get done(): Uint8Array {
    return Uint8Array.from(this.bytes);
  }
}

export interface Machine {
  readonly little: boolean;
  readonly longSize: 4 | 8;
  readonly pageSize: number;
}

export const X86: Machine = { little: true, longSize: 8, pageSize: 4096 };

/** One thing on a page: a record, or what stands between records. */
export type Item =
  | { readonly delta: number; readonly payload: Uint8Array; readonly long?: boolean }
  | { readonly extend: number }
  | { readonly stamp: number }
  | { readonly padding: number; readonly delta: number };

export interface PageOptions {
  /** Events lost before the page; `unknown` for a mark without a count. */
  readonly lost?: number | 'unknown';
  /** Bytes of data that the header counts, where they are not the right ones. */
  readonly commit?: number;
}

/** A page that begins at `time`. */
export function page(
  { little, longSize, pageSize }: Machine,
  time: number,
  items: readonly Item[],
  options: PageOptions = {},
): Uint8Array {
  const data = new Out(little);
  const header = (type: number, delta: number) =>
    data.int(little ? BigInt(delta) * 32n + BigInt(type) : (BigInt(type) << 27n) + BigInt(delta), 4);
  for (const item of items) {
    if ('extend' in item) header(30, item.extend % 2 ** 27).int(Math.floor(item.extend / 2 ** 27), 4);
    else if ('stamp' in item) header(31, item.stamp % 2 ** 27).int(Math.floor(item.stamp / 2 ** 27), 4);
    else if ('padding' in item) {
      header(29, item.delta)
        .int(item.padding, 4)
        .raw(new Uint8Array(item.padding - 4));
    } else if (item.long === true || item.payload.length > 112) {
      header(0, item.delta)
        .int(item.payload.length + 4, 4)
        .raw(item.payload)
        .padTo(4);
    } else header(item.payload.length / 4, item.delta).raw(item.payload);
  }
  const { lost, commit = data.bytes.length } = options;
  const flags = lost === undefined ? 0 : lost === 'unknown' ? 0x80000000 : 0xc0000000;
  const out = new Out(little)
    .int(time, 8)
    .int(commit + flags, longSize)
    .raw(data.bytes);
  if (typeof lost === 'number') out.int(lost, longSize);
  return out.padTo(pageSize).done;
}

/** Format files and records of the events that the tests use. */
export const FORMATS = {
  mm_page_alloc: format(
    'mm_page_alloc',
    300,
    [
      ['unsigned long pfn', 8],
      ['unsigned int order', 4],
      ['unsigned int gfp_flags', 4],
      ['int migratetype', 4],
    ],
    '"page=%p pfn=0x%lx order=%d migratetype=%d gfp_flags=%s", REC->pfn, REC->pfn != -1UL ? REC->pfn : 0, REC->order, ' +
      'REC->migratetype, (REC->gfp_flags) ? __print_flags(REC->gfp_flags, "|", {( unsigned long)(( gfp_t)0xc0u), "GFP_A"}, ' +
      '{( unsigned long)(( gfp_t)((((1UL))) << (6))), "__GFP_B"}) : "none"',
  ),
  mm_page_free: format(
    'mm_page_free',
    301,
    [
      ['unsigned long pfn', 8],
      ['unsigned int order', 4],
    ],
    '"page=%p pfn=0x%lx order=%d", REC->pfn, REC->pfn, REC->order',
  ),
  mm_compaction_begin: format(
    'mm_compaction_begin',
    302,
    [
      ['unsigned long zone_start', 8],
      ['unsigned long migrate_pfn', 8],
      ['unsigned long free_pfn', 8],
      ['unsigned long zone_end', 8],
      ['bool sync', 1],
    ],
    '"zone_start=0x%lx migrate_pfn=0x%lx free_pfn=0x%lx zone_end=0x%lx, mode=%s", REC->zone_start, REC->migrate_pfn, ' +
      'REC->free_pfn, REC->zone_end, REC->sync ? "sync" : "async"',
  ),
  print: format(
    'print',
    5,
    [
      ['unsigned long ip', 8],
      ['char buf[]', 0],
    ],
    '"%ps: %s", (void *)REC->ip, REC->buf',
  ),
  sched_switch: format('sched_switch', 303, [['int prev_pid', 4]], '"prev_pid=%d", REC->prev_pid'),
  kernel_stack: format(
    'kernel_stack',
    4,
    [
      ['int size', 4],
      ['unsigned long caller[]', 0],
    ],
    '""',
  ),
} as const;

export function format(
  name: string,
  id: number,
  fields: readonly (readonly [string, number])[],
  print: string,
): { readonly name: string; readonly id: number; readonly text: string } {
  const lines = [
    ['unsigned short common_type', 0, 2],
    ['unsigned char common_flags', 2, 1],
    ['unsigned char common_preempt_count', 3, 1],
    ['int common_pid', 4, 4],
  ] as [string, number, number][];
  let at = 8;
  for (const [declared, size] of fields) {
    lines.push([declared, at, size]);
    at += size;
  }
  const rows = lines.map(
    ([declared, offset, size]) =>
      `\tfield:${declared};\toffset:${offset};\tsize:${size};\tsigned:${/^int/.test(declared) ? 1 : 0};\n`,
  );
  return { name, id, text: `name: ${name}\nID: ${id}\nformat:\n${rows.join('')}\nprint fmt: ${print}\n` };
}

/** A record: common fields, then integers of [value, size]. */
export function record(
  { little }: Machine,
  id: number,
  pid: number,
  values: readonly (readonly [number | bigint, number])[],
  flags = 0,
  preempt = 0,
): Uint8Array {
  const out = new Out(little).int(id, 2).int(flags, 1).int(preempt, 1).int(pid, 4);
  for (const [value, size] of values) out.int(value, size);
  return out.padTo(4).done;
}

export const alloc = (machine: Machine, pid: number, pfn: number | bigint, order = 0, gfp = 0, type = 0): Uint8Array =>
  record(machine, 300, pid, [
    [pfn, 8],
    [order, 4],
    [gfp, 4],
    [type, 4],
  ]);

export const free = (machine: Machine, pid: number, pfn: number | bigint, order = 0): Uint8Array =>
  record(machine, 301, pid, [
    [pfn, 8],
    [order, 4],
  ]);

export function headerPage({ longSize, pageSize }: Machine): string {
  return (
    '\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n' +
    `\tfield: local_t commit;\toffset:8;\tsize:${longSize};\tsigned:1;\n` +
    '\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;\n' +
    `\tfield: char data;\toffset:${8 + longSize};\tsize:${pageSize - 8 - longSize};\tsigned:0;\n`
  );
}

/** All of them, one after the other. */
export function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
