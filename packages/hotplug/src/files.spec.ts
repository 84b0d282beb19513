import { Core, createKernel, GFP_MASKS, MemoryHotplug, PageAllocator, parseMachineShorthand } from '@replug/core';
import { BLOCK, hotplugMachine } from '@replug/core/testing';
import { describe, expect, it } from 'vitest';
import { fakeMemory } from './fake-memory.spec-kit.ts';
import { parseBool, parseUnsigned } from './files.ts';
import { hotplug } from './plugin.ts';

const MEMORY = '/sys/devices/system/memory';
const PARAMETERS = '/sys/module/memory_hotplug/parameters';

function kernelOf() {
  const kernel = createKernel({ machine: hotplugMachine(), subsystems: [fakeMemory(), hotplug()] });
  const errno = (path: string, text: string): string => {
    try {
      kernel.write(path, text);
      return '';
    } catch (error) {
      return (error as { errno: string }).errno;
    }
  };
  return { kernel, errno };
}

describe('settings', () => {
  it('show what is in force and refuse what makes no sense', () => {
    const { kernel, errno } = kernelOf();
    expect(kernel.list(PARAMETERS)).toEqual([
      'auto_movable_numa_aware',
      'auto_movable_ratio',
      'memmap_on_memory',
      'online_policy',
    ]);
    expect(kernel.list(PARAMETERS).map((name) => kernel.read(`${PARAMETERS}/${name}`))).toEqual([
      'Y\n',
      '301\n',
      'N\n',
      'contig-zones\n',
    ]);
    expect(errno(`${PARAMETERS}/online_policy`, 'auto')).toBe('EINVAL');
    expect(errno(`${PARAMETERS}/online_policy`, 'auto-movable\n')).toBe('');
    expect(errno(`${PARAMETERS}/auto_movable_ratio`, '-1')).toBe('EINVAL');
    expect(errno(`${PARAMETERS}/auto_movable_ratio`, '0x100000000')).toBe('ERANGE');
    expect(errno(`${PARAMETERS}/auto_movable_ratio`, '0x10')).toBe('');
    expect(kernel.read(`${PARAMETERS}/auto_movable_ratio`)).toBe('16\n');
    expect(errno(`${PARAMETERS}/auto_movable_numa_aware`, 'n')).toBe('');
    expect(errno(`${PARAMETERS}/memmap_on_memory`, 'Y')).toBe('EACCES');
    kernel.dispose();
  });

  it('probe adds one block where it is told', () => {
    const { kernel, errno } = kernelOf();
    expect(errno(`${MEMORY}/probe`, `0x${(8 * BLOCK * 65536).toString(16)}`)).toBe('');
    expect(kernel.read(`${MEMORY}/memory8/state`)).toBe('offline\n');
    expect(errno(`${MEMORY}/probe`, '0x1234')).toBe('EINVAL');
    expect(errno(`${MEMORY}/probe`, 'there')).toBe('EINVAL');
    expect(errno(`${MEMORY}/probe`, '0')).toBe('EEXIST');
    kernel.dispose();
  });

  it('reads numbers and truths as the kernel does', () => {
    expect(['10', '0x10', '010', '0', '+7'].map(parseUnsigned)).toEqual([10, 16, 8, 0, 7]);
    expect(['', '-1', '1x', '09', '0x', '99999999999999999999'].map(parseUnsigned)).toEqual(
      Array<undefined>(6).fill(undefined),
    );
    expect(['1', 'y', 'Yes', 'on', '0', 'n', 'off', '', 'x'].map(parseBool)).toEqual([
      true,
      true,
      true,
      true,
      false,
      false,
      false,
      undefined,
      undefined,
    ]);
  });
});

describe('poisoned pages', () => {
  it('go offline with their block and keep it there', () => {
    const { kernel, errno } = kernelOf();
    const memory = kernel.get(MemoryHotplug);
    expect(memory.addMemory(0, 8 * BLOCK, BLOCK)).toBe(0);
    expect(memory.online(8, 'online_movable')).toBe(0);
    const address = (8 * BLOCK + 5) * 65536;
    expect(errno(`${MEMORY}/hard_offline_page`, `0x${address.toString(16)}`)).toBe('');
    expect(errno(`${MEMORY}/hard_offline_page`, `${address}`)).toBe('EHWPOISON');
    expect(errno(`${MEMORY}/soft_offline_page`, `${address}`)).toBe('');
    expect(errno(`${MEMORY}/soft_offline_page`, `${9 * BLOCK * 65536}`)).toBe('ENXIO');
    expect(kernel.validate()).toEqual([]);
    expect(memory.offline(8).errno).toBe(0);
    const { presentPages, managedPages } = kernel.get(Core.Zones).find(0, 'Movable')!;
    expect([presentPages, managedPages]).toEqual([0, 0]);
    expect(errno(`${MEMORY}/memory8/state`, 'online')).toBe('EHWPOISON');
    expect(memory.removeMemory(8 * BLOCK, BLOCK)).toBe(0);
    expect(memory.addMemory(0, 8 * BLOCK, BLOCK)).toBe(0);
    expect(memory.online(8, 'online_movable')).toBe(0);
    kernel.dispose();
  });
});

describe('what an operator reads', () => {
  it('why a block stays, and that the kernel would go on trying', () => {
    const { kernel } = kernelOf();
    const memory = kernel.get(MemoryHotplug);
    memory.addMemory(2, 8 * BLOCK, BLOCK);
    memory.online(8, 'online_movable');
    const row = kernel.get(PageAllocator).alloc(GFP_MASKS.GFP_HIGHUSER_MOVABLE, 0, 0, 2);
    kernel.get(Core.Pages);
    expect(kernel.get(Core.Pages).rowToPfn(row)).toBe(8 * BLOCK);
    expect(() => kernel.write(`${MEMORY}/memory0/state`, 'offline')).toThrow(
      /EBUSY, failure to isolate range: pfn 0x0, unmovable/,
    );
    kernel.dispose();
  });

  it('meminfo of a node', () => {
    using kernel = createKernel({
      machine: parseMachineShorthand('ppc64le,128M,nodes=2'),
      subsystems: [fakeMemory(), hotplug()],
    });
    expect(kernel.read('/sys/devices/system/node/node1/meminfo')).toBe(
      'Node 1 MemTotal:          65472 kB\nNode 1 MemFree:           65472 kB\nNode 1 MemUsed:               0 kB\n',
    );
    expect(kernel.list('/sys/devices/system/node/node1')).toContain('meminfo');
  });
});
