import { KernfsError, MEM, NOTIFY, Core, PageAllocator, type Kernel } from '@replug/core';
import { expect, it } from 'vitest';
import { MEMLAYOUT } from './debugfs.ts';
import { fakeKernel, present } from './fake-allocator.spec-kit.ts';

const write = (kernel: Kernel, file: string, text: string): string => {
  try {
    kernel.write(`${MEMLAYOUT}/${file}`, text);
    return 'ok';
  } catch (error) {
    if (!(error instanceof KernfsError)) throw error;
    return error.errno;
  }
};
const add = (kernel: Kernel, start: string, end: string, node: string): string[] => [
  write(kernel, 'start', start),
  write(kernel, 'end', end),
  write(kernel, 'node', node),
];
const read = (kernel: Kernel, file: string): string => kernel.read(`${MEMLAYOUT}/${file}`);

it('has every file of the proposal', () => {
  using kernel = fakeKernel();
  expect(kernel.list(MEMLAYOUT).sort()).toEqual([
    'clear',
    'commit',
    'current',
    'end',
    'layout.0',
    'moved-pages',
    'node',
    'node_stats',
    'pfn-lookup-cache-hits',
    'pfn-lookup-cache-misses',
    'start',
    'stats',
    'uevents',
    'undo',
    'waiting',
  ]);
  expect(kernel.list(`${MEMLAYOUT}/layout.0`)).toEqual(['100000-100fff', '108000-108fff']);
  expect(kernel.list(`${MEMLAYOUT}/node_stats`)).toEqual(['0', '1', '2']);
});

it('collects ranges, ends included, and commits them stretched over their holes', () => {
  using kernel = fakeKernel();
  expect(add(kernel, '100400', '0x1007FF\n', '2')).toEqual(['ok', 'ok', 'ok']);
  expect([read(kernel, 'start'), read(kernel, 'end')]).toEqual(['0\n', '0\n']);
  expect(add(kernel, '108000', '108000', '1')).toEqual(['ok', 'ok', 'ok']);
  expect(present(kernel)).toEqual([4096, 4096, 0]);
  expect(write(kernel, 'commit', '1')).toBe('ok');
  expect(present(kernel)).toEqual([0, 4096, 4096]);
  expect(kernel.list(`${MEMLAYOUT}/current`)).toEqual(['00000-107fff', '108000-108fff']);
  expect(read(kernel, 'current/00000-107fff')).toBe('2\n');
  expect(() => read(kernel, 'current/00000-107ffe')).toThrow(/ENOENT/);
  expect(kernel.readlink(`${MEMLAYOUT}/current`)).toBe('layout.1');
  expect(read(kernel, 'moved-pages')).toBe('4096\n');
  expect(read(kernel, 'stats/zonelist-rebuild')).toBe('1\n');
  expect(read(kernel, 'node_stats/2/present')).toBe('4096\n');
});

it('answers with the errors of the kernel, EEXIST for an overlap', () => {
  using kernel = fakeKernel();
  add(kernel, '100064', '1000c7', '0');
  expect(add(kernel, '100032', '100064', '1')[2]).toBe('EEXIST');
  expect(add(kernel, '100096', '1000a0', '1')[2]).toBe('EEXIST');
  expect(add(kernel, '100032', '100063', '1')[2]).toBe('ok');
  expect(add(kernel, '1000c8', '1000fa', '1')[2]).toBe('ok');
  expect(add(kernel, '2', '1', '0')[2]).toBe('EINVAL');
  expect(add(kernel, '1', '2', '3')[2]).toBe('EINVAL');
  expect(add(kernel, '1', '2', '1024')[2]).toBe('EINVAL');
  expect(add(kernel, '1', '2', '-1')[2]).toBe('EINVAL');
  for (const bad of ['', 'g', '-1', '1 2', '0x', 'f'.repeat(14), '🙂'])
    expect(write(kernel, 'start', bad)).toBe('EINVAL');
});

it('forgets on clear, commits nothing then, and goes back on undo', () => {
  using kernel = fakeKernel();
  add(kernel, '0', 'ffffff', '1');
  write(kernel, 'clear', '1');
  expect(write(kernel, 'commit', '1')).toBe('ok');
  expect(kernel.readlink(`${MEMLAYOUT}/current`)).toBe('layout.0');
  expect(write(kernel, 'undo', '1')).toBe('ENOENT');
  add(kernel, '0', 'ffffff', '1');
  write(kernel, 'commit', '1');
  expect(present(kernel)).toEqual([0, 8192, 0]);
  expect(write(kernel, 'undo', '1')).toBe('ok');
  expect(present(kernel)).toEqual([4096, 4096, 0]);
});

it('answers EBUSY to a commit that somebody vetoes, and beyond physical addresses EINVAL', () => {
  using kernel = fakeKernel();
  add(kernel, '0', 'ffffff', '2');
  using _veto = kernel
    .get(Core.MemoryNotifiers)
    .register((action) => (action === MEM.GOING_ONLINE ? NOTIFY.BAD : NOTIFY.OK));
  expect(write(kernel, 'commit', '1')).toBe('EBUSY');
  expect(add(kernel, '0', 'fffffffffffff', '1')[2]).toBe('ok');
  expect(write(kernel, 'commit', '1')).toBe('EINVAL');
  expect(present(kernel)).toEqual([4096, 4096, 0]);
});

it('shows what waits', () => {
  using kernel = fakeKernel();
  kernel.get(PageAllocator).alloc(0, 3, 0, 0);
  add(kernel, '0', 'ffffff', '2');
  write(kernel, 'commit', '1');
  expect(read(kernel, 'waiting')).toBe('total 8\nkernel 8\n');
  expect(read(kernel, 'stats/waiting-pages')).toBe('8\n');
  expect(present(kernel)).toEqual([8, 0, 8184]);
});
