/** Machines with room for devices, and an allocator that hands out pages in a row and knows what it gave. */
import {
  Core,
  createKernel,
  defineSubsystem,
  PageAllocator,
  parseMachineShorthand,
  type Kernel,
  type MachineDescription,
} from '@replug/core';
import { smallMachine } from '@replug/core/testing';
import { zoneDevice, PageMaps, type ZoneDeviceOptions } from './plugin.ts';
import type { DeviceMap } from './memremap.ts';

export const MiB = 2 ** 20;
export const GiB = 2 ** 30;

/** 16 MiB of RAM at 4 GiB, and room for a device. */
export const machineWithRoom = (spare: number, base: Partial<MachineDescription> = {}): MachineDescription => ({
  ...smallMachine(),
  sparePages: spare / 4096,
  ...base,
});

export const largeMachine = (): MachineDescription => parseMachineShorthand('x86-64,64M,nodes=2,cpus=8,spare=4G');

/** Gives rows in ascending order; `limit` pages at most. */
export const bumpAllocator = (limit = Infinity) =>
  defineSubsystem({
    id: 'bump',
    needs: { machine: Core.Machine },
    provides: { allocator: PageAllocator },
    create: (_, scope) => {
      const held = new Map<number, number>();
      let used = 0;
      scope.gauge('used', () => used);
      scope.hash('state', (hasher) => void hasher.integer(used));
      const allocator: PageAllocator = {
        alloc(_gfp, order) {
          if (used + 2 ** order > limit) return -1;
          used += 2 ** order;
          let row = 0;
          while (held.has(row)) row += 2 ** held.get(row)!;
          held.set(row, order);
          return row;
        },
        free(row, order) {
          if (held.get(row) !== order) throw new Error(`row ${row}, order ${order} was not given`);
          held.delete(row);
          used -= 2 ** order;
        },
        allocBulk: () => 0,
        splitPage: () => undefined,
        release: () => undefined,
        drainAllPages: () => undefined,
        isFree: () => false,
        freePages: () => 0,
        refresh: () => undefined,
        pageblockType: () => 1,
      };
      return { allocator };
    },
  });

export interface Bench {
  readonly kernel: Kernel;
  readonly maps: DeviceMap;
}

export function deviceKernel(
  machine: MachineDescription,
  options: ZoneDeviceOptions = {},
  limit?: number,
): Bench & Disposable {
  const kernel = createKernel({ machine, subsystems: [bumpAllocator(limit), zoneDevice(options)] });
  return { kernel, maps: kernel.get(PageMaps), [Symbol.dispose]: () => kernel.dispose() };
}
