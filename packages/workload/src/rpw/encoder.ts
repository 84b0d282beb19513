/**
 * Writes a recording piece by piece: each call gives the bytes that follow in the file. Never holds more than the piece.
 *
 *   begin(head) · step(…), pageFlags(…), endPageFlags(…), pageOwner(…), events(…), dmesg(…), files(…), warnings(…) in any order · trace(…) ·
 *   end()
 *
 * Steps come before their page flags, page flags and events in order. Nothing depends on time or chance: the same calls give
 * the same bytes.
 */
import { rpwCannotHold, rpwMisuse } from '../errors.ts';
import { argCount, isPageEvent, type EventColumns } from '../events.ts';
import type { PageOwner } from '../page-owner.ts';
import type { DmesgFacts, FileAccount, PageFlags, Warning } from '../recording.ts';
import { BadColumn, planesColumn } from './column.ts';
import { DictionaryWriter } from './dictionaries.ts';
import { checkIndices, encodeEvents } from './event-chunk.ts';
import {
  CHUNK_ROWS,
  FILE_HEAD,
  fileHead,
  IN_COLUMNS,
  MAX_SECTION,
  PACKING,
  SECTION,
  sectionBytes,
  trailer,
} from './format.ts';
import { catalogueKinds } from './kinds.ts';
import { accountMessage, headerMessage, stepMessage, traceMessage } from './messages.ts';
import type { RecordingHead, StepFacts, TraceFacts } from './messages.ts';
import type { Packer } from './packer.ts';
import { ownerChunk, ownerTexts, textCounts } from './page-owner.ts';
import { encodeMessage, type EntryMessage, type MessageName, type Messages, type Provenance } from './schema.ts';

/** Accounts or warnings in one section. */
const LIST_LENGTH = 1024;

export interface EncoderOptions {
  /** Events and pages in a chunk, at most 65,536. */
  readonly chunkRows?: number;
}

export class RpwEncoder {
  private readonly packer: Packer;
  private readonly chunkRows: number;
  private readonly entries: EntryMessage[] = [];
  private readonly dictionary = new DictionaryWriter();
  private readonly kinds = catalogueKinds().length;
  /** Pages written of each step, and of which columns; undefined once closed. */
  private readonly pages: ({ length: number; hasCount: boolean | undefined } | undefined)[] = [];
  private state: 'new' | 'open' | 'ended' = 'new';
  private offset = FILE_HEAD;
  private rowsWritten = 0;

  constructor(packer: Packer, options: EncoderOptions = {}) {
    this.packer = packer;
    this.chunkRows = Math.max(1, Math.min(CHUNK_ROWS, options.chunkRows ?? CHUNK_ROWS));
  }

  /** Events written so far. */
  get rows(): number {
    return this.rowsWritten;
  }

  /** Bytes given out so far. */
  get bytes(): number {
    return this.offset;
  }

  begin(head: RecordingHead, provenance: Provenance): Uint8Array[] {
    if (this.state !== 'new') throw rpwMisuse('begin() was called already');
    this.state = 'open';
    return [fileHead(), this.message(SECTION.header, 'Header', headerMessage(head, provenance))];
  }

  /** The next step. Its number is its place: the first is 0. */
  step(step: StepFacts, hasPageFlags: boolean): Uint8Array[] {
    this.pages.push(hasPageFlags ? { length: 0, hasCount: undefined } : undefined);
    return [this.message(SECTION.step, 'Step', stepMessage(step, this.pages.length - 1, hasPageFlags))];
  }

  /** The next pages of a step, any number of them. */
  *pageFlags(ordinal: number, part: PageFlags): Generator<Uint8Array> {
    const pages = this.openPages(ordinal);
    pages.hasCount ??= part.count !== undefined;
    if (pages.hasCount !== (part.count !== undefined)) throw rpwMisuse('either all parts have counts or none');
    for (let from = 0; from < part.length; from += this.chunkRows) {
      const to = Math.min(part.length, from + this.chunkRows);
      const column = (values: Uint32Array) => planesColumn(values.subarray(from, to), this.packer);
      yield this.message(SECTION.pageFlags, 'PageFlagsChunk', {
        ordinal,
        firstPfn: pages.length,
        pages: to - from,
        low: column(part.low),
        high: column(part.high),
        count: part.count && column(part.count),
      });
      pages.length += to - from;
    }
  }

  endPageFlags(ordinal: number): Uint8Array[] {
    const { length, hasCount = false } = this.openPages(ordinal);
    this.pages[ordinal] = undefined;
    return [this.message(SECTION.pageFlagsEnd, 'PageFlagsEnd', { ordinal, pages: length, hasCount })];
  }

  /** The page owners of a step, all at once. */
  *pageOwner(ordinal: number, owner: PageOwner): Generator<Uint8Array> {
    if (ordinal >= this.pages.length) throw rpwMisuse(`there is no step ${ordinal}`);
    for (const part of ownerTexts(ordinal, owner)) yield this.message(SECTION.pageOwnerTexts, 'PageOwnerTexts', part);
    for (let from = 0; from < owner.length; from += this.chunkRows) {
      const to = Math.min(owner.length, from + this.chunkRows);
      yield this.message(SECTION.pageOwner, 'PageOwnerChunk', ownerChunk(ordinal, owner, from, to, this.packer));
    }
    const { length: rows, pageblockOrder } = owner;
    const end = { ordinal, rows, pageblockOrder, texts: textCounts(owner) };
    yield this.message(SECTION.pageOwnerEnd, 'PageOwnerEnd', end);
  }

  /**
   * The next events. Dictionaries may have grown since the last call, but must begin with the same entries. Slices of few rows
   * make small chunks: give tens of thousands at a time. Throws RP3105 for rows that contradict the dictionaries.
   */
  *events(slice: EventColumns): Generator<Uint8Array> {
    for (const part of this.dictionary.additions(slice)) yield this.message(SECTION.dictionary, 'Dictionary', part);
    for (let from = 0; from < slice.length; from += this.chunkRows) {
      const to = Math.min(slice.length, from + this.chunkRows);
      this.checkRows(slice, from, to);
      const chunk = encodeEvents(slice, from, to, this.rowsWritten, this.packer);
      yield this.message(SECTION.events, 'EventChunk', chunk, chunk);
      this.rowsWritten += chunk.rows;
    }
  }

  dmesg(facts: DmesgFacts): Uint8Array[] {
    return [this.message(SECTION.dmesg, 'DmesgFacts', facts)];
  }

  files(files: readonly FileAccount[]): Uint8Array[] {
    return parts(files).map((part) => this.message(SECTION.files, 'Files', { files: part.map(accountMessage) }));
  }

  warnings(warnings: readonly Warning[]): Uint8Array[] {
    return parts(warnings).map((part) => this.message(SECTION.warnings, 'Warnings', { warnings: part }));
  }

  /** After the last event, also when there was none. */
  trace(facts: TraceFacts): Uint8Array[] {
    return [this.message(SECTION.trace, 'Trace', traceMessage(facts, this.rowsWritten))];
  }

  end(): Uint8Array[] {
    const at = this.offset;
    const directory = this.message(SECTION.directory, 'Directory', { entries: this.entries });
    this.state = 'ended';
    const last = trailer(at);
    this.offset += last.length;
    return [directory, last];
  }

  private openPages(ordinal: number) {
    const pages = this.pages[ordinal];
    if (pages === undefined) throw rpwMisuse(`step ${ordinal} has no page flags or they are closed`);
    return pages;
  }

  private checkRows(slice: EventColumns, from: number, to: number): void {
    const { kind, pfnLow, time, args } = slice;
    for (let row = from; row < to; row++) {
      if (!Number.isFinite(time[row])) throw rpwCannotHold('an event without a time', row);
      if (isPageEvent(kind[row])) continue;
      if (kind[row] >= this.kinds) throw rpwCannotHold('an event of no known kind', row);
      const end = pfnLow[row] + argCount(kind[row]);
      if (end > args.length) throw rpwCannotHold('an event whose values are missing', row);
      for (let i = pfnLow[row]; i < end; i++)
        if (!Number.isFinite(args[i])) throw rpwCannotHold('a value that is no number', row);
    }
    try {
      checkIndices(slice, from, to, slice);
    } catch (error) {
      if (error instanceof BadColumn) throw rpwCannotHold(error.message, `rows ${from} to ${to}`);
      throw error;
    }
  }

  private message<N extends MessageName>(
    type: number,
    name: N,
    message: Messages[N],
    about: Partial<EntryMessage> = {},
  ): Uint8Array {
    if (this.state !== 'open') throw rpwMisuse(this.state === 'new' ? 'begin() comes first' : 'end() was called');
    const plain = encodeMessage(name, message);
    if (plain.length > MAX_SECTION) throw rpwCannotHold(`a ${name} larger than a section may be`, plain.length);
    const small = IN_COLUMNS.has(type) ? plain : this.packer.deflate(plain);
    const section =
      small.length < plain.length
        ? sectionBytes(type, PACKING.deflateRaw, small, plain.length)
        : sectionBytes(type, PACKING.none, plain, plain.length);
    const { firstRow = 0, rows = 0, leastTime = 0, greatestTime = 0 } = about;
    this.entries.push({
      type,
      offset: this.offset,
      length: section.length,
      firstRow,
      rows,
      leastTime,
      greatestTime,
    });
    this.offset += section.length;
    return section;
  }
}

function parts<T>(list: readonly T[]): (readonly T[])[] {
  const found: (readonly T[])[] = [];
  for (let from = 0; from < list.length; from += LIST_LENGTH) found.push(list.slice(from, from + LIST_LENGTH));
  return found;
}
