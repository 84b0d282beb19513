/**
 * What every importer must do, as plain cases. Its spec runs each of them on a small sample:
 *
 *   for (const { name, run } of importerCases(IMPORTERS, { importer: 'when', bytes, expected })) it(name, run);
 *
 * The importer is found by content alone and by nobody else; a file may come in chunks of any size and end anywhere; what
 * cannot be used is counted, so lines = events + comments + Σ skipped.
 */
import { ReplugError } from '@replug/core';
import type { FileAccount } from '@replug/workload';
import { Account } from '../account.ts';
import type { Facts } from '../facts.ts';
import { SNIFF_LENGTH, type Importer, type ImporterRegistry } from '../importer.ts';
import { lineCount, seededRandom } from './damage.ts';
import { difference } from './difference.ts';

export interface ImporterSample {
  /** Id of the importer that has to take it. */
  readonly importer: string;
  readonly bytes: Uint8Array;
  /** A file that was cut may be refused with a coded error: for formats whose head has to be whole. */
  readonly mayRefuse?: boolean;
  /** What a person counted in it. What is left out is 0 or empty. */
  readonly expected: {
    /** Left out for formats that are not made of lines. */
    readonly lines?: number;
    readonly events: number;
    readonly comments?: number;
    readonly skipped?: Readonly<Record<string, number>>;
    readonly details?: Readonly<Record<string, number>>;
    /** Of a trace: events by name. */
    readonly counts?: Readonly<Record<string, number>>;
  };
}

export interface ImporterCase {
  readonly name: string;
  run(): void;
}

/** Samples up to here are cut at every byte, longer ones at `CUTS` places. */
const SMALL = 1024;
const CUTS = 100;
/** Bytes that are read one by one, at most. */
const BYTEWISE = 1 << 16;

/** The suite for one importer of a registry. */
export function importerCases(registry: ImporterRegistry, sample: ImporterSample): readonly ImporterCase[] {
  const { importer: id, bytes, expected } = sample;
  const importer = registry.byId(id);
  if (importer === undefined) throw new Error(`no importer has the id ${id}`);
  const whole = () => readChunks(importer, bytes, bytes.length);
  const sameInChunks = (size: number) => {
    const part = bytes.subarray(0, size === 1 ? BYTEWISE : bytes.length);
    must(difference(readChunks(importer, part, size), readChunks(importer, part, part.length)));
  };
  return [
    {
      name: `${id}: is recognised by content, and by nobody else`,
      run() {
        const prefix = bytes.subarray(0, SNIFF_LENGTH);
        equal(registry.detect(prefix)?.id, id, 'recognised as');
        const takers = registry.ids.filter((other) => registry.byId(other)!.sniff(prefix));
        equal(takers.join(), id, 'taken by');
      },
    },
    {
      name: `${id}: holds what was counted in it`,
      run() {
        const { facts, account } = whole();
        equal(account.lines, expected.lines, 'lines');
        equal(account.events, expected.events, 'events');
        if (expected.lines !== undefined) equal(account.comments, expected.comments ?? 0, 'comments');
        must(difference(account.skipped, expected.skipped ?? {}, 'skipped'));
        must(difference(account.details ?? {}, expected.details ?? {}, 'details'));
        if (expected.counts !== undefined) must(difference(facts.trace?.counts, expected.counts, 'counts'));
        accounted(account, bytes);
      },
    },
    { name: `${id}: is the same byte by byte`, run: () => sameInChunks(1) },
    { name: `${id}: is the same in chunks of 100 bytes`, run: () => sameInChunks(100) },
    {
      name: `${id}: may end anywhere`,
      run() {
        const random = seededRandom(bytes.length);
        const small = bytes.length <= SMALL;
        for (let i = 0; i < (small ? bytes.length : CUTS); i++) {
          const cut = bytes.subarray(0, small ? i : Math.floor(random() * bytes.length));
          registry.detect(cut.subarray(0, SNIFF_LENGTH));
          try {
            accounted(readChunks(importer, cut, Math.max(1, cut.length)).account, cut);
          } catch (error) {
            if (sample.mayRefuse !== true || !(error instanceof ReplugError)) throw error;
          }
        }
      },
    },
  ];
}

/** Reads bytes in chunks of one size. Whoever keeps a chunk has to copy it: it is overwritten as soon as it was pushed. */
export function readChunks(
  importer: Importer,
  bytes: Uint8Array,
  size: number,
): { readonly facts: Facts; readonly account: FileAccount } {
  const account = new Account('sample', importer.id);
  const reader = importer.open(account);
  const chunk = new Uint8Array(Math.min(size, bytes.length));
  for (let at = 0; at < bytes.length; at += size) {
    const part = bytes.subarray(at, at + size);
    chunk.set(part);
    reader.push(chunk.subarray(0, part.length));
    chunk.fill(0);
  }
  const facts = reader.finish();
  return { facts, account: account.finish(bytes.length) };
}

/** Throws when a line of a text is not counted exactly once. */
export function accounted(account: FileAccount, bytes?: Uint8Array): void {
  const { lines, events = 0, comments = 0, skipped } = account;
  if (lines === undefined) return;
  equal(
    events + comments + Object.values(skipped).reduce((sum, n) => sum + n, 0),
    lines,
    'events + comments + skipped',
  );
  if (bytes !== undefined) equal(lines, lineCount(bytes), 'lines');
}

function equal(actual: unknown, expected: unknown, what: string): void {
  if (!Object.is(actual, expected)) throw new Error(`${what}: expected ${String(expected)}, got ${String(actual)}`);
}

function must(found: string | undefined): void {
  if (found !== undefined) throw new Error(found);
}
