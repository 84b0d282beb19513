/**
 * Writes a .rpw file as the parts of a recording come up; see RpwEncoder for their order. The file has a temporary name until
 * `finish()`, so nobody sees half of it.
 */
import { randomBytes } from 'node:crypto';
import { type FileHandle, link, open, rename, rm } from 'node:fs/promises';
import { rpwUnwritable } from '../errors.ts';
import { sliceEvents } from '../builder.ts';
import type { EventColumns } from '../events.ts';
import type { PageOwner } from '../page-owner.ts';
import type { DmesgFacts, FileAccount, PageFlags, Recording, Warning } from '../recording.ts';
import { RpwEncoder, type EncoderOptions } from '../rpw/encoder.ts';
import { CHUNK_ROWS } from '../rpw/format.ts';
import type { RecordingHead, StepFacts, TraceFacts } from '../rpw/messages.ts';
import type { Provenance } from '../rpw/schema.ts';
import { zlibPacker } from './zlib-packer.ts';

export class RpwWriter {
  private readonly encoder: RpwEncoder;
  private readonly path: string;
  private readonly temporary: string;
  private readonly handle: FileHandle;
  private steps = 0;

  private constructor(path: string, temporary: string, handle: FileHandle, options: EncoderOptions) {
    this.path = path;
    this.temporary = temporary;
    this.handle = handle;
    this.encoder = new RpwEncoder(zlibPacker, options);
  }

  /** Throws RP3107 when no file can be made there. */
  static async create(
    path: string,
    head: RecordingHead,
    provenance: Provenance,
    options: EncoderOptions = {},
  ): Promise<RpwWriter> {
    const temporary = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`;
    const handle = await open(temporary, 'wx').catch((cause: unknown) => {
      throw rpwUnwritable(path, cause);
    });
    const writer = new RpwWriter(path, temporary, handle, options);
    await writer.write(writer.encoder.begin(head, provenance));
    return writer;
  }

  /** Events written so far. */
  get rows(): number {
    return this.encoder.rows;
  }

  /** Bytes written so far. */
  get bytes(): number {
    return this.encoder.bytes;
  }

  /** The next step; returns its place, for `pageFlags`. */
  async step(step: StepFacts, hasPageFlags: boolean): Promise<number> {
    await this.write(this.encoder.step(step, hasPageFlags));
    return this.steps++;
  }

  async pageFlags(ordinal: number, part: PageFlags): Promise<void> {
    await this.write(this.encoder.pageFlags(ordinal, part));
  }

  async endPageFlags(ordinal: number): Promise<void> {
    await this.write(this.encoder.endPageFlags(ordinal));
  }

  async pageOwner(ordinal: number, owner: PageOwner): Promise<void> {
    await this.write(this.encoder.pageOwner(ordinal, owner));
  }

  async events(slice: EventColumns): Promise<void> {
    await this.write(this.encoder.events(slice));
  }

  async dmesg(facts: DmesgFacts): Promise<void> {
    await this.write(this.encoder.dmesg(facts));
  }

  async files(files: readonly FileAccount[]): Promise<void> {
    await this.write(this.encoder.files(files));
  }

  async warnings(warnings: readonly Warning[]): Promise<void> {
    await this.write(this.encoder.warnings(warnings));
  }

  async trace(facts: TraceFacts): Promise<void> {
    await this.write(this.encoder.trace(facts));
  }

  /** Ends the file and gives it its name; with `replace` false only where no file of that name is. */
  async finish(replace = true): Promise<void> {
    await this.write(this.encoder.end());
    try {
      await this.handle.close();
      if (replace) await rename(this.temporary, this.path);
      else {
        // A rename would replace what somebody has put there meanwhile.
        await link(this.temporary, this.path);
        await rm(this.temporary);
      }
    } catch (cause) {
      throw rpwUnwritable(this.path, cause);
    }
  }

  /** Takes away what was written; after it, or after `finish()`, the writer is done. */
  async abandon(): Promise<void> {
    await this.handle.close().catch(() => undefined);
    await rm(this.temporary, { force: true });
  }

  private async write(sections: Iterable<Uint8Array>): Promise<void> {
    for (const bytes of sections) {
      try {
        await this.handle.writeFile(bytes);
      } catch (cause) {
        throw rpwUnwritable(this.path, cause);
      }
    }
  }
}

export interface WriteOptions extends EncoderOptions {
  readonly provenance?: Provenance;
  /** False leaves a file of that name alone and fails with RP3107. */
  readonly replace?: boolean;
  /** Parts written so far, of how many; parts are steps and chunks of events. */
  readonly onProgress?: (done: number, total: number) => void;
}

export interface Written {
  readonly events: number;
  readonly steps: number;
  readonly bytes: number;
}

/** Writes a whole recording; a file of that name is replaced unless `replace` is false. */
export async function writeRpw(recording: Recording, path: string, options: WriteOptions = {}): Promise<Written> {
  const provenance = options.provenance ?? { writer: 'replug', options: {}, sources: [] };
  const writer = await RpwWriter.create(path, recording, provenance, options);
  try {
    await writeParts(writer, recording, options.onProgress ?? (() => {}));
    await writer.finish(options.replace);
  } catch (error) {
    await writer.abandon();
    throw error;
  }
  return { events: writer.rows, steps: recording.steps.length, bytes: writer.bytes };
}

async function writeParts(
  writer: RpwWriter,
  recording: Recording,
  onProgress: (done: number, total: number) => void,
): Promise<void> {
  const { steps, trace, dmesg, files, warnings } = recording;
  const length = trace?.events.length ?? 0;
  const total = steps.length + Math.ceil(length / CHUNK_ROWS);
  let done = 0;
  for (const { hasPageFlags: _, pageFlags, pageOwner, ...facts } of steps) {
    const flags = pageFlags();
    const ordinal = await writer.step(facts, flags !== undefined);
    if (flags !== undefined) {
      await writer.pageFlags(ordinal, flags);
      await writer.endPageFlags(ordinal);
    }
    const owner = pageOwner?.();
    if (owner !== undefined) await writer.pageOwner(ordinal, owner);
    onProgress(++done, total);
  }
  if (dmesg !== undefined) await writer.dmesg(dmesg);
  await writer.files(files);
  await writer.warnings(warnings);
  if (trace === undefined) return;
  const { events, ...facts } = trace;
  for (let from = 0; from < length; from += CHUNK_ROWS) {
    await writer.events(sliceEvents(events, from, Math.min(length, from + CHUNK_ROWS)));
    onProgress(++done, total);
  }
  if (length === 0) await writer.events(events);
  await writer.trace(facts);
}
