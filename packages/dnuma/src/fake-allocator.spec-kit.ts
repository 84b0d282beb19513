/**
 * An allocator that knows free blocks and nothing else: no merging, no per-CPU lists, no marks. It asks FreedPageZone as a
 * real one has to, and notes what it was told to compute.
 */
import {
  Core,
  createKernel,
  ContextTracker,
  defineSubsystem,
  FreedPageZone,
  MIGRATE,
  PAGE_CLASS,
  PAGE_STATE,
  PageAllocator,
  PageMigrator,
  ZoneFreeLists,
  ZoneSizing,
  type AnySubsystem,
  type Kernel,
} from '@replug/core';
import { twoNodeMachine } from '@replug/core/testing';
import type { DnumaOptions } from './options.ts';
import { dnuma } from './plugin.ts';

/** Order of the blocks that memory is given in at first. */
const BLOCK = 10;

export const fakeAllocator = (calls: string[] = []) =>
  defineSubsystem({
    id: 'fake',
    needs: { machine: Core.Machine },
    provides: { allocator: PageAllocator, lists: ZoneFreeLists, sizing: ZoneSizing, migrator: PageMigrator },
    create: ({ machine }, scope) => {
      const { pages } = machine;
      const zones = machine.zones.all;
      let decide: FreedPageZone = null;
      scope.onSeal(() => void (decide = scope.useSlot(FreedPageZone)));
      const eachHead = (tell: (row: number, order: number) => boolean | void): void => {
        for (const section of pages.sections()) {
          const base = pages.pfnToRow(section * 2 ** pages.sectionShift);
          for (let row = base; row < base + 2 ** pages.sectionShift; row++) {
            const state = pages.state[row];
            if ((state & 0xf0) === PAGE_STATE.FREE && tell(row, state & 15) === true) return;
          }
        }
      };
      scope.onBoot(() => {
        for (const { start, end } of machine.memory)
          for (let pfn = start, order = 0; pfn < end; pfn += 2 ** order) {
            for (order = BLOCK; pfn % 2 ** order !== 0 || pfn + 2 ** order > end;) order--;
            pages.state[pages.pfnToRow(pfn)] = PAGE_STATE.FREE | order;
          }
        for (const zone of zones) zone.managedPages = zone.presentPages;
      });
      const lists = {
        freeHead: (row: number) => {
          for (let order = 0; order <= BLOCK; order++) {
            const head = row - (row % 2 ** order);
            if (pages.state[head] === (PAGE_STATE.FREE | order)) return head;
          }
          return -1;
        },
        freeOrder: (row: number) => ((pages.state[row] & 0xf0) === PAGE_STATE.FREE ? pages.state[row] & 15 : -1),
        pageblockType: () => MIGRATE.MOVABLE,
        forget: (row: number) => void (pages.state[row] = PAGE_STATE.UNTOUCHED),
        placeAllocated: (row: number, order: number) => void (pages.state[row] = PAGE_STATE.ALLOCATED | order),
        freeDirect: (row: number, order: number) => void (pages.state[row] = PAGE_STATE.FREE | order),
      } as unknown as ZoneFreeLists;
      const allocator = {
        alloc: (_gfp: number, order: number, _cpu: number, nid = -1) => {
          let found = -1;
          eachHead((row, own) => {
            if (own < order || (nid >= 0 && machine.zoneOfRow(row)!.nid !== nid)) return false;
            for (let half = own - 1; half >= order; half--) pages.state[row + 2 ** half] = PAGE_STATE.FREE | half;
            pages.state[row] = PAGE_STATE.ALLOCATED | order;
            pages.pageClass.fill(PAGE_CLASS.KERNEL, row, row + 2 ** order);
            found = row;
            return true;
          });
          return found;
        },
        free: (row: number, order: number, cpu: number) => {
          pages.state[row] = PAGE_STATE.UNTOUCHED;
          const zone = pages.zoneOf(row);
          if ((decide?.pending === true ? decide.zoneOf(row, order, zone, cpu) : zone) >= 0)
            pages.state[row] = PAGE_STATE.FREE | order;
        },
        drainAllPages: () => void calls.push('drain'),
        refresh: () => undefined,
        freePages: (zone: number) => {
          let sum = 0;
          eachHead((row, order) => void (pages.zoneOf(row) === zone && (sum += 2 ** order)));
          return sum;
        },
      } as unknown as PageAllocator;
      const sizing: ZoneSizing = {
        adjustManaged: (zone, n) => void (zones[zone].managedPages += n),
        adjustPresent: (zone, n) => void (zones[zone].presentPages += n),
        recompute: () => void calls.push('recompute'),
        resetPagesets: (zone) => void calls.push(`reset ${zones[zone].nid}`),
        refreshPagesets: () => undefined,
        rebuildZonelists: () => void calls.push('rebuild'),
      };
      const migrator = { migratePages: () => ({ migrated: 0, failed: [], errno: 0 }) } as unknown as PageMigrator;
      return { allocator, lists, sizing, migrator };
    },
  });

/** Two nodes of 4096 pages from pfn 0x100000 and 0x108000 on, and a third that may come. */
export function fakeKernel(options: DnumaOptions = {}, calls: string[] = [], others: AnySubsystem[] = []): Kernel {
  const machine = twoNodeMachine();
  return createKernel({
    machine: {
      ...machine,
      cma: false,
      nodes: [
        { nid: 0, cpus: [0], distances: [10, 20, 20] },
        { nid: 1, cpus: [1], distances: [20, 10, 20] },
        { nid: 2, cpus: [], distances: [20, 20, 10], online: false },
      ],
    },
    subsystems: [fakeAllocator(calls), dnuma(options), ...others],
    context: new ContextTracker(),
  });
}

export const present = (kernel: Kernel): number[] => kernel.get(Core.Zones).nodes.map((node) => node.presentPages);
