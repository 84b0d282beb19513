/**
 * trace.dat, the binary file of trace-cmd, versions 6 and 7: the pages of each cpu's ring buffer with the format files to read
 * them by. Gives the facts that the text of the same trace gives.
 *
 * Read where it lies: at no time is more of it in memory than a piece of each cpu's pages.
 */
import { Account } from '../account.ts';
import { badPageHeader, damagedTraceDat, noSuchBuffer } from '../errors.ts';
import type { Facts, Note } from '../facts.ts';
import { FtraceTextReader } from '../ftrace-text/ftrace-text.ts';
import { readUname } from '../meta/meta.ts';
import { feedOf, memoryBytes, type Bytes, type Feed } from '../ring-buffer/bytes.ts';
import { Cmdlines } from '../ring-buffer/cmdlines.ts';
import type { TraceContext } from '../ring-buffer/context.ts';
import { isPageSize, probeLayout, PROBED, readPageHeader, type PageLayout } from '../ring-buffer/page-layout.ts';
import { readRingBuffers } from '../ring-buffer/ring-buffer.ts';
import { chunkFeed } from './chunks.ts';
import { readLayout, type Buffer, type FileLayout } from './file-layout.ts';
import type { CpuData, Options } from './options.ts';

const TEXT_PIECE = 1 << 16;

/**
 * Throws RP4013 (contradicts itself), RP4014 (version or compression that is not read), RP4015 (no page header), RP4016 (too
 * large), RP4017 (no such buffer), RP4018 (no formats). What is cut or damaged within the pages is counted.
 */
export function readTraceDat(bytes: Bytes, account: Account, context: TraceContext = {}): Facts {
  const layout = readLayout(bytes, context.unpackers ?? {});
  const { options, buffers, parts } = layout;
  const wanted = context.buffer ?? '';
  const buffer = chooseBuffer(buffers, wanted, context.buffer !== undefined);
  if (parts.badFormats > 0) account.detail('format files that are none', parts.badFormats);
  if (options.unknown > 0) account.detail('options of unknown kind', options.unknown);
  const uname = options.uname === '' ? {} : readUname(options.uname, new Account('', 'uname'));
  const open = (part: Part, told = account) => openFeed(bytes, layout, buffer, part, told);
  const trace =
    buffer.text === undefined
      ? readPages(bytes, layout, buffer, open, account, { ...context, kernel: context.kernel ?? uname.kernel })
      : readText(open({ ...buffer.text, end: bytes.size }), account);
  const notes = [...otherBuffers(buffers, buffer), ...timesAsTheyAre(options)];
  return { trace, machine: uname, traceClock: options.clock || buffer.clock, notes };
}

function chooseBuffer(buffers: readonly Buffer[], wanted: string, asked: boolean): Buffer {
  // Where a name occurs twice, the pages of a buffer are worth more than its text.
  const named = buffers.filter(({ name }) => name === wanted);
  const found = named.find(({ text }) => text === undefined) ?? named[0] ?? (asked ? undefined : buffers[0]);
  if (found !== undefined) return found;
  if (asked) {
    throw noSuchBuffer(
      wanted,
      buffers.map(({ name }) => name),
    );
  }
  throw damagedTraceDat('the file holds no buffer', buffers.length);
}

function otherBuffers(buffers: readonly Buffer[], used: Buffer): Note[] {
  const others = buffers.filter((buffer) => buffer !== used).map(({ name }) => (name === '' ? 'the top one' : name));
  if (others.length === 0) return [];
  return [
    { name: 'other-buffers', text: `buffers that are not read: ${others.join(', ')}; the option buffer names one` },
  ];
}

function timesAsTheyAre({ notApplied }: Options): Note[] {
  return [...notApplied].map((name) => ({
    name: 'times-as-recorded',
    text: `the file's ${name} is not applied: times stay on the trace clock, as those of other dumps`,
  }));
}

/** The bytes of a cpu, or of a text; `end`: where something else begins. */
function openFeed(bytes: Bytes, layout: FileLayout, { packed }: Buffer, part: Part, account: Account): Feed {
  const { offset, size, end } = part;
  if (packed) {
    const onLoss = (why: string) => account.skip('bad-piece', `byte 0x${offset.toString(16)}: ${why}`, 0);
    return chunkFeed(bytes, layout.little, offset, end, layout.compression, onLoss);
  }
  const missing = offset + size - bytes.size;
  if (missing > 0) {
    account.detail('file-truncated');
    account.detail('bytes beyond the end of the file', Math.min(missing, size));
  }
  return feedOf(bytes, offset, size);
}

interface Part {
  readonly offset: number;
  readonly size: number;
  readonly end: number;
}

function readText(feed: Feed, account: Account): NonNullable<Facts['trace']> {
  const reader = new FtraceTextReader(account);
  const piece = new Uint8Array(TEXT_PIECE);
  for (let count = feed.read(piece); count > 0; count = feed.read(piece)) reader.push(piece.subarray(0, count));
  return reader.finish();
}

function readPages(
  bytes: Bytes,
  layout: FileLayout,
  buffer: Buffer,
  open: (part: Part, told?: Account) => Feed,
  account: Account,
  context: TraceContext,
): NonNullable<Facts['trace']> {
  const { parts, options } = layout;
  const used = cpuParts(bytes, buffer);
  return readRingBuffers(
    {
      cpus: used.map((part) => ({ cpu: part.cpu, feed: open(part), size: buffer.packed ? undefined : part.held })),
      layout: pageLayout(layout, buffer, used.length === 0 ? undefined : () => open(used[0], new Account('', ''))),
      formats: parts.formats,
      cmdlines: new Cmdlines(parts.cmdlines),
      kernel: context.kernel,
      variables: context.variables,
      kallsyms: parts.kallsyms,
      offset: toTime(options) === undefined ? Number(options.offset) : 0,
      toTime: toTime(options),
      overrun: options.overrun,
      cpuCount: options.cpuCount ?? buffer.cpus.length,
    },
    account,
  );
}

interface CpuPart extends CpuData, Part {
  /** Bytes that are there. */
  readonly held: number;
}

/** Each cpu once, and no byte of the file for two of them: what is read is bounded by what is there. */
function cpuParts(bytes: Bytes, { cpus, packed }: Buffer): CpuPart[] {
  const sorted = cpus.filter(({ size }) => size > 0).sort((a, b) => a.offset - b.offset);
  const seen = new Set<number>();
  const parts = sorted.map((one, i) => {
    const next = sorted.at(i + 1)?.offset ?? Infinity;
    if (one.cpu > 65535 || seen.has(one.cpu)) throw damagedTraceDat('the pages of a cpu make no sense: cpu', one.cpu);
    // The size of what is compressed is that of its pieces without their heads: where the next begins tells its end.
    if ((packed ? one.offset + 1 : Math.min(one.offset + one.size, bytes.size)) > next) {
      throw damagedTraceDat('the pages of two cpus overlap at byte', next);
    }
    seen.add(one.cpu);
    return { ...one, end: Math.min(next, bytes.size), held: Math.max(0, Math.min(one.size, bytes.size - one.offset)) };
  });
  return parts.sort((a, b) => a.cpu - b.cpu);
}

function pageLayout(layout: FileLayout, buffer: Buffer, first: (() => Feed) | undefined): PageLayout {
  const header = readPageHeader(layout.parts.pageHeader, layout.longSize);
  const sizes = [...new Set([buffer.pageSize, layout.pageSize, header.pageSize])].filter(
    (size) => size !== undefined && isPageSize(size),
  ) as number[];
  if (sizes.length === 0) throw badPageHeader(`page size ${layout.pageSize}`);
  const candidates = sizes.map((pageSize) => ({ ...header, pageSize, little: layout.little }));
  if (first === undefined || candidates.length === 1) return candidates[0];
  const start = new Uint8Array(PROBED * Math.max(...sizes));
  const count = first().read(start);
  return probeLayout(memoryBytes(start.subarray(0, count)), 0, count, candidates);
}

/** From ticks to ns; undefined when the ring buffer counts ns. */
function toTime({ offset, tsc }: Options): ((time: number) => number) | undefined {
  if (tsc === undefined || tsc.mult === 0n) return undefined;
  const { mult, shift } = tsc;
  return (time) => Number(((BigInt(time) * mult) >> shift) + offset);
}
