/** What every provider of Compaction must do, on top of an allocator that boots with all memory free. */
import { COMPACT_MODE, COMPACT_RESULT, Compaction, WHOLE_ZONE_ORDER } from '../contracts/compaction.ts';
import { PageAllocator } from '../contracts/page-allocator.ts';
import { Core } from '../contracts/services.ts';
import type { Kernel } from '../host/kernel.ts';
import { GFP_MASKS } from '../machine/gfp.ts';
import { PAGE_STATE } from '../machine/page-state.ts';
import { equal, sizeLists, sound, type ConformanceCase } from './conformance.ts';
import { smallMachine } from './small-machines.ts';

const { GFP_HIGHUSER_MOVABLE, GFP_KERNEL } = GFP_MASKS;
const WHOLE = { order: WHOLE_ZONE_ORDER, mode: COMPACT_MODE.SYNC, wholeZone: true, ignoreSkip: true } as const;

/** Takes everything, and gives back all but each `nth` page. Returns pages that stay in use. */
function scatter(kernel: Kernel, nth: number, gfp: number): number {
  const allocator = kernel.get(PageAllocator);
  sizeLists(kernel, 1, 4);
  const rows: number[] = [];
  for (let row = allocator.alloc(gfp, 0, 0); row >= 0; row = allocator.alloc(gfp, 0, 0)) rows.push(row);
  rows.sort((a, b) => a - b);
  rows.forEach((row, i) => {
    if (i % nth !== 0) allocator.free(row, 0, 0);
  });
  allocator.drainAllPages(-1);
  return Math.ceil(rows.length / nth);
}

function inUse(kernel: Kernel): number {
  const pages = kernel.get(Core.Pages);
  let used = 0;
  for (const { startPfn, endPfn } of kernel.get(Core.Zones).all) {
    for (let pfn = startPfn; pfn < endPfn; pfn++) {
      const own = pages.state[pages.pfnToRow(pfn)];
      if ((own & 0xf0) === PAGE_STATE.ALLOCATED) used += 2 ** (own & 15);
    }
  }
  return used;
}

export const compactionCases: readonly ConformanceCase[] = [
  {
    name: 'loses no page, and serves what was fragmented',
    run(make) {
      using kernel = make(smallMachine());
      const used = scatter(kernel, 8, GFP_HIGHUSER_MOVABLE);
      const allocator = kernel.get(PageAllocator);
      equal(allocator.alloc(GFP_HIGHUSER_MOVABLE, 9, 0), -1, 'a request before');
      const zone = kernel.get(Core.Zones).all.find((z) => z.populated)!;
      const free = allocator.freePages(zone.index);
      const outcome = kernel.get(Compaction).compactZone(zone.index, WHOLE);
      allocator.drainAllPages(-1);
      equal(outcome.result, COMPACT_RESULT.COMPLETE, 'result');
      equal(outcome.migrated > 0, true, 'moves something');
      equal(inUse(kernel), used, 'pages in use');
      equal(allocator.freePages(zone.index), free, 'free pages');
      equal(allocator.alloc(GFP_HIGHUSER_MOVABLE, 9, 0) >= 0, true, 'the request afterwards');
      sound(kernel);
    },
  },
  {
    name: 'leaves what cannot be moved where it is',
    run(make) {
      using kernel = make(smallMachine());
      scatter(kernel, 8, GFP_KERNEL);
      const before = Uint8Array.from(kernel.get(Core.Pages).state);
      for (const outcome of kernel.get(Compaction).compactNode(0)) equal(outcome.migrated, 0, 'pages moved');
      kernel.get(PageAllocator).drainAllPages(-1);
      const after = kernel.get(Core.Pages).state;
      equal(
        before.findIndex((own, row) => own !== after[row]),
        -1,
        'first page that changed',
      );
      sound(kernel);
    },
  },
  {
    name: 'a shadow says what the scans would find and moves nothing',
    run(make) {
      using kernel = make(smallMachine());
      scatter(kernel, 8, GFP_HIGHUSER_MOVABLE);
      const pages = kernel.get(Core.Pages);
      const zone = kernel.get(Core.Zones).all.find((z) => z.populated)!;
      const before = Uint8Array.from(pages.state);
      const run = kernel.get(Compaction).shadow(zone.index, WHOLE, { compoundOrder: () => 0, isSource: () => true });
      equal(run.finished(), COMPACT_RESULT.CONTINUE, 'at the start');
      run.beginTurn();
      const scan = { start: 0, end: 0, scanned: 0, taken: 0 };
      const rows = new Int32Array(2 ** pages.arch.pageblockOrder);
      const blocks = run.nextSources(scan, rows);
      equal(blocks, scan.taken, 'blocks of a page each');
      equal(scan.start, zone.startPfn, 'begins at the zone');
      run.tookSources(scan);
      equal(run.toMigrate, scan.taken, 'sources that wait');
      equal(
        before.findIndex((own, row) => own !== pages.state[row]),
        -1,
        'first page that changed',
      );
      sound(kernel);
    },
  },
  {
    name: 'refuses nothing for nodes and zones without memory',
    run(make) {
      using kernel = make(smallMachine());
      const compaction = kernel.get(Compaction);
      equal(compaction.compactNode(7).length, 0, 'runs on a node that is not there');
      compaction.wakeKcompactd(7, 3);
      equal(compaction.tryToCompact(GFP_KERNEL, 0, 1, 0), COMPACT_RESULT.SKIPPED, 'order 0');
      sound(kernel);
    },
  },
];
