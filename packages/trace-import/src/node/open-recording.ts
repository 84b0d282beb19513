/** Opens whatever a path names: a capture directory, a root folder, a directory of dumps, a single dump, or a .rpw file. */
import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Recording } from '@replug/workload';
import { isRpwFile } from '@replug/workload/node';
import { pathNotFound, pathUnreadable } from '../errors.ts';
import { namesIn, openCapture } from './open-capture.ts';
import { openFile, openLooseFiles } from './open-files.ts';
import { openRoot } from './open-root.ts';
import { openRpwFile } from './open-rpw.ts';
import { RecordingBuilder, type OpenOptions } from './recording-builder.ts';

/**
 * Reads a recording. What is missing inside is named in `warnings`; bad lines are counted in `files`.
 *
 * Throws RP4001 (no such path), RP4002 (may not be read), RP4003 (a file of no known format), RP4004 (a directory without
 * any known file), RP4005 (a single file whose compression is damaged), RP3102 and RP3103 (a .rpw file of a later version, or
 * one whose beginning is damaged).
 */
export async function openRecording(path: string, options: OpenOptions = {}): Promise<Recording> {
  const full = resolve(path);
  const builder = new RecordingBuilder(full, options);
  const info = await stat(full).catch((cause: NodeJS.ErrnoException) => {
    throw cause.code === 'ENOENT' || cause.code === 'ENOTDIR' ? pathNotFound(path, cause) : pathUnreadable(path, cause);
  });
  if (info.isFile() && (await isRpwFile(full))) return openRpwFile(full, options);
  if (!info.isDirectory()) return openFile(builder);

  const names = await namesIn(full);
  if (names.has('steps') || names.has('meta.txt')) return openCapture(builder);
  if (names.has('proc') || names.has('sys')) {
    return openRoot(builder, { proc: names.get('proc'), sys: names.get('sys') });
  }
  // procfs or sysfs themselves.
  if (names.has('zoneinfo') && names.has('self')) return openRoot(builder, { proc: '.' });
  if (names.has('devices') && (await namesIn(join(full, 'devices'))).has('system'))
    return openRoot(builder, { sys: '.' });
  return openLooseFiles(builder);
}
