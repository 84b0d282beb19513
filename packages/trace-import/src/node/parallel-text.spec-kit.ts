/** One text read in one go and in slices. */
import type { FileAccount } from '@replug/workload';
import { Account } from '../account.ts';
import { FtraceTextReader, type FtraceText } from '../ftrace-text/ftrace-text.ts';
import { ParallelText } from './parallel-text.ts';

export interface TextRead {
  readonly trace: FtraceText;
  readonly account: FileAccount;
}

const CHUNK = 100_000;

export function readAlone(bytes: Uint8Array): TextRead {
  const account = new Account('trace', 'ftrace-text');
  const reader = new FtraceTextReader(account);
  reader.push(bytes);
  return { trace: reader.finish(), account: account.finish(bytes.length) };
}

export async function readInSlices(bytes: Uint8Array, jobs: number, blockSize: number): Promise<TextRead> {
  const account = new Account('trace', 'ftrace-text');
  const reader = new ParallelText('trace', account, jobs, blockSize);
  try {
    for (let at = 0; at < bytes.length; at += CHUNK) await reader.push(bytes.subarray(at, at + CHUNK));
    return { trace: (await reader.finish()).trace!, account: account.finish(bytes.length) };
  } finally {
    await reader.close();
  }
}

/** What differs, by name; columns are compared as bytes, which a matcher would take minutes for. */
export function differences(a: TextRead, b: TextRead): string[] {
  const different: string[] = [];
  for (const [name, column] of Object.entries(a.trace.events)) {
    const other: unknown = b.trace.events[name as keyof FtraceText['events']];
    const same = ArrayBuffer.isView(column)
      ? ArrayBuffer.isView(other) && other.constructor === column.constructor && bytesOf(column).equals(bytesOf(other))
      : JSON.stringify(column) === JSON.stringify(other);
    if (!same) different.push(name);
  }
  // Also the order of names, which reports show.
  const rest = ({ trace, account }: TextRead) => JSON.stringify([{ ...trace, events: undefined }, account]);
  if (rest(a) !== rest(b)) different.push(`${rest(a)} and ${rest(b)}`);
  return different;
}

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView) => Buffer.from(buffer, byteOffset, byteLength);
