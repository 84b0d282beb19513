/** Several single files of one machine, wherever they lie: read as a folder that holds just them. */
import { stat } from 'node:fs/promises';
import { dirname, relative, resolve } from 'node:path';
import type { Recording } from '@replug/workload';
import { notAFile, pathNotFound } from '../errors.ts';
import { openLooseFiles } from './open-files.ts';
import { openRecording } from './open-recording.ts';
import { RecordingBuilder, type OpenOptions } from './recording-builder.ts';

/**
 * Reads one recording from a path as `openRecording` does, or from several single files of one machine. The folder that they
 * have in common is its path. Throws what `openRecording` throws, and RP4012 for a folder among several paths.
 */
export async function openPaths(paths: readonly string[], options: OpenOptions = {}): Promise<Recording> {
  if (paths.length === 1) return openRecording(paths[0], options);
  const full = [...new Set(paths.map((path) => resolve(path)))];
  for (const path of full) {
    const info = await stat(path).catch((cause: unknown) => {
      throw pathNotFound(path, cause);
    });
    if (info.isDirectory()) throw notAFile(path);
  }
  const folder = commonFolder(full);
  const names = full.map((path) => relative(folder, path));
  return openLooseFiles(new RecordingBuilder(folder, options), names);
}

/** The deepest folder above all of them. */
function commonFolder(paths: readonly string[]): string {
  let folder = dirname(paths[0]);
  while (!paths.every((path) => path.startsWith(folder === '/' ? '/' : `${folder}/`))) folder = dirname(folder);
  return folder;
}
