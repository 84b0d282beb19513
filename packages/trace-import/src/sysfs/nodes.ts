/**
 * /sys/devices/system/node: cpus, distances and memory of each node.
 *
 * Models: drivers/base/node.c.
 */
import type { NodeInfo } from '@replug/workload';
import { parseCpuList, type SysfsTree } from './tree.ts';

const ROOT = '/sys/devices/system/node';

/** The nodes by id; undefined when the tree has none (a kernel without NUMA). */
export function nodesOf({ files, links }: SysfsTree): NodeInfo[] | undefined {
  const nids = new Set<number>();
  for (const path of [...files.keys(), ...links.keys()]) {
    const nid = new RegExp(`^${ROOT}/node(\\d+)/`).exec(path)?.[1];
    if (nid !== undefined) nids.add(Number(nid));
  }
  if (nids.size === 0) return undefined;
  return [...nids]
    .sort((a, b) => a - b)
    .map((nid) => {
      const read = (name: string) => files.get(`${ROOT}/node${nid}/${name}`);
      const cpulist = read('cpulist');
      return {
        nid,
        cpus: cpulist === undefined ? linkedCpus(links, nid) : parseCpuList(cpulist),
        distances: (read('distance') ?? '').split(/\s+/).filter(Boolean).map(Number),
        meminfo: meminfoOf(read('meminfo') ?? ''),
      };
    });
}

function linkedCpus(links: ReadonlyMap<string, string>, nid: number): number[] {
  const cpus: number[] = [];
  for (const path of links.keys()) {
    const cpu = new RegExp(`^${ROOT}/node${nid}/cpu(\\d+)$`).exec(path)?.[1];
    if (cpu !== undefined) cpus.push(Number(cpu));
  }
  return cpus.sort((a, b) => a - b);
}

/** `Node 0 MemTotal:  1524984 kB`: kB, HugePages_* in pages. */
function meminfoOf(text: string): Record<string, number> {
  const values: Record<string, number> = {};
  for (const match of text.matchAll(/^Node\s+\d+\s+([\w()]+):\s+(\d+)/gm)) values[match[1]] = Number(match[2]);
  return values;
}
