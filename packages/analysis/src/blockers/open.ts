/**
 * Opens what `blockers` is asked about, leaving kpageflags and kpagecount where they lie: of a large machine they are
 * gigabytes, and one pass is all that is needed.
 */
import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { ReplugError } from '@replug/core';
import { openPaths, openRecording, type OpenOptions } from '@replug/trace-import';
import type { Recording, Step } from '@replug/workload';
import { pageFilesIn, pageFilesOf, type PageFiles } from './page-files.ts';

export interface Opened {
  readonly recording: Recording;
  /** Page files of a step; undefined when it has none on disk. */
  filesOf(step: Step): Promise<PageFiles | undefined>;
  /** The files say their byte order themselves. */
  readonly ordersItself: boolean;
}

/** A capture, a root folder (also the live host `/`), a folder of dumps, a step's folder, or kpageflags itself. */
export async function openForPages(path: string, options: OpenOptions): Promise<Opened> {
  const info = await stat(path).catch(() => undefined);
  const light = { ...options, pageFlags: false, pageOwner: options.pageOwner ?? true };
  if (info?.isDirectory() !== true) {
    const files = info === undefined ? undefined : await pageFilesOf(path);
    if (files === undefined) return whole(await openRecording(path, light));
    return loose(emptyRecording(path), files);
  }
  const names = await readdir(path).catch((): string[] => []);
  const framed = names.some(
    (name) => ['steps', 'proc', 'sys', 'self', 'devices'].includes(name) || /^meta\.txt/.test(name),
  );
  const files = framed ? undefined : await pageFilesIn(path);
  if (files !== undefined) {
    const others = await besides(path, names, files, options.pageOwner !== false);
    return loose(others.length === 0 ? emptyRecording(path) : await openLoose(path, others, light), files);
  }
  const recording = await openRecording(path, light);
  const isRoot = recording.steps.length === 1 && recording.steps[0].path === recording.path;
  const folderOf = (step: Step) =>
    isRoot ? join(recording.path, names.includes('proc') ? 'proc' : '.') : join(recording.path, step.path);
  return {
    recording,
    ordersItself: recording.arch === 'unknown',
    filesOf: (step) => (step.hasPageFlags ? Promise.resolve(undefined) : pageFilesIn(folderOf(step))),
  };
}

const whole = (recording: Recording): Opened => ({
  recording,
  ordersItself: false,
  filesOf: () => Promise.resolve(undefined),
});

const loose = (recording: Recording, files: PageFiles): Opened => ({
  recording,
  ordersItself: recording.arch === 'unknown',
  filesOf: () => Promise.resolve(files),
});

/** Regular files of a folder without the page files. */
async function besides(
  folder: string,
  names: readonly string[],
  { flags, counts }: PageFiles,
  pageOwner: boolean,
): Promise<string[]> {
  const found: string[] = [];
  for (const name of [...names].sort()) {
    const path = join(folder, name);
    if (path === flags || path === counts || (!pageOwner && name.startsWith('page_owner'))) continue;
    // A second buddyinfo is another machine's for a folder without a frame.
    if (/^buddyinfo\.2/.test(name)) continue;
    if ((await stat(path).catch(() => undefined))?.isFile() === true) found.push(path);
  }
  return found;
}

async function openLoose(folder: string, paths: readonly string[], options: OpenOptions): Promise<Recording> {
  // One path alone would be opened as whatever it is.
  const recording = await openPaths(paths.length === 1 ? [paths[0], paths[0]] : paths, options).catch(
    (error: unknown) => {
      if (error instanceof ReplugError && error.code === 'RP4004') return emptyRecording(folder);
      throw error;
    },
  );
  const merged = mergeSteps(recording.steps, folder);
  return { ...recording, name: basename(folder), path: folder, steps: [merged] };
}

/** Files of one folder are of one moment, whatever their names have in common. */
function mergeSteps(steps: readonly Step[], path: string): Step {
  const told = steps.map((step) => Object.entries(step).filter(([, value]) => value !== undefined));
  return { ...emptyStep(path), ...Object.fromEntries(told.reverse().flat()), number: 1, name: 'now', path } as Step;
}

const emptyStep = (path: string): Step => ({
  number: 1,
  name: 'now',
  path,
  hasPageFlags: false,
  pageFlags: () => undefined,
});

/** What a lone kpageflags says of its machine: nothing but its pages. */
function emptyRecording(path: string): Recording {
  return {
    name: basename(path),
    path,
    arch: 'unknown',
    pageSize: 4096,
    kernel: '',
    commandLine: '',
    bigEndian: false,
    steps: [emptyStep(path)],
    files: [],
    warnings: [{ name: 'page-size-guessed', text: 'no file tells the page size: 4096 is assumed' }],
  };
}
