/**
 * The driver against everything that can go on around it: requests of the host, memory blocks that users online and offline,
 * pages that come into use, failures of the memory core, and a device that answers anything. Every invariant is checked
 * after each step.
 */
import { ARCH_PROFILES, type Random } from '@replug/core';
import { fakeKernel, MiB, PAGE, type FakeKernel } from '../fake-memory.spec-kit.ts';
import { encodeResponse } from '../protocol.ts';
import type { VirtioMemOptions } from '../options.ts';

const BLOCK = 16 * MiB;

/** A small machine: 64 KiB pages, memory blocks of 16 MiB in 8 sub-blocks. */
export function smallKernel(
  options: Omit<VirtioMemOptions, 'devices'>,
  online: 'online' | 'offline' | 'online_movable',
): FakeKernel {
  return fakeKernel(
    {
      ...options,
      devices: [
        { id: 'vm0', size: '128M', requestedSize: 0 },
        { id: 'vm1', size: '64M', requestedSize: '16M' },
      ],
    },
    { arch: ARCH_PROFILES['ppc64-64k-radix'], block: BLOCK, spare: 512 * MiB },
    { online },
  );
}

/** Runs `steps` random steps and checks after each; throws with the step's number and what is wrong. */
export function fuzzDriver(at: FakeKernel, random: Random, steps: number): void {
  const below = (n: number): number => random.uint32() % n;
  const { kernel, fake, mem } = at;
  for (let step = 0; step < steps; step++) {
    const device = mem.host.devices[below(2)];
    const blocks = [...fake.blocks.keys()];
    const id = blocks.length === 0 ? -1 : blocks[below(blocks.length)];
    const what = below(10);
    if (what < 3) device.setRequestedSize(below(device.regionSize / device.blockSize + 1) * device.blockSize);
    else if (what === 3 && id >= 0) fake.online(id, (['online', 'online_movable'] as const)[below(2)]);
    else if (what === 4 && id >= 0) fake.offline(id);
    else if (what === 5 && id >= 0) {
      const pfn = id * fake.blockPages + below(fake.blockPages);
      if (fake.page(pfn) === PAGE.FREE) fake.put(pfn, below(2) === 0 ? PAGE.KERNEL : PAGE.MOVABLE);
      else if (fake.page(pfn) === PAGE.KERNEL || fake.page(pfn) === PAGE.MOVABLE) fake.put(pfn, PAGE.FREE);
    } else if (what === 6) mem.host.migrating = !mem.host.migrating;
    else if (what === 7) fake.failAdds = below(2);
    else if (what === 8) fake.offlineFails = below(2);
    else fake.noMemory = below(2);
    kernel.clock.advance(below(4) === 0 ? below(100) * 1e9 : 0);
    const [problem] = kernel.validate();
    if (problem !== undefined) throw new Error(`step ${step} (${what}): ${problem.owner} ${problem.problem}`);
  }
}

/** A device that answers a share of the requests with anything, and changes its request in the middle of a run. */
export function makeHostile(at: FakeKernel, random: Random): { answered: number } {
  const seen = { answered: 0 };
  for (const device of at.mem.host.devices) {
    const handle = device.handle.bind(device);
    device.handle = (request, response) => {
      seen.answered++;
      if (random.uint32() % 4 === 0) {
        const bytes = (random.uint32() % (device.regionSize / device.blockSize + 1)) * device.blockSize;
        if (random.uint32() % 8 === 0) device.setRequestedSize(bytes);
        encodeResponse(response, random.uint32() % 6, random.uint32() % 5);
        return true;
      }
      return handle(request, response);
    };
  }
  return seen;
}
