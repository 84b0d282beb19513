/**
 * An importer knows one format: how to recognise it from the first bytes alone, and how to read it.
 *
 * Detection asks the importers in order of priority, highest first, and takes the first that says yes. Priorities are
 * unique, so the order is total; names and extensions of files play no part.
 */
import type { Account } from './account.ts';
import { duplicatePriority } from './errors.ts';
import type { Facts } from './facts.ts';
import type { BytesReader } from './ring-buffer/context.ts';

/** Bytes of a file that `sniff` sees, decompressed. */
export const SNIFF_LENGTH = 4096;

/** Takes a file in chunks cut anywhere. */
export interface FactsReader {
  push(chunk: Uint8Array): void;
  finish(): Facts;
}

export interface Importer {
  /** As in `FileAccount.format`. */
  readonly id: string;
  /** machine: what the machine is · baseline: memory at an instant · events: what happened · checkpoint: an instant to compare with. */
  readonly yields: 'machine' | 'baseline' | 'events' | 'checkpoint';
  /** Higher is asked first. Unique. */
  readonly priority: number;
  /** Made of lines that mean something on their own, and of any size: read as it comes, and used as far as it goes when cut. */
  readonly streamed?: boolean;
  /** True when a file that begins so is of this format. Must not throw on any bytes. */
  sniff(prefix: Uint8Array): boolean;
  open(account: Account): FactsReader;
  /** For formats whose parts lie anywhere in a file: reads it where it lies, instead of `open`. */
  readonly readBytes?: BytesReader;
}

export class ImporterRegistry {
  private readonly importers: readonly Importer[];

  /** Throws RP4006 for two importers of one priority. */
  constructor(importers: readonly Importer[]) {
    const sorted = [...importers].sort((a, b) => b.priority - a.priority);
    sorted.forEach((importer, i) => {
      const next = sorted[i + 1];
      if (next?.priority === importer.priority) throw duplicatePriority(importer.id, next.id, next.priority);
    });
    this.importers = sorted;
  }

  get ids(): readonly string[] {
    return this.importers.map((i) => i.id);
  }

  byId(id: string): Importer | undefined {
    return this.importers.find((i) => i.id === id);
  }

  /** The importer for a file that begins with `prefix`; undefined when none knows it. */
  detect(prefix: Uint8Array): Importer | undefined {
    return this.importers.find((i) => i.sniff(prefix.subarray(0, SNIFF_LENGTH)));
  }
}

const decoder = new TextDecoder();

/** An importer of a text format that is read as a whole; `looks` is tried on the first bytes as text. */
export function textImporter(
  head: Pick<Importer, 'id' | 'yields' | 'priority'>,
  looks: (prefix: string) => boolean,
  read: (text: string, account: Account) => Facts,
): Importer {
  return {
    ...head,
    sniff: (prefix) => !prefix.includes(0) && looks(decoder.decode(prefix)),
    open: (account) => wholeReader((bytes) => read(decoder.decode(bytes), account)),
  };
}

/** A reader that waits for the last chunk. */
export function wholeReader(read: (bytes: Uint8Array) => Facts): FactsReader {
  const chunks: Uint8Array[] = [];
  return {
    push: (chunk) => void chunks.push(chunk.slice()),
    finish: () => read(joinChunks(chunks)),
  };
}

/** One array of all chunks. */
export function joinChunks(chunks: readonly Uint8Array[]): Uint8Array {
  if (chunks.length === 1) return chunks[0];
  const bytes = new Uint8Array(chunks.reduce((sum, c) => sum + c.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
