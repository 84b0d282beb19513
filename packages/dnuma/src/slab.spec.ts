import { expect, it } from 'vitest';
import { DnumaToken } from './dnuma.ts';
import { fakeKernel } from './fake-allocator.spec-kit.ts';

const caches = ['kmalloc-64', 'dentry'];

it('has a struct for each cache and node with memory', () => {
  using kernel = fakeKernel({ caches });
  const { slab } = kernel.get(DnumaToken);
  expect(slab.live).toBe(4);
  kernel.execute('dnuma stripe 0 2 64');
  expect(slab.live).toBe(6);
  kernel.execute('dnuma undo');
  expect([slab.live, slab.leaked]).toEqual([4, 0]);
});

it('keeps the struct of a node that lost its memory until its last slab is freed', () => {
  using kernel = fakeKernel({ caches });
  const { slab } = kernel.get(DnumaToken);
  const row = slab.alloc(1, 0);
  expect([slab.slabs(0), slab.slabs(1)]).toEqual([1, 0]);
  kernel.execute('dnuma all 1');
  // The slab hangs on node 1 at once; its page is counted on node 0 until it is freed.
  expect([slab.slabs(0), slab.slabs(1)]).toEqual([0, 1]);
  expect(kernel.validate()).toEqual([]);
  slab.free(row);
  kernel.clock.advance(2e9);
  expect([slab.slabs(1), slab.live]).toEqual([0, 2]);
});

it('leaks two structs for each announcement of a node that has some, the original way', () => {
  using kernel = fakeKernel({ caches, strategy: 'original' });
  const { slab } = kernel.get(DnumaToken);
  kernel.execute('dnuma all 1');
  expect(slab.leaked).toBe(0);
  // Node 0 has no memory, but its structs were never given back: they are allocated anew.
  kernel.execute('dnuma all 0');
  expect([slab.live, slab.leaked]).toEqual([6, 2]);
  kernel.execute('dnuma all 1');
  expect([slab.live, slab.leaked]).toEqual([8, 4]);
});
