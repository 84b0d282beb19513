/**
 * Where the parts of a trace.dat are. Version 6 has them one after the other; version 7 has sections anywhere, which options
 * point to.
 *
 *   17 08 44 "tracing" "6\0" | "7\0"  u8 big-endian  u8 long size  u32 page size
 *   6:  headers, formats, kallsyms, printk formats, cmdlines, u32 cpus, ["options  \0" …], "flyrecord\0" {u64 offset, u64 size}*
 *       or "latency  \0" and text
 *   7:  compression "name\0version\0", u64 offset of the first options; sections: u16 id, u16 flags, u32 name, u64 size
 *
 * Models: trace-cmd.dat.v6(5), trace-cmd.dat.v7(5), trace-cmd's lib/trace-cmd/trace-input.c 3.3.
 */
import { damagedTraceDat, traceDatUnsupported } from '../errors.ts';
import type { Bytes } from '../ring-buffer/bytes.ts';
import { compressionOf, unpackSection, type Compression, type Unpackers } from './chunks.ts';
import { Cursor } from './cursor.ts';
import { emptyOptions, OPTION, readOptions, type BufferOption, type CpuData, type Options } from './options.ts';
import {
  emptyParts,
  readCmdlines,
  readFtraceFormats,
  readHeaders,
  kallsymsText,
  readKallsyms,
  readSystems,
  skipCounted,
  type Parts,
} from './parts.ts';

const MAGIC = [0x17, 0x08, 0x44, 0x74, 0x72, 0x61, 0x63, 0x69, 0x6e, 0x67];
const COMPRESSED = 1;
const TAG = 10;
const MAX_OPTION_SECTIONS = 1024;
const MAX_CPUS = 65536;

export interface FileLayout {
  readonly version: 6 | 7;
  readonly little: boolean;
  readonly longSize: number;
  readonly pageSize: number;
  readonly compression: Compression;
  readonly parts: Parts;
  readonly options: Options;
  /** The top one has the name ''. */
  readonly buffers: readonly Buffer[];
}

export interface Buffer {
  readonly name: string;
  readonly clock: string;
  readonly pageSize?: number;
  readonly packed: boolean;
  readonly cpus: readonly CpuData[];
  /** The text of a latency tracer instead of pages: where it is. */
  readonly text?: { readonly offset: number; readonly size: number };
}

export function isTraceDat(prefix: Uint8Array): boolean {
  return prefix.length > MAGIC.length && MAGIC.every((byte, i) => prefix[i] === byte);
}

/** Throws RP4013 for a file that contradicts itself, RP4014 for a version or compression that is not read, RP4016. */
export function readLayout(bytes: Bytes, unpackers: Unpackers): FileLayout {
  const start = new Cursor(bytes, true);
  if (!isTraceDat(start.take(Math.min(bytes.size, MAGIC.length + 1)))) {
    throw damagedTraceDat('the file does not begin as one', '');
  }
  start.at = MAGIC.length;
  const text = start.string(16);
  if (text !== '6' && text !== '7') throw traceDatUnsupported('the version is not read', text);
  const version = text === '6' ? 6 : 7;
  const order = start.u8();
  const longSize = start.u8();
  if (order > 1 || (longSize !== 4 && longSize !== 8)) {
    throw damagedTraceDat('byte order and long size make no sense', `${order}, ${longSize}`);
  }
  const little = order === 0;
  const cursor = new Cursor(bytes, little, start.at);
  const pageSize = cursor.u32();
  const head = { version, little, longSize, pageSize } as const;
  return version === 6 ? readSix(bytes, cursor, head) : readSeven(bytes, cursor, head, unpackers);
}

type Head = Pick<FileLayout, 'version' | 'little' | 'longSize' | 'pageSize'>;

function readSix(bytes: Bytes, cursor: Cursor, head: Head): FileLayout {
  const parts = emptyParts();
  const options = emptyOptions();
  readHeaders(cursor, parts);
  readFtraceFormats(cursor, parts);
  readSystems(cursor, parts);
  readKallsyms(cursor, parts);
  skipCounted(cursor);
  readCmdlines(cursor, parts);
  const cpus = cursor.u32();
  const buffers = [readTable(bytes, cursor, '', cpus, options)];
  for (const { name, offset } of [...options.buffers]) {
    const table = new Cursor(bytes, head.little, offset);
    buffers.push(readTable(bytes, table, name, options.cpuCount ?? cpus, options));
  }
  return { ...head, compression: compressionOf('none', {}), parts, options, buffers };
}

/** A tag, then what it announces. Options come before the table and may tell how many cpus it has. */
function readTable(bytes: Bytes, cursor: Cursor, name: string, cpus: number, options: Options): Buffer {
  let tag = cursor.text(TAG);
  if (tag.startsWith('options')) {
    readOptions(cursor, 6, options);
    tag = cursor.text(TAG);
  }
  const common = { name, clock: options.clock, packed: false };
  if (tag.startsWith('latency')) {
    return { ...common, cpus: [], text: { offset: cursor.at, size: bytes.size - cursor.at } };
  }
  if (!tag.startsWith('flyrecord')) throw damagedTraceDat('neither pages nor text at byte', cursor.at - TAG);
  const count = options.cpuCount ?? cpus;
  if (count > MAX_CPUS || count * 16 > cursor.left) throw damagedTraceDat('there cannot be so many cpus', count);
  return {
    ...common,
    cpus: Array.from({ length: count }, (_, cpu) => ({ cpu, offset: cursor.u64(), size: cursor.u64() })),
  };
}

function readSeven(bytes: Bytes, cursor: Cursor, head: Head, unpackers: Unpackers): FileLayout {
  const compression = compressionOf(cursor.string(64), unpackers);
  cursor.string(64);
  const options = emptyOptions();
  const seen = new Set<number>();
  for (let at = cursor.u64(); at !== 0;) {
    if (seen.has(at) || seen.size === MAX_OPTION_SECTIONS)
      throw damagedTraceDat('options point to each other, at byte', at);
    seen.add(at);
    const section = openSection(bytes, head.little, at, OPTION.DONE, compression);
    at = readOptions(section, 7, options);
  }
  const parts = emptyParts();
  const readers: readonly [number, (section: Cursor, parts: Parts) => void][] = [
    [OPTION.HEADER_INFO, readHeaders],
    [OPTION.FTRACE_EVENTS, readFtraceFormats],
    [OPTION.EVENT_FORMATS, readSystems],
    [OPTION.CMDLINES, readCmdlines],
  ];
  for (const [id, read] of readers) {
    const at = options.sections.get(id);
    if (at !== undefined) read(openSection(bytes, head.little, at, id, compression), parts);
  }
  const symbols = options.sections.get(OPTION.KALLSYMS);
  if (symbols !== undefined)
    parts.kallsyms = () => kallsymsText(openSection(bytes, head.little, symbols, OPTION.KALLSYMS, compression));
  const buffers = options.buffers.map((option) => openBuffer(bytes, head.little, option));
  return { ...head, compression, parts, options, buffers };
}

interface SectionHead {
  readonly packed: boolean;
  /** Behind the head, and how much the section says to have. */
  readonly at: number;
  readonly size: number;
}

function sectionHead(bytes: Bytes, little: boolean, at: number, ids: readonly number[]): SectionHead {
  if (at > bytes.size) throw damagedTraceDat('a section lies beyond the end, at byte', at);
  const cursor = new Cursor(bytes, little, at);
  const id = cursor.u16();
  if (!ids.includes(id)) throw damagedTraceDat(`section ${id} instead of ${ids.join(' or ')} at byte`, at);
  const flags = cursor.u16();
  cursor.skip(4);
  return { packed: (flags & COMPRESSED) !== 0, size: cursor.u64(), at: cursor.at };
}

function openSection(bytes: Bytes, little: boolean, at: number, id: number, compression: Compression): Cursor {
  const head = sectionHead(bytes, little, at, [id]);
  const cursor = new Cursor(bytes, little, head.at, head.at + head.size);
  return head.packed ? new Cursor(unpackSection(cursor, compression), little) : cursor;
}

function openBuffer(bytes: Bytes, little: boolean, option: BufferOption): Buffer {
  const head = sectionHead(bytes, little, option.offset, [OPTION.BUFFER, OPTION.BUFFER_TEXT]);
  const common = { name: option.name, clock: option.clock ?? '', pageSize: option.pageSize, packed: head.packed };
  if (!option.isText) return { ...common, cpus: option.cpus ?? [] };
  return { ...common, cpus: [], text: { offset: head.at, size: head.size } };
}
