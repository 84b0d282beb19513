/**
 * A capture directory: meta.txt, dmesg.txt, steps/NN-name/, trace/. Files may be compressed; their names then end in .xz, .gz
 * or .zst, and the content decides.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Recording } from '@replug/workload';
import { readTrace } from './open-trace.ts';
import type { Expected, RecordingBuilder } from './recording-builder.ts';

/** Files of a step and their formats, in the order they are read. `buddyinfo.2` goes to a field of its own. */
const STEP_FILES: Readonly<Record<string, string>> = {
  when: 'when',
  zoneinfo: 'zoneinfo',
  buddyinfo: 'buddyinfo',
  pagetypeinfo: 'pagetypeinfo',
  vmstat: 'vmstat',
  meminfo: 'meminfo',
  iomem: 'iomem',
  'sys-memory.txt': 'sysfs-listing',
  'sys-node.txt': 'sysfs-listing',
  'sysctl-vm.txt': 'sysctl',
  extfrag_index: 'extfrag-index',
  unusable_index: 'unusable-index',
};
const PAGE_FILES: Readonly<Record<string, string>> = {
  'kpageflags.bin': 'kpageflags',
  'kpagecount.bin': 'kpagecount',
};
const OWNER_FILES: Readonly<Record<string, string>> = { page_owner: 'page-owner' };
const EXPECTED: readonly Expected[] = [
  'zoneinfo',
  'buddyinfo',
  'pagetypeinfo',
  'memory blocks',
  'page flags',
  'dmesg',
  'trace',
];

export async function openCapture(builder: RecordingBuilder): Promise<Recording> {
  const top = await namesIn(builder.path);
  const outside = {};
  if (top.has('meta.txt')) await builder.readInto(outside, top.get('meta.txt')!, 'meta');
  else builder.warn('no-meta', 'there is no meta.txt');
  for (const name of ['dmesg.txt', 'dmesg']) {
    if (top.has(name)) await builder.readInto(outside, top.get(name)!, 'dmesg');
  }
  await readSteps(builder);
  await readTrace(builder, top, await namesIn(join(builder.path, 'trace')));
  const expected = builder.readsPageFlags ? EXPECTED : EXPECTED.filter((what) => what !== 'page flags');
  return builder.finish(expected);
}

async function readSteps(builder: RecordingBuilder): Promise<void> {
  const folders = [...(await namesIn(join(builder.path, 'steps'))).values()].sort();
  if (folders.length === 0) builder.warn('no-steps', 'there are no steps');
  for (const [i, folder] of folders.entries()) {
    const match = /^(\d+)-(.+)$/.exec(folder);
    const relative = join('steps', folder);
    const files = await namesIn(join(builder.path, relative));
    if (files.size === 0) continue;
    const facts = builder.addStep(match === null ? i + 1 : Number(match[1]), match?.[2] ?? folder, relative);
    for (const [name, format] of Object.entries(STEP_FILES)) {
      if (files.has(name)) await builder.readInto(facts, join(relative, files.get(name)!), format);
    }
    if (files.has('buddyinfo.2')) {
      const second = await builder.read(join(relative, files.get('buddyinfo.2')!), 'buddyinfo');
      facts.buddyinfo2 = second?.step?.buddyinfo;
    }
    const large = { ...(builder.readsPageFlags && PAGE_FILES), ...(builder.readsPageOwner && OWNER_FILES) };
    for (const [name, format] of Object.entries(large)) {
      if (files.has(name)) await builder.readInto(facts, join(relative, files.get(name)!), format);
    }
  }
}

/** Entries of a directory by name without .xz, .gz or .zst; empty when there is no such directory. */
export async function namesIn(path: string): Promise<Map<string, string>> {
  try {
    const names = (await readdir(path)).sort();
    return new Map(names.map((name) => [name.replace(/\.(xz|gz|zst)$/, ''), name]));
  } catch {
    return new Map();
  }
}
