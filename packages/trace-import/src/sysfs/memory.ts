/**
 * /sys/devices/system/memory: the memory blocks and how large one is.
 *
 * Models: drivers/base/memory.c. block_size_bytes and phys_index are hexadecimal without 0x. valid_zones `none` means that
 * the block cannot be offlined or onlined as one zone: an empty list here.
 */
import type { MemoryBlock, MemoryBlocks } from '@replug/workload';
import type { SysfsTree } from './tree.ts';

const ROOT = '/sys/devices/system/memory';

/** The blocks by id; undefined when the tree has no block size or no block (no memory hotplug in that kernel). */
export function memoryBlocksOf({ files, links }: SysfsTree): MemoryBlocks | undefined {
  const size = files.get(`${ROOT}/block_size_bytes`);
  const ids = new Set<number>();
  for (const path of files.keys()) {
    const id = new RegExp(`^${ROOT}/memory(\\d+)/`).exec(path)?.[1];
    if (id !== undefined) ids.add(Number(id));
  }
  if (size === undefined || ids.size === 0) return undefined;

  const nodes = nodesByBlock(links);
  const blocks = [...ids]
    .sort((a, b) => a - b)
    .map((id): MemoryBlock => {
      const read = (name: string) => files.get(`${ROOT}/memory${id}/${name}`);
      const removable = read('removable');
      const physDevice = read('phys_device');
      return {
        id,
        state: read('state') ?? (read('online') === '0' ? 'offline' : 'online'),
        removable: removable === undefined ? undefined : removable === '1',
        validZones: (read('valid_zones') ?? '').split(/\s+/).filter((zone) => zone !== '' && zone !== 'none'),
        physDevice: physDevice === undefined ? undefined : Number(physDevice),
        nodes: nodes.get(id) ?? [],
      };
    });
  return {
    blockSize: Number.parseInt(size, 16),
    autoOnlineBlocks: files.get(`${ROOT}/auto_online_blocks`),
    blocks,
  };
}

/** memoryN/nodeM and nodeM/memoryN say the same; dumps have either. */
function nodesByBlock(links: ReadonlyMap<string, string>): Map<number, number[]> {
  const nodes = new Map<number, number[]>();
  for (const path of links.keys()) {
    const match = /\/memory(\d+)\/node(\d+)$/.exec(path) ?? swapped(/\/node(\d+)\/memory(\d+)$/.exec(path));
    if (match === null) continue;
    const id = Number(match[1]);
    const nid = Number(match[2]);
    const known = nodes.get(id);
    if (known === undefined) nodes.set(id, [nid]);
    else if (!known.includes(nid)) known.push(nid);
  }
  return nodes;
}

function swapped(match: RegExpExecArray | null): readonly string[] | null {
  return match === null ? null : [match[0], match[2], match[1]];
}
