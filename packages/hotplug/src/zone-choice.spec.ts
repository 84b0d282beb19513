import { createKernel, Core, Machine, MemoryHotplug, parseMachineShorthand, type MemoryBlock } from '@replug/core';
import { describe, expect, it } from 'vitest';
import { mayOnlineMovable } from './auto-movable.ts';
import { fakeMemory } from './fake-memory.spec-kit.ts';
import { MemoryGroups } from './memory-groups.ts';
import { settingsOf } from './options.ts';
import { hotplug } from './plugin.ts';
import { ZoneChoice } from './zone-choice.ts';

const BLOCK = 32_768;

/** A machine of 4 GiB of early memory in one zone, and a possible node. */
function fourGiB(): Machine {
  const machine = new Machine(parseMachineShorthand('x86-64,4G,possible=1'));
  for (const zone of machine.zones.all) zone.presentPages = zone.presentEarlyPages = 0;
  const zone = machine.zones.find(0, 'DMA32')!;
  zone.presentPages = zone.presentEarlyPages = 1_048_576;
  return machine;
}

describe('the auto-movable policy', () => {
  it('allows 96 blocks of 128 MiB beside 4 GiB, not 97', () => {
    const machine = fourGiB();
    const groups = new MemoryGroups(machine);
    const may = (blocks: number): boolean => mayOnlineMovable(machine, 301, groups, -1, undefined, blocks * BLOCK);
    expect([may(96), may(97)]).toEqual([true, false]);
    expect(mayOnlineMovable(machine, 301, groups, 1, undefined, BLOCK)).toBe(false);
  });

  it('kernel memory of a dynamic group counts for the group alone', () => {
    const machine = fourGiB();
    const groups = new MemoryGroups(machine);
    machine.zones.find(0, 'Movable')!.presentPages = 3_156_213;
    const own = groups.get(groups.register({ kind: 'dynamic', nid: 0, pages: BLOCK }))!;
    own.presentKernelPages = 32_768;
    // floor(301 * (1048576 + 32768) / 100) − 3156213
    expect(mayOnlineMovable(machine, 301, groups, -1, own, 98_632)).toBe(true);
    expect(mayOnlineMovable(machine, 301, groups, -1, own, 98_633)).toBe(false);
    expect(mayOnlineMovable(machine, 301, groups, -1, undefined, 1)).toBe(false);
  });

  it("other groups' MOVABLE needs kernel memory of its own first", () => {
    const machine = fourGiB();
    const groups = new MemoryGroups(machine);
    const other = groups.get(groups.register({ kind: 'dynamic', nid: 0, pages: BLOCK }))!;
    other.presentMovablePages = 301_000;
    machine.zones.find(0, 'Movable')!.presentPages = 301_000;
    // required 100000 of kernel_early: floor(301 * 948576 / 100)
    expect(mayOnlineMovable(machine, 301, groups, -1, undefined, 2_855_213)).toBe(true);
    expect(mayOnlineMovable(machine, 301, groups, -1, undefined, 2_855_214)).toBe(false);
  });

  it('ratio 0 and a static group with kernel memory mean the kernel', () => {
    const machine = fourGiB();
    const groups = new MemoryGroups(machine);
    const id = groups.register({ kind: 'static', nid: 0, pages: 8 * BLOCK });
    const block = { ...machine.blocks.get(0)!, id: 64, startPfn: 64 * BLOCK, groupId: id } as MemoryBlock;
    const zone = (ratio: number): string =>
      new ZoneChoice(machine, settingsOf({ onlinePolicy: 'auto-movable', autoMovableRatio: ratio }), groups).zoneFor(
        block,
        'online',
      ).name;
    expect([zone(301), zone(0)]).toEqual(['Movable', 'Normal']);
    groups.get(id)!.presentKernelPages = BLOCK;
    expect(zone(301)).toBe('Normal');
  });
});

describe('contig-zones', () => {
  it('the gap between two pieces of DMA32 is DMA32', () => {
    const machine = new Machine(parseMachineShorthand('x86-64,8G'));
    const choice = new ZoneChoice(machine, settingsOf({}), new MemoryGroups(machine));
    const at = (id: number): MemoryBlock => ({ ...machine.blocks.get(0)!, id, startPfn: id * BLOCK });
    // 3 GiB to 4 GiB is the hole of QEMU's pc, inside DMA32's span.
    expect(choice.names(at(24))).toBe('DMA32 Movable');
    expect(choice.names(at(128))).toBe('Normal Movable');
  });

  it('movable_node turns the balance where neither fits', () => {
    const machine = new Machine(parseMachineShorthand('x86-64,8G,possible=1'));
    const choice = new ZoneChoice(machine, settingsOf({ movableNode: true }), new MemoryGroups(machine));
    expect(choice.names({ ...machine.blocks.get(0)!, id: 200, startPfn: 200 * BLOCK, nids: [1] })).toBe(
      'Movable Normal',
    );
  });
});

describe('PREFER_MOVABLE', () => {
  it('gets four blocks for each block of Normal', () => {
    const machine = parseMachineShorthand('ppc64le,128M,block=16M,prefer_movable,spare=1G');
    using kernel = createKernel({ machine, subsystems: [fakeMemory(), hotplug({ preferMovableRatio: 4 })] });
    const memory = kernel.get(MemoryHotplug);
    expect(memory.addMemory(0, 4096, 10 * 256)).toBe(0);
    const zones = Array.from({ length: 10 }, (_, i) => {
      memory.online(16 + i, 'online');
      return kernel.get(Core.Zones).all[memory.blockZone(16 + i)].name;
    });
    expect(zones).toEqual(
      ['Normal', ...Array<string>(4).fill('PreferMovable')].concat([
        'Normal',
        ...Array<string>(4).fill('PreferMovable'),
      ]),
    );
    expect(kernel.validate()).toEqual([]);
  });

  it('needs the zone', () => {
    const machine = parseMachineShorthand('ppc64le,128M');
    expect(() => createKernel({ machine, subsystems: [fakeMemory(), hotplug({ preferMovableRatio: 4 })] })).toThrow(
      'RP2102',
    );
    expect(() => hotplug({ autoMovableRatio: -1 }).create!({} as never, {} as never)).toThrow('RP2101');
  });
});
