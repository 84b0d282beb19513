import { createKernel, MemoryHotplug } from '@replug/core';
import { BLOCK, hotplugMachine, memoryHotplugCases, subsystemCases } from '@replug/core/testing';
import { describe, expect, it } from 'vitest';
import { fakeMemory } from './fake-memory.spec-kit.ts';
import { hotplug } from './plugin.ts';

describe('MemoryHotplug over an allocator without lists', () => {
  for (const { name, run } of memoryHotplugCases) {
    it(name, () => run((machine) => createKernel({ machine, subsystems: [fakeMemory(), hotplug()] })));
  }
});

describe('a subsystem', () => {
  for (const { name, run } of subsystemCases) {
    it(name, () =>
      run(
        (machine, others = []) => createKernel({ machine, subsystems: [fakeMemory(), hotplug(), ...others] }),
        'hotplug',
      ),
    );
  }
});

describe('what is recomputed', () => {
  const run = (batchUpdates: boolean): string[] => {
    const log = { calls: [] as string[] };
    using kernel = createKernel({
      machine: hotplugMachine(),
      subsystems: [fakeMemory(log), hotplug({ defaultOnlineType: 'online_movable', batchUpdates })],
    });
    kernel.get(MemoryHotplug).addMemory(0, 8 * BLOCK, 4 * BLOCK);
    return log.calls;
  };
  it('each block by itself, zonelists when the zone gets its first pages', () => {
    expect(run(false)).toEqual(['rebuild', 'recompute', 'recompute', 'recompute', 'recompute']);
  });
  it('once for all with batchUpdates', () => {
    expect(run(true)).toEqual(['recompute', 'rebuild']);
  });
});
