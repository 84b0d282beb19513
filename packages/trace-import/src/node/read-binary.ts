/** A binary trace through its importer: read where it lies instead of as it comes. */
import { Account } from '../account.ts';
import { damagedArchive } from '../errors.ts';
import type { Facts } from '../facts.ts';
import type { BytesReader, TraceContext } from '../ring-buffer/context.ts';
import { readRawPages } from '../ring-buffer/raw-pages.ts';
import { openBytes, type OpenedBytes } from './file-bytes.ts';
import { MAX_RATIO, MAX_STREAMED } from './limits.ts';
import { readContent } from './read-bytes.ts';
import type { FileRead, ReadFileOptions } from './read-file.ts';
import { UNPACKERS } from './unpackers.ts';

/** Throws what `contentOf` throws, RP4005 for a compressed file of which nothing is whole, and what the reader throws. */
export async function readBinary(
  path: string,
  account: Account,
  read: BytesReader,
  { onRead, maxBytes = MAX_STREAMED, context }: ReadFileOptions,
): Promise<FileRead> {
  const opened = await openBytes(path, { maxBytes, maxRatio: MAX_RATIO, onRead });
  try {
    const { bytes, truncated, trailing } = opened;
    if (truncated && bytes.size === 0) throw damagedArchive(path, 'compressed', new Error('it ends too early'));
    if (bytes.size === 0) return { facts: {}, account, bytes: 0, trailing };
    const facts = read(bytes, account, { ...context, unpackers: UNPACKERS });
    if (truncated) account.detail('file-truncated');
    return { facts, account, bytes: bytes.size, trailing };
  } finally {
    opened.close();
  }
}

/** Where raw pages and what belongs to them lie. */
export interface RawPaths {
  readonly cpus: readonly { readonly cpu: number; readonly path: string }[];
  readonly headerPage?: string;
  readonly formats: readonly string[];
  readonly cmdlines?: string;
  readonly stats?: string;
}

export interface RawRead {
  readonly facts: Facts;
  readonly account: Account;
  readonly bytes: number;
}

/** Reads raw pages. Throws as `readBinary`, RP4018 without formats. */
export async function readRaw(
  paths: RawPaths,
  shown: string,
  context: TraceContext,
  maxBytes = MAX_STREAMED,
): Promise<RawRead> {
  const account = new Account(shown, 'raw-pages');
  const opened: OpenedBytes[] = [];
  const decoder = new TextDecoder();
  const textOf = async (path: string | undefined) =>
    path === undefined ? '' : decoder.decode(await readContent(path));
  try {
    for (const { path } of paths.cpus) {
      const one = await openBytes(path, { maxBytes, maxRatio: MAX_RATIO });
      opened.push(one);
      if (one.truncated) account.detail('file-truncated');
    }
    const formats: string[] = [];
    for (const path of paths.formats) formats.push(await textOf(path));
    const raw = {
      cpus: paths.cpus.map(({ cpu }, i) => ({ cpu, bytes: opened[i].bytes })),
      headerPage: await textOf(paths.headerPage),
      formats,
      cmdlines: await textOf(paths.cmdlines),
      stats: await textOf(paths.stats),
    };
    const facts = readRawPages(raw, account, context);
    return { facts, account, bytes: opened.reduce((sum, { bytes }) => sum + bytes.size, 0) };
  } finally {
    for (const one of opened) one.close();
  }
}
