/** Changing the NUMA layout of a running machine, on the real allocator: the letter's own test, its known bugs, its open points. */
import { buddy } from '@replug/buddy';
import { Core, createKernel, GFP_MASKS, MEM, NOTIFY, PageAllocator, ZoneSizing, type Kernel } from '@replug/core';
import { DnumaToken, LAYOUTS, layoutOf, MEMLAYOUT, striped } from '@replug/dnuma';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { modelMachine, ops, PPC, runModel } from './dnuma-model.spec-kit.ts';
import { letterKernel, letterMachine } from './dnuma.spec-kit.ts';

const present = (kernel: Kernel): number[] => kernel.get(Core.Zones).nodes.map((node) => node.presentPages);
const managed = (kernel: Kernel): number[] => kernel.get(Core.Zones).nodes.map((node) => node.managedPages);
const free = (kernel: Kernel): number[] =>
  kernel
    .get(Core.Zones)
    .nodes.map((node) => node.zones.reduce((sum, z) => sum + kernel.get(PageAllocator).freePages(z.index), 0));
const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

describe("the letter's test: 128 MiB, 8 CPUs, 2 nodes, striped in 256 pages over 3", () => {
  it.each(['6.1', '6.12'] as const)('gives each node its pages by one rebuild (%s)', (profile) => {
    using kernel = letterKernel({}, profile);
    const begin = kernel.clock.now;
    kernel.execute('dnuma stripe 0 2 256');
    expect(present(kernel)).toEqual([11008, 11008, 10752]);
    expect(managed(kernel)).toEqual([11008, 11008, 10752]);
    expect(free(kernel)).toEqual([11008, 11008, 10752]);
    const { counts, marks } = kernel.get(DnumaToken);
    expect([counts.zonelistRebuilds, counts.stopMachines, marks.count]).toEqual([1, 1, 0]);
    expect(kernel.clock.now - begin).toBeLessThan(1e9);
    expect(kernel.context.faults()).toEqual([]);
    expect(kernel.validate()).toEqual([]);
    expect(kernel.read('/sys/devices/system/node/online')).toBe('0-2\n');
    expect(kernel.read('/sys/devices/system/node/has_memory')).toBe('0-2\n');
    expect(kernel.list('/sys/devices/system/memory/memory0')).toEqual(
      expect.arrayContaining(['node0', 'node1', 'node2']),
    );
    // Order 8 blocks are the largest that fit a stripe; no free block is larger.
    expect(kernel.read('/proc/buddyinfo')).toContain(
      'Node 2, zone   Normal      0      0      0      0      0      0      0      0     42      0      0',
    );
  });

  it('takes minutes the original way, leaks, and is found out', () => {
    using kernel = letterKernel({ strategy: 'original' });
    const begin = kernel.clock.now;
    kernel.execute('dnuma stripe 0 2 256');
    const { counts } = kernel.get(DnumaToken);
    expect(present(kernel)).toEqual([11008, 11008, 10752]);
    // 84 of 128 stripes change their node, page by page; one more rebuild ends the commit.
    expect(counts).toMatchObject({ pieces: 32768, zonelistRebuilds: 84 * 256 + 1, stopMachines: 84 * 256 + 1 });
    // 540 s in the letter. The cost of one rebuild is an upper bound taken from it (cost table): 84 * 256 * 16.48 ms.
    expect((kernel.clock.now - begin) / 1e9).toBeCloseTo(354.4, 0);
    const faults = kernel.context.faults().map(({ error, times }) => [error.code, times]);
    // Flags that are not owned, and sleeping under a spinlock.
    expect(faults).toEqual([
      ['RP1326', 84 * 256],
      ['RP1320', 84 * 256],
    ]);
    for (let i = 0; i < 6; i++) kernel.execute(`dnuma all ${i % 3}`);
    // Six caches; of the six commits the first finds nodes 0 to 2 with memory, each of the others an empty node with structs.
    expect(kernel.get(DnumaToken).slab.leaked).toBe(30);
  });

  it('leaks nothing, however often nodes come and go', () => {
    using kernel = letterKernel();
    const { slab } = kernel.get(DnumaToken);
    const before = slab.live;
    for (let i = 0; i < 12; i++) kernel.execute(`dnuma all ${i % 3}`);
    expect(slab.leaked).toBe(0);
    kernel.execute('dnuma block 0 1');
    expect(slab.live).toBe(before);
    expect(present(kernel)).toEqual([16384, 16384, 0]);
    expect(kernel.validate()).toEqual([]);
  });
});

describe('allocated pages', () => {
  it('move when they are freed, once', () => {
    using kernel = letterKernel();
    const allocator = kernel.get(PageAllocator);
    const dnuma = kernel.get(DnumaToken);
    const row = allocator.alloc(GFP_MASKS.GFP_KERNEL, 0, 0);
    const pages = kernel.get(Core.Pages);
    kernel.execute('dnuma all 2');
    expect([dnuma.marks.count, dnuma.marks.has(row)]).toEqual([1, true]);
    expect(present(kernel)).toEqual([1, 0, 32767]);
    expect(kernel.get(Core.Zones).all[pages.zoneOf(row)].nid).toBe(0);
    expect(kernel.validate()).toEqual([]);
    allocator.free(row, 0, 0);
    expect(kernel.get(Core.Zones).all[pages.zoneOf(row)].nid).toBe(2);
    expect([dnuma.marks.count, dnuma.counts.transplantOnFree]).toEqual([0, 1]);
    expect(present(kernel)).toEqual([0, 0, 32768]);
    kernel.clock.advance(2e9);
    expect(kernel.validate()).toEqual([]);
    const again = allocator.alloc(GFP_MASKS.GFP_KERNEL, 0, 0);
    allocator.free(again, 0, 0);
    expect(dnuma.counts.transplantOnFree).toBe(1);
  });

  it('of a block that lies in several nodes go to each of them', () => {
    using kernel = letterKernel();
    const allocator = kernel.get(PageAllocator);
    const row = allocator.alloc(GFP_MASKS.GFP_KERNEL, 10, 0);
    kernel.execute('dnuma stripe 0 2 256');
    allocator.free(row, 10, 0);
    expect(present(kernel)).toEqual([11008, 11008, 10752]);
    expect(free(kernel)).toEqual([11008, 11008, 10752]);
    kernel.clock.advance(2e9);
    expect(kernel.validate()).toEqual([]);
  });

  it('are migrated when asked for', () => {
    using kernel = letterKernel();
    const allocator = kernel.get(PageAllocator);
    for (let i = 0; i < 500; i++) allocator.alloc(GFP_MASKS.GFP_HIGHUSER_MOVABLE, 0, 0);
    kernel.execute('dnuma all 2');
    const dnuma = kernel.get(DnumaToken);
    expect(dnuma.waiting()).toMatchObject({ pages: 500, classes: { movable: 500 } });
    expect(dnuma.migrate()).toEqual({ moved: 500, stayed: {} });
    expect(dnuma.marks.count).toBe(0);
    expect(present(kernel)).toEqual([0, 0, 32768]);
    expect(kernel.validate()).toEqual([]);
  });
});

describe('what is refused', () => {
  it('changes nothing on a veto, whoever says it', () => {
    using kernel = letterKernel();
    const before = [kernel.contractHash(), kernel.stateHash()];
    const told: string[] = [];
    using _watch = kernel.get(Core.MemoryNotifiers).register((action, { statusChangeNid }) => {
      told.push(`${action} ${statusChangeNid}`);
      return action === MEM.GOING_ONLINE ? NOTIFY.BAD : NOTIFY.OK;
    });
    expect(() => kernel.execute('dnuma all 2')).toThrow(/RP2306/);
    expect(told).toEqual(['MEM_GOING_ONLINE 2', 'MEM_CANCEL_ONLINE 2']);
    expect([kernel.contractHash(), kernel.stateHash()]).toEqual(before);
    expect(kernel.read('/sys/devices/system/node/online')).toBe('0-1\n');
    expect(kernel.get(DnumaToken).slab.problems()).toEqual([]);
  });

  it('names the range, the node, the reason', () => {
    using kernel = letterKernel();
    const dnuma = kernel.get(DnumaToken);
    expect(() =>
      layoutOf([
        { start: 0, end: 10, nid: 0 },
        { start: 9, end: 20, nid: 1 },
      ]),
    ).toThrow(/RP2302/);
    expect(() => layoutOf([{ start: 10, end: 10, nid: 0 }])).toThrow(/RP2301/);
    expect(() => layoutOf([])).toThrow(/RP2305/);
    expect(() => dnuma.commit(LAYOUTS.all(32768, 7))).toThrow(/RP2303/);
    expect(() => dnuma.commit(LAYOUTS.all(32768, 1024))).toThrow(/RP2304.*10 bits/);
    expect(() => dnuma.commit(LAYOUTS.all(2 ** 40, 0))).toThrow(/RP2301.*physical/);
    expect(() => striped(0, 2 ** 40, 1, [0, 1])).toThrow(/RP2309/);
    expect(() => dnuma.undo()).toThrow(/RP2315/);
  });
});

describe('zones after a commit', () => {
  const zoneinfo = (kernel: Kernel): string => {
    kernel.get(PageAllocator).drainAllPages(-1);
    return kernel.read('/proc/zoneinfo');
  };
  it.each(['6.1', '6.12'] as const)('have the sizes and marks of a machine that was booted so (%s)', (profile) => {
    const ranges = [
      { start: 0, end: 8192, nid: 0 },
      { start: 8192, end: 16384, nid: 2 },
      { start: 16384, end: 32768, nid: 1 },
    ];
    using changed = letterKernel({}, profile);
    changed.get(DnumaToken).commit(layoutOf(ranges));
    const machine = letterMachine(profile);
    using booted = createKernel({
      machine: {
        ...machine,
        nodes: machine.nodes.map((node) => ({ ...node, online: true })),
        memory: ranges,
        zones: ranges.map(({ start, end, nid }) => ({
          nid,
          kind: 'Normal',
          startPfn: start,
          spannedPages: end - start,
        })),
      },
      subsystems: [buddy()],
    });
    // min_free_kbytes is what memory gives less high marks, which a booting kernel has none of: computed again, as a commit does.
    booted.get(ZoneSizing).recompute();
    expect(zoneinfo(changed)).toBe(zoneinfo(booted));
    expect(changed.read('/proc/buddyinfo')).toBe(booted.read('/proc/buddyinfo'));
  });

  it('without a page have no marks and no reserves', () => {
    using kernel = letterKernel();
    kernel.execute('dnuma all 1');
    const empty = kernel.get(Core.Zones).all.filter((zone) => zone.nid === 0);
    for (const zone of empty) expect([zone.spannedPages, zone.presentPages, zone.managedPages]).toEqual([0, 0, 0]);
    expect(kernel.read('/proc/zoneinfo')).toMatch(
      /^Node 0, zone {3}Normal\n {2}pages free {5}0\n.*\n +min +0\n +low +0\n +high +0\n +promo +0\n +spanned +0\n +present +0\n +managed +0\n/,
    );
  });
});

describe('undo', () => {
  it('gives every node back what it had', () => {
    using kernel = letterKernel();
    kernel.execute('dnuma stripe 0 2 256');
    kernel.execute('dnuma undo');
    expect(present(kernel)).toEqual([16384, 16384, 0]);
    expect(free(kernel)).toEqual([16384, 16384, 0]);
    expect(kernel.validate()).toEqual([]);
    const [a, b] = kernel.get(Core.Zones).all.filter((z) => z.populated);
    expect([a.startPfn, a.spannedPages, b.startPfn, b.spannedPages]).toEqual([0, 16384, 16384, 16384]);
    expect(kernel.read('/sys/devices/system/node/online')).toBe('0-1\n');
  });
});

describe('a deferred commit', () => {
  it('serves requests from the right node before it is complete', () => {
    using kernel = letterKernel();
    const dnuma = kernel.get(DnumaToken);
    dnuma.commit(LAYOUTS.stripe(32768, 0, 2, 256), { deferred: true });
    expect(dnuma.queuedRanges).toBeGreaterThan(80);
    const row = dnuma.alloc(GFP_MASKS.GFP_KERNEL, 3, 0, 2);
    expect(kernel.get(Core.Zones).all[kernel.get(Core.Pages).zoneOf(row)].nid).toBe(2);
    // One maximal block, of which two stripes leave.
    expect(dnuma.counts.transplantOnDemand).toBe(512);
    expect(sum(present(kernel))).toBe(32768);
    dnuma.step(10);
    expect(kernel.validate()).toEqual([]);
    dnuma.step();
    expect(present(kernel)).toEqual([11008, 11008, 10752]);
    expect(kernel.validate()).toEqual([]);
  });
});

describe('pages on per-CPU lists', () => {
  it('that a refill took there while a commit was deferred come back at its end', () => {
    using kernel = letterKernel();
    const dnuma = kernel.get(DnumaToken);
    dnuma.commit(LAYOUTS.all(32768, 2), { deferred: true });
    // Node 0 still has its pages: one is handed out, and others of its batch lie on the CPU's list.
    const row = kernel.get(PageAllocator).alloc(GFP_MASKS.GFP_KERNEL, 0, 0, 0);
    expect(dnuma.marks.count).toBe(32768);
    dnuma.step();
    expect([dnuma.marks.count, dnuma.marks.has(row)]).toEqual([1, true]);
    expect(present(kernel)).toEqual([1, 0, 32767]);
    expect(kernel.validate()).toEqual([]);
  });
});

describe('debugfs', () => {
  it('takes ranges, commits them and shows them', () => {
    using kernel = letterKernel();
    const write = (file: string, text: string): void => kernel.write(`${MEMLAYOUT}/${file}`, text);
    write('start', '0');
    write('end', '0x3fff');
    write('node', '2');
    expect(kernel.read(`${MEMLAYOUT}/start`)).toBe('0\n');
    write('start', '3fff');
    write('end', '4000');
    expect(() => write('node', '1')).toThrow(/EEXIST/);
    write('start', '4000');
    write('end', '4000');
    expect(() => write('node', '9')).toThrow(/EINVAL/);
    write('node', '1');
    write('commit', '1');
    expect(kernel.list(MEMLAYOUT)).toContain('layout.1');
    expect(kernel.readlink(`${MEMLAYOUT}/current`)).toBe('layout.1');
    expect(kernel.list(`${MEMLAYOUT}/current`)).toEqual(['00000-03fff', '04000-07fff']);
    expect(kernel.read(`${MEMLAYOUT}/current/00000-03fff`)).toBe('2\n');
    expect(present(kernel)).toEqual([0, 16384, 16384]);
    expect(kernel.read(`${MEMLAYOUT}/moved-pages`)).toBe('16384\n');
    write('commit', '1');
    expect(kernel.list(MEMLAYOUT)).not.toContain('layout.2');
    write('undo', '1');
    expect(present(kernel)).toEqual([16384, 16384, 0]);
  });
});

describe('a firmware event', () => {
  it('moves blocks, CPUs and distances in one commit', () => {
    using kernel = letterKernel();
    kernel.execute('firmware-event lmb-size 16M; lmb 0x1000000+2 node 2; cpu 3 node 2; distance 0 2 40');
    expect(present(kernel)).toEqual([8192, 16384, 8192]);
    expect(kernel.read('/sys/devices/system/node/node2/cpulist')).toBe('3\n');
    expect(kernel.read('/sys/devices/system/node/node0/cpulist')).toBe('0-2\n');
    expect(kernel.read('/sys/devices/system/node/node0/distance')).toBe('10 20 40\n');
    const row = kernel.get(PageAllocator).alloc(GFP_MASKS.GFP_KERNEL, 0, 3);
    expect(kernel.get(Core.Zones).all[kernel.get(Core.Pages).zoneOf(row)].nid).toBe(2);
    expect(kernel.get(DnumaToken).counts.zonelistRebuilds).toBe(1);
    expect(kernel.validate()).toEqual([]);
    expect(() => kernel.execute('firmware-event lmb 0x1000000 node 1')).toThrow(/RP2310.*lmb-size/);
    expect(() => kernel.execute('firmware-event cpu 9 node 1')).toThrow(/RP2311/);
  });
});

describe('slabs', () => {
  it('hang where the layout says, and come home', () => {
    using kernel = letterKernel();
    const { slab } = kernel.get(DnumaToken);
    const rows = Array.from({ length: 100 }, (_, i) => slab.alloc(i % 6, 0));
    expect(slab.slabs(0)).toBe(100);
    kernel.execute('dnuma all 2');
    expect([slab.slabs(0), slab.slabs(2)]).toEqual([0, 100]);
    for (const row of rows) slab.free(row);
    kernel.clock.advance(2e9);
    expect(present(kernel)).toEqual([0, 0, 32768]);
    expect(slab.live).toBe(6);
    expect(kernel.validate()).toEqual([]);
  });
});

describe('reserved pages', () => {
  it('are counted on the node that the layout gives them', () => {
    using kernel = letterKernel({}, '6.12', 700);
    kernel.execute('dnuma stripe 0 2 256');
    expect(present(kernel)).toEqual([11008, 11008, 10752]);
    expect(sum(managed(kernel))).toBe(32768 - 700);
    expect(kernel.validate()).toEqual([]);
  });
});

describe('random layouts, allocations, frees and commits', () => {
  it('keep every page where a model of it says', () => {
    fc.assert(
      fc.property(ops(1024, 40), (list) => {
        expect(runModel(modelMachine(PPC, '6.12', 1024), list)).toBeUndefined();
      }),
      { numRuns: 12 },
    );
  });
});
