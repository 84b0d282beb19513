/** Compressed files for the specs: frames and headers made by hand, and the xz and zstd programs where they are installed. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ReplugError } from '@replug/core';
import { contentOf, type ContentOptions } from './read-bytes.ts';
import type { End } from './members.ts';

export const bytesOf = (...parts: (readonly number[] | Uint8Array | string)[]): Uint8Array =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : Uint8Array.from(part))));

export const RAW = 0;
export const RLE = 1;

/** A block of a zstd frame: raw bytes, or one byte `count` times. */
export function zstdBlock(type: number, content: readonly number[] | Uint8Array, count: number, last: boolean) {
  const head = (count << 3) | (type << 1) | (last ? 1 : 0);
  return bytesOf([head & 255, (head >> 8) & 255, head >> 16], content);
}

/** Magic and header of a frame without content size, dictionary and checksum. `window`: the byte that tells its size. */
export const zstdHeader = (window: number) => bytesOf([0x28, 0xb5, 0x2f, 0xfd, 0, window]);
/** 1 KiB × 2^7, without a fraction. */
export const WINDOW_128K = 7 << 3;

/** A frame that holds a text as it is. */
export const zstdText = (text: string) =>
  bytesOf(zstdHeader(WINDOW_128K), zstdBlock(RAW, Buffer.from(text), Buffer.byteLength(text), true));

/** A program's output for this input; undefined when it is not installed. */
export function pipe(program: string, args: readonly string[], input: Uint8Array): Uint8Array | undefined {
  const { status, stdout } = spawnSync(program, args, { input, maxBuffer: 1 << 28 });
  return status === 0 ? stdout : undefined;
}
export const hasXz = pipe('xz', ['-c'], bytesOf('x')) !== undefined;
export const hasZstd = pipe('zstd', ['-qc'], bytesOf('x')) !== undefined;

export interface Outcome {
  readonly content: Uint8Array;
  readonly end?: End;
  readonly code?: string;
  readonly text?: string;
}

/** What comes out of a file with these bytes, up to the error if there is one. */
export async function unpack(folder: string, packed: Uint8Array, options: ContentOptions = {}): Promise<Outcome> {
  const path = join(folder, 'packed');
  writeFileSync(path, packed);
  const chunks: Uint8Array[] = [];
  let end: End | undefined;
  try {
    for await (const chunk of contentOf(path, { onEnd: (found) => (end = found), ...options }))
      chunks.push(chunk.slice());
    return { content: Buffer.concat(chunks), end };
  } catch (error) {
    if (!(error instanceof ReplugError)) throw error;
    return { content: Buffer.concat(chunks), code: error.code, text: `${error.message} ${error.cause}` };
  }
}
