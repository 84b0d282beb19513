/**
 * The machine's own files: memory blocks, nodes, CPUs and /proc/iomem, as they are at the moment of reading. What is
 * written to a memory block is for whoever takes the slot MemoryBlockFiles; without it the files can only be read.
 *
 * Models: drivers/base/memory.c, drivers/base/node.c, drivers/base/cpu.c, kernel/resource.c, 6.12.
 */
import { MemoryBlockFiles } from '../contracts/slots.ts';
import type { DirectoryNode, KernfsNode } from '../host/kernfs.ts';
import type { SubsystemScope } from '../host/scope.ts';
import { topologyEntry } from './cpu-topology.ts';
import type { Machine } from './machine.ts';
import type { MemoryNode } from './zones.ts';

const MEMORY = '/sys/devices/system/memory';
const NODE = '/sys/devices/system/node';
const CPU = '/sys/devices/system/cpu';

/** Bytes of a storage increment on s390x: what QEMU gives guests up to 8 GiB. Assumed for others. */
const S390_INCREMENT = 2 ** 20;

export function publishMachineFiles(scope: SubsystemScope, machine: Machine): void {
  const { description, blocks } = machine;
  let writes: MemoryBlockFiles = null;
  scope.onSeal(() => void (writes = scope.useSlot(MemoryBlockFiles)));
  scope.view(`${MEMORY}/block_size_bytes`, () => `${description.memoryBlockSize.toString(16)}\n`);
  scope.directory(MEMORY, {
    list: () => blocks.ids().map((id) => `memory${id}`),
    entry: (name) => blockEntry(machine, name, writes),
  });
  if (description.arch.numa) publishNodes(scope, machine);
  const cpus = Array.from({ length: description.cpus }, (_, cpu) => cpu);
  for (const file of ['online', 'possible', 'present']) scope.view(`${CPU}/${file}`, () => `${cpuList(cpus)}\n`);
  scope.directory(CPU, {
    list: () => cpus.map((cpu) => `cpu${cpu}`),
    entry: (name) => {
      const cpu = numberIn(/^cpu(\d+)$/, name);
      return cpu !== undefined && cpu < cpus.length ? cpuEntry(machine, cpu) : undefined;
    },
  });
  scope.view('/proc/iomem', () => machine.resources.render());
  scope.gauge('iomem.entries', () => machine.resources.count);
}

function blockEntry(machine: Machine, name: string, writes: MemoryBlockFiles): DirectoryNode | undefined {
  const id = numberIn(/^memory(\d+)$/, name);
  const block = id === undefined ? undefined : machine.blocks.get(id);
  if (block === undefined) return undefined;
  const { arch } = machine.description;
  const device = arch.machine === 's390x' ? (block.startPfn * 2 ** arch.pageShift) / S390_INCREMENT : 0;
  const zones = (): string => (block.state === 'offline' ? writes?.zones(block.id) : block.zone?.name) ?? 'none';
  const files: Record<string, KernfsNode> = {
    online: {
      read: () => (block.state === 'offline' ? '0\n' : '1\n'),
      ...(writes !== null && { write: (text: string) => writes.writeOnline(block.id, text) }),
    },
    phys_device: { read: () => `${device}\n` },
    phys_index: { read: () => `${block.id.toString(16).padStart(8, '0')}\n` },
    removable: { read: () => '1\n' },
    state: {
      read: () => `${block.state}\n`,
      ...(writes !== null && { write: (text: string) => writes.writeState(block.id, text) }),
    },
    valid_zones: { read: () => `${zones()}\n` },
  };
  if (arch.numa) for (const nid of block.nids) files[`node${nid}`] = { link: `../../node/node${nid}` };
  return directoryOf(files);
}

function publishNodes(scope: SubsystemScope, machine: Machine): void {
  const { zones, blocks } = machine;
  const list = (which: (node: MemoryNode) => boolean): string =>
    `${cpuList(zones.nodes.filter(which).map((n) => n.nid))}\n`;
  const online = (node: MemoryNode): boolean => node.online;
  scope.view(`${NODE}/possible`, () => list(() => true));
  scope.view(`${NODE}/online`, () => list(online));
  scope.view(`${NODE}/has_memory`, () => list((n) => n.presentPages > 0));
  scope.view(`${NODE}/has_normal_memory`, () => list((n) => n.zones.some((z) => z.kind.rank <= 2 && z.populated)));
  scope.view(`${NODE}/has_cpu`, () => list((n) => n.online && n.cpus.length > 0));
  scope.directory(NODE, {
    list: () => zones.nodes.filter(online).map((n) => `node${n.nid}`),
    entry: (name) => {
      const nid = numberIn(/^node(\d+)$/, name);
      const node = nid === undefined ? undefined : zones.node(nid);
      return node?.online === true ? nodeEntry(node) : undefined;
    },
  });

  function nodeEntry(node: MemoryNode): DirectoryNode {
    const distances = (): string =>
      zones.distances[zones.nodes.indexOf(node)].filter((_, i) => zones.nodes[i].online).join(' ');
    const files: Record<string, KernfsNode> = {
      cpulist: { read: () => `${cpuList(node.cpus)}\n` },
      cpumap: { read: () => `${cpuMap(node.cpus, machine.description.cpus)}\n` },
      distance: { read: () => `${distances()}\n` },
    };
    for (const cpu of node.cpus) files[`cpu${cpu}`] = { link: `../../cpu/cpu${cpu}` };
    for (const block of blocks.all()) {
      if (block.nids.includes(node.nid)) files[`memory${block.id}`] = { link: `../../memory/memory${block.id}` };
    }
    return directoryOf(files);
  }
}

function cpuEntry(machine: Machine, cpu: number): DirectoryNode {
  const files: Record<string, KernfsNode> = { topology: topologyEntry(machine, cpu) };
  // The first CPU cannot go offline and has no such file.
  if (cpu > 0) files.online = { read: () => '1\n' };
  if (machine.description.arch.numa) {
    const nid = machine.nodeOfCpu(cpu);
    files[`node${nid}`] = { link: `../../node/node${nid}` };
  }
  return directoryOf(files);
}

const directoryOf = (files: Readonly<Record<string, KernfsNode>>): DirectoryNode => ({
  list: () => Object.keys(files),
  entry: (name) => (Object.hasOwn(files, name) ? files[name] : undefined),
});

function numberIn(pattern: RegExp, name: string): number | undefined {
  const digits = pattern.exec(name)?.[1];
  return digits === undefined || String(Number(digits)) !== digits ? undefined : Number(digits);
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

/** `00000001,00000003`: the kernel's mask format, as wide as the machine has CPUs. */
export function cpuMap(cpus: readonly number[], width: number): string {
  const set = new Set(cpus);
  const digit = (nibble: number): string =>
    [0, 1, 2, 3].reduce((bits, bit) => bits + (set.has(4 * nibble + bit) ? 2 ** bit : 0), 0).toString(16);
  let text = '';
  for (let nibble = Math.ceil(width / 4) - 1; nibble >= 0; nibble--) {
    text += digit(nibble) + (nibble % 8 === 0 && nibble > 0 ? ',' : '');
  }
  return text;
}
