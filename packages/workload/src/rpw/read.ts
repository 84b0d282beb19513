/**
 * A whole .rpw file as a Recording. Events are decoded into columns that are allocated once where the directory tells how many
 * there are; page flags stay packed until a step is asked for them.
 *
 * What is damaged is left out: lost events are added to `trace.lost` and listed in an account of the file itself, everything
 * else has a warning whose name begins with `rpw-`.
 */
import { TRACEPOINTS } from '@replug/core';
import { stepLabel } from '../clock.ts';
import type { DmesgFacts, FileAccount, Recording, Step, TraceFile, Warning } from '../recording.ts';
import { cut, emptyRoom, EVENT_BYTES, type RpwFile } from './open.ts';
import type { EventRoom } from './event-chunk.ts';
import { SECTION } from './format.ts';
import { readAccount, readStep, type StepFacts } from './messages.ts';
import { PageFlagsReader } from './page-flags.ts';
import { PageOwnerParts } from './page-owner.ts';
import { EVENT_COLUMNS, type EntryMessage, type MessageName, type Messages, type TraceMessage } from './schema.ts';

export interface ReadOptions {
  /** False leaves page flags unread. */
  readonly pageFlags?: boolean;
  /** False leaves page owners unread; by default they are read when page flags are. */
  readonly pageOwner?: boolean;
  /** Bytes of the file read so far, and its size. */
  readonly onProgress?: (read: number, size: number) => void;
}

export async function readRecording(file: RpwFile, options: ReadOptions = {}): Promise<Recording> {
  await file.readDictionaries();
  const parts = new Parts(file);
  const withFlags = options.pageFlags !== false;
  const withOwner = options.pageOwner ?? withFlags;
  for (const entry of file.sections) {
    await parts.take(entry, withFlags, withOwner);
    options.onProgress?.(entry.offset + entry.length, file.source.size);
  }
  const trace = parts.finishTrace();
  const steps = parts.finishSteps(withFlags);
  const found = [...parts.warnings, ...file.warnings, ...parts.own];
  return {
    ...file.head,
    steps,
    ...(parts.dmesg && { dmesg: parts.dmesg }),
    ...(trace && { trace }),
    files: [...parts.files, ...ownAccount(file, trace)],
    warnings: found,
  };
}

/** A file that lost events has an account of its own. */
function ownAccount(file: RpwFile, trace: TraceFile | undefined): FileAccount[] {
  if (file.damage.totalRows === 0) return [];
  const { name: path, size: bytes } = file.source;
  const events = trace?.events.length ?? 0;
  return [{ path, format: 'rpw', bytes, events, skipped: file.damage.rows, samples: [], unknownKeys: [] }];
}

class Parts {
  readonly files: FileAccount[] = [];
  readonly warnings: Warning[] = [];
  /** Warnings about this file that come up while it is put together. */
  readonly own: Warning[] = [];
  dmesg: DmesgFacts | undefined;
  private readonly file: RpwFile;
  private readonly steps = new Map<number, { facts: StepFacts; hasPageFlags: boolean }>();
  private readonly pages: PageFlagsReader;
  private readonly owners: PageOwnerParts;
  private readonly room: GrowingRoom;
  private facts: TraceMessage | undefined;
  /** The row of the file that should come next. */
  private nextRow = 0;

  constructor(file: RpwFile) {
    this.file = file;
    this.pages = new PageFlagsReader(file.source.size);
    this.owners = new PageOwnerParts(file.source.size);
    this.room = new GrowingRoom(expectedRows(file), file.hasStacks);
  }

  async take(entry: EntryMessage, pageFlags: boolean, pageOwner: boolean): Promise<void> {
    switch (entry.type) {
      case SECTION.step:
        return this.with(entry, 'Step', (step) => {
          const facts = readStep(step);
          this.steps.set(step.ordinal, { facts, hasPageFlags: step.hasPageFlags });
        });
      case SECTION.pageFlags:
        return pageFlags ? this.with(entry, 'PageFlagsChunk', (chunk) => this.pages.add(chunk)) : undefined;
      case SECTION.pageFlagsEnd:
        return this.with(entry, 'PageFlagsEnd', (end) => this.pages.close(end));
      case SECTION.pageOwnerTexts:
        return pageOwner ? this.with(entry, 'PageOwnerTexts', (part) => this.owners.addTexts(part)) : undefined;
      case SECTION.pageOwner:
        return pageOwner ? this.with(entry, 'PageOwnerChunk', (chunk) => this.owners.add(chunk)) : undefined;
      case SECTION.pageOwnerEnd:
        return pageOwner ? this.with(entry, 'PageOwnerEnd', (end) => this.owners.close(end)) : undefined;
      case SECTION.events:
        return this.takeEvents(entry);
      case SECTION.trace:
        return this.with(entry, 'Trace', (trace) => void (this.facts = trace));
      case SECTION.dmesg:
        return this.with(entry, 'DmesgFacts', (dmesg) => void (this.dmesg = dmesg));
      case SECTION.files:
        return this.with(entry, 'Files', ({ files }) => void this.files.push(...files.map(readAccount)));
      case SECTION.warnings:
        return this.with(entry, 'Warnings', ({ warnings }) => void this.warnings.push(...warnings));
    }
  }

  private async with<N extends MessageName>(entry: EntryMessage, name: N, use: (message: Messages[N]) => void) {
    const section = await this.file.reader.read(entry, name);
    if (!section.ok) return this.file.damage.section(section.reason, entry);
    try {
      use(section.message);
    } catch {
      this.file.damage.section('malformed', entry);
    }
  }

  private async takeEvents(entry: EntryMessage): Promise<void> {
    const { file, room } = this;
    const chunk = await file.eventChunk(entry, true);
    if (chunk === undefined) return;
    // Rows before those of a chunk that has been read would be read twice.
    if (chunk.firstRow < this.nextRow) return file.damage.section('malformed', entry);
    room.reserve(chunk.rows, chunk.argCount);
    if (!file.decode(entry, chunk, room.columns, room.rows, room.args)) return;
    file.damage.lostRows('damaged', chunk.firstRow - this.nextRow);
    this.nextRow = chunk.firstRow + chunk.rows;
    room.rows += file.keepKnown(room.columns, room.rows, chunk.rows);
    room.args += chunk.argCount;
  }

  finishTrace(): TraceFile | undefined {
    const { file, facts, room } = this;
    const total = facts?.rows ?? (file.indexed ? rowsOf(file) : this.nextRow);
    file.damage.lostRows('damaged', total - this.nextRow);
    if (facts === undefined && room.rows === 0 && total === 0) return undefined;
    const columns = cut(room.columns, room.rows, room.args);
    const events = { length: room.rows, ...columns, ...file.texts() };
    const lost = file.damage.totalRows;
    if (facts !== undefined && lost === 0) {
      const { path, counts, clock, fromBoot } = facts;
      return { path, events, counts, lost: facts.lost, clock, fromBoot };
    }
    if (facts === undefined)
      this.own.push({ name: 'rpw-trace-unfinished', text: 'nothing is told of the trace but its events' });
    return {
      path: facts?.path ?? '',
      events,
      counts: recount(columns.kind, facts?.counts ?? {}),
      lost: (facts?.lost ?? 0) + lost,
      clock: facts?.clock ?? '',
      fromBoot: facts?.fromBoot ?? false,
    };
  }

  finishSteps(withPageFlags: boolean): Step[] {
    const steps = [...this.steps].sort(([a], [b]) => a - b);
    return steps.map(([ordinal, { facts, hasPageFlags }]) => {
      const label = stepLabel(facts);
      const flags = hasPageFlags && withPageFlags ? this.pages.whole(ordinal, label, this.file.packer) : undefined;
      if (hasPageFlags && withPageFlags && flags === undefined)
        this.own.push({ name: 'rpw-page-flags-lost', text: `the page flags of ${label} are incomplete and not used` });
      const pageOwner = this.owners.whole(ordinal, label, this.file.packer);
      if (pageOwner === 'incomplete')
        this.own.push({ name: 'rpw-page-owner-lost', text: `the page owners of ${label} are incomplete and not used` });
      return {
        ...facts,
        hasPageFlags: flags !== undefined,
        pageFlags: flags ?? (() => undefined),
        ...(typeof pageOwner === 'function' && { pageOwner }),
      };
    });
  }
}

function rowsOf(file: RpwFile): number {
  return file.sections.reduce((most, { firstRow, rows }) => Math.max(most, firstRow + rows), 0);
}

/** Rows by the directory, if a file of this size may ask for so many; 0 where unknown. */
function expectedRows(file: RpwFile): number {
  const rows = file.sections.reduce((sum, entry) => sum + entry.rows, 0);
  return file.budget.allows(rows * EVENT_BYTES) ? rows : 0;
}

/** Counts of the events that are there; those of names that have no kind stay as they were. */
function recount(kind: Uint8Array, recorded: Readonly<Record<string, number>>): Record<string, number> {
  const byKind = new Uint32Array(TRACEPOINTS.length);
  for (const k of kind) byKind[k]++;
  const known = new Set<string>(TRACEPOINTS.map((t) => t.name));
  const counts = Object.fromEntries(Object.entries(recorded).filter(([name]) => !known.has(name)));
  TRACEPOINTS.forEach(({ name }, k) => {
    if (byKind[k] > 0) counts[name] = byKind[k];
  });
  return counts;
}

/** Columns that grow; with the right first size they never do. */
class GrowingRoom {
  columns: EventRoom;
  rows = 0;
  args = 0;

  constructor(rows: number, stacks: boolean) {
    this.columns = emptyRoom(rows, 0, stacks);
  }

  reserve(rows: number, args: number): void {
    const { time, args: values } = this.columns;
    const needRows = this.rows + rows;
    const needArgs = this.args + args;
    if (needRows > time.length) {
      const { stack } = this.columns;
      const roomier = { ...emptyRoom(Math.max(needRows, 2 * time.length), 0, stack !== undefined), args: values };
      for (const name of EVENT_COLUMNS) roomier[name].set(this.columns[name]);
      if (stack !== undefined) roomier.stack!.set(stack);
      this.columns = roomier;
    }
    if (needArgs > values.length) {
      const roomier = new Float64Array(Math.max(needArgs, 2 * values.length));
      roomier.set(values);
      this.columns.args = roomier;
    }
  }
}
