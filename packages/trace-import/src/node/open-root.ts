/**
 * A folder with proc/ and sys/ as a running system has them: the live host `/`, an exported tree, an unpacked sosreport.
 * Names are the kernel's, so they say what a file is.
 */
import { readdir, readFile, readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Recording } from '@replug/workload';
import { Account } from '../account.ts';
import type { StepFacts } from '../facts.ts';
import { archOf } from '../meta/meta.ts';
import { emptyTree, type SysfsTree } from '../sysfs/tree.ts';
import type { Expected, RecordingBuilder } from './recording-builder.ts';

const PROC_FILES: Readonly<Record<string, string>> = {
  version: 'version',
  cmdline: 'cmdline',
  cpuinfo: 'cpuinfo',
  zoneinfo: 'zoneinfo',
  buddyinfo: 'buddyinfo',
  pagetypeinfo: 'pagetypeinfo',
  vmstat: 'vmstat',
  meminfo: 'meminfo',
  iomem: 'iomem',
};
const PAGE_FILES: Readonly<Record<string, string>> = { kpageflags: 'kpageflags', kpagecount: 'kpagecount' };
/** Beside proc/ and sys/: what a sosreport adds. */
const EXTRA_FILES: readonly (readonly [string, string])[] = [
  ['sos_commands/kernel/uname_-a', 'uname'],
  ['sos_commands/kernel/sysctl_-a', 'sysctl'],
  ['sos_commands/kernel/dmesg', 'dmesg'],
  ['var/log/dmesg', 'dmesg'],
];
const BLOCK_ATTRIBUTES = ['state', 'online', 'removable', 'valid_zones', 'phys_device'];
const NODE_ATTRIBUTES = ['cpulist', 'distance', 'meminfo'];
const EXPECTED: readonly Expected[] = ['zoneinfo', 'buddyinfo', 'pagetypeinfo', 'memory blocks'];

/** Where procfs and sysfs lie, relative to the recording; undefined for the one that is not there. */
export interface RootPlaces {
  readonly proc?: string;
  readonly sys?: string;
}

export async function openRoot(builder: RecordingBuilder, { proc, sys }: RootPlaces): Promise<Recording> {
  const facts = builder.addStep(1, 'now', builder.path);
  if (proc !== undefined) {
    await readFiles(builder, facts, proc, PROC_FILES);
    if (builder.readsPageFlags) await readFiles(builder, facts, proc, PAGE_FILES);
    await readSysctls(builder, facts, join(proc, 'sys/vm'));
  }
  if (sys !== undefined) {
    await readSysfs(builder, facts, sys);
    if (builder.readsPageOwner)
      await readFiles(builder, facts, join(sys, 'kernel/debug'), { page_owner: 'page-owner' });
    await readFiles(builder, facts, join(sys, 'kernel/debug/extfrag'), {
      extfrag_index: 'extfrag-index',
      unusable_index: 'unusable-index',
    });
  }
  for (const [path, format] of EXTRA_FILES) {
    if (await isFile(join(builder.path, path))) await builder.readInto(facts, path, format);
  }
  if (builder.path === '/') builder.machine.arch ??= archOf(process.arch);
  return builder.finish(EXPECTED);
}

async function readFiles(
  builder: RecordingBuilder,
  facts: StepFacts,
  folder: string,
  files: Readonly<Record<string, string>>,
): Promise<void> {
  for (const [name, format] of Object.entries(files)) {
    if (await isFile(join(builder.path, folder, name))) await builder.readInto(facts, join(folder, name), format);
  }
}

async function readSysctls(builder: RecordingBuilder, facts: StepFacts, folder: string): Promise<void> {
  const values: Record<string, string> = {};
  for (const name of await entries(join(builder.path, folder))) {
    const text = await contentOrNothing(join(builder.path, folder, name));
    if (text !== undefined) values[`vm.${name}`] = text;
  }
  const count = Object.keys(values).length;
  if (count === 0) return;
  facts.sysctl ??= values;
  account(builder, folder, 'sysctl', count);
}

async function readSysfs(builder: RecordingBuilder, facts: StepFacts, sys: string): Promise<void> {
  const tree = emptyTree();
  const system = join(builder.path, sys, 'devices/system');
  const memory = join(system, 'memory');
  await readAttributes(tree, memory, '/sys/devices/system/memory', ['block_size_bytes', 'auto_online_blocks']);
  for (const [folder, kind, attributes] of [
    [memory, 'memory', BLOCK_ATTRIBUTES],
    [join(system, 'node'), 'node', NODE_ATTRIBUTES],
  ] as const) {
    for (const name of await entries(folder)) {
      if (!new RegExp(`^${kind}\\d+$`).test(name)) continue;
      const path = `/sys/devices/system/${kind}/${name}`;
      await readAttributes(tree, join(folder, name), path, attributes);
      await readLinks(tree, join(folder, name), path);
    }
    const found = [...tree.files.keys()].filter((path) => path.startsWith(`/sys/devices/system/${kind}/`)).length;
    if (found > 0) account(builder, join(sys, 'devices/system', kind), 'sysfs', found);
  }
  if (tree.files.size > 0) facts.sysfs = tree;
}

async function readAttributes(tree: SysfsTree, folder: string, path: string, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const text = await contentOrNothing(join(folder, name));
    if (text !== undefined) tree.files.set(`${path}/${name}`, text);
  }
}

/** nodeN, memoryN and cpuN inside are links; copies that follow links have folders of those names. */
async function readLinks(tree: SysfsTree, folder: string, path: string): Promise<void> {
  for (const name of await entries(folder)) {
    if (!/^(node|memory|cpu)\d+$/.test(name)) continue;
    const target = await readlink(join(folder, name)).catch(() => name);
    tree.links.set(`${path}/${name}`, target);
  }
}

function account(builder: RecordingBuilder, path: string, format: string, events: number): void {
  const counted = new Account(path, format);
  counted.lines = counted.events = events;
  builder.files.push(counted.finish());
}

async function entries(folder: string): Promise<string[]> {
  return (await readdir(folder).catch(() => [])).sort();
}

/** Trimmed text; undefined for a file that is absent, may not be read, or is a folder. */
async function contentOrNothing(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').then(
    (text) => text.trim(),
    () => undefined,
  );
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (info) => info.isFile(),
    () => false,
  );
}
