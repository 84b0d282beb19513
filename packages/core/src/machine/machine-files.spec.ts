import { describe, expect, it } from 'vitest';
import { createKernel } from '../create-kernel.ts';
import { cpuList, cpuMap } from './machine-files.ts';
import { parseMachineShorthand } from './machine-spec.ts';

describe('files of a machine', () => {
  it('x86-64: block 0 has holes and several zones, the others one zone', () => {
    using kernel = createKernel({ machine: parseMachineShorthand('x86-64,1G,nodes=2,cpus=4'), subsystems: [] });
    expect(kernel.read('/sys/devices/system/memory/block_size_bytes')).toBe('8000000\n');
    expect(kernel.list('/sys/devices/system/memory')).toEqual([
      'block_size_bytes',
      ...[0, 1, 2, 3, 4, 5, 6, 7].map((id) => `memory${id}`),
    ]);
    expect(kernel.read('/sys/devices/system/memory/memory0/valid_zones')).toBe('none\n');
    expect(kernel.read('/sys/devices/system/memory/memory5/valid_zones')).toBe('DMA32\n');
    expect(kernel.readlink('/sys/devices/system/memory/memory5/node1')).toBe('../../node/node1');
    expect(kernel.read('/sys/devices/system/node/node1/cpulist')).toBe('2-3\n');
    expect(kernel.read('/sys/devices/system/node/node0/distance')).toBe('10 20\n');
    expect(kernel.list('/sys/devices/system/node/node1')).toEqual([
      'cpu2',
      'cpu3',
      'cpulist',
      'cpumap',
      'distance',
      'memory4',
      'memory5',
      'memory6',
      'memory7',
    ]);
    expect(kernel.read('/sys/devices/system/node/node1/cpumap')).toBe('c\n');
    expect(kernel.read('/sys/devices/system/node/node1/memory5/phys_index')).toBe('00000005\n');
    expect(kernel.read('/sys/devices/system/cpu/possible')).toBe('0-3\n');
    expect(kernel.readlink('/sys/devices/system/cpu/cpu2/node1')).toBe('../../node/node1');
    expect(kernel.read('/proc/iomem')).toBe('00001000-0009efff : System RAM\n00100000-3fffffff : System RAM\n');
  });

  it('s390x: no nodes, one zone everywhere', () => {
    using kernel = createKernel({ machine: parseMachineShorthand('s390x,512M'), subsystems: [] });
    expect(kernel.stat('/sys/devices/system/node')).toBeUndefined();
    expect(kernel.list('/sys/devices/system/memory/memory1')).toEqual([
      'online',
      'phys_device',
      'phys_index',
      'removable',
      'state',
      'valid_zones',
    ]);
    expect(kernel.read('/sys/devices/system/memory/memory1/phys_device')).toBe('256\n');
    expect(kernel.read('/sys/devices/system/memory/memory1/phys_index')).toBe('00000001\n');
    expect(() => kernel.write('/sys/devices/system/memory/memory1/state', 'offline')).toThrow('EACCES');
    expect(() => kernel.read('/sys/devices/system/memory/memory2/state')).toThrow('ENOENT');
  });

  it('prints lists of numbers as the kernel does', () => {
    expect(cpuList([0, 1, 2, 5, 7, 8])).toBe('0-2,5,7-8');
    expect(cpuList([])).toBe('');
    expect(cpuMap([0, 32], 40)).toBe('01,00000001');
    expect(cpuMap([3, 4], 8)).toBe('18');
  });
});
