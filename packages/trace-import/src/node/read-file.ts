/**
 * One file through its importer. Traces are read as they come; everything else is held as a whole, and a whole that was cut is
 * no dump of anything, so only a cut trace is used.
 */
import { Account } from '../account.ts';
import { damagedArchive, fileTooLarge } from '../errors.ts';
import type { Facts } from '../facts.ts';
import type { Importer } from '../importer.ts';
import type { TraceContext } from '../ring-buffer/context.ts';
import { TRACE_FORMATS } from '../ftrace-text/sniff.ts';
import { MAX_RATIO, MAX_STREAMED, MAX_WHOLE } from './limits.ts';
import type { End } from './members.ts';
import { contentOf } from './read-bytes.ts';
import { readBinary } from './read-binary.ts';
import { NotInSlices, ParallelText } from './parallel-text.ts';
import { WholeLines } from './whole-lines.ts';

const TEXT_TRACES: ReadonlySet<string> = new Set(TRACE_FORMATS);

export interface ReadFileOptions {
  readonly jobs?: number;
  readonly maxBytes?: number;
  readonly onRead?: (bytes: number) => void;
  /** What a binary trace has to be told. */
  readonly context?: TraceContext;
}

export interface FileRead {
  readonly facts: Facts;
  readonly account: Account;
  /** Bytes of the content. */
  readonly bytes: number;
  /** Bytes after the compressed data that belong to nothing. */
  readonly trailing: number;
}

/** What of a reader this needs: push may ask to be waited for, and a reader that is given up must be told. */
interface Sink {
  push(chunk: Uint8Array): void | Promise<void>;
  finish(): Facts | Promise<Facts>;
  close?(): Promise<void>;
}

/**
 * Reads the file at `path`, `shown` in its account. Throws what `contentOf` throws; RP4005 for a file cut at its end that is no
 * trace, RP4007 for one that does not fit into memory, RP4011 when a thread fails. A cut trace has the detail `file-truncated`.
 */
export async function readFile(
  path: string,
  shown: string,
  importer: Importer,
  options: ReadFileOptions,
): Promise<FileRead> {
  try {
    return await readOnce(path, shown, importer, options);
  } catch (error) {
    if (!(error instanceof NotInSlices)) throw error;
    return readOnce(path, shown, importer, { ...options, jobs: 1 });
  }
}

async function readOnce(path: string, shown: string, importer: Importer, options: ReadFileOptions): Promise<FileRead> {
  const account = new Account(shown, importer.id);
  if (importer.readBytes !== undefined) return readBinary(path, account, importer.readBytes, options);
  const streamed = importer.yields === 'events' || importer.streamed === true;
  const isText = TEXT_TRACES.has(importer.id);
  const { jobs = 1, onRead, maxBytes = streamed ? MAX_STREAMED : MAX_WHOLE } = options;
  const sink: Sink = isText && jobs > 1 ? new ParallelText(path, account, jobs) : importer.open(account);
  const lines = isText || importer.streamed === true ? new WholeLines() : undefined;
  let bytes = 0;
  let end: End = { truncated: false, trailing: 0 };
  try {
    const limits = { maxBytes, maxRatio: streamed ? MAX_RATIO : undefined };
    for await (const chunk of contentOf(path, { ...limits, onRead, onEnd: (found) => (end = found) })) {
      bytes += chunk.length;
      if (lines === undefined) await sink.push(chunk);
      else for (const piece of lines.cut(chunk)) await sink.push(piece);
    }
    if (end.truncated && (!streamed || bytes === 0))
      throw damagedArchive(path, 'compressed', new Error('it ends too early'));
    const rest = lines?.rest();
    if (rest !== undefined && rest.length > 0 && !end.truncated) await sink.push(rest);
    const facts = await sink.finish();
    if (end.truncated) noteCut(account, rest);
    return { facts, account, bytes, trailing: end.trailing };
  } catch (error) {
    throw isOutOfMemory(error) ? fileTooLarge(path, bytes) : error;
  } finally {
    await sink.close?.();
  }
}

/** The line at the cut may look whole and not be: an order of 10 that reads 1. */
function noteCut(account: Account, rest: Uint8Array | undefined): void {
  account.detail('file-truncated');
  if (rest === undefined || rest.length === 0) return;
  account.lines++;
  account.skip('file-truncated', new TextDecoder().decode(rest.subarray(0, 400)));
}

/** Arrays and strings have a largest size; going beyond it is said in one of these ways. */
function isOutOfMemory(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return (
    (error as NodeJS.ErrnoException).code === 'ERR_STRING_TOO_LONG' ||
    (error instanceof RangeError &&
      /Invalid (typed )?array length|allocation failed|Invalid string length/.test(error.message))
  );
}
