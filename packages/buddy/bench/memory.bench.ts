/**
 * What a machine costs: bytes of columns for a touched page, and boot of a terabyte of untouched ones. Resident memory is
 * read from the OS, since columns are committed page by page.
 */
import { Core, createKernel, GFP_MASKS, PageAllocator, parseMachineShorthand } from '@replug/core';
import { buddy } from '../src/index.ts';
import { printFigure } from './bench-kit.ts';

const MB = 1e6;
const idle = process.memoryUsage().rss;
const since = performance.now();
const terabyte = createKernel({ machine: parseMachineShorthand('x86-64,1T,nodes=4,cpus=64'), subsystems: [buddy()] });
const ms = performance.now() - since;
printFigure('boot of 1 TiB', {
  ms,
  'goal ms': 2000,
  'resident MB': process.memoryUsage().rss / MB,
  'goal MB': 150,
  'of that the machine MB': (process.memoryUsage().rss - idle) / MB,
});

const pages = terabyte.get(Core.Pages);
printFigure('columns', { 'bytes a touched page': pages.bytesPerTouchedPage(), 'goal bytes': 24 });

const before = process.memoryUsage().rss;
const allocator = terabyte.get(PageAllocator);
const touched = 1 << 20;
const rows = new Int32Array(touched);
for (let i = 0; i < touched; i++) rows[i] = allocator.alloc(GFP_MASKS.GFP_HIGHUSER_MOVABLE, 0, 0);
for (let i = 0; i < touched; i++) allocator.free(rows[i], 0, 0);
printFigure('resident memory by pages', {
  'bytes a touched page': (process.memoryUsage().rss - before) / touched,
  'bytes an untouched page': (before - idle) / (2 ** 40 / 4096),
});
terabyte.dispose();
