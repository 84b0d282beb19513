/**
 * Options of a trace.dat: {u16 id, u32 size, data}*. Those that are used: buffers, what changes times, losses, names of kernel
 * and clock, and in version 7 where the sections are. All others are skipped; ids that nobody knows are counted.
 *
 *   DATE        not applied: it moves times to the time of day, where ns are not exact and other dumps do not follow
 *   OFFSET      ns added to every time
 *   TSC2NSEC    time = time × mult >> shift
 *   TIME_SHIFT  not applied: it moves the times of a guest to its host's clock; the other dumps are on the guest's
 */
import { damagedTraceDat } from '../errors.ts';
import type { Cursor } from './cursor.ts';

export const OPTION = {
  DONE: 0,
  DATE: 1,
  CPUSTAT: 2,
  BUFFER: 3,
  TRACECLOCK: 4,
  UNAME: 5,
  OFFSET: 7,
  CPUCOUNT: 8,
  TIME_SHIFT: 12,
  TSC2NSEC: 14,
  HEADER_INFO: 16,
  FTRACE_EVENTS: 17,
  EVENT_FORMATS: 18,
  KALLSYMS: 19,
  CMDLINES: 21,
  BUFFER_TEXT: 22,
  LAST_KNOWN: 25,
} as const;

const MAX_OPTIONS = 65536;
const MAX_TEXT = 65536;
const MAX_BUFFERS = 256;
const MAX_CPUS = 65536;

export interface CpuData {
  readonly cpu: number;
  readonly offset: number;
  readonly size: number;
}

export interface BufferOption {
  readonly name: string;
  /** Where its section begins; in version 6 its table of cpus. */
  readonly offset: number;
  readonly clock?: string;
  readonly pageSize?: number;
  /** Undefined in version 6, where the table is at `offset`. */
  readonly cpus?: readonly CpuData[];
  /** The text of a latency tracer instead of pages. */
  readonly isText: boolean;
}

export interface Options {
  readonly buffers: BufferOption[];
  /** Offsets of sections by id. */
  readonly sections: Map<number, number>;
  offset: bigint;
  tsc?: { readonly mult: bigint; readonly shift: bigint };
  /** Sum of `overrun` and `dropped events` of all cpus. */
  overrun: number;
  clock: string;
  uname: string;
  cpuCount?: number;
  readonly notApplied: Set<'DATE' | 'TIME_SHIFT'>;
  unknown: number;
  count: number;
}

export function emptyOptions(): Options {
  return {
    buffers: [],
    sections: new Map(),
    offset: 0n,
    overrun: 0,
    clock: '',
    uname: '',
    notApplied: new Set(),
    unknown: 0,
    count: 0,
  };
}

/** Reads up to DONE; gives where the next options are, 0 when there are no more. `version` 6 has DONE without data. */
export function readOptions(cursor: Cursor, version: 6 | 7, options: Options): number {
  for (;;) {
    const id = cursor.u16();
    if (id === OPTION.DONE && version === 6) return 0;
    const size = cursor.u32();
    // Its size stands in the wrong byte order in big-endian files that trace-cmd 3.1 converts.
    if (id === OPTION.DONE) return cursor.left < 8 ? 0 : cursor.u64();
    const end = cursor.at + size;
    if (size > cursor.left || ++options.count > MAX_OPTIONS) {
      throw damagedTraceDat('the options make no sense at byte', cursor.at);
    }
    readOption(cursor, id, size, version, options);
    if (cursor.at > end) throw damagedTraceDat('an option is longer than it says, at byte', end);
    cursor.skip(end - cursor.at);
  }
}

function readOption(cursor: Cursor, id: number, size: number, version: 6 | 7, options: Options): void {
  const text = () => cursor.text(Math.min(size, MAX_TEXT)).replace(/\0[^]*$/, '');
  switch (id) {
    case OPTION.BUFFER:
    case OPTION.BUFFER_TEXT:
      if (options.buffers.length === MAX_BUFFERS) throw damagedTraceDat('there cannot be so many buffers', MAX_BUFFERS);
      options.buffers.push(readBuffer(cursor, id, size, version));
      return;
    case OPTION.OFFSET:
      options.offset += integerOf(text());
      return;
    case OPTION.TSC2NSEC:
      if (size >= 16) options.tsc = { mult: BigInt(cursor.u32()), shift: BigInt(cursor.u32() & 63) };
      return;
    case OPTION.DATE:
      options.notApplied.add('DATE');
      return;
    case OPTION.TIME_SHIFT:
      options.notApplied.add('TIME_SHIFT');
      return;
    case OPTION.CPUSTAT:
      for (const [, count] of text().matchAll(/^(?:overrun|dropped events): (\d{1,15})/gm))
        options.overrun += Number(count);
      return;
    case OPTION.TRACECLOCK: {
      const clock = text();
      options.clock = /\[([\w-]+)\]/.exec(clock)?.[1] ?? '';
      return;
    }
    case OPTION.UNAME:
      options.uname = text();
      return;
    case OPTION.CPUCOUNT:
      if (size >= 4) {
        const count = cursor.u32();
        if (count <= MAX_CPUS) options.cpuCount = count;
      }
      return;
    default:
      if (id >= OPTION.HEADER_INFO && id <= OPTION.CMDLINES && size >= 8) options.sections.set(id, cursor.u64());
      else if (id > OPTION.LAST_KNOWN) options.unknown++;
  }
}

function readBuffer(cursor: Cursor, id: number, size: number, version: 6 | 7): BufferOption {
  const end = cursor.at + size;
  const offset = cursor.u64();
  const name = cursor.string();
  if (version === 6) return { name, offset, isText: false };
  const clock = cursor.at < end ? cursor.string() : '';
  if (id === OPTION.BUFFER_TEXT) return { name, offset, clock, isText: true };
  // The first files of version 7 had no page size here; what is left of the option tells.
  const first = cursor.u32();
  const withoutPageSize = end - cursor.at === first * 20;
  const count = withoutPageSize ? first : cursor.u32();
  if (count > MAX_CPUS || count * 20 > end - cursor.at) throw damagedTraceDat('there cannot be so many cpus', count);
  const cpus = Array.from({ length: count }, () => ({ cpu: cursor.u32(), offset: cursor.u64(), size: cursor.u64() }));
  return { name, offset, clock, pageSize: withoutPageSize ? undefined : first, cpus, isText: false };
}

/** As C's strtoll reads it: decimal or 0x, a sign; 0 for anything else. */
function integerOf(text: string): bigint {
  const match = /^\s*([-+]?)(0x[\da-f]{1,16}|\d{1,19})/i.exec(text);
  if (match === null) return 0n;
  const value = BigInt(match[2]);
  return match[1] === '-' ? -value : BigInt.asIntN(64, value);
}
