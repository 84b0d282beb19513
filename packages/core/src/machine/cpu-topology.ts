/**
 * /sys/devices/system/cpu/cpuN/topology: a package a node, a core a CPU, no threads. The machine description has no more,
 * and hwloc needs no less.
 *
 * Models: drivers/base/topology.c, 6.12.
 */
import type { DirectoryNode } from '../host/kernfs.ts';
import type { Machine } from './machine.ts';
import { cpuList, cpuMap } from './machine-files.ts';

export function topologyEntry(machine: Machine, cpu: number): DirectoryNode {
  const { cpus } = machine.description;
  const nid = machine.nodeOfCpu(cpu);
  const node = machine.zones.node(nid)!.cpus;
  const texts: Record<string, string> = {
    core_id: `${node.indexOf(cpu)}`,
    physical_package_id: `${nid}`,
    ...sets(['core_cpus', 'thread_siblings'], [cpu], cpus),
    ...sets(['package_cpus', 'core_siblings'], node, cpus),
  };
  return {
    list: () => Object.keys(texts),
    entry: (name) => (Object.hasOwn(texts, name) ? { read: () => `${texts[name]}\n` } : undefined),
  };
}

/** Each set under both of its names, as a mask and as a list. */
function sets(names: readonly string[], cpus: readonly number[], width: number): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name) => [
      [name, cpuMap(cpus, width)],
      [`${name}_list`, cpuList(cpus)],
    ]),
  );
}
