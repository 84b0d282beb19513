import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ppc, readFileWith, readWith, s390, x86 } from '../captures.spec-kit.ts';
import { memoryBlocksOf } from './memory.ts';
import { nodesOf } from './nodes.ts';
import { parseCpuList, readListing } from './tree.ts';

const listing = (capture: string, name: string) => readFileWith(readListing, join(capture, 'steps/01-before', name));

describe('memory blocks', () => {
  it('x86-64: none is an empty list of zones', () => {
    const { value, account } = listing(x86, 'sys-memory.txt');
    const memory = memoryBlocksOf(value)!;
    expect(memory).toMatchObject({ blockSize: 128 * 1024 * 1024, autoOnlineBlocks: 'online' });
    expect(memory.blocks).toHaveLength(6);
    expect(memory.blocks[0]).toEqual({
      id: 0,
      state: 'online',
      removable: true,
      validZones: [],
      physDevice: 0,
      nodes: [0],
    });
    expect(memory.blocks[5].nodes).toEqual([1]);
    expect(account.skipped).toEqual({});
  });

  it('ppc64le: 64 blocks of 16 MiB', () => {
    const memory = memoryBlocksOf(listing(ppc, 'sys-memory.txt').value)!;
    expect(memory.blockSize).toBe(0x1000000);
    expect(memory.blocks.map((b) => b.id)).toEqual(Array.from({ length: 64 }, (_, i) => i));
    expect(memory.blocks[3].validZones).toEqual(['Normal']);
  });

  it('s390x: no nodes', () => {
    const memory = memoryBlocksOf(listing(s390, 'sys-memory.txt').value)!;
    expect(memory.blocks[1]).toMatchObject({ physDevice: 256, nodes: [] });
  });

  it('several zones, offline, and a link from the node', () => {
    const { value } = readWith(
      readListing,
      `/sys/devices/system/memory/block_size_bytes: 8000000
/sys/devices/system/memory/memory33/state: offline
/sys/devices/system/memory/memory33/valid_zones: Normal Movable
/sys/devices/system/node/node2/memory33 -> ../../memory/memory33
`,
    );
    expect(memoryBlocksOf(value)!.blocks).toEqual([
      {
        id: 33,
        state: 'offline',
        removable: undefined,
        validZones: ['Normal', 'Movable'],
        physDevice: undefined,
        nodes: [2],
      },
    ]);
  });

  it('is nothing without blocks', () => {
    expect(memoryBlocksOf(readWith(readListing, '').value)).toBeUndefined();
  });
});

describe('nodes', () => {
  it('cpus, distances, memory', () => {
    const nodes = nodesOf(listing(x86, 'sys-node.txt').value)!;
    expect(nodes).toMatchObject([
      { nid: 0, cpus: [0], distances: [10, 20], meminfo: { MemTotal: 347384, HugePages_Total: 0 } },
      { nid: 1, cpus: [1], distances: [20, 10], meminfo: { MemTotal: 386436 } },
    ]);
  });

  it('cpu lists', () => {
    expect(parseCpuList('0-3,8\n')).toEqual([0, 1, 2, 3, 8]);
    expect(parseCpuList('')).toEqual([]);
  });
});
