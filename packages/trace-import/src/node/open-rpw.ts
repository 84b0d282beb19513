/** A .rpw file: a recording that was imported before. It keeps its name; its path is the file's. */
import { basename } from 'node:path';
import type { Recording } from '@replug/workload';
import { readRpw } from '@replug/workload/node';
import type { OpenOptions } from './recording-builder.ts';

export async function openRpwFile(path: string, options: OpenOptions): Promise<Recording> {
  const shown = basename(path);
  const { pageFlags, onProgress } = options;
  const recording = await readRpw(path, {
    pageFlags,
    onProgress: (read, size) => onProgress?.({ path: shown, read, size }),
  });
  return { ...recording, path };
}
