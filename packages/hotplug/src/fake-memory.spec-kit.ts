/**
 * A page allocator without lists: a byte a page says whether it is free, a byte a pageblock what type it has. Enough to run
 * hotplug without a real allocator.
 */
import {
  ContiguousRanges,
  Core,
  defineSubsystem,
  ERRNO,
  GFP,
  MIGRATE,
  MOVABILITY,
  OnlinePage,
  PAGE_CLASS,
  PageAllocator,
  PageMigrator,
  ZoneSizing,
  type Machine,
} from '@replug/core';

const FREE = 1;
const USED = 2;
const PINNED = 3;

export interface FakeCalls {
  readonly calls: string[];
}

export const fakeMemory = (log: FakeCalls = { calls: [] }) =>
  defineSubsystem({
    id: 'fake',
    needs: { machine: Core.Machine },
    provides: { allocator: PageAllocator, ranges: ContiguousRanges, migrator: PageMigrator, sizing: ZoneSizing },
    create: ({ machine }, scope) => {
      const { pages, description } = machine;
      const use = pages.extra('fake.use', Uint8Array);
      const type = pages.extra('fake.type', Uint8Array);
      const size = 2 ** description.arch.pageblockOrder;
      const zones = machine.zones.all;
      let taker: ((row: number, order: number) => boolean) | null = null;
      scope.onSeal(() => void (taker = scope.useSlot(OnlinePage)));
      scope.onDispose(() => ['fake.use', 'fake.type'].forEach((name) => pages.dropExtra(name)));
      scope.onBoot(() => {
        for (const { start, end } of machine.memory) {
          each(machine, start, end, (row) => {
            if (pages.pageClass[row] !== PAGE_CLASS.RESERVED) use[row] = FREE;
          });
        }
      });
      const setType = (start: number, end: number, value: number): void =>
        each(machine, start, end, (row) => void (type[row] = value));
      const sizing: ZoneSizing = {
        adjustManaged: (zone, n) => void (zones[zone].managedPages += n),
        adjustPresent: (zone, n) => void (zones[zone].presentPages += n),
        recompute: () => void log.calls.push('recompute'),
        resetPagesets: () => void log.calls.push('reset'),
        refreshPagesets: () => void log.calls.push('refresh'),
        rebuildZonelists: () => void log.calls.push('rebuild'),
      };
      const migrator: PageMigrator = {
        movability: (row) => {
          if (use[row] !== USED && use[row] !== PINNED) return MOVABILITY.NOTHING;
          return pages.pageClass[row] === PAGE_CLASS.MOVABLE ? MOVABILITY.MOVABLE : MOVABILITY.UNMOVABLE;
        },
        nextMovable: (start, end) => {
          for (let pfn = start; pfn < end; pfn++) {
            if (migrator.movability(pages.pfnToRow(pfn)) === MOVABILITY.MOVABLE) return pfn;
          }
          return -1;
        },
        migrateRange: (start, end) => {
          const failed: { pfn: number; pages: number; why: 'pinned' | 'no-memory' }[] = [];
          let migrated = 0;
          each(machine, start, end, (row, pfn) => {
            if (migrator.movability(row) !== MOVABILITY.MOVABLE) return;
            if (use[row] === PINNED) return void failed.push({ pfn, pages: 1, why: 'pinned' });
            const target = find(0, -1);
            if (target < 0) return void failed.push({ pfn, pages: 1, why: 'no-memory' });
            use[target] = USED;
            pages.pageClass[target] = PAGE_CLASS.MOVABLE;
            use[row] = FREE;
            migrated++;
          });
          return { migrated, failed, errno: failed.length === 0 ? 0 : -ERRNO.EAGAIN };
        },
        migratePages: () => ({ migrated: 0, failed: [], errno: 0 }),
        setPinned: (row, pinned) => void (use[row] = pinned ? PINNED : USED),
        currentRow: (row) => row,
        onMove: () => ({ [Symbol.dispose]: () => undefined }),
      };
      const ranges: ContiguousRanges = {
        unmovable: (start, end) => {
          for (let pfn = start; pfn < end; pfn++) {
            const row = pages.pfnToRow(pfn);
            if (use[row] === FREE || migrator.movability(row) === MOVABILITY.MOVABLE) continue;
            if (pages.pageClass[row] === PAGE_CLASS.HWPOISON) continue;
            return { pfn, pageClass: pages.pageClass[row], why: 'unmovable' };
          }
          return undefined;
        },
        isolate: (start, end, options) => {
          const blocker = ranges.unmovable(start, end, options);
          if (blocker !== undefined) return { errno: -ERRNO.EBUSY, blocker };
          setType(start, end, MIGRATE.ISOLATE);
          return { errno: 0 };
        },
        undoIsolation: (start, end, to) => setType(start, end, to === MIGRATE.MOVABLE ? 0 : to + 10),
        testIsolated: (start, end) => {
          for (let pfn = start; pfn < end; pfn++) {
            const row = pages.pfnToRow(pfn);
            if (use[row] !== FREE && pages.pageClass[row] !== PAGE_CLASS.HWPOISON) return -ERRNO.EBUSY;
          }
          return 0;
        },
        alloc: (start, end) => {
          each(machine, start, end, (row) => void (use[row] = USED));
          return { errno: 0, migrated: 0, reclaimed: 0 };
        },
        free: (start, end) => each(machine, start, end, (row) => void (use[row] = FREE)),
        removeIsolated: (start, end) => {
          let taken = 0;
          each(machine, start, end, (row) => {
            if (use[row] === FREE) taken++;
            use[row] = 0;
          });
          return taken;
        },
        releaseIsolated: (start, end) => {
          for (let pfn = start; pfn < end; pfn += size) {
            const row = pages.pfnToRow(pfn);
            if (taker?.(row, description.arch.pageblockOrder) === true) continue;
            use.fill(FREE, row, row + size);
            zones[pages.zoneOf(row)].managedPages += size;
          }
        },
        markIsolated: (start, end) => setType(start, end, MIGRATE.ISOLATE),
        disablePcp: () => undefined,
        enablePcp: () => undefined,
      };
      const find = (order: number, nid: number): number => {
        for (const { start, end, nid: own } of machine.memory) {
          if (nid >= 0 && own !== nid) continue;
          const step = 2 ** order;
          for (let pfn = Math.ceil(start / step) * step; pfn + step <= end; pfn += step) {
            const row = pages.pfnToRow(pfn);
            let free = true;
            for (let i = 0; i < step && free; i++) free = use[row + i] === FREE && type[row + i] !== MIGRATE.ISOLATE;
            if (free) return row;
          }
        }
        return -1;
      };
      const allocator: PageAllocator = {
        alloc: (gfp, order, _cpu, nid = -1) => {
          const row = find(order, nid);
          if (row < 0) return -1;
          use.fill(USED, row, row + 2 ** order);
          const own = (gfp & GFP.MOVABLE) !== 0 ? PAGE_CLASS.MOVABLE : PAGE_CLASS.KERNEL;
          pages.pageClass.fill(own, row, row + 2 ** order);
          return row;
        },
        allocBulk: () => 0,
        free: (row, order) => void use.fill(FREE, row, row + 2 ** order),
        splitPage: () => undefined,
        release: (row, order) => void use.fill(FREE, row, row + 2 ** order),
        drainAllPages: () => undefined,
        isFree: (row) => use[row] === FREE,
        freePages: (zone) => {
          let free = 0;
          for (const { start, end } of machine.memory) {
            each(machine, start, end, (row) => {
              if (use[row] === FREE && pages.zoneOf(row) === zone) free++;
            });
          }
          return free;
        },
        refresh: () => undefined,
        pageblockType: (row) => {
          const own = type[row];
          return own === 0 ? MIGRATE.MOVABLE : own > 10 ? own - 10 : own;
        },
      };
      return { allocator, ranges, migrator, sizing };
    },
  });

function each(machine: Machine, start: number, end: number, act: (row: number, pfn: number) => void): void {
  for (let pfn = start; pfn < end; pfn++) {
    const row = machine.pages.pfnToRow(pfn);
    if (row >= 0) act(row, pfn);
  }
}
