import {
  Core,
  createKernel,
  ARCH_PROFILES,
  Machine,
  MemoryHotplug,
  parseMachineShorthand,
  type MachineDescription,
} from '@replug/core';
import { describe, expect, it } from 'vitest';
import { fakeMemory } from './fake-memory.spec-kit.ts';
import { memmapOnMemoryPages } from './memmap.ts';
import { hotplug } from './plugin.ts';

describe('memmap_on_memory', () => {
  const pages = (text: string, mode: 'enable' | 'force'): number =>
    memmapOnMemoryPages(new Machine(parseMachineShorthand(text)), mode);

  it('by platform', () => {
    expect(pages('x86-64,1G', 'enable')).toBe(512);
    expect(pages('s390x,1G', 'enable')).toBe(1024);
    expect(pages('arm64,1G', 'enable')).toBe(512);
    expect(pages('ppc64le,1G,block=256M', 'enable')).toBe(0);
    expect(pages('ppc64le,1G,block=256M', 'force')).toBe(32);
    expect(pages('ppc64-64k-hash,1G,block=256M', 'force')).toBe(0);
    expect(pages('s390x,1G,kernel=6.1', 'enable')).toBe(0);
    expect(pages('x86-64,1G,kernel=6.1', 'enable')).toBe(512);
  });

  it('leaves 126 MiB of a block of 128 MiB to the allocator, and all of it goes again', () => {
    const machine = parseMachineShorthand('x86-64,512M,spare=512M');
    using kernel = createKernel({ machine, subsystems: [fakeMemory(), hotplug({ memmapOnMemory: 'enable' })] });
    const memory = kernel.get(MemoryHotplug);
    const before = kernel.stateHash();
    expect(memory.addMemory(0, 0x100000, 32_768, { memmapOnMemory: true })).toBe(0);
    expect(memory.online(32, 'online')).toBe(0);
    const { presentPages, managedPages, spannedPages } = kernel.get(Core.Zones).find(0, 'Normal')!;
    expect([spannedPages, presentPages, managedPages]).toEqual([32_768, 32_768, 32_256]);
    expect(kernel.validate()).toEqual([]);
    expect(kernel.gauges()['hotplug.memmap.pages']).toBe(0);
    expect(memory.offlineAndRemove(0x100000, 32_768).errno).toBe(0);
    expect(kernel.get(Core.Zones).find(0, 'Normal')!.spannedPages).toBe(0);
    expect(kernel.stateHash()).toBe(before);
  });
});

describe('memmap from managed memory', () => {
  const spec: MachineDescription = parseMachineShorthand('x86-64,512M,spare=1G');

  it('takes one block of order 9 for 128 MiB and gives it back', () => {
    using kernel = createKernel({ machine: spec, subsystems: [fakeMemory(), hotplug()] });
    const memory = kernel.get(MemoryHotplug);
    expect(memory.addMemory(0, 0x100000, 8 * 32_768)).toBe(0);
    expect(kernel.gauges()['hotplug.memmap.pages']).toBe(8 * 512);
    expect(memory.removeMemory(0x100000, 32_768)).toBe(0);
    expect(kernel.gauges()['hotplug.memmap.pages']).toBe(7 * 512);
    expect(memory.removeMemory(0x108000, 7 * 32_768)).toBe(0);
    expect(kernel.gauges()['hotplug.memmap.pages']).toBe(0);
  });

  it('is -ENOMEM without memory, and nothing was taken', () => {
    const small = { ...spec, reserved: [{ start: 0, end: 0x20000 - 700 }] };
    using kernel = createKernel({ machine: small, subsystems: [fakeMemory(), hotplug()] });
    const before = kernel.stateHash();
    expect(kernel.get(MemoryHotplug).addMemory(0, 0x100000, 2 * 32_768)).toBe(-12);
    expect(kernel.stateHash()).toBe(before);
    expect(kernel.read('/proc/iomem')).not.toContain('100000000');
  });

  it('powerpc shares a piece among 2 GiB', () => {
    const arch = ARCH_PROFILES['ppc64-64k-radix'];
    const machine = parseMachineShorthand('ppc64le,1G,block=256M,spare=4G');
    expect(arch.pageShift).toBe(16);
    using kernel = createKernel({ machine, subsystems: [fakeMemory(), hotplug()] });
    const held = (): number => kernel.gauges()['hotplug.memmap.pages'];
    const memory = kernel.get(MemoryHotplug);
    expect(memory.addMemory(0, 4 * 4096, 4096)).toBe(0);
    expect(held()).toBe(0);
    expect(memory.addMemory(0, 8 * 4096, 8 * 4096)).toBe(0);
    expect(held()).toBe(32);
  });
});
