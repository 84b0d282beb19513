/**
 * Opens a .rpw file: its head and its directory, then events chunk by chunk from any time on. Holds one chunk at a time and the
 * dictionaries.
 */
import { rpwHeaderDamaged } from '../errors.ts';
import type { EventColumns } from '../events.ts';
import type { Warning } from '../recording.ts';
import { BadColumn } from './column.ts';
import { Damage } from './damage.ts';
import { DictionaryReader } from './dictionaries.ts';
import { claimOf, decodeEvents, dropUnknownKinds, type EventRoom } from './event-chunk.ts';
import { FILE_HEAD, LONGEST_SECTION, readSectionHead, SECTION, SECTION_HEAD, SECTION_NAMES } from './format.ts';
import { compareKinds, type FileKinds } from './kinds.ts';
import { readHeader, type RecordingHead } from './messages.ts';
import type { Packer } from './packer.ts';
import type { EntryMessage, EventsMessage, Provenance } from './schema.ts';
import { Budget, SectionReader } from './section-reader.ts';
import { listSections, readVersion } from './sections.ts';
import type { ByteSource } from './source.ts';

export interface TimeRange {
  /** ns on the trace clock, inclusive; from the first event on by default. */
  readonly fromNs?: number;
  /** ns, exclusive; to the last event by default. */
  readonly toNs?: number;
}

/** What a chunk takes in memory, bytes an event and a value. */
export const EVENT_BYTES = 28;
const VALUE_BYTES = 16;

export class RpwFile {
  readonly source: ByteSource;
  readonly packer: Packer;
  readonly reader: SectionReader;
  readonly budget: Budget;
  readonly damage = new Damage();
  readonly version: number;
  /** What is known of the machine. */
  readonly head: RecordingHead;
  /** Who wrote the file, from what. */
  readonly provenance: Provenance;
  readonly kinds: FileKinds;
  /** Sections in file order; rows and times are known where `indexed`. */
  readonly sections: readonly EntryMessage[];
  readonly indexed: boolean;
  readonly dictionaries = new DictionaryReader();
  private readonly found: readonly Warning[];
  private dictionariesRead = false;

  /** Use `openRpwSource`. */
  constructor(
    parts: Pick<
      RpwFile,
      'source' | 'packer' | 'reader' | 'budget' | 'version' | 'head' | 'provenance' | 'kinds' | 'sections' | 'indexed'
    >,
    found: readonly Warning[],
  ) {
    this.source = parts.source;
    this.packer = parts.packer;
    this.reader = parts.reader;
    this.budget = parts.budget;
    this.version = parts.version;
    this.head = parts.head;
    this.provenance = parts.provenance;
    this.kinds = parts.kinds;
    this.sections = parts.sections;
    this.indexed = parts.indexed;
    this.found = found;
  }

  /** What is wrong with the file, as far as it has been read. */
  get warnings(): readonly Warning[] {
    const lost = this.dictionaries.lost;
    const gap = { name: 'rpw-texts-lost', text: `${lost} texts or tasks are lost and stand as empty ones` };
    return [...this.found, ...this.damage.warnings(), ...(lost > 0 ? [gap] : [])];
  }

  /**
   * Chunks of events in file order, each with columns of its own. Only chunks that overlap the range are read, as far as the
   * directory tells; rows outside the range may come with them. Damaged chunks are left out and counted.
   */
  async *events(range: TimeRange = {}): AsyncGenerator<EventColumns> {
    const { fromNs = -Infinity, toNs = Infinity } = range;
    await this.readDictionaries();
    for (const entry of this.sections) {
      if (entry.type !== SECTION.events) continue;
      if (this.indexed && (entry.greatestTime < fromNs || entry.leastTime >= toNs)) continue;
      const chunk = await this.eventChunk(entry, false);
      if (chunk === undefined || chunk.greatestTime < fromNs || chunk.leastTime >= toNs) continue;
      const room = emptyRoom(chunk.rows, chunk.argCount, this.hasStacks);
      if (!this.decode(entry, chunk, room, 0, 0)) continue;
      const length = this.keepKnown(room, 0, chunk.rows);
      yield { length, ...cut(room, length, chunk.argCount), ...this.texts() };
    }
  }

  /** The dictionaries as EventColumns has them. */
  texts(): Pick<EventColumns, 'words' | 'gfpTexts' | 'flagTexts' | 'tasks' | 'stacks'> {
    const { words, gfpTexts, flagTexts, tasks, stacks } = this.dictionaries;
    return { words, gfpTexts, flagTexts, tasks, ...(this.hasStacks && { stacks }) };
  }

  /** Known once the dictionaries are read. */
  get hasStacks(): boolean {
    return this.dictionaries.stacks.length > 0;
  }

  async readDictionaries(): Promise<void> {
    if (this.dictionariesRead) return;
    this.dictionariesRead = true;
    for (const entry of this.sections) {
      if (entry.type !== SECTION.dictionary) continue;
      const part = await this.reader.read(entry, 'Dictionary');
      if (!part.ok) {
        this.damage.section(part.reason, entry);
        continue;
      }
      try {
        this.dictionaries.add(part.message);
      } catch {
        this.damage.section('malformed', entry);
      }
    }
  }

  /** A chunk that claims no more than it may; undefined when it cannot be used. `kept`: its rows stay in memory. */
  async eventChunk(entry: EntryMessage, kept: boolean): Promise<EventsMessage | undefined> {
    const section = await this.reader.read(entry, 'EventChunk', kept);
    if (!section.ok) {
      this.damage.section(section.reason, entry);
      return undefined;
    }
    try {
      const { rows, args } = claimOf(section.message);
      if (!kept || this.budget.take(rows * EVENT_BYTES + args * VALUE_BYTES)) return section.message;
      this.damage.section('over-limit', entry);
    } catch (error) {
      if (!(error instanceof BadColumn)) throw error;
      this.damage.section('malformed', entry);
    }
    return undefined;
  }

  /** False when the chunk cannot be used; then what is in its rows means nothing. */
  decode(entry: EntryMessage, chunk: EventsMessage, room: EventRoom, at: number, argsAt: number): boolean {
    try {
      decodeEvents(chunk, room, at, argsAt, this.kinds, this.dictionaries, this.packer);
      return true;
    } catch (error) {
      if (!(error instanceof BadColumn)) throw error;
      this.damage.section('malformed', entry);
      return false;
    }
  }

  /** Takes out rows of kinds that are new to this version, counted; returns how many of `rows` are left. */
  keepKnown(room: EventRoom, at: number, rows: number): number {
    const { known, argCounts } = this.kinds;
    if (known === argCounts.length) return rows;
    const kept = dropUnknownKinds(room, at, at + rows, known);
    this.damage.lostRows('unknown-kind', rows - kept);
    return kept;
  }
}

/** Throws RP3101 (no .rpw file), RP3102 (a newer version), RP3103 (its beginning is damaged). */
export async function openRpwSource(source: ByteSource, packer: Packer): Promise<RpwFile> {
  const version = await readVersion(source);
  const budget = new Budget(source.size);
  const reader = new SectionReader(source, packer, budget, version);
  const first = readSectionHead(await source.read(FILE_HEAD, SECTION_HEAD));
  if (first === undefined || first.type !== SECTION.header)
    throw rpwHeaderDamaged(source.name, 'it does not begin with a header');
  const entry = { type: SECTION.header, offset: FILE_HEAD, length: SECTION_HEAD + first.stored, ...NO_ROWS };
  const header = entry.length > LONGEST_SECTION ? undefined : await reader.read(entry, 'Header');
  if (header === undefined || !header.ok) throw rpwHeaderDamaged(source.name, header?.reason ?? 'malformed');
  const { head, provenance } = (() => {
    try {
      return readHeader(header.message);
    } catch (error) {
      throw rpwHeaderDamaged(source.name, (error as Error).message);
    }
  })();
  const kinds = compareKinds(header.message.kinds);
  if (kinds.conflict !== undefined)
    throw rpwHeaderDamaged(source.name, `its event kind ${kinds.conflict} is another than this program's`);
  const list = await listSections(source, version, reader);
  const parts = { source, packer, reader, budget, version, head, provenance, kinds };
  const file = new RpwFile({ ...parts, sections: list.entries, indexed: list.indexed }, list.warnings);
  for (const section of list.entries) if (!SECTION_NAMES.has(section.type)) file.damage.unknownSection(section);
  return file;
}

const NO_ROWS = { firstRow: 0, rows: 0, leastTime: 0, greatestTime: 0 } as const;

export function emptyRoom(rows: number, args: number, stacks: boolean): EventRoom {
  return {
    time: new Float64Array(rows),
    pfnLow: new Uint32Array(rows),
    pfnHigh: new Uint8Array(rows),
    kind: new Uint8Array(rows),
    unit: new Uint8Array(rows),
    flags: new Uint8Array(rows),
    cpu: new Uint16Array(rows),
    gfp: new Uint16Array(rows),
    task: new Uint32Array(rows),
    args: new Float64Array(args),
    ...(stacks && { stack: new Uint32Array(rows) }),
  };
}

/** The first rows and values; the same arrays where that is all of them. */
export function cut(room: EventRoom, rows: number, args: number): EventRoom {
  if (room.time.length === rows && room.args.length === args) return room;
  return {
    time: room.time.slice(0, rows),
    pfnLow: room.pfnLow.slice(0, rows),
    pfnHigh: room.pfnHigh.slice(0, rows),
    kind: room.kind.slice(0, rows),
    unit: room.unit.slice(0, rows),
    flags: room.flags.slice(0, rows),
    cpu: room.cpu.slice(0, rows),
    gfp: room.gfp.slice(0, rows),
    task: room.task.slice(0, rows),
    args: room.args.slice(0, args),
    ...(room.stack && { stack: room.stack.slice(0, rows) }),
  };
}
