/**
 * Writes trace.dat files of both versions around pages of the ring buffer. Knows the format from its description and shares
 * nothing with the reader.
 */
import { deflateSync } from 'node:zlib';
import { alloc, FORMATS, free, headerPage, Out, page, X86, type Machine } from '../ring-buffer/pages.spec-kit.ts';

export interface BufferSpec {
  readonly name: string;
  readonly clock?: string;
  readonly cpus?: readonly { readonly cpu: number; readonly pages: Uint8Array }[];
  /** The text of a latency tracer instead of pages. */
  readonly text?: string;
}

export interface DatSpec {
  readonly version: 6 | 7;
  readonly machine: Machine;
  readonly compression?: 'none' | 'zlib' | 'zstd';
  readonly buffers: readonly BufferSpec[];
  readonly formats?: readonly { readonly text: string }[];
  readonly ftraceFormats?: readonly { readonly text: string }[];
  readonly cmdlines?: string;
  readonly kallsyms?: string;
  /** Further options as [id, data]. */
  readonly options?: readonly (readonly [number, Uint8Array])[];
  readonly headerPage?: string;
  /** The page size in the head, where it is not the right one. */
  readonly headPageSize?: number;
  /** Version 7: the page size in the option of the buffer; null for files from before it was there. */
  readonly optionPageSize?: number | null;
}

const encode = (text: string) => new TextEncoder().encode(text);

/** A file as trace-cmd would write it. */
export function traceDat(spec: DatSpec): Uint8Array {
  const { version, machine } = spec;
  const { little, longSize } = machine;
  const out = new Out(little)
    .raw([0x17, 8, 0x44])
    .text(`tracing${version}\0`)
    .int(little ? 0 : 1, 1)
    .int(longSize, 1);
  out.int(spec.headPageSize ?? machine.pageSize, 4);
  return version === 6 ? six(out, spec) : seven(out, spec);
}

function bodies(spec: DatSpec): Record<'headers' | 'ftrace' | 'events' | 'kallsyms' | 'printk' | 'cmdlines', Out> {
  const { little } = spec.machine;
  const counted = (text: string, size: 4 | 8) => new Out(little).int(encode(text).length, size).text(text);
  const formats = (all: readonly { readonly text: string }[]) => {
    const out = new Out(little).int(all.length, 4);
    for (const { text } of all) out.raw(counted(text, 8).bytes);
    return out;
  };
  const events = new Out(little)
    .int(1, 4)
    .text('kmem\0')
    .raw(formats(spec.formats ?? Object.values(FORMATS)).bytes);
  const headers = new Out(little)
    .text('header_page\0')
    .raw(counted(spec.headerPage ?? headerPage(spec.machine), 8).bytes);
  headers.text('header_event\0').raw(counted('# compressed entry header\n', 8).bytes);
  return {
    headers,
    ftrace: formats(spec.ftraceFormats ?? []),
    events,
    kallsyms: counted(spec.kallsyms ?? 'ffffffff81000000 T _text\n', 4),
    printk: counted('0xffffffff82000000 : "text"\n', 4),
    cmdlines: counted(spec.cmdlines ?? '12 sh\n34 kworker/0:1\n', 8),
  };
}

function six(out: Out, spec: DatSpec): Uint8Array {
  const { machine } = spec;
  const { headers, ftrace, events, kallsyms, printk, cmdlines } = bodies(spec);
  for (const part of [headers, ftrace, events, kallsyms, printk, cmdlines]) out.raw(part.bytes);
  const [top, ...others] = spec.buffers;
  const cpus = top.cpus ?? [];
  out.int(cpus.length, 4).text('options  \0');
  for (const [id, data] of spec.options ?? []) out.int(id, 2).int(data.length, 4).raw(data);
  const places: number[] = [];
  for (const { name } of others) {
    places.push(out.bytes.length + 6);
    out
      .int(3, 2)
      .int(8 + name.length + 1, 4)
      .int(0, 8)
      .text(`${name}\0`);
  }
  out.int(0, 2);
  if (top.text !== undefined) return out.text('latency  \0').text(top.text).done;
  const tables: (readonly [number, BufferSpec])[] = [];
  for (const [i, buffer] of spec.buffers.entries()) {
    if (i > 0) out.patch(places[i - 1], out.bytes.length, 8);
    out.text('flyrecord\0');
    tables.push([out.bytes.length, buffer]);
    for (let j = 0; j < cpus.length; j++) out.int(0, 8).int(0, 8);
  }
  for (const [table, buffer] of tables) {
    for (const { cpu, pages } of buffer.cpus ?? []) {
      out.padTo(machine.pageSize);
      out.patch(table + cpu * 16, out.bytes.length, 8).patch(table + cpu * 16 + 8, pages.length, 8);
      out.raw(pages);
    }
  }
  return out.done;
}

function seven(out: Out, spec: DatSpec): Uint8Array {
  const { machine, compression = 'none' } = spec;
  const { little, pageSize } = machine;
  out.text(compression === 'none' ? 'none\0\0' : `${compression}\x001.0\0`);
  const first = out.bytes.length;
  out.int(0, 8);
  const packed = compression !== 'none';
  const piece = (bytes: Uint8Array) => {
    const data = pack(compression, bytes);
    return new Out(little).int(data.length, 4).int(bytes.length, 4).raw(data).bytes;
  };
  const section = (id: number, body: ArrayLike<number>, pack_ = packed) => {
    const at = out.bytes.length;
    const content = pack_ ? piece(Uint8Array.from(body)) : body;
    out
      .int(id, 2)
      .int(pack_ ? 1 : 0, 2)
      .int(0, 4)
      .int(content.length, 8)
      .raw(content);
    return at;
  };
  const { headers, ftrace, events, kallsyms, printk, cmdlines } = bodies(spec);
  const options = new Out(little);
  const option = (id: number, data: ArrayLike<number>) => options.int(id, 2).int(data.length, 4).raw(data);
  for (const [id, body] of [
    [16, headers],
    [17, ftrace],
    [18, events],
    [19, kallsyms],
    [20, printk],
    [21, cmdlines],
  ] as const)
    option(id, new Out(little).int(section(id, body.bytes), 8).bytes);
  for (const [id, data] of spec.options ?? []) option(id, data);
  const firstOptions = options.bytes.slice();
  options.bytes.length = 0;
  for (const { name, clock = 'local', cpus = [], text } of spec.buffers) {
    const at = out.bytes.length;
    const id = text === undefined ? 3 : 22;
    out
      .int(id, 2)
      .int(packed ? 1 : 0, 2)
      .int(0, 4)
      .int(text === undefined ? 0 : encode(text).length, 8);
    const data = new Out(little).int(at, 8).text(`${name}\0${clock}\0`);
    if (text !== undefined) {
      out.raw(packed ? [...new Out(little).int(1, 4).bytes, ...piece(encode(text))] : encode(text));
      option(id, data.bytes);
      continue;
    }
    if (spec.optionPageSize !== null) data.int(spec.optionPageSize ?? pageSize, 4);
    data.int(cpus.length, 4);
    for (const { cpu, pages } of cpus) {
      out.padTo(pageSize);
      data.int(cpu, 4).int(out.bytes.length, 8);
      if (!packed) {
        out.raw(pages);
        data.int(pages.length, 8);
      } else {
        const start = out.bytes.length;
        const pieces = Math.ceil(pages.length / pageSize);
        out.int(pieces, 4);
        for (let i = 0; i < pieces; i++) out.raw(piece(pages.subarray(i * pageSize, (i + 1) * pageSize)));
        // trace-cmd leaves the count and the heads of the pieces out.
        data.int(out.bytes.length - start - 4 - 8 * pieces, 8);
      }
    }
    option(id, data.bytes);
  }
  const second = out.bytes.length + 16 + firstOptions.length + 14;
  out.patch(first, out.bytes.length, 8);
  section(0, [...firstOptions, ...new Out(little).int(0, 2).int(8, 4).int(second, 8).bytes], false);
  section(0, [...options.bytes, ...new Out(little).int(0, 2).int(8, 4).int(0, 8).bytes], false);
  return out.done;
}

function pack(compression: 'none' | 'zlib' | 'zstd', bytes: Uint8Array): Uint8Array {
  return compression === 'zlib' ? deflateSync(bytes) : zstdFrame(bytes);
}

/** A frame of one raw block, without the content's size, as trace-cmd leaves it out. */
function zstdFrame(bytes: Uint8Array): Uint8Array {
  const out = new Out(true).raw([0x28, 0xb5, 0x2f, 0xfd, 0, 0x70]);
  return out.int(bytes.length * 8 + 1, 3).raw(bytes).done;
}

/** A whole file in little more than a kilobyte: one cpu, an allocation and its free. */
export function smallTraceDat(version: 6 | 7 = 7, compression: DatSpec['compression'] = 'none'): Uint8Array {
  const machine = { ...X86, pageSize: 512 };
  const pages = page(machine, 1000, [
    { delta: 0, payload: alloc(machine, 12, 0x100) },
    { delta: 9, payload: free(machine, 12, 0x100) },
  ]);
  const formats = [FORMATS.mm_page_alloc, FORMATS.mm_page_free];
  return traceDat({ version, machine, compression, formats, buffers: [{ name: '', cpus: [{ cpu: 0, pages }] }] });
}
