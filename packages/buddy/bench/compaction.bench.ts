/**
 * Whole compaction of a fragmented machine of 1 to 64 GiB: every fourth page is in use. Time, pages scanned a second, and
 * growth with the size (1: linear), beside a plain C program (compaction.c, cc -O2) with the same columns, scanners and moves
 * in the same run. Ratios are of CPU time. Both must move the same number of pages.
 */
import {
  COMPACT_MODE,
  Compaction,
  Core,
  createKernel,
  GFP_MASKS,
  PageAllocator,
  WHOLE_ZONE_ORDER,
  type CompactOutcome,
} from '@replug/core';
import { smallMachine } from '@replug/core/testing';
import { buddy } from '../src/index.ts';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { benchFolder, median, printFigure } from './bench-kit.ts';

const PAGES_A_GIB = 2 ** 18;
const KEPT = 4;
const SIZES = [1, 2, 4, 8, 16, 32, 64];
/** Runs of a size, each on a fresh machine; the figure is the median. */
const rounds = (gib: number): number => (gib <= 8 ? 5 : gib <= 32 ? 3 : 1);

function compact(gib: number): { ms: number; cpu: number; outcome: CompactOutcome } {
  const pages = gib * PAGES_A_GIB;
  const kernel = createKernel({ machine: smallMachine({ pages, profile: '6.12', cpus: 1 }), subsystems: [buddy()] });
  const allocator = kernel.get(PageAllocator);
  const zone = kernel.get(Core.Zones).all.find((z) => z.populated)!;
  const { pcpBatch, pcpHighMin, pcpHighMax } = zone;
  // What lies on a CPU's list when the zone is empty is out of reach: the lists are kept short while everything is taken.
  Object.assign(zone.watermark, { min: 0, low: 0, high: 0, promo: 0 });
  Object.assign(zone, { pcpBatch: 1, pcpHighMin: 4, pcpHighMax: 4 });
  allocator.refresh();
  const rows = new Int32Array(pages);
  let used = 0;
  for (let row = 0; row >= 0;) {
    row = allocator.alloc(GFP_MASKS.GFP_HIGHUSER_MOVABLE, 0, 0);
    if (row >= 0) rows[used++] = row;
  }
  // The last one is below every mark.
  if (used < pages - 1) throw new Error(`${used} of ${pages} pages allocated`);
  Object.assign(zone, { pcpBatch, pcpHighMin, pcpHighMax });
  allocator.refresh();
  for (let i = 0; i < used; i++) if (rows[i] % KEPT !== 0) allocator.free(rows[i], 0, 0);
  allocator.drainAllPages(-1);
  const compaction = kernel.get(Compaction);
  const cpuBefore = process.cpuUsage();
  const before = performance.now();
  const outcome = compaction.compactZone(zone.index, {
    order: WHOLE_ZONE_ORDER,
    mode: COMPACT_MODE.SYNC,
    wholeZone: true,
    ignoreSkip: true,
  });
  const ms = performance.now() - before;
  const { user, system } = process.cpuUsage(cpuBefore);
  kernel.dispose();
  return { ms, cpu: (user + system) / 1000, outcome };
}

const folder = mkdtempSync(join(tmpdir(), 'replug-bench-'));
try {
  const program = join(folder, 'compaction');
  execFileSync('cc', ['-O2', '-o', program, join(benchFolder, 'compaction.c')]);
  compact(1);
  let first = 0;
  for (const gib of SIZES) {
    const runs = Array.from({ length: rounds(gib) }, () => compact(gib));
    const reference = Array.from(
      { length: rounds(gib) },
      () =>
        JSON.parse(execFileSync(program, [String(gib * PAGES_A_GIB)], { encoding: 'utf8' })) as Record<string, number>,
    );
    const ms = median(runs.map((run) => run.ms));
    const cpu = median(runs.map((run) => run.cpu));
    const c = median(reference.map((run) => run.ms));
    const { migrated, migrateScanned, freeScanned } = runs[0].outcome;
    first ||= cpu;
    printFigure(`compaction of ${gib} GiB`, {
      'wall ms': ms,
      'CPU ms': cpu,
      'pages moved': migrated,
      'M pages scanned a second': (migrateScanned + freeScanned) / cpu / 1000,
      'ns a page moved': (cpu * 1e6) / migrated,
      'growth against linear': cpu / first / gib,
      'C CPU ms': c,
      ratio: cpu / c,
      'same moves': reference[0].moved === migrated ? 1 : 0,
    });
  }
} finally {
  rmSync(folder, { recursive: true });
}
