/**
 * The machine's own files: memory blocks, nodes, CPUs and the memory in /proc/iomem. What a subsystem can change (going
 * offline, adding memory) is that subsystem's to publish.
 *
 * Models: drivers/base/memory.c, drivers/base/node.c, kernel/resource.c, 6.12.
 */
import type { SubsystemScope } from '../host/scope.ts';
import type { Machine } from './machine.ts';
import { memoryBlock, memoryBlockIds } from './memory-blocks.ts';

const MEMORY = '/sys/devices/system/memory';
const NODE = '/sys/devices/system/node';

export function publishMachineFiles(scope: SubsystemScope, machine: Machine): void {
  const { description, zones } = machine;
  scope.view(`${MEMORY}/block_size_bytes`, () => `${description.memoryBlockSize.toString(16)}\n`);
  scope.directory(MEMORY, {
    list: () => memoryBlockIds(machine).map((id) => `memory${id}`),
    entry: (name) => blockEntry(machine, name),
  });
  if (description.arch.numa) {
    scope.view(`${NODE}/online`, () => `${cpuList(zones.nodes.map((n) => n.nid))}\n`);
    scope.view(
      `${NODE}/has_memory`,
      () => `${cpuList(zones.nodes.filter((n) => n.presentPages > 0).map((n) => n.nid))}\n`,
    );
    scope.view(`${NODE}/has_cpu`, () => `${cpuList(zones.nodes.filter((n) => n.cpus.length > 0).map((n) => n.nid))}\n`);
    zones.nodes.forEach((node, i) => {
      scope.view(`${NODE}/node${node.nid}/cpulist`, () => `${cpuList(node.cpus)}\n`);
      scope.view(`${NODE}/node${node.nid}/distance`, () => `${zones.distances[i].join(' ')}\n`);
    });
  }
  scope.view('/proc/iomem', () => iomem(machine));
}

function blockEntry(machine: Machine, name: string) {
  const id = /^memory(\d+)$/.exec(name)?.[1];
  const block = id === undefined ? undefined : memoryBlock(machine, Number(id));
  if (block === undefined) return undefined;
  const files: Readonly<Record<string, () => string>> = {
    online: () => '1\n',
    phys_index: () => `${block.id.toString(16).padStart(8, '0')}\n`,
    state: () => 'online\n',
    valid_zones: () => `${block.zone?.name ?? 'none'}\n`,
  };
  const links = machine.description.arch.numa ? block.nids.map((nid) => `node${nid}`) : [];
  return {
    list: () => [...Object.keys(files), ...links],
    entry: (file: string) => {
      if (links.includes(file)) return { link: `../../node/${file}` };
      const read = files[file];
      return read === undefined ? undefined : { read };
    },
  };
}

/** `0-3,8`: the kernel's list format for CPUs and nodes. */
export function cpuList(numbers: readonly number[]): string {
  const runs: string[] = [];
  for (let i = 0; i < numbers.length;) {
    let j = i;
    while (j + 1 < numbers.length && numbers[j + 1] === numbers[j] + 1) j++;
    runs.push(i === j ? `${numbers[i]}` : `${numbers[i]}-${numbers[j]}`);
    i = j + 1;
  }
  return runs.join(',');
}

function iomem(machine: Machine): string {
  const pageSize = 2 ** machine.description.arch.pageShift;
  const runs: { start: number; end: number }[] = [];
  for (const { start, end } of machine.memory) {
    const last = runs.at(-1);
    if (last !== undefined && last.end === start) last.end = end;
    else runs.push({ start, end });
  }
  const hex = (bytes: number) => bytes.toString(16).padStart(8, '0');
  return runs.map((r) => `${hex(r.start * pageSize)}-${hex(r.end * pageSize - 1)} : System RAM\n`).join('');
}
