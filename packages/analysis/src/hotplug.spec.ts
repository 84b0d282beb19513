/** Hotplug over the buddy allocator: the conformance suite, and sequences of operations with all invariants after each. */
import { buddy } from '@replug/buddy';
import { createKernel, GFP_MASKS, MemoryHotplug, PageAllocator } from '@replug/core';
import { hotplugMachine, memoryHotplugCases } from '@replug/core/testing';
import { hotplug } from '@replug/hotplug';
import { describe, expect, it } from 'vitest';
import { hotplugProperty } from './hotplug.spec-kit.ts';

describe('MemoryHotplug over the buddy allocator', () => {
  for (const { name, run } of memoryHotplugCases) {
    it(name, () => run((machine) => createKernel({ machine, subsystems: [buddy(), hotplug()] })));
  }
});

describe('per-CPU lists', () => {
  it('are as large as before when an offline block was refused', () => {
    using kernel = createKernel({ machine: hotplugMachine(), subsystems: [buddy(), hotplug()] });
    const sizes = (): string[] => kernel.read('/proc/zoneinfo').match(/^ +(?:high|batch): +\d+$/gm)!;
    const allocator = kernel.get(PageAllocator);
    // What is freed stays on the CPU's list while the list may hold anything.
    const keeps = (): boolean => {
      const row = allocator.alloc(GFP_MASKS.GFP_KERNEL, 0, 0);
      allocator.free(row, 0, 0);
      return !allocator.isFree(row);
    };
    expect(keeps()).toBe(true);
    const before = sizes();
    expect(kernel.get(MemoryHotplug).offline(0)).toMatchObject({ errno: -16, reason: 'failure to isolate range' });
    expect(sizes()).toEqual(before);
    expect(keeps()).toBe(true);
  });
});

describe('random sequences', () => {
  it.each(['6.1', '6.12'] as const)('%s', (profile) => hotplugProperty(profile, 100));
});
