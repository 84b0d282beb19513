/** Opens what the command line names. */
import { ReplugError } from '@replug/core';
import { openRecording } from '@replug/trace-import';
import type { Recording } from '@replug/workload';
import { EXIT } from './exit-codes.ts';
import { progress } from './output.ts';

export async function open(path: string): Promise<Recording> {
  const bar = progress(`reading ${path}`);
  try {
    return await openRecording(path, { onProgress: ({ read, size }) => bar.update(read, size) });
  } finally {
    bar.stop();
  }
}

/**
 * Opens one after the other. What cannot be read is told on stderr and the rest goes on; the exit code will say so. A single
 * path that cannot be read is the command's own failure.
 */
export async function* openEach(paths: readonly string[]): AsyncGenerator<Recording> {
  for (const path of paths) {
    try {
      yield await open(path);
    } catch (error) {
      if (!(error instanceof ReplugError) || paths.length === 1) throw error;
      process.stderr.write(`${error.message}\n`);
      process.exitCode = EXIT.UNREADABLE;
    }
  }
}
