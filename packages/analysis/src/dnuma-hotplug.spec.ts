/** A layout change on a machine whose memory comes and goes. */
import { buddy } from '@replug/buddy';
import { Core, createKernel, GFP_MASKS, MemoryHotplug, PageAllocator, parseMachineShorthand } from '@replug/core';
import { dnuma, DnumaToken, LAYOUTS, layoutOf } from '@replug/dnuma';
import { hotplug } from '@replug/hotplug';
import { expect, it } from 'vitest';

const BLOCK = 32768;
/** 1 GiB on two nodes in blocks of 128 MiB; two more blocks may come behind it. */
const machine = () =>
  createKernel({
    machine: parseMachineShorthand('x86-64,1G,nodes=2,cpus=2,possible=1,block=128M,spare=256M'),
    subsystems: [buddy(), hotplug({ defaultOnlineType: 'online' }), dnuma()],
  });

it('memory that comes after a commit stays on the node that it was added to', () => {
  using kernel = machine();
  const layouts = kernel.get(DnumaToken);
  kernel.execute('dnuma all 0');
  expect(kernel.get(MemoryHotplug).addMemory(1, 32 * BLOCK, 2 * BLOCK)).toBe(0);
  expect(kernel.get(Core.Zones).node(1)!.presentPages).toBe(2 * BLOCK);
  expect([layouts.nidOfRow(kernel.get(Core.Pages).pfnToRow(32 * BLOCK)), layouts.current.nidOf(0)]).toEqual([1, 0]);
  expect(kernel.validate()).toEqual([]);
  // The next layout has it as well; its memmap of 64 bytes a page is in use, and stays where it was put.
  layouts.commit(LAYOUTS.all(layouts.endOfMemory, 2));
  expect(kernel.get(Core.Zones).nodes.map((node) => node.presentPages)).toEqual([1024, 0, 10 * BLOCK - 98 - 1024]);
  expect(kernel.validate()).toEqual([]);
});

it('a block goes offline on its new node, once nothing of it waits', () => {
  using kernel = machine();
  const hotplugged = kernel.get(MemoryHotplug);
  hotplugged.addMemory(1, 32 * BLOCK, 2 * BLOCK);
  const allocator = kernel.get(PageAllocator);
  const { pages } = kernel.get(Core.Machine);
  const inBlock = (row: number): boolean => pages.rowToPfn(row) >= 32 * BLOCK;
  let row = 0;
  do row = allocator.alloc(GFP_MASKS.GFP_HIGHUSER_MOVABLE, 0, 1, 1);
  while (row >= 0 && !inBlock(row));
  kernel.get(DnumaToken).commit(layoutOf([{ start: 32 * BLOCK, end: 34 * BLOCK, nid: 0 }]));
  const id = Math.floor(pages.rowToPfn(row) / BLOCK);
  expect(hotplugged.offline(id).errno).toBe(-22);
  expect(kernel.get(DnumaToken).migrate().moved).toBe(1);
  expect(hotplugged.offline(id).errno).toBe(0);
  expect(kernel.validate()).toEqual([]);
  expect(hotplugged.online(id, 'online')).toBe(0);
  expect(kernel.validate()).toEqual([]);
  expect(kernel.read(`/sys/devices/system/memory/memory${id}/state`)).toBe('online\n');
});
