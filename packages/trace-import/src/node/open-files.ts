/**
 * Dumps without a frame: one file of any known format, or a directory that holds a few. Names decide nothing but this:
 * where a directory has several dumps of one format (`vault.zoneinfo`, `storage.zoneinfo`), what the names have in common
 * tells which belong together, and each group becomes a step.
 */
import { readdir } from 'node:fs/promises';
import type { Recording } from '@replug/workload';
import { nothingKnownInside, unknownFormat } from '../errors.ts';
import type { StepFacts } from '../facts.ts';
import { IMPORTERS } from '../importers.ts';
import { readPrefix } from './read-bytes.ts';
import type { RecordingBuilder } from './recording-builder.ts';

/** Two of one of these mean two machines or two moments. */
const STATE_FORMATS: ReadonlySet<string> = new Set(['zoneinfo', 'buddyinfo', 'pagetypeinfo']);
const FORMAT_WORDS =
  /(zoneinfo|buddyinfo|pagetypeinfo|meminfo|vmstat|iomem|cmdline|cpuinfo|version|uname(_-a)?|sysctl|dmesg|proc|txt|gz|xz|zst)/g;

/** Reads one file. Throws RP4003 when its content is of no known format, and whatever keeps it from being read. */
export async function openFile(builder: RecordingBuilder): Promise<Recording> {
  const importer = IMPORTERS.detect(await readPrefix(builder.path));
  if (importer === undefined) throw unknownFormat(builder.path, IMPORTERS.ids);
  const facts: StepFacts = {};
  await builder.readInto(facts, '', importer.id);
  if (builder.failure !== undefined) throw builder.failure;
  if (Object.keys(facts).length > 0) builder.addStep(1, 'now', builder.path, facts);
  return builder.finish([]);
}

/**
 * Reads all known files of a directory, not of those inside; or those of `names`, relative to it. Throws RP4004 when there is
 * none.
 */
export async function openLooseFiles(builder: RecordingBuilder, names?: readonly string[]): Promise<Recording> {
  const found: { name: string; format: string }[] = [];
  const unknown: string[] = [];
  for (const name of names ?? (await filesIn(builder.path))) {
    const importer = await builder.detect(name);
    if (importer === undefined) unknown.push(name);
    else found.push({ name, format: importer.id });
  }
  if (found.length === 0) throw nothingKnownInside(builder.path);
  found.sort((a, b) => (a.name < b.name ? -1 : 1));
  if (unknown.length > 0) builder.warn('unknown-file', `of no known format: ${unknown.sort().join(', ')}`);

  const groups = groupFiles(found);
  if (groups.size > 1) {
    builder.warn(
      'several-sets',
      `files of several machines or moments, one step each: ${[...groups.keys()].join(', ')}`,
    );
  }
  let number = 0;
  for (const [name, files] of groups) {
    const facts: StepFacts = {};
    const seen = new Set<string>();
    for (const file of files) {
      if (seen.has(file.format))
        builder.warn('duplicate-file', `${file.name}: a second ${file.format}, the first is used`);
      else await builder.readInto(facts, file.name, file.format);
      seen.add(file.format);
    }
    if (Object.keys(facts).length > 0) builder.addStep(++number, name, builder.path, facts);
  }
  return builder.finish(['zoneinfo', 'buddyinfo']);
}

async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
}

interface Found {
  readonly name: string;
  readonly format: string;
}

/** All in one group called `now`, unless a format that shows a state occurs twice. */
function groupFiles(files: readonly Found[]): Map<string, readonly Found[]> {
  const states = files.filter((f) => STATE_FORMATS.has(f.format)).map((f) => f.format);
  if (new Set(states).size === states.length) return new Map([['now', files]]);
  const groups = new Map<string, Found[]>();
  for (const file of files) {
    const key = file.name.replace(FORMAT_WORDS, '').replace(/^[._-]+|[._-]+$/g, '') || 'now';
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [file]);
    else group.push(file);
  }
  return groups;
}
