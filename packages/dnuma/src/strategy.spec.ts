/** What can be switched on to be compared with, and what the context tracker says of it. */
import { ARCH_PROFILES, ContextTracker, Core, createKernel, PageAllocator } from '@replug/core';
import { smallMachine, twoNodeMachine } from '@replug/core/testing';
import { describe, expect, it } from 'vitest';
import { DnumaToken } from './dnuma.ts';
import { fakeAllocator, fakeKernel, present } from './fake-allocator.spec-kit.ts';
import { dnuma } from './plugin.ts';

describe("the letter's strategy", () => {
  it('rebuilds for each block, under a lock, and writes flags that are not its own', () => {
    using kernel = fakeKernel({ strategy: 'original' });
    kernel.execute('dnuma all 2');
    const { counts } = kernel.get(DnumaToken);
    // Eight blocks of 1024 pages, and one rebuild at the end.
    expect([counts.zonelistRebuilds, counts.stopMachines]).toEqual([9, 9]);
    expect(kernel.context.faults().map(({ error, times }) => [error.code, times])).toEqual([
      ['RP1326', 8],
      ['RP1320', 8],
    ]);
  });

  it('cuts a block that straddles a border into single pages', () => {
    using kernel = fakeKernel({ strategy: 'original' });
    kernel.execute('dnuma stripe 0 1 512');
    const { counts } = kernel.get(DnumaToken);
    expect([counts.splits, counts.pieces]).toEqual([8, 8192]);
    expect(counts.zonelistRebuilds).toBe(4096 + 1);
    expect(present(kernel)).toEqual([4096, 4096, 0]);
  });

  it('announces nodes and never says that they have come', () => {
    using kernel = fakeKernel({ strategy: 'original' });
    const told: string[] = [];
    using _watch = kernel.get(Core.MemoryNotifiers).register((action) => void told.push(action));
    kernel.execute('dnuma all 2');
    expect(told).toEqual(['MEM_GOING_ONLINE']);
  });
});

describe('the design', () => {
  it('passes a strict tracker: nothing sleeps under a spinlock, no flag is touched that is not owned', () => {
    using kernel = createKernel({
      machine: twoNodeMachine(),
      subsystems: [fakeAllocator(), dnuma()],
      context: new ContextTracker({ strict: true }),
    });
    kernel.execute('dnuma stripe 0 1 64');
    kernel.execute('dnuma undo');
    expect(kernel.context.faults()).toEqual([]);
  });
});

describe('lookups without the mark', () => {
  const lookups = (lookupAlways: boolean): number[] => {
    using kernel = fakeKernel({ lookupAlways });
    const { lookup } = kernel.get(DnumaToken);
    kernel.execute('dnuma all 1');
    const before = lookup.hits + lookup.misses;
    const allocator = kernel.get(PageAllocator);
    for (let i = 0; i < 50; i++) allocator.free(allocator.alloc(0, 0, 0, 1), 0, 0);
    return [lookup.hits + lookup.misses - before];
  };
  it('are one for each free; with the mark there are none', () => {
    expect(lookups(false)).toEqual([0]);
    expect(lookups(true)).toEqual([50]);
  });
});

describe('until a layout is committed', () => {
  it('nobody is asked at a free, and no column exists', () => {
    using kernel = fakeKernel();
    const { transplant, marks } = kernel.get(DnumaToken);
    expect([transplant.pending, marks.count]).toEqual([false, 0]);
    const row = kernel.get(PageAllocator).alloc(0, 0, 0, 0);
    kernel.execute('dnuma all 1');
    expect(transplant.pending).toBe(true);
    kernel.get(PageAllocator).free(row, 0, 0);
    expect(transplant.pending).toBe(false);
  });
});

describe('machines whose page flags have no room for a node', () => {
  it('are told so', () => {
    using kernel = createKernel({
      machine: { ...smallMachine({ arch: ARCH_PROFILES.s390x, pages: 4096 }), cma: false },
      subsystems: [fakeAllocator(), dnuma()],
    });
    expect(() => kernel.execute('dnuma all 0')).toThrow(/RP2304.*without NUMA/);
  });
});
