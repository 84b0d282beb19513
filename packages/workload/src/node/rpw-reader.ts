/** .rpw files by path. */
import { type FileHandle, open } from 'node:fs/promises';
import { basename } from 'node:path';
import { rpwUnreadable } from '../errors.ts';
import type { EventColumns } from '../events.ts';
import type { Recording } from '../recording.ts';
import { FILE_HEAD, isRpw } from '../rpw/format.ts';
import { openRpwSource, type RpwFile, type TimeRange } from '../rpw/open.ts';
import { readRecording, type ReadOptions } from '../rpw/read.ts';
import type { ByteSource } from '../rpw/source.ts';
import { zlibPacker } from './zlib-packer.ts';

/** True for a file that begins as a .rpw file does; false also for one that cannot be read. */
export async function isRpwFile(path: string): Promise<boolean> {
  let source: FileSource | undefined;
  try {
    source = await FileSource.open(path);
    return isRpw(await source.read(0, FILE_HEAD));
  } catch {
    return false;
  } finally {
    await source?.close();
  }
}

/**
 * Opens a file for reading piece by piece; `close()` it. Throws RP3101 (no .rpw file), RP3102 (a newer version), RP3103 (its
 * beginning is damaged), RP3106 (cannot be read).
 */
export async function openRpw(path: string): Promise<OpenRpw> {
  const source = await FileSource.open(path);
  try {
    return new OpenRpw(await openRpwSource(source, zlibPacker), source);
  } catch (error) {
    await source.close();
    throw error;
  }
}

/** The whole file. Throws what `openRpw` throws; everything else that is wrong is in the warnings. */
export async function readRpw(path: string, options: ReadOptions = {}): Promise<Recording> {
  const open = await openRpw(path);
  try {
    return await readRecording(open.file, options);
  } finally {
    await open.close();
  }
}

/** An open file. */
export class OpenRpw {
  readonly file: RpwFile;
  private readonly source: FileSource;

  constructor(file: RpwFile, source: FileSource) {
    this.file = file;
    this.source = source;
  }

  events(range: TimeRange = {}): AsyncGenerator<EventColumns> {
    return this.file.events(range);
  }

  async close(): Promise<void> {
    await this.source.close();
  }
}

class FileSource implements ByteSource {
  readonly name: string;
  readonly size: number;
  private readonly path: string;
  private readonly handle: FileHandle;

  private constructor(path: string, size: number, handle: FileHandle) {
    this.path = path;
    this.name = basename(path);
    this.size = size;
    this.handle = handle;
  }

  static async open(path: string): Promise<FileSource> {
    let handle: FileHandle | undefined;
    try {
      handle = await open(path, 'r');
      return new FileSource(path, (await handle.stat()).size, handle);
    } catch (cause) {
      await handle?.close();
      throw rpwUnreadable(path, cause);
    }
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    const room = Math.max(0, Math.min(length, this.size - offset));
    const bytes = new Uint8Array(room);
    let at = 0;
    try {
      while (at < room) {
        const { bytesRead } = await this.handle.read(bytes, at, room - at, offset + at);
        if (bytesRead === 0) break;
        at += bytesRead;
      }
    } catch (cause) {
      throw rpwUnreadable(this.path, cause);
    }
    return bytes.subarray(0, at);
  }

  async close(): Promise<void> {
    await this.handle.close();
  }
}
