/** Opens what the command line names. */
import { ReplugError } from '@replug/core';
import { openRecording, TRACE_KINDS, type OpenOptions, type TraceKind } from '@replug/trace-import';
import type { Recording } from '@replug/workload';
import { badJobs, badTrace } from './errors.ts';
import { EXIT } from './exit-codes.ts';
import { progress } from './output.ts';

const MAX_JOBS = 64;

export async function open(path: string, options: OpenOptions = {}): Promise<Recording> {
  const bar = progress(`reading ${path}`);
  try {
    return await openRecording(path, { ...options, onProgress: ({ read, size }) => bar.update(read, size) });
  } finally {
    bar.stop();
  }
}

/**
 * Opens one after the other. What cannot be read is told on stderr and the rest goes on; the exit code will say so. A single
 * path that cannot be read is the command's own failure.
 */
export async function* openEach(paths: readonly string[], options: OpenOptions = {}): AsyncGenerator<Recording> {
  for (const path of paths) {
    try {
      yield await open(path, options);
    } catch (error) {
      if (!(error instanceof ReplugError) || paths.length === 1) throw error;
      process.stderr.write(`${error.message}\n`);
      process.exitCode = EXIT.UNREADABLE;
    }
  }
}

/** The value of `--jobs`. Throws RP7007. */
export function jobsOf(text: string): number {
  const jobs = Number(text);
  if (!Number.isInteger(jobs) || jobs < 1 || jobs > MAX_JOBS) throw badJobs(text, MAX_JOBS);
  return jobs;
}

/** The value of `--trace`. Throws RP7018. */
export function traceOf(text: string | undefined): TraceKind | undefined {
  const kind = TRACE_KINDS.find((one) => one === text);
  if (text !== undefined && kind === undefined) throw badTrace(text);
  return kind;
}
