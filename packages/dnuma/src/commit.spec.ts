import { Core, defineSubsystem, MEM, NODE, NodeNotifiers, NOTIFY, PageAllocator, type Kernel } from '@replug/core';
import { describe, expect, it } from 'vitest';
import { DnumaToken, LAYOUT } from './dnuma.ts';
import { fakeKernel, present } from './fake-allocator.spec-kit.ts';
import { layoutOf, striped } from './layout.ts';

const ALL = 0x109000;
const free = (kernel: Kernel): number[] =>
  kernel
    .get(Core.Zones)
    .nodes.map((node) => node.zones.reduce((sum, z) => sum + kernel.get(PageAllocator).freePages(z.index), 0));
const nidAt = (kernel: Kernel, pfn: number): number =>
  kernel.get(Core.Machine).zoneOfRow(kernel.get(Core.Pages).pfnToRow(pfn))!.nid;

describe('a commit', () => {
  it('computes marks once and rebuilds zonelists once, whatever its size', () => {
    for (const pages of [1024, 64, 1]) {
      const calls: string[] = [];
      using kernel = fakeKernel({}, calls);
      kernel.get(DnumaToken).commit(striped(0x100000, ALL, pages, [0, 1]));
      expect(calls).toEqual(['drain', 'recompute', 'rebuild']);
      expect(kernel.get(DnumaToken).counts).toMatchObject({ zonelistRebuilds: 1, stopMachines: 1 });
      expect(kernel.context.faults()).toEqual([]);
    }
  });

  it('resets the lists of a zone that lost all it had', () => {
    const calls: string[] = [];
    using kernel = fakeKernel({}, calls);
    kernel.execute('dnuma all 2');
    expect(calls).toEqual(['drain', 'recompute', 'reset 0', 'reset 1', 'rebuild']);
    expect([present(kernel), free(kernel)]).toEqual([
      [0, 0, 8192],
      [0, 0, 8192],
    ]);
  });

  it('cuts a block at borders into the largest aligned pieces', () => {
    using kernel = fakeKernel();
    const dnuma = kernel.get(DnumaToken);
    // Of the block of 1024 pages at 0x100000: 24 pages, then the rest.
    dnuma.commit(layoutOf([{ start: 0x100000, end: 0x100018, nid: 1 }]));
    expect(present(kernel)).toEqual([4096 - 24, 4096 + 24, 0]);
    expect(dnuma.counts).toMatchObject({ splits: 1, transplantFromFreelist: 24, pieces: 8 });
    const pages = kernel.get(Core.Pages);
    const orders = [0, 16, 24, 32, 64, 128, 256, 512].map(
      (offset) => pages.state[pages.pfnToRow(0x100000 + offset)] - 0x10,
    );
    expect(orders).toEqual([4, 3, 3, 5, 6, 7, 8, 9]);
    expect(kernel.validate()).toEqual([]);
  });

  it('leaves holes of the layout as they are', () => {
    using kernel = fakeKernel();
    kernel.get(DnumaToken).commit(layoutOf([{ start: 0x100400, end: 0x100800, nid: 2 }]));
    expect(present(kernel)).toEqual([3072, 4096, 1024]);
    expect([0x1003ff, 0x100400, 0x1007ff, 0x100800].map((pfn) => nidAt(kernel, pfn))).toEqual([0, 2, 2, 0]);
    expect(kernel.get(Core.Zones).all.filter((z) => z.nid === 2 && z.populated)).toMatchObject([
      { startPfn: 0x100400, spannedPages: 1024 },
    ]);
  });

  it('counts pages where they are at every instant, and shrinks spans', () => {
    using kernel = fakeKernel();
    const row = kernel.get(PageAllocator).alloc(0, 0, 0, 0);
    expect(kernel.get(Core.Pages).rowToPfn(row)).toBe(0x100000);
    kernel.execute('dnuma all 1');
    const zone = kernel.get(Core.Zones).all.find((z) => z.nid === 0 && z.populated)!;
    expect(zone).toMatchObject({ startPfn: 0x100000, spannedPages: 1, presentPages: 1, managedPages: 1 });
    kernel.get(PageAllocator).free(row, 0, 0);
    expect(zone).toMatchObject({ presentPages: 0, managedPages: 0 });
    kernel.clock.advance(2e9);
    expect(zone.spannedPages).toBe(0);
    expect(kernel.read('/sys/devices/system/node/online')).toBe('0-1\n');
    expect(kernel.read('/sys/devices/system/node/has_memory')).toBe('1\n');
  });

  it('is no other while it is under way', () => {
    using kernel = fakeKernel();
    const dnuma = kernel.get(DnumaToken);
    let inner: unknown;
    using _watch = dnuma.layoutNotifiers.register((action) => {
      try {
        if (action === LAYOUT.CHANGING) dnuma.undo();
      } catch (error) {
        inner = error;
      }
      return NOTIFY.OK;
    });
    kernel.execute('dnuma all 1');
    expect(String(inner)).toMatch(/RP2315|RP2307/);
    expect(present(kernel)).toEqual([0, 8192, 0]);
  });

  it('can be taken back and repeated, as far as layouts are kept', () => {
    using kernel = fakeKernel({ backlog: 2 });
    const dnuma = kernel.get(DnumaToken);
    for (const nid of [1, 2, 0, 1]) dnuma.commit(striped(0x100000, ALL, ALL, [nid]));
    expect(dnuma.layouts.map(({ seq }) => seq)).toEqual([2, 3, 4]);
    dnuma.restore(2);
    expect(present(kernel)).toEqual([0, 0, 8192]);
    dnuma.undo();
    expect(present(kernel)).toEqual([0, 8192, 0]);
    expect(() => dnuma.restore(1)).toThrow(/RP2308.*kept: 4, 5, 6/);
    expect(() => fakeKernel({ backlog: 65 })).toThrow(/RP2313/);
    expect(() => fakeKernel({ strategy: 'fast' as 'batched' })).toThrow(/RP2313/);
  });
});

describe('who is told', () => {
  /** Everything that a driver on both chains hears, and its veto. */
  const watched = (veto?: string): { kernel: Kernel; told: string[] } => {
    const told: string[] = [];
    const answer = (what: string) => {
      told.push(what);
      return what === veto ? NOTIFY.BAD : NOTIFY.OK;
    };
    const driver = defineSubsystem({
      id: 'driver',
      needs: { memory: Core.MemoryNotifiers, nodes: NodeNotifiers },
      provides: {},
      create: ({ memory, nodes }, scope) => {
        scope.notifier(memory, (action, { statusChangeNid }) => answer(`${action} ${statusChangeNid}`));
        scope.notifier(nodes, (action, { nid }) => answer(`${action} ${nid}`));
        return {};
      },
    });
    return { kernel: fakeKernel({}, [], [driver]), told };
  };

  it('hears each beginning and its end', () => {
    const { kernel, told } = watched();
    kernel.execute('dnuma all 2');
    expect(told).toEqual([
      `${NODE.ADDING_FIRST_MEMORY} 2`,
      `${MEM.GOING_ONLINE} 2`,
      `${NODE.REMOVING_LAST_MEMORY} 0`,
      `${MEM.GOING_OFFLINE} 0`,
      `${NODE.REMOVING_LAST_MEMORY} 1`,
      `${MEM.GOING_OFFLINE} 1`,
      `${MEM.ONLINE} 2`,
      `${NODE.ADDED_FIRST_MEMORY} 2`,
      `${MEM.OFFLINE} 0`,
      `${NODE.REMOVED_LAST_MEMORY} 0`,
      `${MEM.OFFLINE} 1`,
      `${NODE.REMOVED_LAST_MEMORY} 1`,
    ]);
    kernel.dispose();
  });

  it.each([
    `${NODE.ADDING_FIRST_MEMORY} 2`,
    `${MEM.GOING_ONLINE} 2`,
    `${NODE.REMOVING_LAST_MEMORY} 0`,
    `${MEM.GOING_OFFLINE} 0`,
    `${MEM.GOING_OFFLINE} 1`,
  ])('vetoes at %s: everything told is cancelled, nothing has changed', (veto) => {
    const { kernel, told } = watched(veto);
    const before = [kernel.contractHash(), kernel.stateHash()];
    expect(() => kernel.execute('dnuma all 2')).toThrow(/RP2306.*driver/);
    const begun = told.filter((one) => /GOING|ADDING|REMOVING/.test(one) && !one.includes('CANCEL')).length;
    expect(told.filter((one) => one.includes('CANCEL'))).toHaveLength(begun);
    expect([kernel.contractHash(), kernel.stateHash()]).toEqual(before);
    expect(kernel.read('/sys/devices/system/node/online')).toBe('0-1\n');
    expect(present(kernel)).toEqual([4096, 4096, 0]);
    expect(kernel.get(DnumaToken).counts).toMatchObject({ vetoed: 1, commits: 0 });
    expect(kernel.validate()).toEqual([]);
    kernel.dispose();
  });

  it('hears of the end when the last page that waited is freed', () => {
    const { kernel, told } = watched();
    const row = kernel.get(PageAllocator).alloc(0, 0, 0, 0);
    kernel.execute('dnuma all 1');
    expect(told).not.toContain(`${MEM.OFFLINE} 0`);
    kernel.get(PageAllocator).free(row, 0, 0);
    kernel.clock.advance(2e9);
    expect(told.slice(-2)).toEqual([`${MEM.OFFLINE} 0`, `${NODE.REMOVED_LAST_MEMORY} 0`]);
    kernel.dispose();
  });

  it('users of node-local memory are told of the layout, and may refuse it', () => {
    using kernel = fakeKernel();
    const dnuma = kernel.get(DnumaToken);
    const told: string[] = [];
    let refuse = true;
    using _user = dnuma.layoutNotifiers.register((action, { seq, layout }) => {
      told.push(`${action} ${seq} ${layout.nidOf(0x100000)}`);
      return action === LAYOUT.CHANGING && refuse ? NOTIFY.BAD : NOTIFY.OK;
    });
    expect(() => kernel.execute('dnuma all 1')).toThrow(/RP2306/);
    refuse = false;
    kernel.execute('dnuma all 1');
    expect(told).toEqual(['LAYOUT_CHANGING 1 1', 'LAYOUT_CANCEL 1 1', 'LAYOUT_CHANGING 1 1', 'LAYOUT_CHANGED 1 1']);
  });

  it('user space reads a stream of uevents', () => {
    using kernel = fakeKernel();
    kernel.execute('dnuma all 1');
    const { uevents } = kernel.get(DnumaToken);
    expect(uevents.all().map(({ text }) => text.split('\n')[0])).toEqual([
      'change@/devices/system/memory/memory32',
      'change@/devices/system/node',
    ]);
    expect(uevents.all().at(-1)!.text).toBe(
      'change@/devices/system/node\nACTION=change\nDEVPATH=/devices/system/node\nLAYOUT=1\nWAITING=0\n',
    );
    for (let i = 0; i < 1000; i++) kernel.execute(`dnuma all ${i % 2}`);
    expect(uevents.all()).toHaveLength(1024);
    expect(uevents.dropped).toBe(uevents.all().at(-1)!.seqnum - 1024);
  });
});
